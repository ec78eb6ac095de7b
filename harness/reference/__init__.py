"""Published tables, cited: what others measured with the same question, to be shown beside what was measured here.

The numbers lie in this folder as printed, one CSV a table; `tables.yaml` says where each is from, which suite and
metric a column is, and which entry of models.yaml, asked in which way, a row is.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

HOW_LOADED = {"allow_bin", "weights"}  # options that say nothing of what the model is asked
ASKED_OTHERWISE = ("prompt", "pooling")  # keys of an entry that no published row was given


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The weights behind a published row and how they were asked, in the terms of models.yaml.

    `options` has the values under which an entry is still this row; None is an option that it leaves out.
    """

    family: str
    source: str
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def is_entry(self, spec: Mapping[str, Any]) -> bool:
        """Whether an entry, as run.json has it, is this checkpoint asked in this way; its name plays no part."""
        if (spec.get("family"), spec.get("source")) != (self.family, self.source):
            return False
        if any(spec.get(key) for key in ASKED_OTHERWISE):
            return False
        given = {name: value for name, value in dict(spec.get("options") or {}).items() if name not in HOW_LOADED}
        return given.keys() <= self.options.keys() and all(
            given.get(name) in allowed for name, allowed in self.options.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One published number, of `n` rows, pairs or sets, in the metric's own unit (accuracies are fractions).

    `model` is what the table calls it; `source` cites the table; `note` is about the suite, `remark` about the model.
    """

    suite: str
    metric: str
    model: str
    value: float
    n: int
    source: str
    note: str = ""
    remark: str = ""
    checkpoint: Checkpoint | None = None

    def is_of(self, spec: Mapping[str, Any]) -> bool:
        """Whether this is the number of an entry of models.yaml, as run.json has it."""
        return self.checkpoint is not None and self.checkpoint.is_entry(spec)


@dataclass(frozen=True, slots=True)
class Table:
    """A published table: `facts` as tables.yaml has them, `rows` as printed, by column."""

    name: str
    facts: Mapping[str, Any]
    rows: tuple[Mapping[str, str], ...]

    @property
    def source(self) -> str:
        """Authors, year, where it appeared, and where in it."""
        arxiv = f"arXiv {self.facts['arxiv']}" if "arxiv" in self.facts else self.facts["title"]
        return f"{self.facts['authors']} ({self.facts['year']}), {arxiv}, {self.facts['place']}"

    def numbers(self, suite: str) -> Iterator[Published]:
        """What the table has on a suite's question, model by model; nothing where it asks another."""
        metrics, only = self.facts.get("suites", {}).get(suite, {}), self.facts.get("only", {})
        for row in self.rows:
            if any(row[column] != wanted for column, wanted in only.items()):
                continue
            for metric, where in metrics.items():
                if row[where["column"]]:
                    yield self._number(suite, metric, row, where)

    def _number(self, suite: str, metric: str, row: Mapping[str, str], where: Mapping[str, Any]) -> Published:
        value, model = float(row[where["column"]]), row[self.facts.get("named_by", "model")]
        return Published(
            suite=suite,
            metric=metric,
            model=model,
            value=round(value / 100, 10) if self.facts.get("percent") else value,
            n=where["n"],
            source=self.source,
            note=self.facts.get("notes", {}).get(suite, ""),
            remark=self.facts.get("remarks", {}).get(model, ""),
            checkpoint=_checkpoint(self.facts.get("checkpoints", {}).get(model)),
        )


def _checkpoint(facts: Mapping[str, Any] | None) -> Checkpoint | None:
    if facts is None:
        return None
    options = {name: tuple(allowed) for name, allowed in facts.get("options", {}).items()}
    return Checkpoint(facts["family"], facts["source"], options)


@functools.cache
def tables() -> Mapping[str, Table]:
    """All published tables by name, whether a suite asks their question or not."""
    import yaml

    folder = resources.files(__name__)
    facts = yaml.safe_load((folder / "tables.yaml").read_text(encoding="utf-8"))
    lines = {name: (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines() for name in facts}
    return {name: Table(name, facts[name], tuple(csv.DictReader(lines[name]))) for name in facts}


@functools.cache
def published(suite: str) -> tuple[Published, ...]:
    """All published numbers over all rows of a suite, in the order of their tables."""
    return tuple(number for table in tables().values() for number in table.numbers(suite))
