"""A timed block, and the decorator made of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from time import perf_counter
from types import TracebackType
from typing import Any, TypeVar

from kit.monitor.operation import Operation

Function = TypeVar("Function", bound=Callable[..., Any])


class Measurement:
    """One timed block, or a decorator that times each call."""

    __slots__ = ("_operation", "_started")

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._operation.record(perf_counter() - self._started, kind is None)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Function) -> Function:
        """Return the function, each of its calls timed."""
        operation = self._operation
        if iscoroutinefunction(function):

            @wraps(function)
            async def timed_async(*args: Any, **kwargs: Any) -> Any:
                with Measurement(operation):
                    return await function(*args, **kwargs)

            return timed_async  # type: ignore[return-value]  # wraps keeps the signature

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with Measurement(operation):
                return function(*args, **kwargs)

        return timed  # type: ignore[return-value]  # wraps keeps the signature
