"""In a repository without suites the installed plugin changes nothing."""

import sys

import pytest
from plugin_folder import Folder, said

ORDINARY = """
    import warnings
    import pytest

    @pytest.fixture
    def model():
        return "a Ford"

    @pytest.fixture(params=["red", "blue"])
    def record(request):
        return request.param

    def test_fixture_named_model(model, record):
        assert model == "a Ford"

    @pytest.mark.parametrize("model", ["constant", "random", "T"])
    def test_parameter_named_model(model):
        assert isinstance(model, str)

    @pytest.mark.suite("engines")
    def test_their_own_marker_of_our_name(model):
        assert model == "a Ford"

    class TestClass:
        def test_method(self):
            warnings.warn("a warning of their own")

    def test_that_fails():
        assert 1 == 2
"""
INI = """
    [pytest]
    markers = suite(name): which engine
"""
NAMES = {"test_ordinary.py", "pytest.ini", "models.yaml"}
FOREIGN_MODELS = """
    engines:
      T: {year: 1908}
"""


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory, site):
    """Runs pytest in somebody else's repository, with the plugin installed or blocked."""
    path = tmp_path_factory.mktemp("ordinary")

    def run(*words, blocked):
        others = ["-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:cacheprovider", "-rA"]
        blocking = ["-p", "no:harness.plugin"] if blocked else []
        return folder.run(
            [sys.executable, "-m", "pytest", *others, *blocking, *words],
            {"PYTHONPATH": str(site), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "", "HARNESS_STORE_DIR": str(path / "store")},
        )

    folder = Folder.__new__(Folder)
    folder.path = path
    folder.write("test_ordinary.py", ORDINARY)
    folder.write("pytest.ini", INI)
    folder.write("models.yaml", FOREIGN_MODELS)
    return folder, run


def outcome_lines(done):
    """What happened to each test, by how many workers, and the count of warnings."""
    kinds = ("PASSED", "FAILED", "ERROR", "SKIPPED", "created: ")
    return sorted(line for line in done.outlines if line.startswith(kinds)), done.parseoutcomes()


@pytest.mark.parametrize("words", [(), ("-n", "2"), ("-n", "auto")], ids=["alone", "two", "auto"])
def test_an_ordinary_repository_does_not_notice_the_plugin(ordinary, words):
    folder, run = ordinary
    free, blocked = run(*words, blocked=False), run(*words, blocked=True)
    assert free.ret == blocked.ret == 1, said(free)
    assert outcome_lines(free) == outcome_lines(blocked)
    assert {kind: free.parseoutcomes()[kind] for kind in ("passed", "failed")} == {"passed": 7, "failed": 1}
    assert not any("= spatial-harness =" in line for line in free.outlines)
    assert {path.name for path in folder.path.rglob("*")} == NAMES


def test_the_plugin_was_there_to_be_noticed(ordinary):
    _, run = ordinary
    assert "--models-file" in said(run("--help", blocked=False))
    assert "--models-file" not in said(run("--help", blocked=True))


OWN_OPTIONS = """
def pytest_addoption(parser):
    parser.addoption("--limit", type=int, default=3)
    parser.addoption("--models", default="theirs")
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_repository_may_have_options_of_our_names(pytester, workers):
    pytester.makeconftest(OWN_OPTIONS)
    pytester.makepyfile(
        "def test_theirs(pytestconfig):\n"
        "    assert pytestconfig.getoption('limit') == 5 and pytestconfig.getoption('models') == 'theirs'"
    )
    pytester.runpytest_subprocess("--limit", "5", "-n", str(workers)).assert_outcomes(passed=1)


def test_options_are_there_for_a_list_of_models_that_lies_elsewhere(pytester):
    folder = pytester.mkdir("elsewhere")
    (folder / "models.yaml").write_text("- {name: c, family: controls, options: {kind: constant}}")
    (folder / "suites").mkdir()
    done = pytester.runpytest_subprocess("elsewhere/suites", "--models", "c", "--limit", "4", "--collect-only")
    assert done.ret == pytest.ExitCode.NO_TESTS_COLLECTED
