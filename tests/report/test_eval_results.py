from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from huggingface_hub._eval_results import parse_eval_result_entries
from report_samples import INFO, MakeRun, choice, probe, sample_cells

from harness.errors import ConfigError, RunError
from harness.report.eval_results import Task, export, tasks
from harness.runs import Run, read_run
from harness.shards import Cell

# The documented format, as a schema: huggingface.co/docs/hub/eval-results and eval_results.yaml of huggingface/hub-docs
# (January to November 2026). Required are dataset.id, dataset.task_id and value, and a source's url where it has one.
TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["dataset", "value"],
        "properties": {
            "dataset": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "task_id"],
                "properties": {
                    "id": {"type": "string", "pattern": r"^[\w.-]+/[\w.-]+$"},
                    "task_id": TEXT,
                    "revision": {"type": "string", "pattern": "^[0-9a-f]{7,40}$"},
                },
            },
            "value": {"type": "number"},
            "verifyToken": TEXT,
            "date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?$"},
            "source": {
                "type": "object",
                "additionalProperties": False,
                "required": ["url"],
                "properties": {"url": TEXT, "name": TEXT, "user": TEXT, "org": TEXT},
            },
            "evaluation_framework": TEXT,
            "notes": TEXT,
        },
    },
}
ARO, SCENES = Task("my-org/aro", "relation"), Task("my-org/scenes", "choice")


@pytest.fixture
def run(sample_run: Path) -> Run:
    return read_run(sample_run)


def test_an_entry_is_of_the_documented_format_and_is_read_back_by_the_hubs_own_client(run: Run):
    found = export(run, "clip-b32/image", {"scene-choice": SCENES}, "https://example.org/page")
    written = yaml.safe_load(yaml.safe_dump(list(found.entries)))
    jsonschema.validate(written, SCHEMA)
    [entry] = parse_eval_result_entries(written)
    assert (entry.dataset_id, entry.task_id, entry.value) == ("my-org/scenes", "choice", 0.41)
    assert entry.dataset_revision is None
    assert entry.date == "2025-03-04T10:12:30+00:00"
    assert entry.source_url == "https://example.org/page"
    assert entry.notes == (
        "accuracy over 400 rows; 95 % interval 0.3650 to 0.4550 (bootstrap over groups); chance 0.2500; "
        "suite scene-choice of spatial-harness of unknown version, "
        "commit 0123456789abcdef0123456789abcdef01234567 with uncommitted changes"
    )
    assert found.left_out == {
        "vsr-relations": "no benchmark of the hub is named for it (--task SUITE=ORG/DATASET:TASK)"
    }


def test_the_revision_is_that_at_which_the_run_read_the_dataset(run: Run):
    data = {"a": {"source": f"my-org/aro@{'d' * 40}", "sha256": "e"}, "b": {"source": "my-org/aro2@ffff"}, "c": {}}
    known = replace(run, info={**run.info, "data": data})
    found = export(known, "mpnet", {"vsr-relations": ARO})
    jsonschema.validate(list(found.entries), SCHEMA)
    assert found.entries[0]["dataset"] == {"id": "my-org/aro", "task_id": "relation", "revision": "d" * 40}
    assert "source" not in found.entries[0]


def test_what_failed_or_was_skipped_is_left_out_with_its_reason(run: Run):
    failed = export(run, "clip-b32/text", {"scene-choice": SCENES, "vsr-relations": ARO})
    assert [entry["dataset"]["id"] for entry in failed.entries] == ["my-org/aro"]
    assert failed.left_out == {"scene-choice": "error: ScoreError: 3 of 400 scores are NaN"}
    skipped = export(run, "minilm", {"scene-choice": SCENES})
    assert skipped.left_out["scene-choice"] == "skipped: needs ScoresCaptions"


def test_other_bytes_than_the_published_ones_are_not_exported(make_run: MakeRun):
    changed = choice(0.4).noted("not the published bytes: aro/relation.json")
    found = export(
        read_run(make_run([Cell(suite="aro", model="m", status="passed", findings=changed)])), "m", {"aro": ARO}
    )
    assert found.entries == ()
    assert found.left_out == {"aro": "its data are not the published bytes"}


def test_a_value_at_chance_says_so(make_run: MakeRun):
    cells = [Cell(suite="aro", model="m", status="regressed", reason="worse", findings=choice(0.26))]
    [entry] = export(read_run(make_run(cells)), "m", {"aro": ARO}).entries
    assert "; at chance; " in entry["notes"]


def test_a_limited_run_is_refused(make_run: MakeRun):
    limited = read_run(make_run(sample_cells(), info={**INFO, "limit": 100}))
    with pytest.raises(RunError, match="--limit 100: its numbers are not comparable"):
        export(limited, "mpnet", {"vsr-relations": ARO})


@pytest.mark.parametrize(
    ("model", "suite", "said"),
    [("mpnt", "vsr-relations", "Did you mean mpnet"), ("mpnet", "vsr-relation", "Did you mean vsr-relations")],
)
def test_names_that_are_not_in_the_run_are_said(run: Run, model: str, suite: str, said: str):
    with pytest.raises(ConfigError, match=said):
        export(run, model, {suite: ARO})


def test_tasks_are_read():
    assert tasks(["a=my-org/aro:relation", "b=my-org/scenes:choice"]) == {"a": ARO, "b": SCENES}


@pytest.mark.parametrize("word", ["", "a", "a=b", "a=org/data", "=org/data:t", "a=org/data:", "a=a/b/c:t", "a=<b>/c:t"])
def test_a_task_that_means_nothing_is_said(word: str):
    with pytest.raises(ConfigError, match="is not SUITE=ORG/DATASET:TASK"):
        tasks([word])


def test_a_suite_has_one_task():
    with pytest.raises(ConfigError, match="suite a has two tasks"):
        tasks(["a=o/d:t", "a=o/e:t"])


def test_a_probe_of_a_control_is_exported_like_any_other(make_run: MakeRun):
    cells = [Cell(suite="s", model="random", status="passed", findings=probe(0.497))]
    [entry] = export(read_run(make_run(cells)), "random", {"s": ARO}).entries
    assert "at floor" in entry["notes"]
