"""Calibration: do the suites read models rightly whose spatial knowledge is known, because we made it?

Models: small CLIPs trained on drawn scenes (harness/calibration): one that knows every relation, one that
knows objects alone, and five that know a part or have a bias. Each is asked what the suites ask; an answer
that is not as it was made to be means that the harness, not the model, is wrong, and fails here.
"""

import pytest

from harness import examine


@pytest.mark.suite("calibration", needs="ScoresCaptions", tag="calibration")
def test_read_as_made(model, score_captions, record):
    findings, misread = examine(model.spec.name, lambda rows: score_captions(model, rows))
    record(findings)
    if misread:
        pytest.fail("; ".join(misread), pytrace=False)
