"""Timed blocks and functions of every kind."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from kit.errors import KitError
from kit.monitor import PerformanceMonitor
from kit.parallel import ConcurrentProcessor, ProcessingTask


def test_measures_a_block_and_what_is_nested_in_it():
    """Nested blocks are timed each for itself, the outer one including the inner ones."""
    monitor = PerformanceMonitor()
    with monitor.measure("outer"):
        for _ in range(2):
            with monitor.measure("inner"):
                time.sleep(0.01)
    outer, inner = monitor.get_metrics("outer"), monitor.get_metrics("inner")
    assert (outer.calls, inner.calls) == (1, 2)
    assert outer.min_time >= 2 * inner.min_time >= 0.02


def test_counts_an_exception_and_raises_it_again():
    """An exception passes through unchanged and counts as an error."""
    monitor = PerformanceMonitor()
    with pytest.raises(ZeroDivisionError), monitor.measure("division"):
        1 / 0  # noqa: B018  the point of it
    assert monitor.get_metrics("division").errors == 1
    assert monitor.get_metrics("division").success_rate == 0


def test_decorates_functions_of_both_kinds():
    """A decorated function keeps its name and value, is timed per call, sync or async, recursion included."""
    monitor = PerformanceMonitor()

    @monitor.measure("factorial")
    def factorial(n):
        """Multiply."""
        return n * factorial(n - 1) if n else 1

    @monitor.measure("nap")
    async def nap():
        await asyncio.sleep(0.02)
        return "rested"

    async def block():
        async with monitor.measure("async block"):
            await asyncio.sleep(0.02)

    assert factorial(3) == 6
    assert (factorial.__name__, factorial.__doc__) == ("factorial", "Multiply.")
    assert asyncio.run(nap()) == "rested"
    asyncio.run(block())
    assert monitor.get_metrics("factorial").calls == 4
    assert monitor.get_metrics("nap").min_time >= 0.02
    assert monitor.get_metrics("async block").min_time >= 0.02


def test_overlapping_coroutines_are_timed_apart():
    """Two calls of one coroutine at the same time are two samples, each with its own time."""
    monitor = PerformanceMonitor()

    @monitor.measure("nap")
    async def nap(done, other):
        if other is not None:
            await other.wait()
            await asyncio.sleep(0.1)
        done.set()

    async def both():
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(nap(first, second), nap(second, None))

    asyncio.run(both())
    metrics = monitor.get_metrics("nap")
    assert metrics.calls == 2
    assert metrics.max_time >= metrics.min_time + 0.1


class _Sync:
    """An object that is called like a function."""

    def __call__(self):
        time.sleep(0.02)
        return "rested"


class _Async:
    """An object whose call is a coroutine."""

    async def __call__(self):
        await asyncio.sleep(0.02)
        return "rested"


@pytest.mark.parametrize("wrap", [lambda nap: nap, partial], ids=["itself", "partial"])
@pytest.mark.parametrize("nap", [_Sync(), _Async()], ids=["sync", "async"])
def test_callable_objects_are_timed_until_they_are_done(nap, wrap):
    """An object's call is timed to its end, awaited or not, and through a partial."""
    monitor = PerformanceMonitor()
    timed = monitor.measure("nap")(wrap(nap))
    assert (asyncio.run(timed()) if isinstance(nap, _Async) else timed()) == "rested"
    assert monitor.get_metrics("nap").min_time >= 0.02


def test_methods_of_every_kind_are_timed():
    """A decorator in a class keeps `self`, below @staticmethod and @classmethod too."""
    monitor = PerformanceMonitor()

    class Desk:
        @monitor.measure("method")
        def method(self):
            return self

        @staticmethod
        @monitor.measure("static")
        def static():
            return "static"

        @classmethod
        @monitor.measure("class")
        def of_class(cls):
            return cls

        @monitor.measure("generator")
        def generator(self):
            yield self

    desk = Desk()
    assert (desk.method(), desk.static(), desk.of_class(), [*desk.generator()]) == (
        desk,
        "static",
        Desk,
        [desk],
    )
    assert monitor.get_summary()["calls"] == 4


@pytest.mark.parametrize("thing", [None, 5, dict, staticmethod(len), classmethod(len)])
def test_only_functions_can_be_decorated(thing):
    """A class, or what cannot be called, is refused where it is decorated."""
    with pytest.raises(KitError, match="Only a function") as refused:
        PerformanceMonitor().measure("thing")(thing)
    assert refused.value.value is thing


def test_one_measurement_times_one_block_at_a_time():
    """A measurement can be kept and used again, and refuses a second block inside its first."""
    monitor = PerformanceMonitor()
    kept = monitor.measure("kept")
    for _ in range(2):
        with kept:
            time.sleep(0.01)
    with kept, pytest.raises(KitError, match="anew"), kept:
        pass
    metrics = monitor.get_metrics("kept")
    assert (metrics.calls, metrics.errors) == (3, 0)
    assert metrics.median >= 0.01


def test_a_block_in_a_generator_that_is_closed_early_has_not_failed():
    """Closing a generator inside its measured block is no error of the block."""
    monitor = PerformanceMonitor()

    def numbers():
        with monitor.measure("numbers"):
            yield 1

    numbers_once = numbers()
    next(numbers_once)
    numbers_once.close()
    assert monitor.get_metrics("numbers").success_rate == 100


def test_a_measured_function_can_be_sent_to_a_worker():
    """Decorated, or measuring inside, a closure works in a process and leaves the samples of the caller."""
    monitor = PerformanceMonitor()
    monitor.add_alert_callback(lambda _: None)

    @monitor.measure("decorated")
    def decorated(level):
        with monitor.measure("inside"):
            return level + 1

    decorated(1)
    task = ProcessingTask("one", decorated, (41,))
    with ConcurrentProcessor(max_workers=1, backend="processes") as processor:
        processor.submit_task(task)
        assert processor.get_result("one", timeout=60) == 42
    assert (monitor.get_metrics("decorated").calls, monitor.get_metrics("inside").calls) == (1, 1)
