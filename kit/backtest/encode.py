"""A plan as the records that the rules read."""

from __future__ import annotations

from collections.abc import Sequence

from kit.backtest.plan.parts import Amount, Reentry, SignedAmount
from kit.backtest.plan.plan import Plan, PlanLeg
from kit.backtest.records import (
    BREAK_EVENS,
    FILLS,
    LEG,
    REENTRIES,
    SAME_BAR,
    SLIPPAGES,
    TERMS,
    TRAILS,
    Records,
    records,
)
from kit.bars.minutes import TICKS_PER_RUPEE


def encode_legs(legs: Sequence[PlanLeg]) -> Records:
    """Return one record per leg; a rule that is a Python function is left to the plain engine."""
    rows = records(LEG, len(legs))
    for row, leg in zip(rows, legs, strict=True):
        row.sign = 1 if leg.side == "buy" else -1
        row.lots = leg.lots
        _amount(row, "stop", leg.stop if isinstance(leg.stop, Amount) else None)
        _amount(row, "target", leg.target if isinstance(leg.target, Amount) else None)
        _amount(row, "wait", leg.wait)
        if leg.trail:
            row.trail = TRAILS.index(leg.trail.kind)
            apart = (leg.trail.percent or 0.0, (leg.trail.points or 0.0) * TICKS_PER_RUPEE)
            row.move_percent, row.move_points = apart
            if leg.trail.kind == "stepped":
                _amount(row, "every", leg.trail.every)
                _amount(row, "move", leg.trail.move)
        for rule in leg.reentry:
            _reentry(row, rule)
    return rows


def _amount(row: Records, name: str, amount: Amount | SignedAmount | None) -> None:
    if amount:
        setattr(row, f"{name}_percent", amount.percent or 0.0)
        setattr(row, f"{name}_points", (amount.points or 0.0) * TICKS_PER_RUPEE)


def _reentry(row: Records, rule: Reentry) -> None:
    setattr(row, f"{rule.after}_reentry", REENTRIES.index(rule.kind))
    setattr(row, f"{rule.after}_times", rule.times)
    _amount(row, f"{rule.after}_move", rule.move)


def encode_terms(plan: Plan) -> Records:
    """Return the plan's terms as one record; rupees are in ticks times units."""
    terms = records(TERMS, 1)
    row, fills, overall = terms[0], plan.fills, plan.overall
    for name in ("entry", "exit", "stop", "target"):
        setattr(row, name, FILLS.index(getattr(fills, name)))
    row.same_bar = SAME_BAR.index(fills.same_bar)
    row.complete = plan.square_off == "complete"
    row.break_even = BREAK_EVENS.index(plan.break_even)
    if fills.slippage:
        row.slippage, row.slip = SLIPPAGES.index(fills.slippage.kind), fills.slippage.value
    limits = {"stop_inr": overall.stop_inr, "target_inr": overall.target_inr}
    if overall.trail:
        limits |= {"trail_every": overall.trail.every_inr, "trail_move": overall.trail.move_inr}
    if overall.lock:
        limits |= {f"lock_{name.removesuffix('_inr')}": value for name, value in overall.lock}
    for name, limit in limits.items():
        setattr(row, name, (limit or 0.0) * TICKS_PER_RUPEE)
    row.overall = any((overall.stop_inr, overall.target_inr, overall.lock))
    if plan.adjust:
        row.adjust_delta, row.adjust_times = plan.adjust.net_delta, plan.adjust.times
    row.adjust_every = plan.adjust.every if plan.adjust else 1
    row.multiple = int(plan.capital_inr // plan.sizing.margin_inr) if plan.sizing else 1
    return terms


def most_rows(legs: Records, terms: Records) -> int:
    """Return how many rows a position can write at most."""
    entries = 1 + legs.stop_times + legs.target_times + terms[0].adjust_times
    return int((entries + 1).sum())
