"""The plugin works from a clone with the package installed beside it, and from a wheel alone."""

import sys

from plugin_folder import Folder, control, said, text_suite

BARE = ("-p", "no:hypothesispytest", "-p", "no:anyio")


def test_a_clone_and_the_entry_point_register_one_plugin(tmp_path, site):
    folder = Folder(tmp_path, [control("constant")], texts=text_suite("texts", ["a"]))
    folder.write("conftest.py", 'pytest_plugins = ["harness.plugin"]\n')
    done = folder.run(
        [sys.executable, "-m", "pytest", *BARE, "--run-dir", "run", "--trace-config"],
        {"PYTHONPATH": str(site), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""},
    )
    assert done.ret == 0, said(done)
    done.assert_outcomes(passed=1)
    registered = [line for line in done.outlines if "PLUGIN registered: <module 'harness.plugin'" in line]
    assert len(registered) == 1
    assert str(site) in registered[0]


def test_a_clone_without_an_installed_package_loads_the_plugin(tmp_path):
    folder = Folder(tmp_path, [control("constant")], texts=text_suite("texts", ["a"]))
    folder.write("conftest.py", 'pytest_plugins = ["harness.plugin"]\n')
    done = folder.run([sys.executable, "-m", "pytest", "-p", "xdist", "--run-dir", "run", "-n", "auto"])
    assert done.ret == 0, said(done)
    assert folder.cells() == {("texts", "constant"): ("passed", "")}
    assert "created: 1/1 worker" in said(done), "as many workers as models, however many cores"


def test_the_plugin_works_without_xdist(tmp_path):
    folder = Folder(tmp_path, [control("constant")], texts=text_suite("texts", ["a"]))
    folder.write("conftest.py", 'pytest_plugins = ["harness.plugin"]\n')
    done = folder.run([sys.executable, "-m", "pytest", "-p", "no:xdist", "--run-dir", "run"])
    assert done.ret == 0, said(done)
    assert folder.cells() == {("texts", "constant"): ("passed", "")}


def test_the_wheel_runs_its_suites_in_somebody_elses_folder(tmp_path, site):
    folder = Folder.__new__(Folder)
    folder.path = tmp_path
    # 60 rows show the way as well as 3,000, in seconds
    words = ["--pyargs", "harness.suites", "--models", "tag:control", "-n", "0", "--limit", "60", "--run-dir", "run"]
    env = {"PYTHONPATH": str(site), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""}
    folder.run([sys.executable, "-m", "pytest", *BARE, *words], env)
    where = folder.run([sys.executable, "-c", "import harness; print(harness.__file__)"], env)
    assert where.outlines == [str(site / "harness" / "__init__.py")]
    cells = folder.cells()
    assert {model for _, model in cells} == {"constant", "random", "position-biased", "bag-of-words"}
    assert {cells["scene-choice", model][0] for model in ("constant", "random", "position-biased")} == {"passed"}
    assert cells["scene-choice", "bag-of-words"] == ("skipped", "bag-of-words has no ScoresCaptions")
    assert cells["vsr-relations", "constant"][0] == "skipped"
    assert "--data-dir" in cells["vsr-relations", "constant"][1]
    assert (tmp_path / "run" / "index.html").is_file()
