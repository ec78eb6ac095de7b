"""Models of another environment: workers of a second virtual environment, made here with numpy alone in it."""

from __future__ import annotations

import os
import re
import runpy
import signal
import subprocess
import sys
import textwrap
import time
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

import harness
from harness import families, sources
from harness.embed import score_captions
from harness.encode import embed_pictures, embed_texts
from harness.errors import ConfigError, ModelError, ModelUnavailable, ScoreError
from harness.families import process
from harness.models import read_models
from harness.rows import ChoiceRow

ROOT = Path(__file__).parents[2]
COLOURS = ROOT / "examples" / "colours"
CLOSE = {"atol": 1e-4, "rtol": 0}
ALL = ["EmbedsTexts", "EmbedsImages", "ScoresCaptions"]
CAPTIONS = ("a red cup", "a green and blue box on a white table", "no colour", "The Yellow dog", "black")

ODD = """
import os, subprocess, sys, time
import numpy as np

print("a library greets")

def load(folder, device, dtype, settings):
    if "raise" in settings:
        raise RuntimeError(settings["raise"])
    if "sleep" in settings:
        time.sleep(settings["sleep"])
    if "exit" in settings:
        sys.exit("usage: not like this")
    return Odd(settings, [os.getcwd() == folder, device, dtype, os.environ["OMP_NUM_THREADS"]])

class Odd:
    def __init__(self, settings, told):
        self.room, self.error, self.told = settings.get("room", 1000), settings.get("error", ""), told

    def score_captions(self, images, captions):
        if len(images) > self.room:
            raise MemoryError("no room") if self.error == "MemoryError" else RuntimeError(self.error)
        word = captions[0][0]
        if word == "print":
            print("Loading checkpoint shards", flush=True)
            subprocess.run(["echo", "from a child"])
            sys.stdin.read()
        elif word == "die":
            print("x" * 5000 + "illegal instruction of the model", file=sys.stderr)
            os._exit(3)
        elif word == "be killed":
            os.kill(os.getpid(), 9)
        elif word == "sleep":
            print("still at it", file=sys.stderr)
            time.sleep(600)
        elif word == "raise":
            raise KeyError("no such word")
        elif word == "tell":
            raise RuntimeError(self.told)
        scores = [[len(caption) + int(image[0, 0, 0]) for caption in row] for image, row in zip(images, captions)]
        return {"NaN": np.full((len(images), 2), np.nan), "flat": [1.0] * len(images)}.get(word, scores)
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Callable[[bool], str]:
    """The interpreter of a virtual environment with this one's numpy in it, or with nothing."""
    made: dict[bool, str] = {}

    def make(with_numpy: bool = True) -> str:
        if with_numpy not in made:
            folder = tmp_path_factory.mktemp("environment")
            venv.create(folder, symlinks=True)
            [packages] = folder.glob("lib/python*/site-packages")
            for part in Path(np.__file__).parents[1].glob("numpy*") if with_numpy else ():
                (packages / part.name).symlink_to(part)
            made[with_numpy] = str(folder / "bin" / "python")
        return made[with_numpy]

    return make


@pytest.fixture
def colours(load, other):
    """A Model of the example."""

    def make(**entry):
        options = {"python": other(), "capabilities": ALL, **entry.pop("options", {})}
        models.append(load("process", COLOURS, options=options, **entry))
        return models[-1]

    models = []
    yield make
    end(models)


@pytest.fixture
def odd(load, other, tmp_path):
    """A Model of a worker file, ODD or another, whose captions say what it shall do."""
    models = []

    def make(body: str = ODD, python: str = "", worker: str = "worker.py", batch_size: int = 0, **options):
        folder = tmp_path / "odd"
        folder.mkdir(exist_ok=True)
        (folder / worker).write_text(body)
        options = {"python": python or other(), "worker": worker, "capabilities": ["ScoresCaptions"], **options}
        models.append(load("process", folder, options=options, batch_size=batch_size))
        return models[-1]

    yield make
    end(models)


@pytest.fixture(scope="module")
def rows(shown) -> list[ChoiceRow]:
    return [choice(picture, *(CAPTIONS[(i + k) % len(CAPTIONS)] for k in (0, 1, 3))) for i, picture in enumerate(shown)]


def choice(picture, *captions: str) -> ChoiceRow:
    return ChoiceRow(
        id=picture.name, label="x", group=picture.name, image=picture, gold=0, options=captions, captions=captions
    )


