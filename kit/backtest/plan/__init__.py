"""Plans: frozen, validated, the same thing as their YAML."""

from kit.backtest.plan.parts import FillRules, Overall, Reentry, Slippage, StrikeRule, Trail
from kit.backtest.plan.plan import Plan, PlanLeg

__all__ = ["FillRules", "Overall", "Plan", "PlanLeg", "Reentry", "Slippage", "StrikeRule", "Trail"]
