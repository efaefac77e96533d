"""The trade log: one row per entry of a leg, in rupees, with the reason of every exit and refusal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd

from kit.backtest.plan.plan import Plan, PlanLeg
from kit.backtest.records import EXPIRY, NO_STRIKE, REASONS, REFUSED, WHYS, TradeRow
from kit.backtest.settlement import exercise_tax
from kit.backtest.tape import Loaded
from kit.bars.minutes import TICK_INR
from kit.clock import lot_size
from kit.evaluation.costs import Charges, contract_note, order_charges

COLUMNS: tuple[str, ...] = (
    *("day", "plan", "leg", "entry", "side", "right", "strike", "expiry", "lots", "lot_size"),
    *("entry_bar", "entry_price", "exit_bar", "exit_price", "reason"),
    *("gross_inr", "charges_inr", "net_inr", "stale", "why", "best_inr", "worst_inr"),
)
Row = dict[str, Any]


def rows_of(plan: Plan, loaded: Loaded, trades: Iterable[TradeRow], multiple: int) -> list[Row]:
    """Return the log's rows of one position, in the order of the trades."""
    units = loaded.tape.contracts["units"].tolist()
    return [_row(plan, plan.legs[trade.leg], loaded, trade, multiple, units) for trade in trades]


def skipped(plan: Plan, day: date, why: str) -> list[Row]:
    """Return one refused row per leg for a day that the plan wanted and could not trade."""
    return [
        _blank(plan, leg, day, number) | {"reason": "refused", "why": why}
        for number, leg in enumerate(plan.legs, start=1)
    ]


def _blank(plan: Plan, leg: PlanLeg, day: date, number: int) -> Row:
    row: Row = dict.fromkeys(COLUMNS)
    row |= {"day": day, "plan": plan.name, "leg": number, "entry": 1, "side": leg.side, "right": leg.right}
    return row | {"lots": leg.lots, "gross_inr": 0.0, "charges_inr": 0.0, "net_inr": 0.0, "stale": False}


def _row(
    plan: Plan, leg: PlanLeg, loaded: Loaded, trade: TradeRow, multiple: int, lot_sizes: list[int]
) -> Row:
    holding, number = loaded.holding, trade.leg
    row = _blank(plan, leg, holding.day, number + 1)
    row |= {"entry": trade.number, "lots": leg.lots * multiple, "expiry": loaded.expiries[number]}
    row |= {"reason": REASONS[trade.reason], "why": ""}
    if trade.row >= 0:
        expiry, row["strike"], _ = loaded.contracts[trade.row]
        row["lot_size"] = lot_sizes[trade.row] or lot_size(plan.underlying, expiry, holding.day)  # no bars
    if trade.reason == REFUSED:
        return row | {"why": _why(loaded, leg, trade)}
    entry, out = round(trade.entry * TICK_INR, 2), round(trade.exit * TICK_INR, 2)
    units, sign = row["lots"] * row["lot_size"], 1 if leg.side == "buy" else -1
    gross = round(sign * (trade.exit - trade.entry) * units * TICK_INR, 2)
    starts = holding.start(trade.entry_bar), holding.start(trade.exit_bar)
    row |= {"entry_bar": starts[0], "entry_price": entry, "exit_bar": starts[1], "exit_price": out}
    parts = [*_charges(row, trade.reason == EXPIRY)] if plan.charges else []
    charges = round(sum(part.total for part in parts), 2)
    best, worst = _excursions(loaded, trade, sign)
    return row | {
        "split": parts,
        "best_inr": round(best * units * TICK_INR, 2),
        "worst_inr": round(worst * units * TICK_INR, 2),
        "gross_inr": gross,
        "charges_inr": charges,
        "net_inr": round(gross - charges, 2),
        "stale": bool(trade.stale),
    }


def _excursions(loaded: Loaded, trade: TradeRow, sign: int) -> tuple[int, int]:
    """Return the best and the worst a leg stood, ticks per unit, from the bar after its entry to its exit."""
    tape, held = loaded.tape, slice(trade.entry_bar + 1, trade.exit_bar + 1)
    high, low = tape.high[trade.row, held], tape.low[trade.row, held]
    traded = high > 0
    if not traded.any():
        return 0, 0
    ends = sign * (int(high[traded].max()) - trade.entry), sign * (int(low[traded].min()) - trade.entry)
    return max(0, *ends), min(0, *ends)


def split_of(rows: Iterable[Row]) -> dict[str, float]:
    """Return the charges of many rows by kind, rupees."""
    parts = [part for row in rows for part in row.get("split", ())]
    totals = zip(*parts, strict=True) if parts else [(0.0,)] * len(Charges._fields)
    return {name: float(sum(values)) for name, values in zip(Charges._fields, totals, strict=True)}


def notes_of(rows: Iterable[Row]) -> pd.DataFrame:
    """Return by day what the contract notes state, rupees: STT and stamp duty rounded over the day."""
    orders: dict[date, list[Charges]] = {}
    for row in rows:
        for part, moment in zip(row.get("split", ()), (row["entry_bar"], row["exit_bar"]), strict=False):
            orders.setdefault(moment.date(), []).append(part)
    notes = [contract_note(orders[day]) for day in sorted(orders)]
    days = pd.DatetimeIndex(sorted(orders), name="day")
    return pd.DataFrame(notes, index=days, columns=list(Charges._fields), dtype=float)


def _charges(row: Row, expired: bool) -> Iterable[Charges]:
    """Return what the orders of one row cost; settlement is no order, but may be taxed."""
    units = row["lots"] * row["lot_size"]
    opens, closes = ("buy", "sell") if row["side"] == "buy" else ("sell", "buy")
    yield order_charges(row["entry_price"] * units, opens, row["entry_bar"].date())  # type: ignore[arg-type]
    on = row["exit_bar"].date()
    if not expired:
        yield order_charges(row["exit_price"] * units, closes, on)  # type: ignore[arg-type]
        return
    paid = round(row["exit_price"] / TICK_INR)
    tax = exercise_tax(paid, row["strike"], row["right"], on) * units if row["side"] == "buy" else 0.0
    yield Charges(0.0, tax, 0.0, 0.0, 0.0, 0.0)


def _why(loaded: Loaded, leg: PlanLeg, trade: TradeRow) -> str:
    if loaded.expiries[trade.leg] is None:
        return f"no expiry {leg.expiry} among the day's contracts"
    if trade.why == NO_STRIKE:
        return f"{WHYS[NO_STRIKE]} by {leg.strike}"
    if trade.row < 0:
        return f"{WHYS[trade.why]} before a strike was chosen by {leg.strike}"
    key = loaded.contracts[trade.row]
    name = f"{key[1]} {key[2]} of {key[0]}"
    if key not in loaded.listed:
        return f"{name} has no bars"
    return f"{name}: {WHYS[trade.why]}"


def as_table(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a table with the log's columns."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS))
