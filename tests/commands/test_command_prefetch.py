from __future__ import annotations

import io
import shutil
import socket
import urllib.request
from pathlib import Path

import pytest
from command_samples import SHA, FakeHub, files_of, make_dual_model, make_sentence_model, write_data
from PIL import Image

from harness import photos
from harness.__main__ import main
from harness.data import data_files, vsr
from harness.hub_data import HubTable
from harness.photos import Photo

CONTROL = "- {name: random, family: controls, options: {kind: random}}\n"
OUTSIDER = """\
import os, socket
VERSION, OPTIONS, LIBRARIES, NEEDS_WEIGHTS = 1, {"kind": None}, (), False
def capabilities(spec):
    return frozenset({"EmbedsTexts"})
def load(spec, path, device):
    print("libraries talk")
    if spec.options["kind"] == "dies":
        os.write(2, b"out of memory, says the driver")
        os._exit(9)
    if spec.options["kind"] == "leaves":
        raise SystemExit
    os.write(1, b"drivers talk\\n")
    socket.create_connection(("127.0.0.1", int(spec.options["kind"])), timeout=2)
    raise AssertionError("it reached the network")
"""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    make_sentence_model(folder / "sentence")
    make_dual_model(folder / "dual")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data")


def prefetch(*words: str) -> int:
    return main(["prefetch", "--models-file", "models.yaml", *words])


def lines(text: str) -> dict[str, str]:
    """State and reason by thing."""
    found = [line.split(None, 1) for line in text.splitlines()]
    return {rest.split(": ", 1)[0]: f"{state} {rest.split(': ', 1)[1]}" for state, rest in found}


def test_what_is_fetched_from_the_hub_is_proved_to_load_without_it(
    here: Path, hub: FakeHub, checkpoints: Path, data: Path, capsys
):
    hub.repos["org/clip"] = {**files_of(checkpoints / "dual"), "flax_model.msgpack": b"not wanted"}
    (here / "models.yaml").write_text(
        f"- {{name: clip, family: dual, source: org/clip, revision: {SHA}}}\n"
        f"- {{name: minilm, family: sentence, source: {checkpoints}/sentence}}\n"
        f"- {{name: gone, family: sentence, source: org/gone, revision: {SHA}}}\n" + CONTROL
    )
    assert prefetch("--data-dir", str(data)) == 1
    said = lines(capsys.readouterr().out)
    assert [said[f"model {name}"] for name in ("clip", "minilm", "random")] == ["ok loads offline"] * 3
    assert said["model gone"].startswith("missing org/gone does not exist on the hub")
    assert said["data vsr random/train"] == f"ok {data}/vsr/random/train.jsonl"
    assert len(said) == 4 + len(data_files())
    assert said["data whatsup a"].startswith("manual put whatsup/controlled_images_dataset.json below --data-dir")
    assert hub.fetched == ["org/clip"]
    assert not list(hub.cache.rglob("*.msgpack"))


def test_a_model_that_is_here_and_does_not_load_is_missing(
    here: Path, checkpoints: Path, data: Path, tmp_path: Path, capsys
):
    for name in ("short", "bare"):
        shutil.copytree(checkpoints / "sentence", tmp_path / name)
    weights = tmp_path / "short" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    (tmp_path / "bare" / "modules.json").unlink()
    (tmp_path / "bare" / "config.json").unlink()
    (here / "models.yaml").write_text(
        f"- {{name: short, family: sentence, source: {tmp_path}/short}}\n"
        f"- {{name: bare, family: sentence, source: {tmp_path}/bare}}\n"
        f"- {{name: good, family: sentence, source: {checkpoints}/sentence}}\n"
    )
    assert prefetch("--data-dir", str(data)) == 1
    said = lines(capsys.readouterr().out)
    assert "cut short" in said["model short"]
    assert said["model bare"].startswith("missing bare does not load: ")
    assert said["model good"] == "ok loads offline"


