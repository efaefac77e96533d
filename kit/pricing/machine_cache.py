"""Machine code that is kept between processes: numba's cache, named after all the sources it depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from zlib import crc32

from numba.core.caching import FunctionCache

Compile = Callable[..., Any]


def kept(function: Callable[..., Any], sources: Iterable[Path], compiled: Compile) -> Any:
    """Return what the cache holds for a function, or compile into it.

    numba names its cache file after the function and compares the date of its own file alone, so the
    function's name takes a checksum of every source it is compiled from.

    Parameters
    ----------
    function : callable
        What is compiled.
    sources : iterable of Path
        The files it and what it calls come from.
    compiled : callable
        Compiles `function`; takes numba's ``cache`` keyword.
    """
    checksum = crc32(b"".join(path.read_bytes() for path in sources))
    function.__qualname__ = f"{function.__name__}_{checksum:08x}"
    try:
        found: Any = FunctionCache(function)  # type: ignore[no-untyped-call]
    except RuntimeError:  # neither the package's nor the user's folder can be written
        return compiled()
    try:
        return _mended(function, Path(found.cache_path), compiled)
    except OSError:  # a full disk, or files of somebody else: compile in every process
        return compiled()


def _mended(function: Callable[..., Any], folder: Path, compiled: Compile) -> Any:
    """Return what the cache holds, or compile into it; what is damaged there is removed first."""
    try:
        return compiled(cache=True)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 a damaged file raises whatever its bytes happen to mean
        home = Path(function.__code__.co_filename).stem
        for damaged in folder.glob(f"{home}.{function.__qualname__}-*.nb?"):
            damaged.unlink(missing_ok=True)
        return compiled(cache=True)
