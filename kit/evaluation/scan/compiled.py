"""The scan's loops as machine code: from numba's cache, else compiled into it.

Importing this module imports numba; `kit.evaluation.scan.engine` does so on first use.
"""

from __future__ import annotations

from pathlib import Path
from types import FunctionType
from typing import Any

from numba import njit, types
from numba.extending import register_jitable

from kit.evaluation.scan import kernel, shape
from kit.pricing.machine_cache import kept

_HERE = Path(__file__).parent
_SOURCES = [_HERE / name for name in ("columns.py", "compiled.py", "kernel.py", "shape.py")]


def _compiled(**options: Any) -> Any:
    floats = types.Array(types.f8, 1, "C", readonly=True)
    table = types.Array(types.f8, 2, "C", readonly=True)
    places = types.Array(types.i4, 2, "C", readonly=True)
    lots = types.Array(types.i4, 1, "C", readonly=True)
    signature = types.void(table, floats, floats, places, lots, types.f8[:, ::1])
    return njit(signature, nogil=True, error_model="numpy", **options)(kernel.score_all)


for _module in (shape, kernel):
    for _function in vars(_module).values():
        if isinstance(_function, FunctionType) and _function.__module__ == _module.__name__:
            register_jitable(_function)
run = kept(kernel.score_all, _SOURCES, _compiled)
