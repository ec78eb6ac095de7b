"""Collecting the project's own suites is light, and their fixtures are documented."""

import sys

import pytest
from plugin_folder import ROOT, Folder, said

HEAVY = ["torch", "transformers", "sentence_transformers", "open_clip", "datasets"]
GUARDED = f"""
    import socket, sys

    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse

    import pytest
    code = pytest.main([*sys.argv[1:]])
    print("heavy:", [name for name in {HEAVY} if name in sys.modules])
    sys.exit(code)
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The suites, models.yaml and conftest.py of this tree, in a folder that nobody else touches."""
    import shutil

    folder = Folder.__new__(Folder)
    folder.path = tmp_path_factory.mktemp("clone")
    for name in ("conftest.py", "models.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder.path)
    shutil.copytree(ROOT / "suites", folder.path / "suites", ignore=shutil.ignore_patterns("__pycache__"))
    folder.write("guarded.py", GUARDED)
    return folder


def test_collection_imports_nothing_heavy_opens_no_socket_and_makes_no_folder(clone):
    before = sorted(clone.path.rglob("*"))
    words = ["--collect-only", "-q", "suites", "-p", "no:cacheprovider", "-p", "xdist"]
    done = clone.run([sys.executable, "guarded.py", *words], {"HF_HUB_OFFLINE": "0"})
    assert done.ret == 0, said(done)
    assert done.outlines[-1] == "heavy: []"
    assert "suites/test_scene_choice.py::test_caption_choice[constant]" in done.outlines
    assert sorted(clone.path.rglob("*")) == before


def test_every_suite_meets_every_model_in_one_test(clone):
    import yaml

    words = ["--collect-only", "-q", "suites", "-p", "no:cacheprovider", "-p", "xdist"]
    done = clone.run([sys.executable, "-m", "pytest", *words])
    tests = [line for line in done.outlines if "::" in line]
    entries = yaml.safe_load((ROOT / "models.yaml").read_text())
    functions = {line.partition("[")[0] for line in tests}
    wanted = [
        f"{function}[{entry['name']}]"
        for function in functions
        for entry in entries
        if "test_calibration" not in function or "calibration" in entry["tags"]
    ]
    assert len(functions) >= len(list((ROOT / "suites").glob("test_*.py")))  # VSR's file holds two
    assert sorted(tests) == sorted(wanted)


@pytest.mark.parametrize("name", ["model", "device", "record", "score_captions", "embed_rows", "store"])
def test_fixtures_are_documented_where_pytest_shows_them(fixtures_shown, name):
    from harness.plugin import fixtures

    doc = getattr(fixtures, name).__doc__
    place = next(i for i, line in enumerate(fixtures_shown) if line.startswith((f"{name} ", f"{name} [")))
    assert doc.splitlines()[0].strip() == fixtures_shown[place + 1].strip()


@pytest.fixture(scope="module")
def fixtures_shown(clone):
    done = clone.run([sys.executable, "-m", "pytest", "--fixtures", "suites", "-p", "no:cacheprovider", "-p", "xdist"])
    assert done.ret == 0, said(done)
    return done.outlines
