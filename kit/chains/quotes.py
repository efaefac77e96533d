"""FULL quotes of the broker to the columns of one expiry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.chains.contracts import Contracts, of_options
from kit.chains.fields import COUNT_BOUND, PRICE_BOUND, UnfitError, count, price
from kit.clock import parse_moment
from kit.errors import DataError, ProtocolError
from kit.model import Instrument
from kit.quotes import positive

QuoteRow = Mapping[str, Any]
_LONGEST_REST = timedelta(days=15)  # without a session; longer than any holidays


def from_quotes(instruments: Sequence[Instrument], rows: Sequence[QuoteRow | None]) -> Contracts:
    """Return the columns of one expiry from FULL quotes.

    Parameters
    ----------
    instruments : sequence of Instrument
        Options of one expiry, sorted by strike with the call first.
    rows : sequence of mapping or None
        The quote of each; None where the broker could not quote it. A price of 0 means none.

    Raises
    ------
    ProtocolError
        A quote holds something that is no number, or none that can be.
    """
    try:
        table = _table([_quoted(row) if row else _NOTHING for row in rows])
    except _ODD as error:
        raise ProtocolError("A quote cannot be read", str(error), "Try again; else report it.") from error
    ltp, bid, ask, volume, oi, previous, bid_qty, ask_qty = table.T
    numbers = {
        "ltp": positive(ltp),
        "bid": positive(bid),
        "ask": positive(ask),
        "volume": volume,
        "oi": oi,
        "oi_change": np.full(len(rows), np.nan),
        "ltp_change": positive(ltp) - positive(previous),
        "bid_qty": bid_qty,
        "ask_qty": ask_qty,
    }
    return of_options(instruments, numbers)


_UNKNOWN = float("nan")
_NOTHING = (float("nan"),) * 8
_ODD = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)
_KINDS = (price, price, price, count, count, price, count, count)
_MOST = np.array([PRICE_BOUND if kind is price else COUNT_BOUND for kind in _KINDS])


def _table(cells: list[tuple[Any, ...]]) -> NDArray[np.float64]:
    """Return what quotes say as numbers; what is none that can be is refused."""
    if not {type(cell) for row in cells for cell in row} <= {int, float}:  # seldom: text, null, true
        cells = [tuple(kind(cell) for kind, cell in zip(_KINDS, row, strict=True)) for row in cells]
    table = np.array(cells, dtype=np.float64).reshape(-1, len(_KINDS))
    if (wrong := (table < 0) | (table > _MOST)).any():
        raise ValueError(f"{table[wrong][0]:g} is no price and no quantity")
    return table


def _quoted(row: QuoteRow) -> tuple[Any, ...]:
    depth = row["depth"]
    bid, ask = depth["buy"], depth["sell"]
    return (
        row["ltp"],
        bid[0]["price"] if bid else 0,
        ask[0]["price"] if ask else 0,
        row["tradeVolume"],
        row["opnInterest"],
        row.get("close", 0),
        bid[0].get("quantity", _UNKNOWN) if bid else 0,
        ask[0].get("quantity", _UNKNOWN) if ask else 0,
    )


def quoted_at(rows: Sequence[QuoteRow | None], otherwise: datetime) -> datetime:
    """Return when the exchange last fed any of the quotes; `otherwise` where none says.

    Raises
    ------
    ProtocolError
        It is no time, or one far from `otherwise`: another year's chain.
    """
    times = {str(row["exchFeedTime"]) for row in rows if row and row.get("exchFeedTime")}
    try:
        at = max(map(parse_moment, times), default=otherwise)
    except DataError as error:
        raise ProtocolError("A quote has a time that cannot be read", error.value, "Report it.") from error
    if not is_of_this_time(at, otherwise):
        raise ProtocolError("A quote is of another time", at.isoformat(), "Check this machine's clock.")
    return at


def is_of_this_time(at: datetime, now: datetime) -> bool:
    """Tell whether a quote can be of the present: not of another year, nor of the future."""
    return -_LONGEST_REST <= at - now <= timedelta(days=1)


def last_price(row: QuoteRow | None) -> float:
    """Return the last price of a quote in rupees; NaN where there is none.

    Raises
    ------
    ProtocolError
        It is no number, or none that can be.
    """
    try:
        return price(row.get("ltp")) if row else float("nan")
    except (UnfitError, AttributeError) as error:
        said = row.get("ltp") if isinstance(row, Mapping) else type(row).__name__
        raise ProtocolError("A last price cannot be", said, "Try again; else report it.") from error
