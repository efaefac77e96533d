"""How soon what is stuck ends: overrunning tasks, and a run that is interrupted."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from time import perf_counter

from kit.benchmark.machine import fresh
from kit.benchmark.measure import Figures
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most
from kit.errors import KitError
from kit.parallel import ConcurrentProcessor, ProcessingTask

_WORKERS = 2
_TIMEOUT_S = 0.3


def _kinds() -> dict[str, Callable[[], object]]:
    """Return what gets stuck, by kind; functions of a function travel by value and need no import."""

    def loop() -> None:
        while True:
            pass

    def swallow() -> None:
        while True:
            try:
                time.sleep(0.001)
            except BaseException:  # noqa: BLE001, S112 - that is what it is here for
                continue

    def c_call() -> None:
        ctypes.PyDLL(None).pause()  # holds the interpreter: no other thread of the worker runs

    return {"loop": loop, "swallow": swallow, "sleep": lambda: time.sleep(600), "C call": c_call}


def _whole(processor: ConcurrentProcessor) -> None:
    """Have every worker sleep a moment at once, which only a whole pool can."""
    naps = [ProcessingTask(f"nap {number}", time.sleep, (0.1,)) for number in range(_WORKERS)]
    if not all(result.success for result in processor.run(naps)):
        raise KitError("The pool does not serve", "a nap failed", "Run the row alone.")


@row("parallel", "s", at_most(1), quick=True)
def stuck_processes(run: Run) -> Figures:
    """Worst time that a loop, one that swallows errors, a sleep or a C call outlives its time-out."""
    run.need_signals()
    run.hush()  # what dies here dies on purpose
    processor = run.enter(ConcurrentProcessor(_WORKERS))
    excess: dict[str, list[float]] = {kind: [] for kind in _kinds()}
    for _ in range(1 if run.quick else 5):
        for kind, operation in _kinds().items():
            run.checkpoint()
            _whole(processor)
            began = perf_counter()
            (result,) = processor.run([ProcessingTask(kind, operation, timeout=_TIMEOUT_S)])
            excess[kind].append(perf_counter() - began - _TIMEOUT_S)
            if result.status != "timeout":
                raise KitError("A stuck task was not stopped but ended as", result.status, "See its error.")
    _whole(processor)
    run.notes.append(", ".join(f"{kind} {max(late_s):.2f} s" for kind, late_s in excess.items()))
    return Figures([max(late) for late in zip(*excess.values(), strict=True)])


_INTERRUPTED = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a caller in the background has it ignored
from kit.parallel import ConcurrentProcessor, ProcessingTask

def press():
    global pressed
    pressed = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)

with ConcurrentProcessor(2) as processor:
    tasks = [ProcessingTask("quick", lambda: 7)]
    tasks += [ProcessingTask(f"s{n}", time.sleep, (600,)) for n in range(20)]
    seen = lambda result: threading.Timer(0.2, press).start()
    try:
        processor.run(tasks, on_result=seen)
    except KeyboardInterrupt:
        took = time.monotonic() - pressed
    kept, after = processor.get_result("quick"), processor.run([ProcessingTask("a", lambda: 8)])[0].value
    assert (kept, after, processor.get_active_tasks()) == (7, 8, {}), "something was lost"
print(took)
"""


@row("parallel", "s", at_most(1), quick=True)
def interrupt(run: Run) -> Figures:
    """Time from Ctrl-C to the end of a run of sleepers; what finished is kept and the processor usable."""
    run.need_signals()
    run.hush()  # what dies here dies on purpose
    samples = []
    for _ in range(1 if run.quick else 6):
        run.checkpoint()
        samples.append(float(fresh(_INTERRUPTED, deadline_s=30)))
    return Figures(samples)