def ask(model, *captions: str, shown) -> np.ndarray:
    """What the model's worker says of one picture's captions, as they stand."""
    return model.loaded.score_captions([shown[0].pixels], [list(captions)])


def pid_of(model) -> int:
    return model.loaded._process.pid


def is_gone(pid: int, within_s: float = 10) -> bool:
    """Whether the process has ended, and been waited for by whoever is its parent now or is nobody's concern."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def end(models) -> None:
    """End what has been started; Model.close would do it, and collect garbage for half a second each time."""
    for model in models:
        if "loaded" in vars(model):
            model.loaded.close()


# --- answers ------------------------------------------------------------------------------------


def test_answers_are_those_of_a_computation_in_this_process(colours, rows, shown):
    here, model = runpy.run_path(str(COLOURS / "worker.py"))["Colours"](128), colours()
    expected = [here.score_captions([np.asarray(row.image.pixels)], [row.captions])[0] for row in rows]
    np.testing.assert_allclose(score_captions(model, rows).values, expected, **CLOSE)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(embed_texts(model, CAPTIONS), [here.embed_texts([c])[0] for c in CAPTIONS], **CLOSE)
    vectors, failed = embed_pictures(model, shown)
    np.testing.assert_allclose(vectors, [here.embed_images([np.asarray(p.pixels)])[0] for p in shown], **CLOSE)
    assert not failed


def test_the_size_of_batches_and_the_order_of_rows_change_nothing(colours, rows, shown):
    one, sixteen = colours(batch_size=1), colours(batch_size=16)
    expected = score_captions(one, rows).values
    np.testing.assert_allclose(score_captions(sixteen, rows).values, expected, **CLOSE)
    np.testing.assert_allclose(score_captions(sixteen, rows[::-1]).values, expected[::-1], **CLOSE)
    np.testing.assert_allclose(embed_texts(sixteen, CAPTIONS), embed_texts(one, CAPTIONS), **CLOSE)
    np.testing.assert_allclose(embed_pictures(sixteen, shown)[0], embed_pictures(one, shown)[0], **CLOSE)


def test_a_prompt_stands_before_every_text(colours, rows):
    plain, prompted = colours(), colours(prompt="red and ")
    longer = [choice(row.image, *(f"red and {caption}" for caption in row.captions)) for row in rows]
    np.testing.assert_array_equal(score_captions(prompted, rows).values, score_captions(plain, longer).values)
    np.testing.assert_array_equal(embed_texts(prompted, ["blue"]), embed_texts(plain, ["red and blue"]))
    assert not np.allclose(embed_texts(prompted, ["blue"]), embed_texts(plain, ["blue"]))


def test_vectors_come_in_unit_length(odd):
    body = "class M:\n    def embed_texts(self, texts): return [[3, 4]] * len(texts)\ndef load(*_): return M()"
    model = odd(body, capabilities=["EmbedsTexts"])
    np.testing.assert_allclose(embed_texts(model, ["a", "b"]), [[0.6, 0.8]] * 2, atol=1e-6)


def test_settings_are_handed_on_and_are_part_of_the_fingerprint(colours):
    plain, grey = colours(), colours(options={"settings": {"grey": 0}})
    assert not np.allclose(embed_texts(plain, ["red"]), embed_texts(grey, ["red"]))
    assert plain.fingerprint != grey.fingerprint


def test_a_change_of_the_worker_file_changes_the_fingerprint(odd):
    assert odd().fingerprint == odd().fingerprint != odd(ODD + "\n# another way").fingerprint


def test_the_worker_runs_in_its_own_environment(odd, other, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    looks = "import sys\nfrom importlib.util import find_spec\ndef load(*_):\n    raise RuntimeError("
    looks += "[sys.prefix, sys.path[0], [name for name in ('harness', 'torch', 'encode') if find_spec(name)]])"
    with pytest.raises(ModelError) as caught:
        odd(looks).loaded  # noqa: B018
    said = str(caught.value)
    assert str(Path(other()).parents[1]) in said
    assert "/odd', []]" in said


def test_the_worker_is_told_folder_device_dtype_and_its_share_of_threads(odd, shown):
    with pytest.raises(ModelError, match=r"\[True, 'cpu', 'float32', '1'\]"):
        ask(odd(), "tell", shown=shown)


def test_modules_beside_the_worker_file_are_found(odd, tmp_path):
    (tmp_path / "odd" / "code").mkdir(parents=True)
    (tmp_path / "odd" / "code" / "models.py").write_text(ODD)
    odd("from models import load", worker="code/start.py").loaded  # noqa: B018


def test_what_the_worker_prints_or_reads_is_not_taken_for_an_answer(odd, shown):
    model = odd()
    assert ask(model, "print", "four", shown=shown)[0].tolist() == ask(model, "other", "four", shown=shown)[0].tolist()


def test_large_messages_go_both_ways_while_the_worker_writes_a_lot(odd):
    body = """
    import sys
    import numpy as np
    class M:
        def embed_images(self, images):
            sys.stderr.write("so much to say " * 200_000)
            return np.concatenate([image.reshape(1, -1)[:, ::4] for image in images]).astype("float32")
    def load(*_): return M()
    """
    pixels = np.full((4096, 5462, 3), 7, np.uint8)  # 64 MB, and as many back
    vectors = odd(textwrap.dedent(body), capabilities=["EmbedsImages"]).loaded.embed_images([pixels])
    assert vectors.nbytes > 64_000_000
    np.testing.assert_allclose(vectors, vectors.shape[1] ** -0.5, rtol=1e-3)


# --- failures -----------------------------------------------------------------------------------


def test_an_error_of_the_worker_comes_in_its_own_words_and_the_next_request_succeeds(odd, shown):
    model = odd()
    with pytest.raises(ModelError, match=r"tiny: its worker failed at score_captions: KeyError: 'no such word' \(work"):
        ask(model, "raise", shown=shown)
    assert ask(model, "four", shown=shown).shape == (1, 1)


@pytest.mark.parametrize("error", ["MemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB"])
def test_a_batch_for_which_the_worker_lacks_memory_is_halved(odd, rows, error):
    model = odd(settings={"room": 3, "error": error})
    values = score_captions(model, rows).values
    np.testing.assert_array_equal(values, score_captions(odd(), rows).values)
    assert model.stats["batches_halved"] > 0


def test_a_worker_without_memory_for_one_row_is_a_model_error(odd, rows):
    with pytest.raises(ModelError, match=r"out of memory on a single item: .* MemoryError: no room"):
        score_captions(odd(settings={"room": 0, "error": "MemoryError"}), rows)


@pytest.mark.parametrize(("word", "said"), [("NaN", "NaN or Inf for 1 of 1"), ("flat", r"shape \(1,\)")])
def test_a_wrong_answer_is_a_score_error(odd, shown, word, said):
    with pytest.raises(ScoreError, match=said):
        score_captions(odd(), [choice(shown[0], word, word)])


def test_a_worker_that_dies_is_named_with_its_status_and_last_lines(odd, shown):
    model = odd()
    pid = pid_of(model)
    ended = (
        r"tiny: its worker ended with status 3 when it was asked for score_captions; it wrote:\nx+illegal instruction"
    )
    with pytest.raises(ModelError, match=ended) as caught:
        ask(model, "die", shown=shown)
    assert len(str(caught.value)) < 2200
    assert not psutil.pid_exists(pid)
    with pytest.raises(ModelError, match="ended with status 3"):  # and not: a broken pipe
        ask(model, "four", shown=shown)


def test_a_killed_worker_is_named_with_the_signal_and_not_with_what_it_wrote_before(odd, shown):
    model = odd()
    with pytest.raises(ModelError):
        ask(model, "raise", shown=shown)  # its traceback is written
    with pytest.raises(ModelError, match=r"ended with signal SIGKILL .*; it wrote nothing$"):
        ask(model, "be killed", shown=shown)


def test_a_worker_that_does_not_answer_in_time_is_ended(odd, shown):
    model = odd(timeout_s=0.3)
    pid, started = pid_of(model), time.monotonic()
    late = r"did not answer score_captions within 0.3 s \(option timeout_s\) and was ended; it wrote:\nstill at it"
    with pytest.raises(ModelError, match=late):
        ask(model, "sleep", shown=shown)
    assert time.monotonic() - started < 5
    assert not psutil.pid_exists(pid)


def test_a_worker_that_does_not_load_in_time_is_ended(odd):
    with pytest.raises(ModelError, match=r"did not answer load within 0.5 s \(option start_timeout_s\)"):
        odd(settings={"sleep": 600}, start_timeout_s=0.5).loaded  # noqa: B018


@pytest.mark.parametrize(
    ("body", "settings", "said"),
    [
        (ODD, {"raise": "no checkpoint"}, r"failed at load: RuntimeError: no checkpoint \(worker.py, line \d+\)"),
        (ODD, {"exit": True}, r"ended with status 1 .*it wrote:\n(.*\n)*usage: not like this"),
        ("import no_such_package", {}, "failed at load: ModuleNotFoundError: No module named 'no_such_package'"),
        ("load = 3 +", {}, "failed at load: SyntaxError: invalid syntax"),
        ("", {}, "failed at load: AttributeError: module 'worker' has no attribute 'load'"),
        (
            "def load(*_): return object()",
            {},
            "the entry says ScoresCaptions, and what its worker loads has no score_c",
        ),
    ],
)
def test_a_worker_that_does_not_load_says_why(odd, body, settings, said):
    with pytest.raises(ModelError, match=said):
        odd(body, settings=settings).loaded  # noqa: B018


def test_an_environment_without_numpy_is_said(odd, other):
    with pytest.raises(ModelError, match=r"ended with status 1 (.*\n)*ModuleNotFoundError: No module named 'numpy'"):
        odd(python=other(False)).loaded  # noqa: B018


def test_a_model_without_its_interpreter_is_not_available(odd, tmp_path):
    with pytest.raises(ModelUnavailable, match=r"there is no interpreter .*/nowhere: make that environment"):
        odd(python=f"{tmp_path}/nowhere").loaded  # noqa: B018


def test_what_is_no_programme_is_said(odd, tmp_path):
    (tmp_path / "python").write_bytes(b"\x7fELF but not for long")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(ModelError, match=r"python cannot be run: Exec format error"):
        odd(python=f"{tmp_path}/python").loaded  # noqa: B018


def test_a_missing_worker_file_is_named(load, other, tmp_path):
    model = load("process", tmp_path, options={"python": other(), "capabilities": ALL, "worker": "w.py"})
    with pytest.raises(ModelError, match=r"has no w\.py: put the worker there"):
        model.loaded  # noqa: B018


FOREIGN = f"""#!{sys.executable}
import sys
from safetensors.numpy import save
sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(8), "little"))
def answer(message, arrays={{}}):
    blob = save(arrays, metadata={{"message": message}})
    sys.stdout.buffer.write(len(blob).to_bytes(8, "little") + blob)
    sys.stdout.flush()
