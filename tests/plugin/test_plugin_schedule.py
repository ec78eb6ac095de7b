"""pytest-xdist: how many workers start, and which of them runs what."""

import os
import random
import sys
from types import SimpleNamespace

import pytest
from plugin_folder import Folder, control, pretend, said, text_suite

from harness.plugin.schedule import _model_scheduling

NOTE = (
    "from pretend.family import note; import os; "
    'note("test", "{suite}", model.spec.name, os.environ.get("PYTEST_XDIST_WORKER", "main"))'
)
SIZES = {"small": 1, "largest": 5, "large": 3, "none": 0}


def noted_suite(name: str) -> str:
    return text_suite(name, [name], body=NOTE.format(suite=name))


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "two"])
def scheduled(request, tmp_path_factory):
    """Four models, three suites; an ordinary test beside them."""
    folder = Folder(
        tmp_path_factory.mktemp("scheduled"),
        [pretend(name, vram_gb=size) for name, size in SIZES.items()],
        **{name: noted_suite(name) for name in ("one", "two", "three")},
    )
    folder.write("test_zz_ordinary.py", "def test_ordinary():\n    pass\n")
    done = folder.pytest(n=request.param)
    done.assert_outcomes(passed=13)
    assert done.ret == 0, said(done)
    return folder, request.param


def test_all_tests_of_a_model_run_on_one_worker(scheduled):
    folder, n = scheduled
    workers = {name: {worker for _, model, worker in folder.log("test") if model == name} for name in SIZES}
    assert all(len(found) == 1 for found in workers.values())
    assert len(set.union(*workers.values())) == (n or 1)


def test_each_model_is_loaded_once(scheduled):
    folder, _ = scheduled
    assert sorted(name for name, _ in folder.log("load")) == sorted(SIZES)


def test_the_biggest_model_goes_first(scheduled):
    folder, n = scheduled
    order = [name for name, _ in folder.log("load")]
    if n:  # both begin with a big one
        assert set(order[:2]) == {"largest", "large"}
    else:
        assert order == ["largest", "large", "small", "none"]


def test_each_text_is_embedded_once_for_each_model(scheduled):
    folder, _ = scheduled
    assert sorted(folder.log("text")) == sorted([name, text] for name in SIZES for text in ("one", "two", "three"))


# --- killed workers, every order of events being possible ---------------------------------------


class Worker:
    """What xdist's worker does with its tests: it holds the last back until told that no more will come."""

    def __init__(self, name: str, collection: list[str]) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.collection, self.queue, self.shutting_down = collection, [], False

    def send_runtest_some(self, indices: list[int]) -> None:
        assert not self.shutting_down
        self.queue += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    def can_run(self) -> bool:
        return len(self.queue) > 1 or (self.shutting_down and bool(self.queue))


def play(seed: int) -> None:
    """One run, in a random order of events; tests of the list `deadly` kill their worker, whoever that is."""
    rng = random.Random(seed)
    models = [f"m{i}" for i in range(rng.randint(1, 5))]
    tests = [f"test_{suite}[{model}]" for model in models for suite in range(rng.randint(1, 4))] + ["test_ordinary"]
    deadly = set(rng.sample(tests, rng.randint(0, min(4, len(tests)))))
    count = rng.randint(1, 3)
    config = SimpleNamespace(getvalue=lambda _: [f"{count}*popen"], option=SimpleNamespace(loadscopereorder=False))
    scheduling = _model_scheduling(config, None, set(models))
    workers = [Worker(f"gw{i}", tests) for i in range(count)]
    for worker in workers:
        scheduling.add_node(worker)
    for worker in workers:
        scheduling.add_node_collection(worker, tests)
    scheduling.schedule()
    done, collecting = [], []
    while True:
        ready = [worker for worker in scheduling.nodes if worker.can_run()]
        assert all(worker in ready for worker in scheduling.nodes if worker.queue), "a worker waits for the others"
        if not ready + collecting:
            break
        worker = rng.choice(ready + collecting)
        if worker in collecting:
            collecting.remove(worker)
            scheduling.add_node_collection(worker, tests)
            scheduling.schedule()
            continue
        index = worker.queue.pop(0)
        assert tests[index] not in done, "run twice"
        done.append(tests[index])
        if tests[index] not in deadly:
            scheduling.mark_test_complete(worker, index)
            continue
        assert scheduling.remove_node(worker) == tests[index], "the test that killed its worker is the one named"
        replacement = Worker(f"gw{count + len(done)}", tests)
        scheduling.add_node(replacement)
        collecting.append(replacement)
    assert set(done) == set(tests), "every test is run, the deadly ones too"


