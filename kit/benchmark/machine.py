"""What the figures were measured on: processor, memory, system and versions."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter
from typing import Any

from joblib import cpu_count

from kit.benchmark.run import SEED, Unmeasured
from kit.errors import KitError
from kit.settings import Credentials, Settings
from kit.simulator.distance import ROUND_TRIP_S
from kit.simulator.process import ExchangeProcess

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


def machine(settings: Settings | None = None) -> dict[str, Any]:
    """Return the machine: processor, cores this process may use, memory, system, load before the run.

    With them stand the conditions of the run: the seed of the market and of the rows, the round trip of
    the cold rows, and ``"defaults"`` or a digest of the settings.
    """
    model = re.search(r"model name\s*: (.+)", _cpuinfo())
    return {
        "processor": model.group(1) if model else platform.processor() or platform.machine(),
        "cores": cpu_count(),
        "avx512": has_avx512(),
        "memory_mb": _memory_mb(),
        "system": f"{platform.system()} {platform.release()}",
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "seed": SEED,
        "round_trip_ms": 1e3 * ROUND_TRIP_S,
        "settings": digest(settings or Settings()),
    }


def digest(settings: Settings) -> str:
    """Return a word that tells settings apart: runs with different settings are not compared."""
    held = settings.model_dump(mode="json", exclude={"broker", "latency_requirements"})
    if held == Settings().model_dump(mode="json", exclude={"broker", "latency_requirements"}):
        return "defaults"
    return sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:12]


def versions() -> dict[str, str | None]:
    """Return the versions of Python, the kit and the packages it is measured with or against."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def told(exchange: ExchangeProcess, **more: Any) -> str:
    """Return as JSON what another interpreter needs to be a client of a simulated exchange, and more."""
    held = {name: getattr(exchange.credentials, name) for name in Credentials.model_fields}
    return json.dumps({
        "credentials": {name: secret.get_secret_value() for name, secret in held.items()},
        "url": exchange.url,
        "master_url": exchange.master_url,
        "now": exchange.clock.now().isoformat(),
        **more,
    })  # fmt: skip


def fresh(code: str, given: str = "", deadline_s: float = 120.0) -> str:
    """Run code in a fresh interpreter, so that nothing is warm but the file system; return its output.

    `given` is its standard input. Raises a `KitError` when it fails, or does not end in time.
    """
    with interpreter(code) as child:
        try:
            told, complaints = heard(child, given, deadline_s)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        last = complaints.strip().splitlines()[-1:] or ["no word"]
        raise KitError("A fresh interpreter failed", last[0], "Run the row's code by hand.")
    return told


_SQUARES = """
import sys
for line in sys.stdin:
    print(sum(number * number for number in range(int(line))), flush=True)
"""
_TURNS = 500_000  # some 30 ms


def ceiling(rounds: int = 5) -> str:
    """Say how many times as fast two unrelated processes are as one: the most that the machine gives now."""
    found = []
    with interpreter(_SQUARES) as one, interpreter(_SQUARES) as other:
        _counted(1, one, other)
        for _ in range(rounds):
            alone = _counted(2 * _TURNS, one)
            found.append(alone / _counted(_TURNS, one, other))
    return f"two processes that share nothing were {median(found):.2f} times as fast as one"


def _counted(turns: int, *children: subprocess.Popen[str]) -> float:
    """Return the seconds that children take for so many turns each."""
    started = perf_counter()
    for child in children:
        print(turns, file=child.stdin, flush=True)
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    return perf_counter() - started


def peak_mib(code: str) -> float:
    """Run code in a fresh interpreter and return the peak of its memory, MiB.

    Raises
    ------
    Unmeasured
        This system does not tell a process the peak of its own memory alone.
    """
    status = Path("/proc/self/status")  # what `resource` tells includes the process that started this one
    if not status.is_file():
        raise Unmeasured("this system does not tell a process the peak of its own memory alone")
    told = fresh(f"{code}\nprint(open({str(status)!r}).read())")
    return int(told.split("VmHWM:")[1].split()[0]) / 2**10


def interpreter(code: str, *words: str, **options: Any) -> subprocess.Popen[str]:
    """Start a fresh interpreter with pipes to all its streams; Ctrl-C reaches the caller alone."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", code, *words], text=True, start_new_session=True, **pipes | options
    )


def heard(child: subprocess.Popen[str], given: str, deadline_s: float) -> tuple[str, str]:
    """Return both outputs of a child; wait in small steps, so that a cancelled row need not wait for the end.

    Raises
    ------
    KitError
        It did not end in time.
    """
    until, send = monotonic() + deadline_s, given or None
    while True:
        try:
            return child.communicate(send, timeout=0.2)
        except subprocess.TimeoutExpired:
            send = None  # it is on its way
            if monotonic() > until:
                word = f"after {deadline_s:.0f} s"
                raise KitError("A fresh interpreter did not end", word, "Run the row alone.") from None
