"""A plan as it was traded on paper beside the same plan in a backtest, leg by leg, to the paisa."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

import pandas as pd

from kit.backtest.plan import Plan
from kit.backtest.result import BacktestResult
from kit.shown import Showable, rows_of, table
from kit.trading.following import leg_tag, plan_code
from kit.trading.ledger import PaperLedger
from kit.trading.records import PaperOrder

COLUMNS = (
    *("day", "leg", "entry", "contract", "side", "units", "paper_entry", "backtest_entry"),
    *("paper_exit", "backtest_exit", "paper_inr", "backtest_inr", "difference_inr", "why"),
)
_NOTHING = {"paper_entry": nan, "paper_exit": nan, "paper_inr": 0.0}
_NEVER = {"backtest_entry": nan, "backtest_exit": nan, "backtest_inr": 0.0}


@dataclass(frozen=True, eq=False, repr=False)
class PaperReport(Showable):
    """What paper trading a plan gave, beside its backtest over the same sessions.

    Parameters
    ----------
    plan : Plan
        What was followed.
    legs : DataFrame
        One row per entry of a leg: prices and net rupees of both, their difference, and why there is one.
    backtest : BacktestResult
        The plan over the same minutes.
    """

    plan: Plan
    legs: pd.DataFrame
    backtest: BacktestResult = field(repr=False)

    @property
    def paper_inr(self) -> float:
        """Net profit on paper, rupees; of legs that are open, or that another order closed, their charges."""
        return float(self.legs["paper_inr"].sum())

    @property
    def backtest_inr(self) -> float:
        """Net profit of the backtest, rupees."""
        return float(self.legs["backtest_inr"].sum())

    @property
    def differences(self) -> pd.DataFrame:
        """The legs on which the two do not agree to the paisa."""
        return self.legs[self.legs["why"] != ""]

    @property
    def agrees(self) -> bool:
        """Whether every price and every rupee is the same."""
        return self.differences.empty

    def _heading(self) -> str:
        return self.plan.name

    def _figures(self) -> dict[str, object]:
        return {
            "Paper ₹": self.paper_inr,
            "Backtest ₹": self.backtest_inr,
            "Legs": len(self.legs),
            "Differ": len(self.differences),
        }

    def _details(self) -> list[str]:
        return [table(rows_of(self.legs), "Leg by leg")] if len(self.legs) else []


def compare(ledger: PaperLedger, plan: Plan, result: BacktestResult) -> PaperReport:
    """Return what an account did for a plan beside a backtest of it.

    Parameters
    ----------
    ledger : PaperLedger
        The account's.
    plan : Plan
        What it followed.
    result : BacktestResult
        The same plan over the same sessions.
    """
    log: list[dict[str, Any]] = rows_of(result.trades)
    told = {leg_tag(plan.name, row["day"], row["leg"], row["entry"]): row
            for row in log if row["reason"] != "refused"}  # fmt: skip
    days = {row["day"] for row in log} | set(result.sessions)
    left_out = {one.day: one.why for one in result.skipped}
    rows = [_row(ledger, tag, _of_backtest(row)) for tag, row in told.items()]
    rows += [
        _row(ledger, tag, _of_paper(tag, order) | _NEVER, left_out.get(order.placed_at.date(), ""))
        for tag, order in _entries(ledger, plan.name)
        if tag not in told and order.placed_at.date() in days
    ]
    legs = pd.DataFrame(rows, columns=list(COLUMNS))
    return PaperReport(plan, legs.sort_values(["day", "leg", "entry"], ignore_index=True), result)


def _entries(ledger: PaperLedger, name: str) -> Iterator[tuple[str, PaperOrder]]:
    """Yield a plan's entries by their tag without its last letter."""
    form = re.compile(rf"{plan_code(name)}\d{{6}}[0-9a-f]\d\di")
    for tag, order_id in ledger.by_tag.items():
        if form.fullmatch(tag):
            yield tag[:-1], ledger.orders[order_id]


def _of_backtest(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("day", "leg", "entry")} | {
        "contract": f"{row['strike']:.0f}{row['right']} {row['expiry']:%d%b%y}".upper(),
        "side": "BUY" if row["side"] == "buy" else "SELL",
        "units": int(row["lots"] * row["lot_size"]),
        "backtest_entry": row["entry_price"],
        "backtest_exit": row["exit_price"],
        "backtest_inr": row["net_inr"],
    }


def _of_paper(tag: str, entry: PaperOrder) -> dict[str, Any]:
    asked = entry.asked
    row = {"day": entry.placed_at.date(), "leg": int(tag[-3], 16), "entry": int(tag[-2:])}
    return row | {"contract": asked.contract.symbol, "side": asked.side, "units": asked.quantity}


def _row(ledger: PaperLedger, tag: str, row: dict[str, Any], left_out: str = "") -> dict[str, Any]:
    entry, out = (ledger.orders.get(ledger.by_tag.get(tag + way, "")) for way in "io")
    row = row | (_NOTHING if entry is None or not entry.filled else _earned(ledger, entry, out))
    row["difference_inr"] = round(row["paper_inr"] - row["backtest_inr"], 2)
    held = entry is not None and ledger.net(entry.asked.contract.token) != 0
    without_exit = "still open on paper" if held else "closed on paper by another order"
    why = _why(row, entry, out, without_exit)
    return row | {"why": f"{why}: {left_out}" if left_out else why}


def _earned(ledger: PaperLedger, entry: PaperOrder, out: PaperOrder | None) -> dict[str, float]:
    sign, units = entry.sign, entry.filled
    bought = entry.value_inr / units
    orders, tax, paid = [entry], 0.0, nan
    settled = ledger.settled.get(entry.asked.contract.token)
    if out is not None and out.filled:
        orders.append(out)
        paid = out.value_inr / out.filled
    elif settled is not None:
        paid, tax = settled.price_inr, settled.tax_inr * units if sign > 0 else 0.0
    gross = 0.0 if isnan(paid) else sign * (paid - bought) * units
    charges = round(sum(order.charges_inr for order in orders) + tax, 2)
    return {
        "paper_entry": round(bought, 4),
        "paper_exit": round(paid, 4),
        "paper_inr": round(round(gross, 2) - charges, 2),
    }


def _why(row: Mapping[str, Any], entry: PaperOrder | None, out: PaperOrder | None, without_exit: str) -> str:
    """Return why the two differ, the first cause first; empty where they do not."""
    if entry is None:
        return "not entered on paper"
    for order, way in ((entry, "entry"), (out, "exit")):
        if order is not None and order.reason:
            return f"{way}: {order.reason}"
    asked, got = entry.asked.quantity, entry.filled
    same = all(abs(row[f"paper_{part}"] - row[f"backtest_{part}"]) < 5e-5 for part in ("entry", "exit"))
    causes = {
        f"entry: {got} of {asked} units were filled": got < asked,
        "not in the backtest": isnan(row["backtest_entry"]),
        without_exit: isnan(row["paper_exit"]),
        "other prices": not same,
        "other charges": row["difference_inr"] != 0,
    }
    return next((why for why, holds in causes.items() if holds), "")
