from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.batches import halving, out_of_memory, plan
from harness.errors import ModelError

LENGTHS = st.lists(st.integers(0, 50), max_size=40)


@given(LENGTHS, st.integers(1, 100), st.integers(0, 8))
def test_every_item_is_in_one_batch_and_every_batch_within_its_bounds(lengths, budget, most):
    batches = plan(lengths, budget, most)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
        assert most == 0 or len(batch) <= most


@given(LENGTHS, st.integers(1, 100))
def test_the_longest_come_first_and_equals_keep_their_order(lengths, budget):
    order = [i for batch in plan(lengths, budget) for i in batch]
    assert order == sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))


@given(LENGTHS, st.integers(1, 100), st.integers(0, 8))
def test_no_batch_is_cut_before_it_is_full(lengths, budget, most):
    batches = plan(lengths, budget, most)
    for batch in batches[:-1]:
        longest = max(lengths[batch[0]], 1)
        assert (len(batch) + 1) * longest > budget or len(batch) == most


class Memory:
    """A machine that takes at most `room` items at once, and remembers what it was given."""

    def __init__(self, room: int, error: Exception | None = None) -> None:
        self.room, self.asked = room, []
        self.error = error or RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    def __call__(self, batch):
        self.asked.append(len(batch))
        if len(batch) > self.room:
            raise self.error
        return list(batch)


@given(st.integers(1, 40), st.integers(1, 10))
def test_halving_answers_for_every_item_once_in_order(count, room):
    memory, halved = Memory(room), []
    answers = list(halving(list(range(count)), memory, halved))
    assert [item for answer in answers for item in answer] == list(range(count))
    assert halved == [size for size in memory.asked if size > room]


def test_a_batch_that_fits_is_run_once_and_nothing_is_recorded():
    memory, halved = Memory(8), []
    assert list(halving([1, 2, 3], memory, halved)) == [[1, 2, 3]]
    assert (memory.asked, halved) == ([3], [])


def test_a_single_item_that_does_not_fit_is_a_model_error():
    with pytest.raises(ModelError, match=r"out of memory on a single item: CUDA out of memory.*smaller dtype"):
        list(halving([1, 2], Memory(0), []))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    memory = Memory(1, ValueError("shape mismatch"))
    with pytest.raises(ValueError, match="shape mismatch"):
        list(halving([1, 2, 3, 4], memory, []))
    assert memory.asked == [4]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    ],
)
def test_lack_of_memory_is_known_in_the_words_of_every_device(error):
    assert out_of_memory(error)


def test_torchs_own_error_is_lack_of_memory_whatever_its_words():
    import torch

    assert out_of_memory(torch.OutOfMemoryError("allocation failed"))


def test_an_ordinary_error_is_not_lack_of_memory():
    assert not out_of_memory(RuntimeError("expected scalar type Half"))
    assert not out_of_memory(OSError(28, "No space left on device"))


def test_batches_are_planned_without_torch():
    code = "import sys; from harness import batches; batches.plan([1], 1); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode == 0
