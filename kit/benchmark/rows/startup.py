"""Start-up, in fresh interpreters, and the slider that a browser test timed."""

from __future__ import annotations

from kit.benchmark.machine import fresh
from kit.benchmark.measure import Samples
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.stamps import CHECKOUT, recorded
from kit.benchmark.targets import at_most

SLIDER_FILE = CHECKOUT / "build" / "slider.json"
_SLIDER_SOURCES = ("kit/widgets", "kit/plots.py", "notebooks/00_start_here.ipynb", "locks/lab.txt")
_TIME_IMPORT = "import time; t = time.perf_counter(); import kit; print(time.perf_counter() - t)"
# An audit hook sees every socket and every opened file; the package and the interpreter do not count.
COUNT_OPENED = """
import importlib.util, pathlib, sys
package = pathlib.Path(importlib.util.find_spec("kit").origin).parent
inside = (str(package), sys.prefix, sys.base_prefix, "<")
seen = []
def hook(event, arguments):
    outside = event == "open" and not str(arguments[0]).startswith(inside)
    if outside or event.startswith("socket."):
        seen.append(event)
sys.addaudithook(hook)
import kit
print(len(seen))
"""


@row("import_kit", part="pipeline", unit="s", target=at_most(0.3), quick=True)
def import_kit(run: Run) -> Samples:
    """Time of ``import kit`` in fresh interpreters."""
    return Samples([float(fresh(_TIME_IMPORT)) for _ in range(7 if run.quick else 21)])


@row("import_opens", part="pipeline", unit="sockets and files", target=at_most(0), quick=True)
def import_opens(_: Run) -> Samples:
    """Sockets, and files outside the package and the interpreter, that ``import kit`` opens."""
    return Samples([float(fresh(COUNT_OPENED))])


@row("slider", part="pipeline", unit="ms", target=at_most(80))
def slider(run: Run) -> Samples:
    """Read how long a slider step took until its plot moved, as the browser test timed it in Chromium."""
    found = recorded(SLIDER_FILE, "the browser test of make test", _SLIDER_SOURCES)
    run.notes.append(f"timed in the browser test on {found['at'][:10]} at {found['commit'][:9]}")
    return Samples([float(step_ms) for step_ms in found["steps_ms"]])
