"""Would it have earned? Plans over days of option minutes, by the market's own rules."""

from kit.backtest.engine import backtest
from kit.backtest.plan.plan import Plan, PlanLeg
from kit.backtest.result import BacktestResult

__all__ = ["BacktestResult", "Plan", "PlanLeg", "backtest"]
