"""From quotes to a `ChainSnapshot`: one tidy table with units checked, forward, volatility and Greeks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from kit.broker.client import AngelAPIClient
from kit.broker.shapes import Reply, oldest
from kit.clock import IST, risk_free_rate, years_to_expiry
from kit.errors import ProtocolError
from kit.model import ChainSnapshot, Instrument, Source
from kit.pricing.chain import ChainAnalysis, analyse
from kit.pricing.reasons import reason_text

Floats = NDArray[np.float64]
QuoteRow = Mapping[str, Any]
_TEXT = pd.StringDtype("python", na_value=np.nan)
_NUMBERS = ("ltp", "bid", "ask", "volume", "oi", "oi_change", "ltp_change")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Contracts:
    """The raw columns of one expiry, sorted by strike with the call first.

    Parameters
    ----------
    strike : ndarray, shape (n,)
        Rupees.
    is_call : ndarray of bool, shape (n,)
        Call or put.
    numbers : mapping of str to ndarray, shape (n,)
        ``ltp, bid, ask, ltp_change`` in rupees, ``volume, oi, oi_change`` in units; NaN: none.
    token, symbol : sequence of str
        Empty where the source has none.
    """

    strike: Floats
    is_call: NDArray[np.bool_]
    numbers: Mapping[str, Floats]
    token: Sequence[str]
    symbol: Sequence[str]


def snapshot(
    contracts: Contracts,
    *,
    underlying: str,
    expiry: date,
    taken_at: datetime,
    spot: float,
    lot_size: int,
    source: Source,
    future: float | None = None,
) -> ChainSnapshot:
    """Return a chain with its forward, implied volatilities and Greeks.

    Parameters
    ----------
    contracts : Contracts
        One expiry.
    underlying, expiry, taken_at, lot_size, source
        As in `kit.model.ChainSnapshot`.
    spot : float
        Index level, rupees; NaN: the source does not say, then the forward discounted by the bill rate
        stands in.
    future : float, optional
        Price of the future of this expiry, rupees; the forward where parity has none.
    """
    years = years_to_expiry(taken_at, expiry)
    rate = risk_free_rate(taken_at.date())
    found = _analysed(contracts, years, spot, rate, future)
    forward = found.forwards[0]
    return ChainSnapshot(
        underlying=underlying,
        expiry=expiry,
        taken_at=taken_at,
        spot=float(forward.value * np.exp(-rate * max(years, 0.0)) if np.isnan(spot) else spot),
        forward=forward.value,
        forward_from=forward.source,
        discount=forward.discount,
        t_years=years,
        lot_size=lot_size,
        frame=_table(contracts, found),
        source=source,
    )


def _analysed(
    contracts: Contracts, years: float, spot: float, rate: float, future: float | None
) -> ChainAnalysis:
    one_expiry = np.zeros(contracts.strike.size)
    quoted = ("bid", "ask", "ltp", "oi", "volume")
    bid, ask, ltp, oi, volume = (contracts.numbers[name] for name in quoted)
    traded = [np.nan if future is None else future]
    return analyse(
        one_expiry, contracts.strike, contracts.is_call, bid, ask, ltp, oi, volume, years,
        spot=spot, rate=rate, future=traded,
    )  # fmt: skip


def _table(contracts: Contracts, found: ChainAnalysis) -> pd.DataFrame:
    greeks = found.greeks._asdict()
    reason = reason_text(greeks.pop("reason"))
    columns = {
        "strike": contracts.strike,
        "right": _text(np.where(contracts.is_call, "CE", "PE").tolist()),
        **{name: contracts.numbers[name] for name in _NUMBERS},
        **greeks,
        "iv_reason": _text(reason),
        "token": _text(contracts.token),
        "symbol": _text(contracts.symbol),
    }
    frame = pd.DataFrame(dict(enumerate(columns.values())))
    frame.columns = pd.Index(_text(columns))
    return frame


def _text(values: Iterable[str]) -> ExtensionArray:
    """Return texts kept in Python's strings.

    Arrow's, the default, cost up to 13 ms for the first one of a process: half a restart.
    """
    return pd.array(np.array([*values], dtype=object), dtype=_TEXT)


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
        A quote holds something that is no number.
    """
    try:
        table = np.array([_quoted(row) if row else _NOTHING for row in rows], dtype=np.float64)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise ProtocolError("A quote cannot be read", str(error), "Try again; else report it.") from error
    ltp, bid, ask, volume, oi, previous = table.reshape(-1, 6).T
    return Contracts(
        strike=np.array([option.strike for option in instruments]),
        is_call=np.array([option.right == "CE" for option in instruments], dtype=np.bool_),
        numbers={
            "ltp": positive(ltp),
            "bid": positive(bid),
            "ask": positive(ask),
            "volume": volume,
            "oi": oi,
            "oi_change": np.full(len(rows), np.nan),
            "ltp_change": positive(ltp) - positive(previous),
        },
        token=[option.token for option in instruments],
        symbol=[option.symbol for option in instruments],
    )