"""
HELLO = """answer('{"protocol": 1, "capabilities": ["ScoresCaptions"]}')
sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(8), "little"))
"""


@pytest.fixture
def foreign(odd, tmp_path):
    """A Model of a programme that speaks the protocol, or something like it, by itself."""

    def make(body: str):
        (tmp_path / "programme").write_text(FOREIGN + body)
        (tmp_path / "programme").chmod(0o755)
        return odd(python=f"{tmp_path}/programme")

    return make


def test_a_programme_of_ones_own_may_speak_the_protocol(foreign, shown):
    model = foreign(HELLO + "import numpy as np\nanswer('{}', {'values': np.ones((1, 1), np.float32)})")
    assert ask(model, "a", shown=shown).tolist() == [[1]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("""answer('{"protocol": 2, "capabilities": []}')""", "its worker speaks protocol 2, and this harness 1"),
        ("answer('{}')", "its worker speaks protocol None"),
        ("print('Loading checkpoint', flush=True); sys.stdin.read()", "answered load with no message of protocol 1"),
        ("import os; os.close(1); sys.stdin.read()", r"no message of protocol 1 \(it closed the pipe\)"),
        (HELLO + "answer('{}')", "answered score_captions without a float32 array `values`"),
        (HELLO + "answer('3')", r"answered score_captions with no message of protocol 1 \(not a mapping but 3\)"),
    ],
)
def test_a_programme_that_speaks_otherwise_is_refused(foreign, shown, monkeypatch, body, said):
    monkeypatch.setattr(process, "GRACE_S", 0.5)
    with pytest.raises(ModelError, match=said):
        ask(foreign(body), "a", shown=shown)


# --- the process's end --------------------------------------------------------------------------


def test_closing_the_model_ends_its_worker(odd):
    model = odd()
    pid, started = pid_of(model), time.monotonic()
    model.close()
    assert not psutil.pid_exists(pid)
    assert time.monotonic() - started < 3
    model.close()  # a second time is no error


def test_a_worker_that_does_not_load_leaves_no_process(odd):
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(ModelError):
        odd(settings={"raise": "no"}).loaded  # noqa: B018
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_an_interrupted_request_ends_the_worker(odd, shown):
    model = odd()
    pid, held = pid_of(model), signal.signal(signal.SIGALRM, lambda *_: signal.default_int_handler(signal.SIGINT, None))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            ask(model, "sleep", shown=shown)
    finally:
        signal.signal(signal.SIGALRM, held)
    assert not psutil.pid_exists(pid)
    with pytest.raises(ModelError, match="its worker was closed"):
        ask(model, "four", shown=shown)


def test_a_killed_harness_takes_a_busy_worker_with_it(odd, other, tmp_path):
    odd()  # writes the worker file
    harness_of_it = f"""
