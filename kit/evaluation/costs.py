"""What trading costs: brokerage, taxes and exchange charges of options, futures and shares, by date.

Every rate is a row of ``data/charges.csv`` or ``data/brokerage.csv`` with the day it applies from and its
source. Rates are fractions of the turnover (price times units; an option's is its premium) except where
their unit says otherwise. The index itself cannot be traded and costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np

from kit.arguments import checked, choice, instance, number
from kit.clock import parse_day
from kit.errors import DataError
from kit.facts import fact
from kit.model import Leg

Side = Literal["buy", "sell"]
Plan = Literal["flat", "capped", "none"]
Kind = Literal["option", "future", "delivery", "share"]
_ITEMS: Mapping[Kind, tuple[str, str, str]] = {
    "option": ("stt_sell", "exchange", "stamp_buy"),
    "future": ("future_stt_sell", "future_exchange", "future_stamp_buy"),
    "delivery": ("delivery_stt", "share_exchange", "delivery_stamp_buy"),
    "share": ("share_stt_sell", "share_exchange", "share_stamp_buy"),
}


class Charges(NamedTuple):
    """What executed orders cost, in rupees; arrays where the premiums were arrays.

    Parameters
    ----------
    brokerage : float
        Of the broker's plan.
    stt : float
        Securities transaction tax; on sales only, of delivered shares on purchases too.
    exchange : float
        Transaction charges of the exchange.
    sebi : float
        Turnover fee of the regulator.
    stamp : float
        Stamp duty; on purchases only.
    gst : float
        Tax on brokerage and exchange charges, since July 2022 also on the regulator's fee.
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


class ChargeRates(NamedTuple):
    """The rates of one day and plan.

    Parameters
    ----------
    per_order : float
        Brokerage of an order, rupees.
    at_most : float
        The most that brokerage may be, as a fraction of the turnover; infinite without a cap.
    stt, exchange, sebi, stamp : float
        Fractions of the turnover; STT of sales, stamp duty of purchases.
    gst : float
        Fraction of brokerage and exchange charges.
    gst_on_sebi : float
        How much of the regulator's fee is taxed as well: 0 or 1.
    stt_buy : float, default 0
        Fraction of the turnover of purchases.
    """

    per_order: float
    at_most: float
    stt: float
    exchange: float
    sebi: float
    stamp: float
    gst: float
    gst_on_sebi: float
    stt_buy: float = 0.0


def charge_rates(on: date, plan: Plan = "flat", kind: Kind = "option") -> ChargeRates:
    """Return the rates of a day, looked up once.

    Parameters
    ----------
    on : date
        The trading day.
    plan : {"flat", "capped", "none"}, default "flat"
        The broker's: so much an order, the same but at most a share of the turnover, or none.
    kind : {"option", "future", "delivery", "share"}, default "option"
        What is traded: of shares ``"delivery"`` where they are delivered, ``"share"`` within the day.

    Raises
    ------
    DataError
        The tables do not reach to this day.
    SettingsError
        There is no such plan or kind.
    """
    choice(plan, get_args(Plan), "There is no brokerage plan of this name")
    choice(kind, _ITEMS, "Nothing of this kind is traded")
    return _charge_rates(parse_day(on), plan, kind)


@lru_cache(maxsize=16_384)
def _charge_rates(on: date, plan: Plan, kind: Kind) -> ChargeRates:
    row = fact("brokerage", on, key=plan, plan=plan)
    stt, exchange, stamp = _ITEMS[kind]
    items = (stt, exchange, "sebi", stamp, "gst", "gst_on_sebi")
    rates = (float(fact("charges", on, item=item)["value"]) for item in items)
    found = ChargeRates(float(row["per_order_inr"]), float(row["at_most_fraction"] or math.inf), *rates)
    return found._replace(stt_buy=found.stt) if kind == "delivery" else found