_NOTHING = (float("nan"),) * 6


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
    )


def positive(prices: Floats) -> Floats:
    """Return prices with everything that is none (0, negative, NaN, infinite) as NaN."""
    return np.where((prices > 0) & (prices < np.inf), prices, np.nan)


def quoted_at(rows: Sequence[QuoteRow | None], otherwise: datetime) -> datetime:
    """Return when the exchange last fed any of the quotes; `otherwise` where none says."""
    times = {str(row["exchFeedTime"]) for row in rows if row and row.get("exchFeedTime")}
    return max((_feed_time(text) for text in times), default=otherwise)


def _feed_time(text: str) -> datetime:
    """Read ``23-Nov-2026 14:53:57``, whatever the locale."""
    try:
        day, month, rest = text.split("-", 2)
        year, clock = rest.split(" ", 1)
        hour, minute, second = (int(part) for part in clock.split(":"))
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=IST)
    except ValueError as error:
        raise ProtocolError("A quote has a time that cannot be read", text, "Report it.") from error


def around(instruments: Sequence[Instrument], spot: float, strikes: int) -> list[Instrument]:
    """Return the options of at most `strikes` strikes on either side of the spot.

    Parameters
    ----------
    instruments : sequence of Instrument
        Options of one expiry, sorted by strike.
    spot : float
        Rupees.
    strikes : int
        Strikes kept below and above the one nearest to the spot.
    """
    listed = sorted({option.strike for option in instruments})
    middle = min(range(len(listed)), key=lambda at: abs(listed[at] - spot))
    kept = set(listed[max(0, middle - strikes) : middle + strikes + 1])
    return [option for option in instruments if option.strike in kept]


def fetch(
    client: AngelAPIClient,
    index: Instrument,
    series: tuple[Sequence[Instrument], Instrument | None],
    expiry: date,
    strikes_around: int,
    now: datetime,
) -> Reply[ChainSnapshot]:
    """Ask the broker for one expiry.

    Parameters
    ----------
    client : AngelAPIClient
        The broker.
    index : Instrument
        The underlying.
    series : tuple of (sequence of Instrument, Instrument or None)
        The options of the expiry and its future.
    expiry : date
        Which one.
    strikes_around : int
        Strikes on either side of the spot.
    now : datetime
        The present, where the quotes have no time of their own.

    Returns
    -------
    Reply of ChainSnapshot
        As old as the oldest quote in it.

    Raises
    ------
    ProtocolError
        The underlying itself has no quote.
    """
    options, future = series
    leading = [_key(found) for found in (index, future) if found]
    first = client.quotes(leading)
    spot = _last(first.data.fetched.get(_key(index)))
    if np.isnan(spot):
        raise ProtocolError("The broker has no quote for the underlying", index.symbol, "Try again later.")
    near = around(options, spot, strikes_around)
    rest = client.quotes(_key(option) for option in near)
    rows = [rest.data.fetched.get(_key(option)) for option in near]
    age = oldest([first, rest])
    found = snapshot(
        from_quotes(near, rows),
        underlying=index.name,
        expiry=expiry,
        taken_at=quoted_at(rows, now),
        spot=spot,
        lot_size=near[0].lot_size,
        source=age.source,
        future=_last(first.data.fetched.get(_key(future))) if future else None,
    )
    return age.holding(found)


def _key(instrument: Instrument) -> tuple[str, str]:
    return instrument.exchange, instrument.token


def _last(row: QuoteRow | None) -> float:
    try:
        return float(row["ltp"]) if row and row.get("ltp") else float("nan")
    except (TypeError, ValueError) as error:
        raise ProtocolError("A quote cannot be read", str(error), "Try again; else report it.") from error
