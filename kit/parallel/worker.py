"""The worker process: reads tasks, runs one at a time, sends back what came of each.

Both travel over pipes, each with its length in front.
It imports the standard library and cloudpickle, and what its tasks need.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from kit.parallel.execution import Outcome, execute, failed, seed_globals, travelling
from kit.parallel.shared import loads, open_worker

READY, IMPORTING, IMPORTED = -1, -2, -3  # in place of a key: a worker has started, or imports for a task
_BURST = 1024 * 1024
_LENGTH = struct.Struct("<Q")


def write_frame(file: int, body: bytes) -> None:
    """Write a body with its length in front, however many writes it takes."""
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        rest = rest[os.write(file, rest) :]


def frames(file: int, begun: Callable[[], None] = lambda: None) -> Iterator[bytes]:
    """Yield the bodies that arrive until the writer has gone; one cut short by its death is dropped.

    `begun` is called while a long one arrives.
    """
    rest = bytearray()
    while chunk := os.read(file, _BURST):
        rest += chunk
        while len(rest) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(rest)[0]
            if end > len(rest):
                break
            body = bytes(memoryview(rest)[_LENGTH.size : end])
            del rest[:end]
            yield body
        if rest:
            begun()


def serve(folder: Path, tasks: int, out: int, memory_mb: int | None, preload: Sequence[str] = ()) -> None:
    """Run tasks from one file descriptor, outcomes to another, until the caller hangs up.

    A task that hits the memory limit ends the worker; `preload` are modules to import before the first one.
    """
    open_worker(folder, partial(_importing, out))
    process = os.getpid()
    for module in preload:
        with suppress(ImportError):  # a task that needs it will say so
            import_module(module)
    write_frame(out, travelling(Outcome(READY, "ready", None)))
    for message in frames(tasks):
        parts = pickle.loads(message)  # noqa: S301  the caller is our parent process
        outcome = _run(parts, f"pid {process}")
        if os.getpid() != process:
            os._exit(0)  # a fork of the task has come back here; it must not speak for this process
        fatal = memory_mb and isinstance(outcome.payload, MemoryError)
        if fatal:
            details = f"It needed more than its {memory_mb} MiB of memory."
            outcome = outcome._replace(status="crashed", payload=None, details=details)
        write_frame(out, travelling(outcome))
        if fatal:
            return


@contextmanager
def _importing(out: int) -> Iterator[None]:
    """Say that a module is imported, which is not on the task's time."""
    write_frame(out, travelling(Outcome(IMPORTING, "importing", None)))
    try:
        yield
    finally:
        write_frame(out, travelling(Outcome(IMPORTED, "imported", None)))


@lru_cache(8)
def _of_run(scope: int, body: bytes | str) -> Any:  # noqa: ARG001  the next run has another
    """Unpickle a function once for all tasks of a run."""
    return loads(body)


def _run(parts: Any, name: str) -> Outcome:
    """Unpickle a task and execute it; what fails while unpickling is the task's failure."""
    key, seed, scope, body, arguments = parts
    try:
        operation = _of_run(scope, body) if scope else loads(body)
        args, kwargs = loads(arguments)
    except BaseException as error:  # noqa: BLE001  unpickling runs the user's code and raises anything
        return failed(key, error, 0.0, name)
    seed_globals(seed)
    return execute(key, operation, args, kwargs, seed, name)


def _tell_where(path: Path) -> None:
    """Write the Python calls in progress to a file on SIGUSR1, even inside a C call."""
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, path.open("a"), all_threads=False)


def _die_with(lifeline: int) -> None:
    """Let the kernel end this process when the caller dies, whatever the task is doing.

    Nobody writes into the lifeline. When its other end closes, the kernel sends SIGIO, and SIGIO ends a
    process that has no handler, even inside a C call that holds the interpreter.
    """
    import fcntl

    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def main(folder: str, trace: str, lifeline: int | None, memory_mb: int | None, preload: list[str]) -> None:
    """Set the process up and serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the caller's to handle
    tasks, out = os.dup(0), os.dup(1)  # neither is inherited by what a task starts
    with Path(os.devnull).open("rb") as nothing:  # a task that reads its input must not read the next tasks
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what a task prints must not run into the outcomes
    if hasattr(os, "register_at_fork"):  # else a fork of a task would hide the death of this process
        os.register_at_fork(after_in_child=lambda: os.close(out))
    if lifeline is not None:
        _die_with(lifeline)
    if memory_mb:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 2**20,) * 2)
    with suppress(BrokenPipeError, FileNotFoundError):  # the caller has gone, and its folder with it
        _tell_where(Path(trace))
        serve(Path(folder), tasks, out, memory_mb, preload)
