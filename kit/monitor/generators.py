"""Generators timed as one execution each, by the time spent in their own code."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from time import perf_counter
from typing import Any

from kit.monitor.operation import Operation


class _Clock:
    """Adds up the seconds of its blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += perf_counter() - self._started


def timed_generator(
    function: Callable[..., Generator[Any, Any, Any]], operation: Operation
) -> Callable[..., Generator[Any, Any, Any]]:
    """Return the generator function, each generator recorded when it ends, fails or is closed."""

    def timed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator, clock, success = function(*args, **kwargs), _Clock(), False
        step = partial(generator.send, None)
        try:
            while True:
                with clock:
                    item = step()
                try:
                    step = partial(generator.send, (yield item))
                except GeneratorExit:  # the consumer has enough
                    with clock:
                        generator.close()
                    success = True
                    raise
                except BaseException as error:  # noqa: BLE001  thrown in: the generator's to answer
                    step = partial(generator.throw, error)
        except StopIteration as end:
            success = True
            return end.value
        finally:
            operation.record(clock.seconds, success)

    return timed


def timed_async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], operation: Operation
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Return the asynchronous generator function, timed like a generator; its awaiting counts."""

    async def timed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator, clock, success = function(*args, **kwargs), _Clock(), False
        step = generator.asend(None)
        try:
            while True:
                with clock:
                    item = await step
                try:
                    step = generator.asend((yield item))
                except GeneratorExit:  # the consumer has enough
                    with clock:
                        await generator.aclose()
                    success = True
                    raise
                except BaseException as error:  # noqa: BLE001  thrown in: the generator's to answer
                    step = generator.athrow(error)
        except StopAsyncIteration:
            success = True
        finally:
            operation.record(clock.seconds, success)

    return timed
