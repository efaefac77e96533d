"""From a fresh clone to the end of ``make demo``, as ``make demo`` timed itself; and the first notebook."""

from __future__ import annotations

import json

from kit.benchmark.machine import fresh
from kit.benchmark.measure import Samples
from kit.benchmark.registry import Measure, row
from kit.benchmark.run import Run, Unmeasured
from kit.benchmark.setup_time import RECORD
from kit.benchmark.stamps import CHECKOUT, recorded
from kit.benchmark.targets import at_most

_SOURCES = ("Makefile", "locks/lab.txt", "kit/demo.py")
_CASES = {
    "pip": (120, "with pip, from a fresh clone and an empty package cache"),
    "uv": (45, "with uv, from a fresh clone and an empty package cache"),
    "again": (15, "the second time"),
}
FILE = CHECKOUT / RECORD


def _timed(case: str, words: str) -> Measure:
    def measure(run: Run) -> Samples:
        found = recorded(FILE, f"make demo {words}", _SOURCES, case)
        run.notes.append(f"timed by make demo on {found['at'][:10]} at {found['commit'][:9]}")
        return Samples([float(found["seconds"])])

    measure.__doc__ = f"Read how long ``make demo`` took {words}, as it timed itself."
    return measure


for _case, (_limit_s, _words) in _CASES.items():
    row(f"setup_{_case}", part="pipeline", unit="s", target=at_most(_limit_s))(_timed(_case, _words))

_NOTEBOOK = """
import json, os, sys
told = json.load(sys.stdin)
os.environ |= {"KIT_CACHE_DIR": told["folder"]}
os.environ.pop("KIT_YAML", None)
from time import perf_counter
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(told["notebook"], as_version=4)
began = perf_counter()
NotebookClient(notebook, timeout=60, resources={"metadata": {"path": told["folder"]}}).execute()
print(perf_counter() - began)
"""


@row("first_notebook", part="pipeline", unit="s", target=at_most(60))
def first_notebook(run: Run) -> Samples:
    """Run the first notebook top to bottom in a kernel of its own, with empty caches."""
    run.need("nbclient", "lab")
    notebook = CHECKOUT / "notebooks" / "00_start_here.ipynb"
    if not notebook.is_file():
        raise Unmeasured(f"there is no notebook at {notebook}")
    told = [json.dumps({"folder": str(run.folder()), "notebook": str(notebook)}) for _ in range(2)]
    return Samples([float(fresh(_NOTEBOOK, given)) for given in told])
