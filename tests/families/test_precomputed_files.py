"""Files of features that are wrong: each is refused with a sentence that names it."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from feature_files import write

from harness.errors import ModelError
from harness.features import read_features


class Trap:
    """Pickled, and never to be brought to life."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was read",)


def pickled(path: Path) -> Path:
    path.write_bytes(pickle.dumps(Trap()))
    return path


def objects(path: Path) -> Path:
    np.savez(path, ids=np.array(["a", Trap()], object), texts=np.ones((2, 3)))
    return path


def cut(path: Path) -> Path:
    write(path, path.suffix[1:], ids=["a", "b"], texts=np.ones((2, 300)))
    path.write_bytes(path.read_bytes()[:-40])
    return path


def emptied(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def spoilt(path: Path) -> Path:
    """A member of the archive whose bytes are not those that were written."""
    np.savez(path, ids=["a"], texts=np.ones((1, 300)))
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("texts.npy").header_offset + 1000
    data = bytearray(path.read_bytes())
    data[at] ^= 255
    path.write_bytes(data)
    return path


def refused(source: Path, said: str, *names: str) -> None:
    with pytest.raises(ModelError, match=said):
        read_features(source, names or ("texts",))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        *((f"a.{form}", spoil) for form in ("npz", "safetensors", "parquet") for spoil in (cut, emptied)),
        ("a.npz", spoilt),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, spoil):
    path = spoil(tmp_path / name)
    refused(tmp_path, f"{path} cannot be read: .*; write it again, numbers as float32, text as str")


@pytest.mark.parametrize("spoil", [pickled, objects])
def test_a_pickle_is_never_read(tmp_path, spoil):
    spoil(tmp_path / "a.npz")
    refused(tmp_path, r"a\.npz cannot be read: it is damaged, or holds pickled objects, which are never read")


def test_a_pickled_array_of_its_own_is_never_read(tmp_path):
    write(tmp_path / "a", "npy", ids=["a", "b"])
    np.save(tmp_path / "a.texts.npy", np.array([Trap(), 1], object), allow_pickle=True)
    refused(tmp_path, r"a\.ids\.npy cannot be read: .*pickled objects, which are never read")


THREE = {"ids": ["a", "b", "c"]}
FOUR = {"scores": np.ones((3, 3)), "captions": [["w", "x", "y", "z"]] * 3}
TWO = {"scores": np.ones((2, 2)), "captions": [["x", "y"]] * 2}
EMPTY = {"ids": pa.array([], pa.string()), "texts": pa.array([], pa.list_(pa.float32()))}


@pytest.mark.parametrize(
    ("form", "arrays", "said"),
    [
        ("npz", {"texts": np.ones((3, 2))}, "it has no ids of rows"),
        ("npz", {"ids": np.zeros(0, "U1"), "texts": np.ones((0, 2))}, "it has no ids of rows"),
        ("parquet", EMPTY, "it has no rows"),
        ("npz", {"ids": np.arange(3), "texts": np.ones((3, 2))}, r"ids must be text, one for each row, not \[0, 1"),
        ("npz", {"ids": np.array([b"a"]), "texts": np.ones((1, 2))}, r"ids must be text, .*, not \[b'a'\]"),
        ("npz", {"ids": np.array("a"), "texts": np.ones((1, 2))}, "ids must be text, one for each row, not a"),
        ("safetensors", {"ids": ["a", 1], "texts": np.ones((2, 2))}, r"ids must be text, .*, not \['a', 1\]"),
        ("parquet", {"ids": [1, 2], "texts": np.ones((2, 2))}, r"ids must be text, .*, not \[1, 2\]"),
        ("npz", THREE | {"texts": np.ones((2, 4))}, r"texts must be numbers of shape \(3, d\), .* of shape \(2, 4\)"),
        ("npz", THREE | {"texts": np.ones(3)}, r"texts must be numbers .* of shape \(3,\)"),
        ("npz", THREE | {"texts": np.array([["x"]] * 3)}, r"texts must be numbers .*, not <U1"),
        ("npz", THREE | {"texts": np.ones((3, 2), complex)}, r"texts must be numbers .*, not complex128"),
        ("parquet", THREE | {"texts": [[1.0], [1.0, 2.0], [1.0]]}, r"texts must be lists of one length, not of \[1, 2"),
        ("parquet", THREE | {"texts": [["x"], ["y"], ["z"]]}, r"texts must be numbers .*, not object"),
        ("npz", THREE | {"scores": np.ones((3, 2))}, "it has scores and no captions, the text that each is of"),
        ("npz", THREE | FOUR, r"of one shape \(3, captions\)"),
        ("npz", THREE | TWO, r"of one shape \(3, captions\)"),
        ("npz", THREE | {"scores": np.ones(3), "captions": ["x", "y", "z"]}, r"of one shape \(3, captions\)"),
        ("npz", THREE | {"scores": [["1"]] * 3, "captions": [["x"]] * 3}, "scores must be numbers"),
        ("npz", THREE | {"scores": [[1.0]] * 3, "captions": [[7]] * 3}, "captions must be text"),
        ("parquet", THREE | {"scores": [[1.0], [None], [2.0]], "captions": [["x"]] * 3}, "scores must be numbers"),
        ("safetensors", THREE | {"scores": np.ones((3, 1)), "captions": {"a": 1}}, r"of one shape \(3, captions\)"),
    ],
)
def test_arrays_that_do_not_go_together_are_named(tmp_path, form, arrays, said):
    write(tmp_path / "a", form, **arrays)
    refused(tmp_path, rf"a\.{form} cannot be read: .*{said}", "scores" if "scores" in arrays else "texts")


def test_half_precision_that_numpy_does_not_know_is_said(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"texts": torch.ones(1, 2, dtype=torch.bfloat16)}, tmp_path / "a.safetensors", {"ids": '["a"]'})
    refused(tmp_path, r"a\.safetensors cannot be read: .*bfloat16.*; write it again, numbers as float32")


@pytest.mark.parametrize("name", ["a.pt", "a.csv", "a"])
def test_a_file_of_another_format_is_refused(tmp_path, name):
    write(tmp_path / "b", "npz", ids=["a"], texts=np.ones((1, 2)))
    (tmp_path / name).write_bytes(b"x")
    refused(tmp_path, f"{name} is of no known format; known: .npz, .npy, .safetensors, .parquet")
    refused(tmp_path / name, f"{name} is of no known format")


def test_an_array_without_its_ids_or_without_its_folder_is_refused(tmp_path):
    write(tmp_path / "a", "npy", ids=["a"], texts=np.ones((1, 2)))
    refused(tmp_path / "a.texts.npy", r"a\.texts\.npy needs a\.ids\.npy beside it, and their folder as source")
    (tmp_path / "a.ids.npy").unlink()
    refused(tmp_path, r"a\.texts\.npy needs a\.ids\.npy beside it")
