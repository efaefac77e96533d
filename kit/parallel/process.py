"""One worker process, seen from the caller: starting it, feeding it, ending it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from joblib.parallel import ParallelBackendBase  # it knows which variables limit thread pools

from kit.parallel.channel import SEPARATE, TaskPipe, TaskSocket, bursts
from kit.parallel.execution import READY, Outcome, outcome_from
from kit.parallel.stamp import EVERYTHING, Phase, Stamp, trace_path

IMPORT_S = 30.0  # a module that a task needs may take so long to import, beside the task's own time
IMPORT_LOOK_S = 0.25  # an import says nothing when it ends
FREEZE_S = 0.001  # a stopped process has left its processor after this
TRACE_S = 0.02  # a stuck process has written where it is after this, if it can
_START = "from kit.parallel.worker import main; main()"
_OUR_FRAME = str(Path("kit", "parallel", "execution.py"))
_numbers = count()
Done = Callable[[list[Outcome]], None]


class Job(NamedTuple):
    """A message for a worker, and who hears what came of it."""

    key: int
    message: bytes
    timeout_s: float | None
    done: Done


class Verdict(NamedTuple):
    """Which job a worker is ended for, why, after how long, and where its Python was then."""

    key: int
    reason: str
    running_s: float
    trace: str = ""


class WorkerProcess:
    """A process that runs jobs one after another.

    Parameters
    ----------
    folder : Path
        The shelf's folder; the worker's stamp lies there too.
    threads : int
        Threads that BLAS, OpenMP and numba may use in the worker.
    memory_mb : int or None
        Limit of its own memory, MiB.
    """

    def __init__(self, folder: Path, threads: int, memory_mb: int | None) -> None:
        self.jobs: dict[int, Job] = {}  # sent and not ended, in order
        self.verdict: Verdict | None = None
        self.served = False  # it got as far as waiting for jobs
        self.check_at = float("inf")  # the watchdog looks at it then, monotonic seconds
        self.stamp_path = folder / f"{next(_numbers)}.stamp"
        self._stamp = Stamp(self.stamp_path)
        self._trace_path = trace_path(self.stamp_path)
        self._tasks = TaskSocket() if SEPARATE else TaskPipe()
        self._lifeline: int | None = None
        try:
            self._start(folder, threads, memory_mb)
        except BaseException:
            self._tasks.close()
            self._drop_lifeline()
            raise

    def _start(self, folder: Path, threads: int, memory_mb: int | None) -> None:
        command = [sys.executable, "-c", _START, str(folder), str(self.stamp_path)]
        command += [f"--memory-mb={memory_mb}"] if memory_mb else []
        lifeline = None
        inherited: tuple[int, ...] = ()
        if os.name == "posix":
            lifeline, self._lifeline = os.pipe()
            command.append(f"--lifeline={lifeline}")
            inherited = (lifeline,)
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                command,
                stdin=self._tasks.child_file(),
                stdout=subprocess.PIPE,
                pass_fds=inherited,
                env=_environment(threads),
                start_new_session=True,  # Ctrl-C reaches the caller alone; its children end with the worker
            )
        finally:
            if lifeline is not None:
                os.close(lifeline)

    def _drop_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, job: Job) -> bool:
        """Give the worker a job; False when its channel is full."""
        self.jobs[job.key] = job
        if self._tasks.send(job.message):
            return True
        del self.jobs[job.key]
        return False

    def take_back(self) -> Job | None:
        """Take the next job back that the worker has not begun, if that can be done."""
        message = self._tasks.take_back()
        return self.jobs.pop(pickle.loads(message)[0], None) if message else None  # noqa: S301  our own message

    def outcomes(self) -> Iterator[list[Outcome]]:
        """Yield what has come of the jobs, together what came together, until the process has ended.

        The first time, when it serves, there may be nothing yet.
        """
        assert self._process.stdout is not None
        name = f"pid {self.pid}"
        for bodies in bursts(self._process.stdout.fileno()):
            self.served = True
            outcomes = [outcome_from(body, name) for body in bodies]
            doomed = self.verdict.key if self.verdict else READY  # asking where it was may have woken it
            yield [outcome for outcome in outcomes if outcome.key not in (READY, doomed)]

    def running(self) -> int | None:
        """Return the key of the job it has begun and not ended."""
        state = self._stamp.read()
        return state.key if state.phase != Phase.IDLE and state.key in self.jobs else None

    def busy_for_s(self) -> float:
        """Return the seconds since it began what it does now."""
        return monotonic() - self._stamp.read().since if self.running() is not None else 0.0

    def overrun_at(self) -> float:
        """Return when the job it is busy with will have overrun; infinity if none can."""
        since, key, phase = self._stamp.read()
        job = self.jobs.get(key)
        if job is None or job.timeout_s is None or phase in (Phase.IDLE, Phase.SENDING):
            return float("inf")
        return since + (IMPORT_S if phase == Phase.IMPORTING else job.timeout_s)

    def look_at(self) -> float:
        """Return when to look next whether a job has overrun; a waiting one begins now at the earliest."""
        limits = [job.timeout_s for job in [*self.jobs.values()] if job.timeout_s is not None]
        if not limits:
            return float("inf")
        importing = self._stamp.read().phase == Phase.IMPORTING
        soon = monotonic() + min(*limits, IMPORT_LOOK_S if importing else limits[0])
        return min(self.overrun_at(), soon)

    def unfinished(self) -> Job | None:
        """Take out the job that the process was at when it ended."""
        key = self.verdict.key if self.verdict else self.running()
        return self.jobs.pop(key, None) if key is not None else None

    def end_during(self, key: int, reason: str) -> bool:
        """Kill the process if it is still busy with a job.

        It is frozen first: between a look and a kill it could finish this job and begin the next, which
        would then have to run twice.
        """
        self._signal("SIGSTOP")
        sleep(FREEZE_S if os.name == "posix" else 0)
        state = self._stamp.read()
        if state.key != key or state.phase in (Phase.IDLE, Phase.SENDING):
            self._signal("SIGCONT")
            return False
        self.verdict = Verdict(key, reason, monotonic() - state.since)
        self._stamp.forbid(EVERYTHING)
        if reason == "timeout":
            self.verdict = self.verdict._replace(trace=self._trace())
        self.kill()
        return True

    def withdraw(self, key: int, reason: str) -> bool:
        """End a job that it has begun, and keep it from beginning one; tell whether it was the former."""
        self._stamp.forbid(key)
        return self.running() == key and self.end_during(key, reason)

    def _trace(self) -> str:
        """Wake the frozen process until it has told where it is; innermost call first, empty if it cannot."""
        if not hasattr(signal, "SIGUSR1"):
            return ""
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(self.pid, signal.SIGUSR1)
        self._signal("SIGCONT")
        until, text = monotonic() + TRACE_S, ""
        while monotonic() < until and _OUR_FRAME not in text:
            sleep(FREEZE_S)
            text = self._trace_path.read_text("utf-8", "replace")
        return "\n".join(takewhile(lambda line: _OUR_FRAME not in line, text.splitlines()[1:]))

    def kill(self) -> None:
        """Kill the process and what it has started, sessions of their own included (Linux)."""
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
        """Free what an ended process held; nobody may send to it any more."""
        self._tasks.close()
        if self._process.stdout:
            self._process.stdout.close()
        self._drop_lifeline()
        self._stamp.close()
        self.stamp_path.unlink(missing_ok=True)
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

    A limit that the caller's environment states already, as Dask's does, stays.
    """
    path = os.pathsep.join(str(part) or str(Path.cwd()) for part in sys.path)
    limits = dict.fromkeys(ParallelBackendBase.MAX_NUM_THREADS_VARS, str(threads))
    return {**limits, **os.environ, "PYTHONPATH": path}
