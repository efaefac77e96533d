"""Bank Nifty Kit: ask the broker once, remember the answer, evaluate many strategies, show the time.

The kit is a research kit for Bank Nifty options in JupyterLab. Without an account it talks to its own
simulated exchange, a local server that speaks the broker's wire protocol.

The kit is not a trading system: its orders go to the simulated exchange. It is not advice either.

Names load on first use; importing the kit opens no socket and no file outside the package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.benchmark.suite import run_performance_benchmark
    from kit.broker.client import AngelAPIClient
    from kit.cache import CacheManager
    from kit.evaluation.manager import StrategyEvaluationManager
    from kit.market.manager import DataManager
    from kit.market.smart import SmartCache
    from kit.model import ChainSnapshot, Instrument, Leg, Position
    from kit.monitor import LatencyRequirement, PerformanceMonitor
    from kit.parallel import ConcurrentProcessor, ProcessingTask
    from kit.settings import CacheConfig, ConnectionConfig, Credentials, Settings
    from kit.transport.pool import ConnectionPoolManager

__version__ = "0.1.0"

_HOMES = {
    "AngelAPIClient": "kit.broker.client",
    "CacheConfig": "kit.settings",
    "CacheManager": "kit.cache",
    "ChainSnapshot": "kit.model",
    "ConcurrentProcessor": "kit.parallel",
    "ConnectionConfig": "kit.settings",
    "ConnectionPoolManager": "kit.transport.pool",
    "Credentials": "kit.settings",
    "DataManager": "kit.market.manager",
    "Instrument": "kit.model",
    "LatencyRequirement": "kit.monitor",
    "Leg": "kit.model",
    "PerformanceMonitor": "kit.monitor",
    "Position": "kit.model",
    "ProcessingTask": "kit.parallel",
    "Settings": "kit.settings",
    "SmartCache": "kit.market.smart",
    "StrategyEvaluationManager": "kit.evaluation.manager",
    "run_performance_benchmark": "kit.benchmark.suite",
}

__all__ = [
    "AngelAPIClient",
    "CacheConfig",
    "CacheManager",
    "ChainSnapshot",
    "ConcurrentProcessor",
    "ConnectionConfig",
    "ConnectionPoolManager",
    "Credentials",
    "DataManager",
    "Instrument",
    "LatencyRequirement",
    "Leg",
    "PerformanceMonitor",
    "Position",
    "ProcessingTask",
    "Settings",
    "SmartCache",
    "StrategyEvaluationManager",
    "run_performance_benchmark",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kit' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Add the magics of `kit.magics` to a notebook: what ``%load_ext kit`` calls."""
    shell.register_magics(import_module("kit.magics").KitMagics)


def __dir__() -> list[str]:
    return sorted(__all__)
