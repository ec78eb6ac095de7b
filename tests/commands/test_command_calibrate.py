"""The command on models of a few steps, trained on a few dozen scenes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from harness.__main__ import main  # noqa: E402
from harness.calibration import exam  # noqa: E402
from harness.calibration import train as training  # noqa: E402
from harness.calibration.cards import FACTS, card, read_facts  # noqa: E402
from harness.calibration.corpus import make_pool  # noqa: E402
from harness.calibration.variants import VARIANTS  # noqa: E402
from harness.commands import calibrate, examination  # noqa: E402
from harness.commands import training as shared  # noqa: E402
from harness.devices import Device  # noqa: E402
from harness.embed import score_captions  # noqa: E402
from harness.encode import Model  # noqa: E402
from harness.measure.choice import caption_choice  # noqa: E402
from harness.models import read_models  # noqa: E402
from harness.scenes import scene_choices  # noqa: E402
from harness.store import Store  # noqa: E402

TINY = {"spatial": 240, "color": 120}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(calibrate, "SIZES", TINY)
    monkeypatch.setattr(calibrate, "make_pool", partial(make_pool, size=120))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_model_is_trained_and_said_how_to_be_evaluated(here: Path, capsys):
    assert main(["calibrate", "cal-bag", "--steps", "4", "--device", "cpu", "--out", "made/bag"]) == 0
    said, made = capsys.readouterr().out, here / "made" / "bag"  # a path that could be a hub id
    assert "cal-bag step 4: loss" in said
    assert (made / "README.md").read_text() == card(read_facts(made))
    assert not [name for name in files(made) if name.startswith(".")]

    [spec] = read_models(write_models(here, said))
    lease = partial(calibrate_device, "cpu")
    scores = score_captions(Model(spec, Store(here / "store"), lease), scene_choices("spatial", "test")[:3])
    assert scores.values.shape == (3, 4)


def write_models(folder: Path, said: str) -> Path:
    """The entry that the command printed, as a models.yaml."""
    (folder / "models.yaml").write_text(said[said.index("- name:") : said.index("pytest suites")])
    return folder / "models.yaml"


def calibrate_device(name: str) -> Device:
    return Device(name, name)


def test_the_facts_say_what_was_done(here: Path):
    assert main(["calibrate", "cal-axis", "--steps", "3", "--seed", "5", "--out", "new/made", "--device", "cpu"]) == 0
    facts = json.loads((here / "new" / "made" / FACTS).read_text())
    assert (facts["variant"], facts["seed"], facts["steps"], facts["timed_steps"]) == ("cal-axis", 5, 3, 3)
    counts = [(of["preset"], of["in_a_batch"]) for of in facts["scenes"]]
    assert counts == [(preset, VARIANTS["cal-axis"].mix[preset]) for preset in (*TINY, "alone")]
    assert [of["validated_on"] for of in facts["scenes"]] == [
        *(len(make_pool(name, "val", 120).scenes) for name in TINY),
        0,
    ]
    assert 100 < facts["scenes"][0]["trained_on"] < 240
    assert facts["versions"]["torch"] == torch.__version__
    assert (facts["device"], facts["threads"]) == ("cpu", torch.get_num_threads())
    assert 0 < facts["seconds"] < 600
    assert set(facts["validation"]) == set(TINY)
    assert all(0 <= accuracy <= 1 for accuracy in facts["validation"].values())


def test_examine_puts_what_the_suites_measure_into_facts_and_card(here: Path, monkeypatch, capsys):
    asked = {question: exam.QUESTIONS[question] for question in ("left or right", "direction")}
    wrong = {"cal-bag": {"left or right": exam.Expected(at_least=1.1), "direction": exam.Expected(at_least=0.0)}}
    for module in (exam, examination):
        monkeypatch.setattr(module, "QUESTIONS", asked)
        monkeypatch.setattr(module, "EXPECTED", wrong)
    assert main(["calibrate", "cal-bag", "--steps", "3", "--device", "cpu", "--examine"]) == 0
    said, facts = capsys.readouterr().out, read_facts(here / "cal-bag")
    [spec] = read_models(write_models(here, said))
    scores = score_captions(
        Model(spec, Store(here / "store"), partial(calibrate_device, "cpu")), scene_choices("spatial", "test")
    )
    whole = caption_choice(scores).results[0]
    assert [line["question"] for line in facts["measured"]] == list(asked)
    direction = facts["measured"][1]
    assert (direction["value"], direction["low"], direction["n"]) == (whole.value, whole.low, whole.n)
    assert (direction["suite"], direction["chance"], direction["expected"]) == ("scene-choice", 0.25, "≥ 0%")
    assert (here / "cal-bag" / "README.md").read_text() == card(facts)
    assert "left or right: " in said.splitlines()[-1]
    assert "made to be ≥ 110%" in said.splitlines()[-1]


def test_another_choice_of_hard_negatives_is_another_model_and_says_so(here: Path):
    for negatives in ("relation", "both"):
        words = ["--steps", "2", "--negatives", negatives, "--out", negatives, "--device", "cpu"]
        assert main(["calibrate", "cal-spatial", *words]) == 0
        assert read_facts(here / negatives)["negatives"] == negatives
        assert f"--negatives {negatives}" in (here / negatives / "README.md").read_text()
    weights = [(here / name / "model.safetensors").read_bytes() for name in ("relation", "both")]
    assert weights[0] != weights[1]


def test_batches_are_larger_on_a_gpu_and_whole_sets_still():
    cpu, gpu = (calibrate._variant("cal-spatial", device, None) for device in ("cpu", "cuda:1"))
    assert cpu == VARIANTS["cal-spatial"]
    assert gpu.mix == {preset: 4 * count for preset, count in cpu.mix.items()}


def test_a_seed_gives_its_own_weights_again(here: Path):
    for out, seed, work in (("a", "0", "w1"), ("b", "0", "w2"), ("c", "1", "w1")):
        words = ["--steps", "3", "--seed", seed, "--out", out, "--work", work, "--device", "cpu"]
        assert main(["calibrate", "cal-spatial", *words]) == 0
    weights = [(here / name / "model.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_validation_is_told_on_the_way(here: Path, monkeypatch, capsys):
    monkeypatch.setattr(shared, "VALIDATE_EVERY", 2)
    assert main(["calibrate", "cal-bag", "--steps", "5", "--device", "cpu"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("cal-bag step")]
    assert [line.split(":")[0] for line in lines] == [f"cal-bag step {n}" for n in (2, 4, 5)]
    assert all("spatial " in line and "color " in line for line in lines)


def test_an_interrupted_training_is_resumed_by_the_same_command(here: Path, monkeypatch, capsys):
    """Ctrl-C at step 5, checkpoints at even steps: the second call does steps 5 and 6 and ends with the same bytes."""
    monkeypatch.setattr(training, "KEEP_EVERY", 2)
    words = ["calibrate", "cal-spatial", "--steps", "6", "--device", "cpu"]
    assert main([*words, "--out", "whole", "--work", "elsewhere"]) == 0
    advance = training.Training.advance

    def interrupted(self):
        if self.step == 4:
            raise KeyboardInterrupt
        advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(training.Training, "advance", interrupted)
        assert main([*words, "--out", "parts"]) == 130
    said, work = capsys.readouterr().err.strip().splitlines()[-1], calibrate.cache_dir() / "calibration"
    assert said == f"interrupted; the same command goes on from the last checkpoint in {work}"
    assert files(here / "parts") == {}
    assert main([*words, "--out", "parts"]) == 0
    assert read_facts(here / "parts")["timed_steps"] == 2
    assert (here / "parts" / "model.safetensors").read_bytes() == (here / "whole" / "model.safetensors").read_bytes()


def test_a_finished_training_is_written_out_again_without_a_step(here: Path):
    words = ["calibrate", "cal-bag", "--steps", "3", "--device", "cpu"]
    assert main(words) == 0
    first = files(here / "cal-bag")
    assert main([*words, "--out", "again"]) == 0
    assert files(here / "again")["model.safetensors"] == first["model.safetensors"]
    assert read_facts(here / "again")["timed_steps"] == 0
    assert main(words) == 0  # over its own kind


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cal-spatail", "--steps", "3"], "Did you mean cal-spatial?"),
        (["cal-bag", "--negatives", "bth"], "Did you mean both?"),
        (["--sweep", "--negatives", "both"], "leave --negatives out"),
        (["cal-bag", "--steps", "0"], "--steps 0 is too few"),
        (["cal-bag", "--seed", "-1", "--steps", "3"], "--seed -1 must be between 0 and"),
        (["cal-bag", "--device", "cpv", "--steps", "3"], "Did you mean cpu?"),
        (["cal-bag", "--out", "full", "--steps", "3"], "full is not empty and holds no cal-bag; choose another --out"),
        (["cal-bag", "--out", "axis", "--steps", "3"], "axis is not empty and holds no cal-bag"),
        (["cal-bag", "--out", "file", "--steps", "3"], "file is not a folder"),
        (["cal-bag", "--steps", "3", "--work", "file"], "cannot keep a checkpoint in file"),
    ],
)
def test_what_cannot_be_trained_is_one_error_before_anything_is_written(here: Path, capsys, words, said):
    (here / "file").write_text("")
    (here / "full").mkdir()
    (here / "full" / "notes.txt").write_text("mine")
    (here / "axis").mkdir()
    (here / "axis" / FACTS).write_text('{"variant": "cal-axis"}')
    assert main(["calibrate", *words]) == 2
    err = capsys.readouterr().err
    assert "spatial-harness: error: " in err
    assert said in err
    assert "Traceback" not in err
    assert [files(here / name) for name in ("full", "axis")] == [
        {"notes.txt": b"mine"},
        {FACTS: b'{"variant": "cal-axis"}'},
    ]


@pytest.mark.parametrize("words", [[], ["cal-bag", "--sweep"]])
def test_a_name_or_the_sweep_is_asked_for(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(["calibrate", *words])
    assert end.value.code == 2
    assert "usage: spatial-harness calibrate" in capsys.readouterr().err


def test_help_names_it(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "calibrate" in capsys.readouterr().out


RUN = """
import sys
from harness.__main__ import main
from harness.commands import calibrate
from harness.commands import training as shared
calibrate.SIZES = {"spatial": 240, "color": 120}
shared.VALIDATE_EVERY = 2
sys.exit(main(["calibrate", "cal-bag", "--steps", "1000000", "--device", "cpu"]))
"""


def test_ctrl_c_ends_a_real_process_with_one_line(here: Path):
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # what a shell starts in the background heeds no interrupt, and what that starts inherits it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("cal-bag step 2"), process.communicate(timeout=60)[1]
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1].startswith("interrupted; the same command goes on")
    assert "Traceback" not in err
