"""What the exchange lays down about a contract: its lot and its tick, by date."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Literal, cast

from kit.arguments import choice
from kit.clock.dates import parse_day
from kit.errors import DataError
from kit.facts import fact, span, table, underlying_name, within

SettlementRule = Literal["mean_last_30", "auction"]


def lot_size(underlying: str, expiry: date, on: date) -> int:
    """Return the lot of a contract on a trading day, from ``data/lot_sizes.csv``.

    Prefer the lot that an instrument master or a UDiFF row states for the contract.

    Parameters
    ----------
    underlying : str
        For instance ``"BANKNIFTY"``.
    expiry : date
        Of the contract.
    on : date
        The trading day: the lot of a listed contract may change on a day, and contracts that are listed
        later may start with another one.

    Raises
    ------
    DataError
        The day lies outside the table's range, the contract had expired, or the underlying is not known.
    """
    return _lot_size(underlying_name(underlying), parse_day(expiry), parse_day(on))


@lru_cache(maxsize=65_536)
def _lot_size(underlying: str, expiry: date, on: date) -> int:
    within("lot_sizes", on, underlying)
    if expiry < on:
        raise DataError(f"The contract of {expiry} had expired", on.isoformat(), "Ask for a day of its life.")
    day, last = on.isoformat(), expiry.isoformat()
    known = [
        row
        for row in table("lot_sizes")
        if row["underlying"] == underlying
        and row["traded_from"] <= day
        and row["expiry_from"] <= last <= (row["expiry_to"] or last)
    ]
    return int(max(known, key=lambda row: (row["traded_from"], row["expiry_from"]))["lot"])


def settlement_rule(on: date) -> SettlementRule:
    """Return how the level is made at which options that expire on a day are settled.

    Returns
    -------
    {"mean_last_30", "auction"}
        Of the index: its mean over the last half hour, or the print of its shares' closing auction.

    Raises
    ------
    DataError
        The day lies outside the table's range.
    """
    return cast("SettlementRule", fact("settlement_rules", parse_day(on))["rule"])


def tick_inr(on: date | None = None, segment: Literal["derivatives", "index"] = "derivatives") -> float:
    """Return the smallest step of a price, rupees, from ``data/ticks.csv``.

    Parameters
    ----------
    on : date, optional
        The trading day; default the last day that the table knows.
    segment : {"derivatives", "index"}, default "derivatives"
        Of contracts, or of published levels.

    Raises
    ------
    DataError
        The day lies outside the table's range.
    """
    day = span("ticks").last if on is None else parse_day(on)
    return _tick_inr(day, choice(segment, ("derivatives", "index"), "No such segment"))


@lru_cache(maxsize=4096)
def _tick_inr(day: date, segment: str) -> float:
    return float(fact("ticks", day, segment=segment)["tick_inr"])