def test_a_model_that_asks_for_the_network_or_kills_its_process_is_told_and_the_others_go_on(
    here: Path, data: Path, capsys, monkeypatch
):
    (here / "pkg").mkdir()
    (here / "pkg" / "__init__.py").write_text("")
    (here / "pkg" / "outsider.py").write_text(OUTSIDER)
    monkeypatch.syspath_prepend(str(here))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (here / "models.yaml").write_text(
            "- {name: dies, family: pkg.outsider, options: {kind: dies}}\n"
            "- {name: leaves, family: pkg.outsider, options: {kind: leaves}}\n"
            f"- {{name: calls, family: pkg.outsider, options: {{kind: '{port}'}}}}\n" + CONTROL
        )
        assert prefetch("--data-dir", str(data)) == 1
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()
    said = lines(capsys.readouterr().out)
    assert "ended the process with code 9: out of memory, says the driver" in said["model dies"]
    assert "ended the process with code 0" in said["model leaves"]
    assert said["model calls"].startswith("missing calls does not load: OSError: it asked for the network")
    assert said["model random"] == "ok loads offline"


def test_features_made_elsewhere_are_read_and_not_asked_about_scenes(here: Path, data: Path, capsys):
    import numpy as np

    entry = "- {{name: {0}, family: precomputed, source: ./{0}.npz, options: {{holds: [texts]}}}}\n"
    (here / "models.yaml").write_text("".join(map(entry.format, ("whole", "damaged", "absent"))))
    np.savez(here / "whole.npz", ids=["a"], texts=[[1.0]])
    (here / "damaged.npz").write_bytes(b"")
    assert prefetch("--data-dir", str(data)) == 1
    said = lines(capsys.readouterr().out)
    assert said["model whole"] == "ok loads offline"
    assert said["model damaged"].startswith("missing damaged.npz cannot be read: ")
    assert said["model absent"].startswith("missing absent.npz does not exist")


def test_exit_code_0_when_all_is_there_and_1_when_a_data_file_is_not(here: Path, data: Path, capsys):
    (here / "models.yaml").write_text(CONTROL)
    assert prefetch("--data-dir", str(data)) == 0
    (data / "vsr" / "zeroshot" / "dev.jsonl").unlink()
    capsys.readouterr()
    assert prefetch("--data-dir", str(data), "--models", "random") == 1
    said = lines(capsys.readouterr().out)
    assert [name for name, state in said.items() if state.startswith("missing")] == ["data vsr zeroshot/dev"]
    assert "no route" in said["data vsr zeroshot/dev"]
    assert "put vsr/zeroshot/dev.jsonl below --data-dir" in said["data vsr zeroshot/dev"]


def put_tables(hub: FakeHub) -> None:
    """The data sets that the hub has with their pictures, files of no content."""
    for file in data_files().values():
        if isinstance(file, HubTable):
            hub.repos[file.repo] = {f"data/{file.split}-00000-of-00001.parquet": b"", "README.md": b""}
            hub.revisions.add(file.revision)


def test_data_sets_with_their_pictures_are_fetched_with_the_photos(
    here: Path, hub: FakeHub, data: Path, capsys, photo_rows
):
    (here / "models.yaml").write_text(CONTROL)
    put_tables(hub)
    assert prefetch("--data-dir", str(data)) == 0
    said = lines(capsys.readouterr().out)
    assert hub.fetched == []
    assert said["data aro relation"].startswith("manual mteb/ARO-Visual-Relation is not in the hub's cache")
    assert said["data aro relation"].endswith("prefetch --photos fetches it with its pictures")
    assert prefetch("--data-dir", str(data), "--photos") == 0
    said = lines(capsys.readouterr().out)
    assert set(hub.fetched) == {"mteb/ARO-Visual-Relation", "mteb/SUGARCREPE_fmt", "facebook/winoground"}
    assert said["data sugarcrepe swap_obj"].startswith(f"ok {hub.cache}")
    assert not list(hub.cache.rglob("README.md"))


