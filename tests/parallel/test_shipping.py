"""How tasks and what they share reach the workers."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import TaskFailed
from kit.parallel import ConcurrentProcessor, ProcessingTask
from kit.parallel.packing import Scope, pack
from kit.parallel.shared import SharedObjects


@pytest.fixture
def frame() -> pd.DataFrame:
    """Return 8 MB of numbers with a text column."""
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(100_000, 10)), columns=list("abcdefghij"))
    return table.assign(right=["CE", "PE"] * 50_000)


@pytest.fixture
def objects(tmp_path: Path) -> SharedObjects:
    """Return an empty folder of shared objects."""
    return SharedObjects(tmp_path)


def size(objects: SharedObjects) -> int:
    """Return the bytes in a folder of shared objects."""
    return sum(file.stat().st_size for file in objects.folder.iterdir())


def test_what_a_notebook_defines_travels(processes):
    """Lambdas, closures, and classes and functions that no module holds work as operations and results."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\n"
        "class Idea:\n"
        "    width: int\n"
        "    def __call__(self, spot):\n"
        "        return Idea(self.width + helper(spot))\n"
        "def helper(spot):\n"
        "    return spot * 2\n",
        namespace,
    )
    factor = 3
    results = processes.run(
        [
            ProcessingTask("lambda", lambda x: x + 1, (1,)),
            ProcessingTask("closure", lambda x: x * factor, (2,)),
            ProcessingTask("object", namespace["Idea"](10), (5,)),
        ]
    )
    assert [result.value for result in results[:2]] == [2, 6]
    assert results[2].value == namespace["Idea"](20)


def test_a_global_changed_between_submissions_is_seen(processes):
    """A function that is submitted again after a name it uses has changed runs with the new value."""
    namespace = {"__name__": "__main__", "STRIKE": 1}
    exec("def read():\n    return STRIKE\n", namespace)
    values = []
    for strike in (100, 200):
        namespace["STRIKE"] = strike
        processes.submit_task(ProcessingTask(f"s{strike}", namespace["read"]))
        values.append(processes.get_result(f"s{strike}", timeout=20))
        (again,) = processes.run([ProcessingTask(f"r{strike}", namespace["read"])])
        values.append(again.value)
    assert values == [100, 100, 200, 200]


def test_a_shared_frame_is_shipped_once(objects, frame):
    """Fifty tasks on one frame put it on the objects once and send messages of a few hundred bytes."""
    scope = Scope(objects)
    payloads = [
        pack(n, ProcessingTask(f"t{n}", len, (frame,), {"n": n}), 0, objects, scope) for n in range(50)
    ]
    assert size(objects) < 1.2 * frame.memory_usage(deep=True).sum()
    assert max(len(payload.message) for payload in payloads) < 1000


def test_a_frame_changed_between_submissions_is_shipped_again(processes, frame):
    """A task sees the frame as it was when the task was submitted."""

    def first(table):
        return table["a"].iloc[0]

    seen = []
    for value in (1.0, 2.0, 3.0):
        frame.loc[0, "a"] = value
        processes.submit_task(ProcessingTask(f"t{value}", first, (frame,)))
        frame.loc[0, "a"] = -1.0
        seen.append(processes.get_result(f"t{value}", timeout=20))
    assert seen == [1.0, 2.0, 3.0]


def test_a_task_may_change_its_frame_without_harm(processes, frame):
    """A task that writes into what tasks share changes nothing for the next task or the caller."""

    def spoil(table, inside):
        before = table["a"].iloc[0], inside["array"][0], inside["table"]["a"].iloc[0]
        table.iloc[0, 0] = inside["array"][0] = inside["table"].iloc[0, 0] = 99.0
        table["b"] = 0.0
        return *before, table["b"].iloc[5]

    original, array = frame.copy(), np.ones(10_000)
    args = (frame, {"array": array, "table": frame})
    results = processes.run([ProcessingTask(f"t{n}", spoil, args) for n in range(6)])
    first = original["a"].iloc[0]
    assert {result.value for result in results} == {(first, 1.0, first, 0.0)}
    pd.testing.assert_frame_equal(frame, original)
    assert array[0] == 1.0


def test_every_kind_of_column_arrives_whole(processes, frame):
    """Numbers, text, times with a zone and gaps arrive as they left, alone or inside another object."""
    frame["when"] = pd.date_range("2026-11-23 09:15", periods=len(frame), freq="s", tz="Asia/Kolkata")
    frame["gaps"] = pd.array([1, None] * 50_000, dtype="Int64")
    arrived, inside = processes.run(
        [
            ProcessingTask("alone", lambda table: table, (frame,)),
            ProcessingTask("in", dict, (), {"x": [frame]}),
        ]
    )
    pd.testing.assert_frame_equal(arrived.value, frame)
    pd.testing.assert_frame_equal(inside.value["x"][0], frame)


