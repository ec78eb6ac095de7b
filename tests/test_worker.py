"""What the far end of family `process` says and understands; families/test_process has it as a process."""

from __future__ import annotations

import ast
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors import safe_open
from safetensors.numpy import load, save

from harness import worker

SHAPES = array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)
ARRAYS = st.lists(arrays(np.float32, SHAPES) | arrays(np.uint8, SHAPES), max_size=4).map(
    lambda many: {str(i): array for i, array in enumerate(many)}
)
WORDS = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)
MESSAGES = st.dictionaries(st.text(max_size=5), WORDS, max_size=3)


def same(got, expected):
    assert list(got) == list(expected)
    for name, array in expected.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)


@given(MESSAGES, ARRAYS)
@settings(deadline=None, max_examples=40)
def test_what_is_packed_is_read_by_safetensors(tmp_path_factory, message, many):
    file = tmp_path_factory.getbasetemp() / "packed.safetensors"
    file.write_bytes(worker.pack(message, many))
    with safe_open(file, framework="numpy") as opened:
        assert json.loads(opened.metadata()["message"]) == message
    same(dict(sorted(load(file.read_bytes()).items())), many)


@given(MESSAGES, ARRAYS)
@settings(deadline=None, max_examples=40)
def test_what_safetensors_saves_is_unpacked(message, many):
    got, unpacked = worker.unpack(save(many, metadata={"message": json.dumps(message)}))
    assert got == message
    same(dict(sorted(unpacked.items())), many)


def test_messages_follow_each_other_on_one_stream_and_its_end_is_noticed():
    stream = io.BytesIO()
    worker.send(stream, {"ask": "one"}, {"0": np.ones((2, 3), np.float32)})
    worker.send(stream, {"ask": "two"}, {})
    whole = stream.getvalue()
    stream.seek(0)
    message, got = worker.receive(stream)
    got["0"][0, 0] = 5  # what was received may be written to
    assert (message, got["0"].tolist()) == ({"ask": "one"}, [[5, 1, 1], [1, 1, 1]])
    assert worker.receive(stream) == ({"ask": "two"}, {})
    with pytest.raises(EOFError):
        worker.receive(stream)
    with pytest.raises(EOFError):
        worker.receive(io.BytesIO(whole[:-1][len(whole) // 2 :][:4]))


HEADER = json.dumps({"__metadata__": {"message": "{}"}, "0": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})


def blob(header: str, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header.encode() + data


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"Loading checkpoint shards: 100%",
        blob("[]"),
        blob("{}"),
        blob('{"__metadata__": {"message": "[1]"}}'),
        blob('{"__metadata__": {"message": "{"}}'),
        blob(HEADER, b"1234"),
        blob(HEADER.replace("[2]", "[3]"), b"12345678"),
        blob(HEADER.replace("F32", "F64"), b"12345678"),
    ],
)
def test_what_is_no_message_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        worker.unpack(wrong)
    assert worker.unpack(blob(HEADER, b"12345678"))[1]["0"].shape == (2,)


def test_text_is_not_waited_for_as_a_message():
    with pytest.raises(ValueError, match="its length would be"):
        worker.receive(io.BytesIO(b"Some weights were not used\n"))


@pytest.mark.parametrize("file", [Path(worker.__file__), Path(__file__).parents[1] / "examples/colours/worker.py"])
def test_it_is_python_3_8_with_numpy_alone(file):
    tree = ast.parse(file.read_text(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {*sys.stdlib_module_names, "numpy"}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [call for call in calls for key in call.keywords if key.arg == "strict"]  # zip has it since 3.10
