"""What the figures were measured on: processor, memory, system and versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kit.benchmark.run import cores
from kit.errors import KitError

_PACKAGES = (
    "banknifty-kit", "cachetools", "distributed", "fast-vollib", "joblib", "numba", "numpy", "pandas",
    "prometheus-client", "quantlib", "requests", "requests-cache", "scipy", "smartapi-python", "vollib",
)  # fmt: skip


@cache
def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def has_avx512() -> bool:
    """Tell whether the processor has AVX-512; False where the system does not say."""
    return "avx512f" in _cpuinfo()


def _memory_mb() -> int | None:
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20


def machine() -> dict[str, Any]:
    """Return the machine: processor, cores this process may use, memory, system, load before the run."""
    model = re.search(r"model name\s*: (.+)", _cpuinfo())
    return {
        "processor": model.group(1) if model else platform.processor() or platform.machine(),
        "cores": cores(),
        "avx512": has_avx512(),
        "memory_mb": _memory_mb(),
        "system": f"{platform.system()} {platform.release()}",
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def versions() -> dict[str, str | None]:
    """Return the versions of Python, the kit and the packages it is measured with or against."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def fresh(code: str, given: str = "") -> str:
    """Run code in a fresh interpreter, so that nothing is warm but the file system; return its output.

    Parameters
    ----------
    code : str
        Python.
    given : str, optional
        Its standard input.

    Raises
    ------
    KitError
        The code failed; says how.
    """
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise KitError("A fresh interpreter failed", last[0], "Run the row's code by hand.")
    return done.stdout
