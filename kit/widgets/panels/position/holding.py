"""What is put together in the position builder: legs from a click, a preset or another panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from math import isnan, nan

from pydantic import Field

from kit.evaluation.liquidity import entry_price
from kit.evaluation.outlook import Outlook
from kit.model import ChainSnapshot, Held, Leg, Position
from kit.section import Section
from kit.strategies.base import Strategy
from kit.widgets.frame.grid import GridColumn, GridRow, cells_of
from kit.widgets.panels.chain import strike_row

NEAR = 0.12  # of the forward, shown in the ladder on either side


class Size(Section):
    """How much of a position."""

    lots: int = Field(1, ge=1, le=1000, description="of a leg or of a whole strategy")


_BOTH: tuple[Held, Held] = ("CE", "PE")
_SIDE = {
    "iv": GridColumn("iv", "IV", "%", 1, 100, help="Implied volatility, a year"),
    "sell": GridColumn("sell", "Sell", "₹ bid", 2, press=True),
    "buy": GridColumn("buy", "Buy", "₹ ask", 2, press=True),
    "lots": GridColumn("lots", "Held", "lots", signed=True),
}
_CALLS = [replace(_SIDE[name], group="Calls") for name in ("iv", "lots", "sell", "buy")]
_PUTS = [replace(_SIDE[name], group="Puts") for name in ("sell", "buy", "lots", "iv")]
LADDER = (
    *(replace(one, help=f"{one.title} a call") if one.press else one for one in _CALLS),
    GridColumn("strike", "Strike", "₹", key=True),
    *(replace(one, help=f"{one.title} a put") if one.press else one for one in _PUTS),
)
LEGS = (
    GridColumn("leg", "Leg", text=True, key=True),
    GridColumn("entry", "Entry", "₹ a unit", 2),
    GridColumn("now", "Now", "₹ a unit", 2, help="Middle of bid and ask, or last traded"),
    GridColumn("profit", "Profit", "₹ in the scenario", signed=True),
    GridColumn("delta", "Delta", "₹ a point", 1, signed=True),
    GridColumn("theta", "Theta", "₹ a day", signed=True),
    GridColumn("vega", "Vega", "₹ a vol. pt", signed=True),
    GridColumn("more", "Buy", text=True, press=True, help="Buy one lot more"),
    GridColumn("less", "Sell", text=True, press=True, help="Sell one lot more"),
    GridColumn("out", "Remove", text=True, press=True, help="Remove the leg"),
)


def added(position: Position | None, leg: Leg, underlying: str) -> Position | None:
    """Return a position with one leg more; the same contract is one leg, and none where nothing is left."""
    legs = list(position or ())
    for place, held in enumerate(legs):
        if replace(held, lots=leg.lots) == leg or (_same(held, leg) and isnan(held.price)):
            legs[place] = replace(held, lots=held.lots + leg.lots)
            break
    else:
        legs.append(leg)
    left = tuple(one for one in legs if one.lots)
    return Position(left, underlying) if left else None


def _same(one: Leg, other: Leg) -> bool:
    return (one.right, one.strike, one.expiry) == (other.right, other.strike, other.expiry)


def dated(position: Sequence[Leg], expiry: date, underlying: str) -> Position:
    """Return a position whose legs say their expiry; what has none is of `expiry`."""
    legs = (leg if leg.right == "INDEX" else replace(leg, expiry=leg.expiry or expiry) for leg in position)
    return Position(tuple(legs), underlying)


def held_of(idea: Strategy | Position, snapshot: ChainSnapshot) -> Position:
    """Return an idea as legs: a strategy's on the chain without prices, so that they follow the quotes."""
    if isinstance(idea, Position):
        return dated(idea, snapshot.expiry, idea.underlying)
    legs = tuple(replace(leg, price=nan) for leg in idea.legs(snapshot))
    return dated(legs, snapshot.expiry, snapshot.underlying)


def ladder_rows(snapshot: ChainSnapshot, position: Position | None) -> list[GridRow]:
    """Return the rows of the ladder: what can be bought and sold around the money, and what is held."""
    held = {(leg.right, leg.strike): leg.lots for leg in position or () if leg.expiry == snapshot.expiry}
    strikes = {strike for _, strike in held}
    near = [
        strike
        for strike in snapshot.strikes
        if abs(strike / snapshot.forward - 1) <= NEAR or strike in strikes
    ]
    rows = []
    for strike in near:
        calls, puts = (_cells(snapshot, side, strike, held) for side in _BOTH)
        cells = [*cells_of(_CALLS, calls), strike, *cells_of(_PUTS, puts)]
        rows.append(strike_row(strike, cells, snapshot))
    return rows


def _cells(
    snapshot: ChainSnapshot, side: Held, strike: float, held: dict[tuple[Held, float], int]
) -> dict[str, float]:
    contract = snapshot.contracts[side].get(strike)
    lots = held.get((side, strike), nan)
    if contract is None:
        return {"iv": nan, "sell": nan, "buy": nan, "lots": lots}
    sold, bought = (Leg(side, strike, one, nan) for one in (-1, 1))
    return {
        "iv": contract.iv, "lots": lots, "sell": entry_price(sold, contract, "touch"),
        "buy": entry_price(bought, contract, "touch"),
    }  # fmt: skip


def leg_rows(found: Outlook) -> list[GridRow]:
    """Return the rows of the legs, each with its part of the profit and the Greeks in the scenario."""
    rows = []
    parts = zip(found.standing.position, found.legs_inr, found.legs_greeks_inr, strict=True)
    for place, (leg, profit, (delta, _, theta, vega, _)) in enumerate(parts):
        now = found.standing.chain.at(leg.expiry).price(leg.strike, leg.right)
        figures = (leg.price, now, profit, delta, theta, vega)
        cells = [column.cell(figure) for column, figure in zip(LEGS[1:7], figures, strict=True)]
        rows.append(GridRow(place, [leg_words(leg), *cells, "+", "−", "×"]))
    return rows


def leg_words(leg: Leg) -> str:
    """Write a leg as an analyst reads it: ``−1 54,900 CE 29 Dec 26``."""
    contract = f"{leg.strike:,.12g} {leg.right}" if leg.is_option else leg.right
    until = f" {leg.expiry:%d %b %y}" if leg.expiry else ""
    return f"{leg.lots:+d}".replace("-", "−") + f" {contract}{until}"
