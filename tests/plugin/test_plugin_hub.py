"""Whether the hub answers is asked once per run, however many models, data sets and workers want to know."""

import pytest
from plugin_folder import pretend, text_suite

VSR = """
    import pytest
    from harness import vsr

    @pytest.mark.suite("vsr", needs="EmbedsTexts")
    def test_vsr(model, record):
        vsr("random", "train")
"""
CONFTEST = """
    import os
    import harness.sources
    from pretend.family import note

    def ask():
        note("ask", os.environ.get("PYTEST_XDIST_WORKER", "main"))
        return "the hub is on holiday"

    harness.sources._ask_hub = ask
"""


@pytest.mark.parametrize("n", [0, 2], ids=["alone", "two"])
def test_the_hub_is_asked_once_a_run(folder, n):
    hub = [pretend(name) | {"source": f"org/{name}", "revision": "0" * 40} for name in ("a", "b", "c", "d")]
    made = folder(hub, texts=text_suite("texts", ["one"]), vsr=VSR)
    made.write("conftest.py", CONFTEST)
    made.pytest(n=n)
    assert len(made.log("ask")) == 1
    cells = made.cells()
    assert len(cells) == 8
    assert all(status == "skipped" and "the hub is on holiday" in reason for status, reason in cells.values())
    made.pytest(n=n)
    assert len(made.log("ask")) == 2, "a later run in the same folder asks anew"


def test_a_run_that_needs_nothing_from_the_hub_does_not_ask(folder):
    made = folder([pretend("local")], texts=text_suite("texts", ["one"]))
    made.write("conftest.py", CONFTEST + "\n    harness.sources.hub_problem = ask\n")
    assert made.pytest().ret == 0
    assert made.log("ask") == []
