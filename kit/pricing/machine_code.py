"""The compiled loops as a function, `run`: from numba's cache, else compiled into it.

Importing this module imports numba; `kit.pricing.engines` does so on first use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numba import njit, types

from kit.pricing.kernels import OPTIONS, evaluate
from kit.pricing.machine_cache import kept

_HERE = Path(__file__).parent
_SOURCES = ("elementary.py", "machine_code.py", "numpy_engine.py", "reasons.py", "solver.py")


def _compiled(**options: Any) -> Any:
    floats, bools = types.Array(types.f8, 1, "C", readonly=True), types.Array(types.b1, 1, "C", readonly=True)
    inputs = (*[floats] * 5, bools)  # frozen columns, as pandas hands them out, are welcome
    signature = types.void(*inputs, types.f8[:, ::1], types.i1[::1], types.i8, types.i8, types.b1)
    return njit(signature, nogil=True, **OPTIONS, **options)(evaluate)


run = kept(evaluate, (_HERE / name for name in _SOURCES), _compiled)
