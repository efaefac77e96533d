"""A timed block, and the decorator made of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from time import perf_counter
from types import TracebackType
from typing import Any, TypeVar

from kit.errors import KitError
from kit.monitor.generators import timed_async_generator, timed_generator
from kit.monitor.operation import Operation

Function = TypeVar("Function", bound=Callable[..., Any])


class Measurement:
    """One timed block, or a decorator that times each call."""

    __slots__ = ("_operation", "_started")

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._started = 0.0  # while no block runs

    def __enter__(self) -> None:
        if self._started:
            raise KitError(
                "One measurement cannot time two blocks at once",
                self._operation.name,
                "Ask monitor.measure(name) anew for each block.",
            )
        self._started = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took = perf_counter() - self._started
        self._started = 0.0
        # a generator that is closed early inside its block has not failed
        self._operation.record(took, kind is None or kind is GeneratorExit)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Function) -> Function:
        """Return the function, each of its calls timed until its work is done.

        A coroutine is timed until it returns. A generator, sync or async, is one execution: the time
        spent in its own code from the first item to the last, without what its consumer does between.

        Raises
        ------
        KitError
            A class, a ``staticmethod`` or a ``classmethod`` object, or nothing that can be called.
        """
        if not callable(function) or isinstance(function, type | staticmethod):
            raise KitError(
                "Only a function can be measured",
                function,
                "Decorate functions and methods, below @staticmethod or @classmethod, or measure a block.",
            )
        return wraps(function)(_timed(function, self._operation))  # type: ignore[return-value]  # wraps keeps the signature


def is_kind(test: Callable[[object], bool], function: Callable[..., Any]) -> bool:
    """Apply a test of `inspect` to a function, a partial of one, or an object with such a ``__call__``."""
    while isinstance(function, partial):
        function = function.func
    return test(function) or test(type(function).__call__)


def _timed(function: Callable[..., Any], operation: Operation) -> Callable[..., Any]:
    """Wrap a function in one of its own kind."""
    if is_kind(isgeneratorfunction, function):
        return timed_generator(function, operation)
    if is_kind(isasyncgenfunction, function):
        return timed_async_generator(function, operation)
    if is_kind(iscoroutinefunction, function):

        async def timed_coroutine(*args: Any, **kwargs: Any) -> Any:
            with Measurement(operation):
                return await function(*args, **kwargs)

        return timed_coroutine

    def timed(*args: Any, **kwargs: Any) -> Any:
        with Measurement(operation):
            return function(*args, **kwargs)

    return timed