@pytest.mark.parametrize("block", range(5))
def test_killed_workers_make_no_test_run_twice_or_never(block):
    for seed in range(100 * block, 100 * (block + 1)):
        play(seed)


# --- who chooses the scheduler -----------------------------------------------------------------

SPY = """
    import pytest

    class Spy:
        @pytest.hookimpl(wrapper=True)
        def pytest_xdist_make_scheduler(self, config, log):
            made = yield
            print(f"scheduler: {type(made).__name__}")
            return made

    def pytest_configure(config):
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(Spy())
"""


@pytest.mark.parametrize(
    ("words", "scheduler"),
    [
        ([], "ModelScheduling"),
        (["--dist", "worksteal"], "WorkStealingScheduling"),
    ],
)
def test_a_dist_chosen_by_the_user_is_left_alone(folder, words, scheduler):
    made = folder([control("constant")], texts=text_suite("texts", ["one"]))
    made.write("conftest.py", SPY)
    done = made.pytest(*words, "-s", n=2)
    assert done.ret == 0
    assert [line for line in done.outlines if line.startswith("scheduler: ")] == [f"scheduler: {scheduler}"]


# --- how many workers -n auto means ------------------------------------------------------------


@pytest.fixture(scope="module")
def gpu_box(tmp_path_factory):
    """A folder with three models, and a machine that says it has three GPUs."""
    folder = Folder(
        tmp_path_factory.mktemp("gpus"),
        [control(kind) for kind in ("constant", "random", "position-biased")],
        texts=text_suite("texts", ["one"]),
    )
    smi = folder.write("bin/nvidia-smi", "#!/bin/sh\necho GPU-aaaa\necho GPU-bbbb\necho GPU-cccc\n")
    smi.chmod(0o755)
    return folder


def workers(folder, env, *words):
    path = f"{folder.path / 'bin'}:{os.environ['PATH']}"
    done = folder.pytest("-k", "constant", *words, n="auto", env={"PATH": path, **env})
    assert done.ret == 0, said(done)
    (line,) = [line for line in done.outlines if line.startswith("created: ")]
    return int(line.removeprefix("created: ").partition("/")[0])


@pytest.mark.parametrize(
    ("env", "count"),
    [
        ({}, 3),
        ({"CUDA_VISIBLE_DEVICES": "2"}, 1),
        ({"PYTEST_XDIST_AUTO_NUM_WORKERS": "2"}, 2),
    ],
    ids=["every GPU", "one visible", "environment"],
)
def test_auto_means_a_worker_for_each_visible_gpu_unless_the_environment_says_otherwise(gpu_box, env, count):
    assert workers(gpu_box, env) == count


def test_auto_starts_no_more_workers_than_models(gpu_box):
    assert workers(gpu_box, {}, "--models", "constant") == 1


def test_an_ordinary_repository_on_a_gpu_box_keeps_its_workers(gpu_box, tmp_path):
    folder = Folder.__new__(Folder)
    folder.path = tmp_path
    folder.write("test_it.py", "def test_constant():\n    pass\n")
    env = {"PATH": f"{gpu_box.path / 'bin'}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "pytest", "-n", "auto", "-p", "xdist"]
    done = [folder.run([*command, *words], env) for words in ([], ["-p", "harness.plugin"])]
    created = [[line for line in run.outlines if line.startswith("created: ")] for run in done]
    assert created[0] == created[1] != []
