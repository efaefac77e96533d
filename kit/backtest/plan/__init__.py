"""Plans: frozen, validated, the same thing as their YAML."""

from kit.backtest.plan.parts import FillRules, Overall, QuoteFills, Reentry, Slippage, StrikeRule, Trail
from kit.backtest.plan.plan import Plan, PlanLeg

__all__ = [
    "FillRules",
    "Overall",
    "Plan",
    "PlanLeg",
    "QuoteFills",
    "Reentry",
    "Slippage",
    "StrikeRule",
    "Trail",
]