from pathlib import Path
from harness.families import process
from harness.models import ModelSpec
options = {{"python": {other()!r}, "capabilities": ["ScoresCaptions"]}}
model = process.load(ModelSpec(name="m", family="process", options=options), Path({str(tmp_path / "odd")!r}), "cpu")
print(model._process.pid, flush=True)
model.score_captions([[[[0, 0, 0]]]], [["sleep"]])
"""
    env = os.environ | {"PYTHONPATH": str(Path(harness.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", harness_of_it], stdout=subprocess.PIPE, text=True, env=env) as killed:
        pid = int(killed.stdout.readline())
        time.sleep(0.3)  # until it is busy
        assert not is_gone(pid, 0.1)
        killed.kill()
    assert is_gone(pid)


# --- the entry ----------------------------------------------------------------------------------


def test_the_examples_in_models_yaml_and_in_the_docs_are_entries(tmp_path):
    shipped = re.findall(r"^# ((?:- name|  \w+):.*\n)", (ROOT / "models.yaml").read_text(), re.MULTILINE)
    written = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "process.md").read_text(), re.DOTALL)
    (tmp_path / "models.yaml").write_text("".join([*shipped, *written]))
    specs = read_models(tmp_path / "models.yaml")
    assert [spec.name for spec in specs if spec.family == "process"] == [
        *("xvlm-4m", "xvlm-16m", "xvlm-flickr", "xvlm-coco", "spatialrgpt-8b", "colours")
    ]
    for spec in specs:
        families.check(spec)


def test_its_folder_needs_no_safetensors(colours):
    model = colours()
    assert sources.locate_model(model.spec) == COLOURS
    assert model.capabilities == set(ALL)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"options": {"capabilities": ALL}}, "option python of family process must be .* interpreter, and is missing"),
        ({"options": {"python": "python3"}}, "option capabilities of family process must be a list .*, and is missing"),
        ({"capabilities": []}, r"option capabilities .*, not \[\]"),
        ({"capabilities": ["EmbedsText"]}, r"a list of any of EmbedsTexts, EmbedsImages, ScoresCaptions, not"),
        ({"capabilities": "EmbedsTexts"}, "not 'EmbedsTexts'"),
        ({"python": 3.8}, "option python .*, not 3.8"),
        ({"worker": "../worker.py"}, "option worker .* a file below the source"),
        ({"worker": "/worker.py"}, "option worker .* a file below the source"),
        ({"worker": ""}, "option worker .* a file below the source"),
        ({"timeout_s": 0}, "option timeout_s .* a number of seconds above 0 .*, not 0"),
        ({"timeout_s": float("nan")}, "option timeout_s .*, not nan"),
        ({"timeout_s": True}, "option timeout_s .*, not True"),
        ({"start_timeout_s": "60"}, "option start_timeout_s .*, not '60'"),
        ({"start_timeout_s": 100_000}, "at most 86400, not 100000"),
        ({"settings": ["a"]}, r"option settings .*, not \['a'\]"),
        ({"settings": {"day": time}}, "option settings .* plain values"),
        ({"settings": {1: "one"}}, "option settings .* a mapping of words"),
        ({"timeout": 5}, "has no option 'timeout'; .* Did you mean timeout_s"),
        ({"allow_bin": "it has"}, "has no option 'allow_bin'"),
        ({"source": "someone/model"}, "runs code of its source, which must be a folder"),
        ({"source": "package:numpy"}, "runs code of its source, which must be a folder"),
        ({"source": ""}, "missing key 'source'"),
        ({"pooling": "mean"}, "hands on neither pooling nor attn_implementation"),
        ({"attn_implementation": "sdpa"}, "hands on neither pooling nor attn_implementation"),
    ],
)
def test_a_wrong_entry_is_one_error(load, entry, said):
    keys = {key: entry[key] for key in ("source", "pooling", "attn_implementation", "options") if key in entry}
    options = {"python": "python3", "capabilities": ALL, **{k: v for k, v in entry.items() if k not in keys}}
    with pytest.raises(ConfigError, match=said):
        load("process", **{"source": COLOURS, "options": options, **keys})
