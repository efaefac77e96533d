"""Panels for JupyterLab and Voila; `lab` shows them all.

Names load on first use, so that ``import kit.widgets`` needs no Jupyter.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "BacktestPanel": "kit.widgets.panels.backtest.panel",
    "BenchPanel": "kit.widgets.panels.bench",
    "ChainPanel": "kit.widgets.panels.chain",
    "EvaluationPanel": "kit.widgets.panels.evaluate",
    "LivePanel": "kit.widgets.panels.live",
    "MonitorPanel": "kit.widgets.panels.monitor",
    "PayoffPanel": "kit.widgets.panels.payoff",
    "PositionPanel": "kit.widgets.panels.position.panel",
    "RankingPanel": "kit.widgets.panels.ranking",
    "ScanPanel": "kit.widgets.panels.scan.panel",
    "TunePanel": "kit.widgets.panels.tune.panel",
    "lab": "kit.widgets.tabs",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kit.widgets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_HOMES)
