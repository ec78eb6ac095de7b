"""Cells and run information for pages to be drawn from, tame and hostile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hostile import HALF
from hostile import MARKUP as HOSTILE

from harness.results import Findings, Outcome, Result
from harness.runs import merge
from harness.shards import Cell, Shard, write_plan

MakeRun = Callable[..., Path]
RELATIONS = ("left of", "right of", "above", "below", "in front of", "behind")
MODELS = {"mpnet": 0.71, "minilm": 0.66, "clip-b32/text": 0.62, "clip-b32/image": 0.55}

INFO: dict[str, Any] = {
    "command": "pytest suites -n auto --models 'tag:bundled'",
    "started": "2025-03-04T10:00:00+00:00",
    "finished": "2025-03-04T10:12:30+00:00",
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": True},
    "packages": {"numpy": "2.4.6", "torch": "2.9.0", "transformers": "5.1.0"},
    "host": {"name": "gpu-box", "cpus": 16, "gpus": [{"name": "H100", "memory_gb": 80, "driver": "570.1"}]},
    "limit": None,
    "seeds": {"bootstrap": 0, "folds": 42},
    "models": [
        {"name": "mpnet", "family": "sentence", "source": "org/mpnet", "revision": "a" * 40, "tags": ["text"]},
        {
            "name": "minilm",
            "family": "sentence",
            "source": "package:minilm",
            "revision": None,
            "tags": ["text", "bundled"],
        },
        {"name": "clip-b32/text", "family": "dual", "source": "org/clip", "revision": "b" * 40, "tags": []},
        {"name": "clip-b32/image", "family": "dual", "source": "org/clip", "revision": "b" * 40, "tags": []},
        {"name": "random", "family": "controls", "source": "", "revision": None, "tags": ["control"]},
    ],
    "data": [{"name": "vsr", "source": "local", "sha256": "c" * 64, "rows": 7680}],
}


def probe(level: float, relations: Sequence[str] = RELATIONS, low_by: float = 0.03) -> Findings:
    """Findings of a relation probe with values around a level."""
    floor = 0.4933

    def result(part: str, value: float, n: int) -> Result:
        return Result(
            metric="macro_f1",
            value=value,
            n=n,
            slice=part,
            low=value - low_by,
            high=value + low_by,
            chance=0.5,
            floor=floor,
        )

    parts = [result(f"relation={name}", level + 0.013 * i - 0.04, 60 + 17 * i) for i, name in enumerate(relations)]
    return Findings((result("all", level, 7680), *parts), ())


def choice(level: float) -> Findings:
    """Findings of a caption choice: four relations, two sides, and a number that is missing."""
    names = RELATIONS[:4]
    results = [Result(metric="accuracy", value=level, n=400, low=level - 0.045, high=level + 0.045, chance=0.25)]
    results += [
        Result(metric="accuracy", value=level + 0.02 * i - 0.03, n=100, slice=f"relation={name}", low=level - 0.1,
               high=level + 0.1, chance=0.25)
        for i, name in enumerate(names)
    ]  # fmt: skip
    results += [
        Result(metric="accuracy", value=level + d, n=200, slice=f"group={axis}", low=level + d - 0.05,
               high=level + d + 0.05, chance=0.25)
        for axis, d in (("vertical", 0.02), ("horizontal", -0.02))
    ]  # fmt: skip
    results += [Result(metric="accuracy", value=None, n=0, slice="side=image", chance=0.25, note="no pictures")]
    outcome = Outcome(
        row="r1", group="g1", slice="left of", gold="left of", predicted="above", correct=0.0, scores=(0.1, 0.9)
    )
    return Findings(tuple(results), (outcome,))


def sample_cells() -> list[Cell]:
    """Several models, one of them alone on its suite, controls, skipped and failed cells."""
    stats = {"seconds": 12.5, "encode_seconds": 3.25, "computed": 7680, "store_hits": 0, "peak_mb": 812.0}
    missing = "weights of org/large are not in the cache and the hub does not answer; run `prefetch` where it does"
    cells = [
        Cell(suite="vsr-relations", model=name, status="passed", findings=probe(level), stats=stats)
        for name, level in MODELS.items()
    ]
    cells += [
        Cell(suite="vsr-relations", model="random", status="passed", findings=probe(0.497), stats=stats),
        Cell(suite="scene-choice", model="clip-b32/image", status="passed", findings=choice(0.41), stats=stats),
        Cell(suite="scene-choice", model="random", status="passed", findings=choice(0.26), stats=stats),
        Cell(suite="scene-choice", model="clip-b32/text", status="error", reason="ScoreError: 3 of 400 scores are NaN"),
        Cell(suite="scene-choice", model="minilm", status="skipped", reason="needs ScoresCaptions"),
        Cell(suite="scene-choice", model="mpnet", status="skipped", reason="needs ScoresCaptions"),
        Cell(suite="scene-relations", model="minilm", status="passed", findings=probe(0.8, RELATIONS[:4]), stats=stats),
    ]
    cells += [Cell(suite=s, model="large", status="skipped", reason=missing) for s in ("vsr-relations", "scene-choice")]
    return cells


def grouped(name: str) -> Findings:
    """A probe with a relation and a group of this name."""
    group = Result(metric="macro_f1", value=0.6, n=9, slice=f"group={name}", low=0.5, high=0.7, chance=0.5)
    return Findings((*probe(0.6, (name, "left of")).results, group), ())


def hostile_cells() -> list[Cell]:
    """Every hostile string as suite, model, relation, slice, metric, note and reason."""
    cells = [Cell(suite="scene", model="half", status="skipped", reason=HALF)]
    for i, bad in enumerate(HOSTILE[:-1]):
        good = Findings(
            (
                *probe(0.6, HOSTILE[:-1] if i == 0 else (bad, "left of")).results,
                Result(metric="macro_f1", value=0.5, n=3, slice=f"group={bad}"),
                Result(metric=bad, value=0.5, n=3, slice=bad, note=bad),
            ),
            (),
        )
        cells += [
            Cell(suite=HOSTILE[0], model=bad, status="passed", findings=good, stats={bad: bad}),
            Cell(suite=bad, model="minilm", status="passed", findings=grouped(bad)),
            Cell(suite=bad, model=bad + "!", status="error", reason=bad),
            Cell(suite="scene", model=bad, status="regressed", reason=bad, findings=Findings(choice(0.4).results, ())),
        ]
    return cells


def hostile_info() -> dict[str, Any]:
    names = [{"name": bad, "family": bad, "source": bad, "tags": [bad]} for bad in HOSTILE]
    return {
        "command": "\n".join((*HOSTILE, HALF)),
        "models": names,
        "git": {"commit": HOSTILE[1]},
        "questions": {suite: bad for bad in HOSTILE for suite in ("scene", bad)},
        HOSTILE[0]: {HOSTILE[1]: HOSTILE},
    }


def write_run(
    folder: Path, cells: Sequence[Cell], info: Mapping[str, Any] = INFO, name: str = "run", **changes: Any
) -> Path:
    """Write cells and run information as a merged run folder within `folder`."""
    run = folder / name
    shard = Shard(run, "main")
    for cell in cells:
        shard.append(cell)
    run.mkdir(exist_ok=True)
    write_plan(run, {**info, **changes}, [])
    merge(run)
    return run
