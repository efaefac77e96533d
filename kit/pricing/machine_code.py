"""The compiled loops as a function, `run`: from numba's cache, else compiled into it.

Importing this module imports numba; `kit.pricing.engines` does so on first use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

from numba import njit, types
from numba.core.caching import FunctionCache

from kit.pricing.kernels import OPTIONS, evaluate

_HERE = Path(__file__).parent
_SOURCES = ("elementary.py", "machine_code.py", "numpy_engine.py", "reasons.py", "solver.py")


def _compiled(**options: Any) -> Any:
    floats, bools = types.Array(types.f8, 1, "C", readonly=True), types.Array(types.b1, 1, "C", readonly=True)
    inputs = (*[floats] * 5, bools)  # frozen columns, as pandas hands them out, are welcome
    signature = types.void(*inputs, types.f8[:, ::1], types.i1[::1], types.i8, types.i8, types.b1)
    return njit(signature, nogil=True, **OPTIONS, **options)(evaluate)


def _kept() -> Any:
    """Return what the cache holds, beside the package or in the user's folder, or compile into it."""
    try:
        kept: Any = FunctionCache(evaluate)  # type: ignore[no-untyped-call]
    except RuntimeError:  # neither folder can be written: compile in every process
        return _compiled()
    try:
        return _mended(Path(kept.cache_path))
    except OSError:  # a full disk, or files of somebody else: compile in every process
        return _compiled()


def _mended(folder: Path) -> Any:
    """Return what the cache holds, or compile into it; what is damaged there is removed first."""
    try:
        return _compiled(cache=True)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 a damaged file raises whatever its bytes happen to mean
        for damaged in folder.glob(f"kernels.{evaluate.__qualname__}-*.nb?"):
            damaged.unlink(missing_ok=True)
        return _compiled(cache=True)


# numba names its cache file after the function, and compares the date of kernels.py alone.
evaluate.__qualname__ = f"evaluate_{crc32(b''.join((_HERE / name).read_bytes() for name in _SOURCES)):08x}"
run = _kept()
