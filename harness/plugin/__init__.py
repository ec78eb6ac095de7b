"""The pytest plugin: one test per suite x model, from models.yaml to the run folder.

It concerns tests that carry `@pytest.mark.suite(name, needs=capability)` and ask for the fixture
`model`; in a repository without such tests it changes nothing.

    options.py    command-line options
    session.py    what a run knows: models, folders, limit; made when the first suite is collected
    collect.py    suite x model tests, in the order biggest model first
    asked.py      what rows a suite asked, described once
    cells.py      running one suite x model: skip, resume, record
    fixtures.py   what a suite asks for
    schedule.py   pytest-xdist: how many workers, which worker runs what
    gate.py       the baseline: read first, judged last
    junit.py      numbers and verdicts in the file of --junitxml
    finish.py     merging the run folder, rendering the page, the closing lines
"""

from harness.plugin.cells import pytest_pyfunc_call, pytest_runtest_makereport
from harness.plugin.collect import pytest_collection_finish, pytest_collection_modifyitems, pytest_generate_tests
from harness.plugin.finish import pytest_sessionfinish, pytest_terminal_summary
from harness.plugin.fixtures import (
    answer_questions,
    answer_steered,
    device,
    embed_layers,
    embed_rows,
    model,
    record,
    score_answers,
    score_captions,
    store,
    untrained,
)
from harness.plugin.options import pytest_addoption, pytest_configure, pytest_unconfigure
from harness.plugin.schedule import (
    pytest_configure_node,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

__all__ = [
    "answer_questions",
    "answer_steered",
    "device",
    "embed_layers",
    "embed_rows",
    "model",
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_generate_tests",
    "pytest_pyfunc_call",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_unconfigure",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
    "record",
    "score_answers",
    "score_captions",
    "store",
    "untrained",
]
