"""How long this checkout keeps a newcomer waiting: ``python -m tools.checkout``, run by ``make bench``.

The set-up times are what ``make demo`` noted, the slider's steps what the browser test noted; both carry
their provenance and count only for the code they were measured on. The first notebook is run here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from tools.provenance import CHECKOUT, Unknown, recorded
from tools.setup_time import RECORD

_SETUP = ("Makefile", "locks/lab.txt", "kit/demo.py")
_SLIDER = ("kit/widgets", "kit/plots.py", "notebooks/00_start_here.ipynb", "locks/lab.txt")
_WORDS = {
    "pip": "make demo with pip, from a fresh clone and an empty package cache",
    "uv": "make demo with uv, from a fresh clone and an empty package cache",
    "again": "make demo, the second time",
}


def setup_s(case: str) -> float:
    """Return how long ``make demo`` took, as it timed itself.

    Raises
    ------
    Unknown
        There is no such record of this code.
    """
    return float(recorded(CHECKOUT / RECORD, _WORDS[case], _SETUP, case)["seconds"])


def slider_ms() -> float:
    """Return how long a slider's step took until its plot moved, as the browser test timed it.

    Raises
    ------
    Unknown
        There is no such record of this code.
    """
    file = CHECKOUT / "build" / "slider.json"
    return float(median(recorded(file, "the browser test of make test", _SLIDER)["steps_ms"]))


def first_notebook_s() -> float:
    """Run the first notebook in a kernel of its own, with empty caches, and return how long it took."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(CHECKOUT / "notebooks" / "00_start_here.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    with TemporaryDirectory() as folder:
        os.environ["KIT_CACHE_DIR"] = folder
        began = perf_counter()
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": folder}}).execute()
        return perf_counter() - began


MEASURED: tuple[tuple[str, Callable[[], float], float, str], ...] = (
    ("set-up with pip", lambda: setup_s("pip"), 120, "s"),
    ("set-up with uv", lambda: setup_s("uv"), 45, "s"),
    ("set-up, second time", lambda: setup_s("again"), 15, "s"),
    ("slider to plot", slider_ms, 80, "ms"),
    ("first notebook", first_notebook_s, 60, "s"),
)


def main() -> int:
    """Print each figure beside its limit; return 1 when one is missed."""
    missed = False
    for name, measure, limit, unit in MEASURED:
        try:
            figure = measure()
        except Unknown as reason:
            sys.stdout.write(f"{name:20}  not judged: {reason}\n")
            continue
        missed |= figure > limit
        met = "NO" if figure > limit else "yes"
        sys.stdout.write(f"{name:20}  {figure:6.1f} {unit}, asked <= {limit} {unit}: {met}\n")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
