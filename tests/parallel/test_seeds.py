"""Random numbers: each task has its own, whoever runs it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from kit.parallel import ConcurrentProcessor, ProcessingTask, task_rng


def draws(backend, workers, own_only=False):
    """Return the draws of 40 tasks."""
    operation = _own() if own_only else _draw()
    with ConcurrentProcessor(workers, backend=backend) as processor:
        results = processor.run([ProcessingTask(f"t{n}", operation, (n,)) for n in range(40)])
    return [result.value for result in results]


def _own():
    return lambda _: task_rng().normal(size=3).tolist()


def _draw():
    def operation(number):
        return number, task_rng().normal(size=3).tolist(), random.random(), np.random.normal()

    return operation


def test_one_worker_and_four_agree():
    """All generators give the same numbers bit for bit, serially and with one or four processes."""
    alone = draws("serial", 1)
    assert draws("processes", 1) == alone
    assert draws("processes", 4) == alone
    assert len({value[2] for value in alone}) == 40


def test_threads_agree_on_the_tasks_own_generator():
    """task_rng gives the same numbers in threads, where the global generators are shared."""
    assert draws("threads", 4, own_only=True) == draws("serial", 1, own_only=True)


def test_a_stated_seed_counts_and_the_base_matters():
    """Tasks of one seed agree, the processor's base changes the others, and a retry repeats its numbers."""

    def own():
        return task_rng().integers(2**60)

    with (
        ConcurrentProcessor(1, backend="serial", seed=1) as one,
        ConcurrentProcessor(1, backend="serial") as zero,
    ):
        same = [one.run([ProcessingTask(name, own, seed=5)])[0].value for name in "ab"]
        assert same[0] == same[1]
        assert one.run([ProcessingTask("c", own)])[0].value != zero.run([ProcessingTask("c", own)])[0].value


def test_serial_leaves_the_callers_generators_alone():
    """Tasks that run in the caller's thread put its global generators back."""
    random.seed(3)
    np.random.seed(3)
    state = random.getstate(), np.random.get_state()[1].tolist()
    draws("serial", 1)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == state


def test_outside_of_a_task_there_is_no_seed():
    """task_rng is for tasks."""
    with pytest.raises(LookupError):
        task_rng()


def test_tasks_without_an_id_are_seeded_by_their_number():
    """Two processors give the same numbers to tasks submitted in the same order."""

    def own(_market):
        return task_rng().integers(2**60)

    def found():
        with ConcurrentProcessor(1, backend="serial") as processor:
            return [processor.get_result(processor.submit_strategy_evaluation(own, None)) for _ in range(3)]

    assert found() == found()
