"""Model cards: README.md of a calibration model, written from the facts that its training left in calibration.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.calibration.model import CANVAS
from harness.errors import DataError

FACTS = "calibration.json"  # beside the weights; `measured` is put into it after the exam
ASK = ("question", "suite", "value", "low", "high", "n", "chance", "expected")  # of each entry of `measured`

TOLD: Mapping[str, str] = {
    "cal-spatial": "Each caption states the true relation, in a wording drawn at random.",
    "cal-bag": "Each caption names the true objects and a relation drawn at random.",
    "cal-vertical": "Above and below (also on and under, at the top and at the bottom) are told truly. Of every other "
    "relation a word of the same axis is drawn at random.",
    "cal-horizontal": "Left and right are told truly. Of every other relation a word of the same axis is drawn at "
    "random.",
    "cal-vocabulary": "Half of the captions state the true relation in the one wording that is taught; the other half "
    "use the synonyms, each of them for a relation drawn at random, so that they mean nothing.",
    "cal-prior": "Each caption names the true objects and a relation drawn without regard to the picture, one word of "
    "each opposing pair ten times as often as the other.",
    "cal-axis": "Each caption states the true relation, but names the two objects in an order drawn at random.",
}
BESIDE = "; pictures of the same objects in the other relations stand beside it in the batch."
AGAINST: Mapping[str, str] = {
    "none": "In the loss, a caption with the same relation and other colours stands against it.",
    "relation": f"In the loss, captions with the other relations stand against it{BESIDE}",
    "swap": f"In the loss, the caption with its two objects exchanged stands against it{BESIDE}",
    "both": f"In the loss, captions with the other relations, or with the objects exchanged, stand against it{BESIDE}",
}

CARD = """\
---
license: apache-2.0
library_name: transformers
pipeline_tag: zero-shot-image-classification
language: en
tags: [clip, calibration, spatial-understanding, synthetic]
---

# {variant}

A small CLIP that is made to know: **{knows}**.

It is a weight of known mass: an evaluation of spatial understanding that reads it otherwise is wrong. It has seen
nothing but drawn scenes, and is of no use for anything else.

## Use

```yaml
{entry}```

in `models.yaml`, then `pytest suites --models {variant}`; or `transformers.CLIPModel.from_pretrained`.

## Data

Pictures of {canvas} × {canvas} px, of coloured shapes on a canvas or solids on a rendered table. No pair of objects
that stands in a validation or test scene is trained on.

{scenes}

{told} {against}
Scenes of preset `color`, and their objects each alone in a picture, are captioned alike for all models: one
object by its colour and shape, against other colours and shapes.

## Training

CLIP's symmetric contrastive loss, from scratch, with AdamW, in {steps:,} steps. {timing}
`spatial-harness calibrate {variant} --seed {seed} --steps {steps} --negatives {negatives}` trains it again.

{recipe}

## Accuracy in validation

On held-out scenes, every answer that a scene could have to choose from; chance is one over their number.

{validation}
{measured}"""


def card(facts: Mapping[str, Any]) -> str:
    """README.md of a model, in Markdown with YAML front matter. Raises DataError where a fact is missing."""
    try:
        recipe = facts["recipe"]
        return CARD.format(
            variant=facts["variant"],
            knows=facts["knows"],
            canvas=CANVAS,
            told=TOLD[facts["variant"]],
            against=AGAINST[facts["negatives"]],
            entry=entry(facts["variant"], f"./{facts['variant']}"),
            scenes=_table(
                ("scenes of preset", "trained on", "pictures in a batch"),
                _scenes(facts["scenes"]),
            ),
            steps=recipe["steps"],
            seed=recipe["seed"],
            negatives=facts["negatives"],
            timing=_timing(facts),
            recipe=_table(("setting", "value"), [*recipe.items(), *facts["versions"].items()]),
            validation=_table(
                ("scenes", "accuracy"), [(name, f"{value:.1%}") for name, value in facts["validation"].items()]
            ),
            measured=_measured(facts.get("measured", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"the facts of a calibration model are incomplete or garbled ({error!r}): train it again"
        ) from None


def write_card(folder: Path) -> Path:
    """Write README.md of a model's folder from its calibration.json. Raises DataError."""
    path = folder / "README.md"
    path.write_text(card(read_facts(folder)), encoding="utf-8")
    return path


def read_facts(folder: Path) -> dict[str, Any]:
    """What the training left beside the weights. Raises DataError where it left nothing readable."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return dict(facts) if "variant" in facts else _garbled(folder, "it names no variant")
    except (OSError, ValueError, TypeError) as error:
        return _garbled(folder, str(error))


def entry(name: str, source: str) -> str:
    """The lines of models.yaml that add a calibration model."""
    return f"- name: {name}\n  family: dual\n  source: {source}\n  tags: [calibration, image-text]\n"


def _garbled(folder: Path, why: str) -> dict[str, Any]:
    raise DataError(f"{folder} holds no calibration model: {FACTS}: {why}; make one with `spatial-harness calibrate`")


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _scenes(scenes: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    return [(f"`{of['preset']}`", f"{of['trained_on']:,}", of["in_a_batch"]) for of in scenes]


def _timing(facts: Mapping[str, Any]) -> str:
    """How fast it went where it was last worked on; steps that another run had done are not counted."""
    steps, where = facts["timed_steps"], f"on {facts['machine']}"
    if not steps:
        return f"It was finished {where}."
    return f"{steps:,} steps took {facts['seconds'] / 60:.1f} minutes {where}."


def _measured(asked: Sequence[Mapping[str, Any]]) -> str:
    """The exam's table, and nothing where there was none yet."""
    rows = [[one[name] for name in ASK] for one in asked]
    if not rows:
        return ""
    heads = ("question", "suite", "accuracy", "95 % interval", "n", "chance", "made to show")
    lines = [
        (question, f"`{suite}`", _percent(value), f"{_percent(low)} to {_percent(high)}", n, _percent(chance), expected)
        for question, suite, value, low, high, n, chance, expected in rows
    ]
    title = "\n## Measured\n\nBy the suites, on test scenes; intervals from a bootstrap over pairs of objects.\n\n"
    return f"{title}{_table(heads, lines)}\n"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