def test_a_data_set_behind_terms_is_told_and_one_that_is_gone_is_missing(
    here: Path, hub: FakeHub, data: Path, capsys, photo_rows
):
    (here / "models.yaml").write_text(CONTROL)
    put_tables(hub)
    hub.gated.add("facebook/winoground")
    assert prefetch("--data-dir", str(data), "--photos") == 0
    said = lines(capsys.readouterr().out)["data winoground examples"]
    assert said.startswith("manual facebook/winoground is gated: accept its terms on the hub")
    del hub.repos["mteb/ARO-Visual-Relation"]
    shutil.rmtree(hub.cache)
    assert prefetch("--data-dir", str(data), "--photos") == 1
    said = lines(capsys.readouterr().out)["data aro relation"]
    assert said.startswith("missing mteb/ARO-Visual-Relation does not exist on the hub")
    assert "put aro/visual_genome_relation.json below --data-dir" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--models", "rndom"], "Did you mean random?"),
        (["--data-dir", "nowhere"], "--data-dir nowhere is not a folder"),
        (["--models-file", "nowhere.yaml"], "cannot read"),
    ],
)
def test_a_wrong_option_is_exit_code_2(here: Path, capsys, words, said: str):
    (here / "models.yaml").write_text(CONTROL)
    assert prefetch(*words) == 2
    assert said in capsys.readouterr().err


# --- photos -------------------------------------------------------------------------------------


@pytest.fixture
def photo_rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes | Exception]:
    """Three photos behind links; what a link gives can be changed."""
    image = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(image, "JPEG")
    answers: dict[str, bytes | Exception] = dict.fromkeys(
        (f"http://photos.invalid/{i}.jpg" for i in range(3)), image.getvalue()
    )

    def urlopen(link, timeout):
        if isinstance(answers[link], Exception):
            raise answers[link]
        return io.BytesIO(answers[link])

    def rows(split, part):
        links = list(answers) if split == "random" else []
        photos = [Photo(link.rsplit("/", 1)[1], ("coco",), link) for link in links * 2]
        return [
            vsr.VsrRow(id=str(i), label="on", image=p, truth=True, category="", votes_true=(), votes_false=())
            for i, p in enumerate(photos)
        ]

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr("harness.commands.prefetch.vsr", rows)
    monkeypatch.setattr(photos, "_silent_hosts", set())
    monkeypatch.setattr(photos, "_answering_hosts", set())
    return answers


def test_photos_are_fetched_only_when_asked_for(
    here: Path, hub: FakeHub, data: Path, tmp_path: Path, capsys, photo_rows
):
    (here / "models.yaml").write_text(CONTROL)
    put_tables(hub)
    cache = tmp_path / "cache" / "spatial-harness" / "photos"
    assert prefetch("--data-dir", str(data)) == 0
    assert not cache.exists()
    assert prefetch("--data-dir", str(data), "--photos") == 0
    assert "ok       photos of VSR: 3\n" in capsys.readouterr().out
    assert len(list(cache.iterdir())) == 3


def test_a_photo_that_fails_is_counted_and_the_host_is_still_asked_for_the_others(
    here: Path, data: Path, tmp_path: Path, capsys, photo_rows, monkeypatch
):
    (here / "models.yaml").write_text(CONTROL)
    monkeypatch.setattr("harness.commands.prefetch.AT_ONCE", 1)
    photo_rows["http://photos.invalid/1.jpg"] = TimeoutError("timed out")
    assert prefetch("--data-dir", str(data), "--photos") == 1
    said = lines(capsys.readouterr().out)["photos of VSR"]
    assert said.startswith("missing 1 of 3, the first: 1.jpg is not below --data-dir")
    assert len(list((tmp_path / "cache" / "spatial-harness" / "photos").iterdir())) == 2


def test_a_host_that_never_answers_is_asked_once(here: Path, data: Path, capsys, photo_rows, monkeypatch):
    (here / "models.yaml").write_text(CONTROL)
    monkeypatch.setattr("harness.commands.prefetch.AT_ONCE", 1)
    asked: list[str] = []

    def silent(link, timeout):
        asked.append(link)
        raise OSError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", silent)
    assert prefetch("--data-dir", str(data), "--photos") == 1
    assert lines(capsys.readouterr().out)["photos of VSR"].startswith("missing 3 of 3")
    assert len(asked) == 1