def order_charges(
    premium_inr: float, side: Side, on: date, plan: Plan = "flat", kind: Kind = "option"
) -> Charges:
    """Return what one executed order costs.

    Parameters
    ----------
    premium_inr : float
        Price times units, rupees; an array gives arrays.
    side : {"buy", "sell"}
        What was done.
    on : date
        The trading day.
    plan : {"flat", "capped", "none"}, default "flat"
        The broker's plan.
    kind : {"option", "future", "delivery", "share"}, default "option"
        What was traded, as in `charge_rates`.

    Returns
    -------
    Charges
        Rupees, exact: what a contract note rounds is rounded by `contract_note`.

    Raises
    ------
    DataError
        The tables do not reach to this day, or a premium is negative.
    SettingsError
        There is no such plan, kind or side.
    """
    rates = charge_rates(on, plan, kind)
    choice(side, get_args(Side), "An order buys or sells")
    if (
        isinstance(premium_inr, Sequence)
        or np.asarray(premium_inr).dtype.kind not in "iuf"
        or np.any(np.less(premium_inr, 0.0))
    ):
        raise DataError("Not a premium", premium_inr, "Give price times units, never negative.")
    exchange, sebi = premium_inr * rates.exchange, premium_inr * rates.sebi
    brokerage = _brokerage(premium_inr, rates)
    return Charges(
        brokerage=brokerage,
        stt=premium_inr * (rates.stt if side == "sell" else rates.stt_buy),
        exchange=exchange,
        sebi=sebi,
        stamp=premium_inr * (rates.stamp if side == "buy" else 0.0),
        gst=rates.gst * (brokerage + exchange + rates.gst_on_sebi * sebi),
    )


def _brokerage(premium_inr: float, rates: ChargeRates) -> float:
    if math.isinf(rates.at_most):
        return rates.per_order + 0.0 * premium_inr  # an array for an array
    capped: float = np.minimum(rates.per_order, rates.at_most * premium_inr)
    return capped if np.ndim(premium_inr) else float(capped)


@checked
def contract_note(orders: Iterable[Charges]) -> Charges:
    """Return the charges of one day's orders as the contract note states them.

    STT and stamp duty are summed over the day and rounded to the rupee, half a rupee upwards.

    Parameters
    ----------
    orders : iterable of Charges
        Of all orders of one day.
    """
    known = [instance(one, Charges, "an order's charges") for one in orders]
    sums = Charges(*(math.fsum(parts) for parts in zip(_NIL, *known, strict=True)))
    return sums._replace(stt=_to_rupee(sums.stt), stamp=_to_rupee(sums.stamp))


_NIL = Charges(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _to_rupee(amount_inr: float) -> float:
    return float(math.floor(round(amount_inr, 6) + 0.5))  # 0.49999999 of binary sums is half a rupee


@checked
def round_trip_inr(
    legs: Sequence[Leg], lot_size: int, on: date, plan: Plan = "flat", *, rounded: bool = False
) -> float:
    """Return what it costs to open and to close a position at its entry prices, rupees.

    Each leg is one order in and one order out, so one of the two is a sale and the other a purchase.

    Parameters
    ----------
    legs : sequence of Leg
        The position.
    lot_size : int
        Units in one lot.
    on : date
        The trading day of both orders.
    plan : {"flat", "capped", "none"}, default "flat"
        The broker's plan.
    rounded : bool, default False
        Round STT and stamp duty to the rupee, as the day's contract note does.

    Raises
    ------
    DataError
        The tables do not reach to this day.
    SettingsError
        There is no such plan.
    """
    number(lot_size, "No lot", above=0)
    if rounded:
        return contract_note(
            order_charges(leg.price * abs(leg.lots) * lot_size, side, on, plan, kind)
            for leg in legs for side in get_args(Side) if (kind := _kind(leg))
        ).total  # fmt: skip
    closing = [replace(leg, lots=-leg.lots) for leg in legs]
    return opening_inr(legs, lot_size, on, plan) + opening_inr(closing, lot_size, on, plan)


def opening_inr(legs: Sequence[Leg], lot_size: int, on: date, plan: Plan = "flat") -> float:
    """Return what it costs to open a position and no more, rupees: one order a leg, at its entry price.

    Parameters
    ----------
    legs, lot_size, on, plan
        As in `round_trip_inr`.

    Raises
    ------
    DataError, SettingsError
        As in `round_trip_inr`.
    """
    total = 0.0
    for leg in legs:
        if kind := _kind(leg):
            rates, turnover = charge_rates(on, plan, kind), leg.price * abs(leg.lots) * lot_size
            taxed = rates.exchange * (1 + rates.gst) + rates.sebi * (1 + rates.gst * rates.gst_on_sebi)
            total += turnover * (taxed + (rates.stamp if leg.lots > 0 else rates.stt))
            total += float(_brokerage(turnover, rates)) * (1 + rates.gst)
    return total


def _kind(leg: Leg) -> Kind | None:
    """Return what is traded for a leg; None for the index, which cannot be."""
    return "option" if leg.is_option else "future" if leg.right == "FUT" else None