def test_large_arrays_and_snapshots_arrive_whole(processes):
    """Shared arrays and objects that hold frames arrive equal, with every task of a run."""
    array = np.random.default_rng(2).normal(size=(500, 500))
    thing = {"spot": 1.0, "names": [f"strike {n}" for n in range(2000)], "array": array}
    results = processes.run(
        [ProcessingTask(f"t{n}", lambda a, t: (a.sum(), t), (array, thing)) for n in range(8)]
    )
    for result in results:
        total, back = result.value
        assert total == array.sum()
        assert back["names"] == thing["names"]
        np.testing.assert_array_equal(back["array"], array)


def test_what_cannot_travel_fails_alone(processes):
    """An argument or result that cannot be pickled fails its own task with an explanation."""
    results = processes.run(
        [
            ProcessingTask("argument", len, (sys._getframe(),)),
            ProcessingTask("result", sys._getframe),
            ProcessingTask("fine", lambda: 1),
        ]
    )
    assert [result.status for result in results] == ["failed", "failed", "completed"]
    assert all(
        isinstance(result.error, TaskFailed) and "pickle" in str(result.error) for result in results[:2]
    )


def test_one_shot_files_go_with_their_task(tmp_path, monkeypatch, eventually):
    """A long message that only one task needs leaves the folder when the task has ended."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with ConcurrentProcessor(2) as processor:
        for number in range(5):
            processor.submit_task(ProcessingTask(f"t{number}", len, (bytes(100_000),)))
        assert {result.value for result in processor.wait_for_results(timeout=20).values()} <= {100_000}
        assert any(tmp_path.glob("*/owner"))
        eventually(lambda: not [*tmp_path.glob("*/*.obj")])


def test_thread_pools_do_not_oversubscribe(processes):
    """BLAS, OpenMP and numba in a worker may use cores over workers, at least one."""

    def limits():
        return {
            name: os.environ.get(name)
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
        }

    (result,) = processes.run([ProcessingTask("limits", limits)])
    expected = str(max(1, (os.cpu_count() or 1) // 2))
    assert result.value == {name: os.environ.get(name, expected) for name in result.value}


def test_what_dask_leaves_in_the_environment_slows_no_worker(monkeypatch):
    """A cluster of this process sets a threshold under which glibc returns every array to the system."""
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    with ConcurrentProcessor(1) as processor:
        (result,) = processor.run([ProcessingTask("t", os.getenv, ("MALLOC_TRIM_THRESHOLD_",))])
    assert result.value is None


def test_a_folder_of_the_same_name_beside_the_caller_is_no_module(tmp_path, monkeypatch):
    """Workers import what their caller would: a folder `kit` where it happens to stand is not in the way."""
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "__init__.py").write_text("raise ImportError('another kit')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    with ConcurrentProcessor(1) as processor:
        assert processor.run([ProcessingTask("t", abs, (-2,))])[0].value == 2


def test_what_a_task_prints_does_not_disturb(processes):
    """Printing, and writing to standard output itself, leaves the results alone."""

    def noisy():
        sys.stdout.write("x" * 5000)
        os.write(1, b"y" * 5000)
        return 4

    assert [r.value for r in processes.run([ProcessingTask(f"t{n}", noisy) for n in range(3)])] == [4] * 3


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.dates(date(2000, 1, 1)) | st.datetimes(datetime(2000, 1, 1)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(values=st.lists(anything, min_size=1, max_size=8))
def test_values_survive_the_journey(values):
    """Whatever goes to a worker and back is equal to what left, each with its own task."""
    results = _pool().run([ProcessingTask(str(n), lambda x: x, (value,)) for n, value in enumerate(values)])
    assert [result.value for result in results] == values


_made: list[ConcurrentProcessor] = []


def _pool() -> ConcurrentProcessor:
    if not _made:
        _made.append(ConcurrentProcessor(2))
    return _made[0]


@pytest.fixture(scope="module", autouse=True)
def _closed():
    yield
    while _made:
        _made.pop().shutdown()


def test_a_generator_may_change_what_its_tasks_are_given(processes):
    """Each task of a generator gets what its arguments were when it was yielded."""

    def tasks():
        array, frame = np.zeros(10_000), pd.DataFrame({"a": np.zeros(10_000)})
        for number in range(5):
            array[:] = number
            frame.loc[:, "a"] = float(number)
            yield ProcessingTask(f"t{number}", lambda a, f: (a[0], f["a"].iloc[0]), (array, frame))

    assert [result.value for result in processes.run(tasks())] == [(n, n) for n in range(5)]
