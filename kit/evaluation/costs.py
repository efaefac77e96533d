"""What trading costs: brokerage, taxes and exchange charges of Indian index options, by date.

Every rate is a row of ``data/charges.csv`` with the day it applies from and its source. Rates are
fractions of the premium turnover (price times units) except where their unit says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Literal, NamedTuple

from kit.facts import in_force, table
from kit.model import Leg

Side = Literal["buy", "sell"]


class Charges(NamedTuple):
    """What one executed order costs, in rupees.

    Parameters
    ----------
    brokerage : float
        Fixed per order.
    stt : float
        Securities transaction tax; on option sales only.
    exchange : float
        Transaction charges of the exchange.
    sebi : float
        Turnover fee of the regulator.
    stamp : float
        Stamp duty; on purchases only.
    gst : float
        Tax on brokerage, exchange charges and regulator's fee.
    """

    brokerage: float
    stt: float
    exchange: float
    sebi: float
    stamp: float
    gst: float

    @property
    def total(self) -> float:
        """All of it, rupees."""
        return sum(self)


class _Rates(NamedTuple):
    brokerage: float
    stt: float
    exchange: float
    sebi: float
    stamp: float
    gst: float


@cache
def _rates(on: date) -> _Rates:
    items = ("brokerage", "stt_sell", "exchange", "sebi", "stamp_buy", "gst")
    return _Rates(*(float(in_force(table("charges"), on, item=item)["value"]) for item in items))


def order_charges(premium_inr: float, side: Side, on: date) -> Charges:
    """Return what one executed option order costs.

    Parameters
    ----------
    premium_inr : float
        Price times units, rupees.
    side : {"buy", "sell"}
        What was done.
    on : date
        The trading day.

    Returns
    -------
    Charges
        Rupees.

    Raises
    ------
    DataError
        The table of charges does not reach back to this day.
    """
    rates = _rates(on)
    exchange, sebi = premium_inr * rates.exchange, premium_inr * rates.sebi
    return Charges(
        brokerage=rates.brokerage,
        stt=premium_inr * rates.stt if side == "sell" else 0.0,
        exchange=exchange,
        sebi=sebi,
        stamp=premium_inr * rates.stamp if side == "buy" else 0.0,
        gst=rates.gst * (rates.brokerage + exchange + sebi),
    )


def round_trip_inr(legs: Sequence[Leg], lot_size: int, on: date) -> float:
    """Return what it costs to open and to close a position at its entry prices, rupees.

    Each leg is one order in and one order out, so one of the two is a sale and the other a purchase.

    Raises
    ------
    DataError
        The table of charges does not reach back to this day.
    """
    rates = _rates(on)
    per_premium = rates.stt + rates.stamp + 2 * (1 + rates.gst) * (rates.exchange + rates.sebi)
    turnover = sum([leg.price * abs(leg.lots) for leg in legs]) * lot_size
    return turnover * per_premium + len(legs) * 2 * rates.brokerage * (1 + rates.gst)


def exercise_inr(legs: Sequence[Leg], lot_size: int, settlement: float, on: date) -> float:
    """Return the tax on bought legs that expire in the money, rupees.

    Parameters
    ----------
    legs : sequence of Leg
        The position held to the end.
    lot_size : int
        Units in one lot.
    settlement : float
        Final settlement level, rupees.
    on : date
        The expiry.

    Raises
    ------
    DataError
        The table of charges does not reach back to this day.
    """
    row = in_force(table("charges"), on, item="stt_exercise")
    on_intrinsic = row["unit"] == "fraction_of_intrinsic"  # until 2019 the whole value was taxed
    taxed = 0.0
    for leg in legs:
        inside = settlement - leg.strike if leg.right == "CE" else leg.strike - settlement
        if leg.lots > 0 and inside > 0:
            taxed += leg.lots * (inside if on_intrinsic else settlement)
    return float(row["value"]) * lot_size * taxed
