"""One worker process, seen from the caller: starting it, giving it a job, ending it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count, takewhile
from math import inf
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

from joblib.parallel import ParallelBackendBase  # it knows which variables limit thread pools

from kit.parallel.execution import Outcome, outcome_from
from kit.parallel.worker import IMPORTED, IMPORTING, READY, frames, write_frame

IMPORT_S = 30.0  # a module that a task needs may take so long to import, beside the task's own time
WAY_S = 0.02  # a job may take so long to reach its worker, and its outcome back
RECEIVE_S = 0.5  # whoever receives an outcome may take so long to unpickle it
TRACE_S = 0.02  # a stuck process has written where it is after this, if it can
_TRACE_LOOK_S = 0.001
_OUR_FRAME = str(Path("kit", "parallel", "execution.py"))
_numbers = count()


class WorkerJob(NamedTuple):
    """A message for a worker, and who hears what came of it."""

    key: int
    message: bytes
    timeout_s: float | None
    done: Callable[[Outcome], None]


class WorkerProcess:
    """A process that runs one job after another; `kit.parallel.pool` says in which states it can be.

    BLAS, OpenMP and numba may use so many `threads` in it; shared objects lie in `folder`.
    """

    def __init__(self, folder: Path, threads: int, memory_mb: int | None, preload: Sequence[str]) -> None:
        self.job: WorkerJob | None = None
        self.verdict: Outcome | None = None  # what has become of its job, for which it is being killed
        self.served = False
        self.check_at = inf  # the watchdog looks at it then, monotonic seconds
        self.begun_at = 0.0  # when its job was sent, later by what it imported for that, monotonic seconds
        self.due = inf  # when its job has overrun: later while it imports, never while it sends
        self.hangs = False  # something has arrived of it, and whoever unpickles that has not come back
        self._trace_path = folder / f"{next(_numbers)}.trace"
        lifeline: int | None = None
        self._lifeline: int | None = None
        if os.name == "posix":
            lifeline, self._lifeline = os.pipe()
        given = (str(folder), str(self._trace_path), lifeline, memory_mb, [*preload])
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                # -P: its import path is the caller's, and a folder that is called kit here not on it
                [sys.executable, "-P", "-c", f"from kit.parallel.worker import main; main(*{given!r})"],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=() if lifeline is None else (lifeline,),
                env=_environment(threads),
                start_new_session=True,  # Ctrl-C reaches the caller alone; its children end with the worker
            )
        except BaseException:
            self._drop_lifeline()
            raise
        finally:
            if lifeline is not None:
                os.close(lifeline)
        self._tasks: Any = self._process.stdin
        self._outcomes: Any = self._process.stdout

    def _drop_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, job: WorkerJob) -> bool:
        """Give a worker without a job its next one; False when it has died."""
        self.job, self.begun_at, self.hangs = job, monotonic(), False
        self.due = self._limit()
        try:
            write_frame(self._tasks.fileno(), job.message)
        except OSError:
            self.job, self.served = None, False
        return self.served

    def outcomes(self) -> Iterator[Outcome | None]:
        """Yield None once it serves, and then what has come of each job, until the process has ended."""
        importing_since = 0.0
        for body in frames(self._outcomes.fileno(), self._arriving):
            now = monotonic()
            self.due, self.hangs = max(self._limit(), now + RECEIVE_S), True
            outcome = outcome_from(body)
            self.hangs = outcome.key >= 0
            if outcome.key == IMPORTING:
                importing_since, self.due = now, now + IMPORT_S
            elif outcome.key == IMPORTED:
                self.begun_at += now - importing_since
                self.due = self._limit()
            else:
                yield None if outcome.key == READY else outcome

    def _arriving(self) -> None:
        self.due = inf

    def _limit(self) -> float:
        timeout_s = self.job.timeout_s if self.job else None
        return inf if timeout_s is None else self.begun_at + timeout_s + WAY_S

    def end(self, reason: str) -> None:
        """Kill the process because of its job, and keep the reason."""
        self.verdict = self.judged(reason)  # no outcome of the job counts any more
        if reason == "timeout":
            self.verdict = self.verdict._replace(details=self._trace())
        self.kill()

    def judged(self, status: str, details: str = "") -> Outcome:
        """Return the outcome of its job, which a process that is killed cannot send itself."""
        key = self.job.key if self.job else READY
        return Outcome(key, status, None, details, monotonic() - self.begun_at, f"pid {self.pid}")

    def _trace(self) -> str:
        """Return the process's stack, innermost call first; empty where it cannot write it."""
        if not hasattr(signal, "SIGUSR1"):
            return ""
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(self.pid, signal.SIGUSR1)
        until, text = monotonic() + TRACE_S, ""
        while monotonic() < until and _OUR_FRAME not in text:
            sleep(_TRACE_LOOK_S)
            text = self._trace_path.read_text("utf-8", "replace")
        return "\n".join(takewhile(lambda line: _OUR_FRAME not in line, text.splitlines()[1:]))

    def kill(self) -> None:
        """Kill the process and what it has started, sessions of their own included (Linux)."""
        self._signal("SIGSTOP")  # so that it starts nothing more
        for pid in _descendants(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._signal("SIGKILL")
        self._process.kill()

    def wait(self) -> str:
        """Wait for the end of the process and return how it ended."""
        self._signal("SIGKILL")
        code = self._process.wait()
        if code >= 0:
            return f"The process ended with exit code {code}."
        return f"The process was ended by {signal.Signals(-code).name}."

    def close(self) -> None:
        """Close the pipes of an ended process; nothing may be sent to it any more."""
        self._tasks.close()
        self._outcomes.close()
        self._drop_lifeline()
        self._trace_path.unlink(missing_ok=True)

    def _signal(self, name: str) -> None:
        """Signal the process and its children, where signals exist."""
        if os.name == "posix" and self._process.returncode is None:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(self.pid, getattr(signal, name))


def _descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have, the last first."""
    found: list[int] = []
    with suppress(OSError):  # it has just ended
        for listed in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, listed.read_text().split()):
                found += [*_descendants(child), child]
    return found


def _environment(threads: int) -> dict[str, str]:
    """Return the worker's environment: the caller's, its import path, and limits for thread pools.

    A limit that the caller's environment states already, as Dask's does, stays. The trim threshold that Dask
    leaves behind does not: each array would come from the system anew, and a scan last a quarter longer.
    """
    path = os.pathsep.join(str(part) or str(Path.cwd()) for part in sys.path)
    limits = dict.fromkeys(ParallelBackendBase.MAX_NUM_THREADS_VARS, str(threads))
    held = {name: value for name, value in os.environ.items() if name != "MALLOC_TRIM_THRESHOLD_"}
    return {**limits, **held, "PYTHONPATH": path}
