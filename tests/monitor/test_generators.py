"""Generators of both kinds, timed as one execution by what they themselves did."""

from __future__ import annotations

import asyncio
import inspect
import time
from contextlib import aclosing, asynccontextmanager, contextmanager

import pytest

from kit.monitor import PerformanceMonitor


def _numbers(monitor):
    """Make a measured generator that naps before each of three numbers, answers what it is sent."""

    @monitor.measure("numbers")
    def numbers():
        total = 0
        for number in range(3):
            time.sleep(0.01)
            total += (yield number) or 0
        return total

    return numbers


def _async_numbers(monitor):
    """Make the same as an asynchronous generator."""

    @monitor.measure("numbers")
    async def numbers():
        total = 0
        for number in range(3):
            await asyncio.sleep(0.01)
            total += (yield number + total) or 0

    return numbers


def test_a_generator_is_timed_over_its_whole_iteration():
    """One iteration is one execution of all its naps; what the consumer does between is not its time."""
    monitor = PerformanceMonitor()
    numbers = _numbers(monitor)
    assert inspect.isgeneratorfunction(numbers)
    started = time.perf_counter()
    for _ in numbers():
        time.sleep(0.1)
    total_s = time.perf_counter() - started
    metrics = monitor.get_metrics("numbers")
    assert (metrics.calls, metrics.errors) == (1, 0)
    assert 0.03 <= metrics.max_time <= total_s - 0.3


def test_an_async_generator_is_timed_over_its_whole_iteration():
    """Its awaiting counts, its consumer's does not."""
    monitor = PerformanceMonitor()
    numbers = _async_numbers(monitor)
    assert inspect.isasyncgenfunction(numbers)

    async def consume():
        async for _ in numbers():
            await asyncio.sleep(0.1)

    started = time.perf_counter()
    asyncio.run(consume())
    total_s = time.perf_counter() - started
    metrics = monitor.get_metrics("numbers")
    assert (metrics.calls, metrics.errors) == (1, 0)
    assert 0.03 <= metrics.max_time <= total_s - 0.3


def test_a_measured_generator_is_sent_to_and_returns_as_before():
    """What is sent reaches the generator, and its value comes back."""

    def consume(numbers):
        generator = numbers()
        assert [next(generator), generator.send(10), generator.send(20)] == [0, 1, 2]
        with pytest.raises(StopIteration) as end:
            generator.send(30)
        return end.value.value

    assert consume(_numbers(PerformanceMonitor())) == 60

    async def consume_async(numbers):
        async with aclosing(numbers()) as generator:
            return [await anext(generator), await generator.asend(10), await generator.asend(20)]

    assert asyncio.run(consume_async(_async_numbers(PerformanceMonitor()))) == [0, 11, 32]


def test_a_generator_that_its_consumer_leaves_early_has_not_failed():
    """Leaving the loop ends the execution, runs the generator's own clean-up, and is no error."""
    monitor, closed = PerformanceMonitor(), []

    @monitor.measure("endless")
    def endless():
        try:
            while True:
                yield
        finally:
            closed.append("sync")

    @monitor.measure("endless")
    async def endless_async():
        try:
            while True:
                yield
        finally:
            await asyncio.sleep(0)
            closed.append("async")

    async def leave():
        async for _ in endless_async():
            break
        while len(closed) < 2:  # the loop closes it on its own
            await asyncio.sleep(0.01)

    for _ in endless():
        break
    asyncio.run(leave())
    assert closed == ["sync", "async"]
    assert (monitor.get_metrics("endless").calls, monitor.get_metrics("endless").errors) == (2, 0)


def test_a_generator_that_raises_has_failed():
    """Its exception passes through unchanged and counts as an error."""
    monitor = PerformanceMonitor()

    @monitor.measure("broken")
    def broken():
        yield 1
        raise ZeroDivisionError

    @monitor.measure("broken")
    async def broken_async():
        yield 1
        raise ZeroDivisionError

    async def consume():
        return [item async for item in broken_async()]

    with pytest.raises(ZeroDivisionError):
        [*broken()]
    with pytest.raises(ZeroDivisionError):
        asyncio.run(consume())
    assert monitor.get_metrics("broken").errors == 2


def test_a_measured_generator_makes_a_context_manager():
    """The exception of the block is thrown into the generator, which may answer it."""
    monitor, seen = PerformanceMonitor(), []

    @contextmanager
    @monitor.measure("guard")
    def guard():
        try:
            yield
        except ValueError:
            seen.append("sync")

    @asynccontextmanager
    @monitor.measure("guard")
    async def guard_async():
        try:
            yield
        except ValueError:
            seen.append("async")

    async def use():
        async with guard_async():
            raise ValueError

    with guard():
        raise ValueError
    asyncio.run(use())
    assert seen == ["sync", "async"]
    assert monitor.get_metrics("guard").success_rate == 100


def test_a_cancelled_async_generator_has_failed():
    """A time-out that ends the awaiting inside is an error, and passes through."""
    monitor = PerformanceMonitor()

    @monitor.measure("stuck")
    async def stuck():
        yield 1
        await asyncio.sleep(60)

    async def consume():
        async with asyncio.timeout(0.05):
            async for _ in stuck():
                pass

    with pytest.raises(TimeoutError):
        asyncio.run(consume())
    assert (monitor.get_metrics("stuck").calls, monitor.get_metrics("stuck").errors) == (1, 1)
