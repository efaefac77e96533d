"""A whole chain at once: raw quotes of every expiry to forwards, volatility, Greeks and analytics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.errors import DataError
from kit.pricing.analytics import COLUMNS, Analytics, analytics
from kit.pricing.arrays import Bools, Floats, column, floats, sides
from kit.pricing.black76 import DeltaOf, IvAndGreeks, iv_and_greeks
from kit.pricing.forward import Forward, carried_forward, discounted, implied_forward
from kit.pricing.quality import iv_quality, price_kind
from kit.pricing.reasons import Codes, Reason
from kit.quotes import mid_or_last, positive

Rows = NDArray[np.intp]

WIDE_QUALITY = 0.5  # below it a mid is wide


@dataclass(frozen=True)
class ChainAnalysis:
    """What the quotes of a chain imply.

    Parameters
    ----------
    expiries : ndarray, shape (e,)
        The distinct expiries, ascending, as they were given.
    forwards : tuple of Forward
        By expiry.
    analytics : tuple of Analytics
        By expiry.
    price : ndarray, shape (n,)
        The price each volatility rests on, rupees; NaN: none.
    from_counterpart : ndarray of bool, shape (n,)
        Whether that is the price of the out-of-the-money counterpart, carried over by parity.
    greeks : IvAndGreeks
        Each field of shape (n,), in the order of the input. Its `reason` also says of what kind the price is.
    iv_quality : ndarray, shape (n,)
        How much each volatility says, from 0 to 1: see `kit.pricing.quality`.
    """

    expiries: NDArray[np.generic]
    forwards: tuple[Forward, ...]
    analytics: tuple[Analytics, ...]
    price: Floats
    from_counterpart: Bools
    greeks: IvAndGreeks
    iv_quality: Floats


def analyse(
    expiry: ArrayLike,
    strike: ArrayLike,
    is_call: ArrayLike,
    bid: ArrayLike,
    ask: ArrayLike,
    ltp: ArrayLike,
    oi: ArrayLike,
    volume: ArrayLike,
    t_years: ArrayLike,
    *,
    spot: float,
    rate: float,
    future: ArrayLike | None = None,
    oi_change: ArrayLike = np.nan,
    ltp_change: ArrayLike = np.nan,
    delta_of: DeltaOf = "forward",
    step_inr: float | None = None,
) -> ChainAnalysis:
    """Analyse the quotes of one or many expiries.

    A volatility rests on the mid of bid and ask, else on the last traded price (`kit.quotes.mid_or_last`). An
    in-the-money option whose time value drowns in its own spread is priced from its out-of-the-money
    counterpart.

    Parameters
    ----------
    expiry : array_like, shape (n,) or ()
        Anything sortable, for instance ``datetime64[D]``.
    strike : array_like, shape (n,)
        Rupees.
    is_call : array_like of bool or str, shape (n,) or ()
        Call or put: a chain's column ``right`` will do.
    bid, ask, ltp : array_like, shape (n,) or ()
        Rupees; NaN or zero: none.
    oi, volume : array_like, shape (n,) or ()
        Units; NaN: none.
    t_years : array_like, shape (n,) or ()
        Years to expiry of each row.
    spot, rate : float
        Index level, rupees, and annual rate, where parity and future are missing.
    future : array_like, shape (e,), optional
        Price of the future by expiry, ascending; NaN: none.
    oi_change, ltp_change : array_like, shape (n,) or ()
        Since the previous close, units and rupees; NaN: unknown.
    delta_of : {"forward", "spot"}
        As in `kit.pricing.black76.greeks`.
    step_inr : float, optional
        Smallest step of a price on that day, rupees; None: the last one known.

    Returns
    -------
    ChainAnalysis
        Rows in the order of the input.

    Raises
    ------
    DataError
        A side that is neither call nor put, a column of another length than `strike`, or not one future per
        expiry.
    SettingsError
        A misspelt `delta_of`.
    """
    k = np.atleast_1d(floats(strike))
    call, years = column("is_call", sides(is_call), k), column("t_years", discounted(t_years, rate), k)
    columns = _columns(k, bid, ask, ltp, oi, volume, oi_change, ltp_change)
    expiries, which = np.unique(column("expiry", np.asarray(expiry), k), return_inverse=True)
    indexes = [_StrikeIndex.of(np.flatnonzero(which == number), k, call) for number in range(expiries.size)]
    kind, doubt = price_kind(columns["bid"], columns["ask"], columns["ltp"], columns["volume"], step_inr)
    traded = _futures(future, expiries.size)
    forwards = _forwards(indexes, columns, kind, years, traded, spot=spot, rate=rate, step_inr=step_inr)
    level = np.array([forward.value for forward in forwards])[which]
    discount = np.array([forward.discount for forward in forwards])[which]
    price, rests_on = _carried(indexes, columns, k, call, level, discount)
    greeks = iv_and_greeks(price, level, k, years, discount, call, delta_of=delta_of)
    reason, quality = _judged(columns, greeks, kind[rests_on], doubt[rests_on], rests_on, step_inr)
    columns["gamma"] = floats(greeks.gamma)
    scored = tuple(index.scored(columns, found) for index, found in zip(indexes, forwards, strict=True))
    from_counterpart = rests_on != np.arange(k.size)
    return ChainAnalysis(
        expiries, forwards, scored, price, from_counterpart, greeks._replace(reason=reason), quality
    )


def _judged(
    columns: dict[str, Floats],
    greeks: IvAndGreeks,
    kind: Codes,
    doubt: Floats,
    rests_on: Rows,
    step_inr: float | None,
) -> tuple[Codes, Floats]:
    """Return for each known volatility what kind of price it comes from, and its quality."""
    bid, ask = columns["bid"][rests_on], columns["ask"][rests_on]
    half = np.where(ask >= bid, (ask - bid) / 2, np.nan)
    quality = iv_quality(floats(greeks.iv), floats(greeks.vega), half, doubt, step_inr)
    known = greeks.reason == Reason.OK
    reason = np.where(known, kind, greeks.reason)
    wide = known & (reason == Reason.OK) & (half > 0) & (quality < WIDE_QUALITY)
    return np.where(wide, Reason.WIDE, reason).astype(np.int8), quality


def _columns(
    k: Floats, bid: ArrayLike, ask: ArrayLike, ltp: ArrayLike, *others: ArrayLike
) -> dict[str, Floats]:
    """Return the columns of the quotes by name, and the price that each quote is worth."""
    columns = {
        name: column(name, positive(floats(given)), k)
        for name, given in (("bid", bid), ("ask", ask), ("ltp", ltp))
    }
    for name, given in zip(("oi", "volume", "oi_change", "ltp_change"), others, strict=True):
        columns[name] = column(name, floats(given), k)
    columns["price"] = mid_or_last(columns["bid"], columns["ask"], columns["ltp"], columns["volume"])
    return columns


def _futures(future: ArrayLike | None, count: int) -> list[float]:
    traded = np.full(count, np.nan) if future is None else floats(future).reshape(-1)
    if traded.size != count:
        raise DataError(
            f"A chain of {count} expiries has as many futures, not",
            traded.size,
            "Use NaN where there is none.",
        )
    return traded.tolist()


@dataclass(frozen=True)
class _StrikeIndex:
    """The rows of one expiry, and where each strike's call and put stand among them (-1: nowhere)."""

    rows: Rows
    strikes: Floats
    calls: Rows
    puts: Rows

    @classmethod
    def of(cls, rows: Rows, strike: Floats, is_call: Bools) -> _StrikeIndex:
        strikes, slot = np.unique(strike[rows], return_inverse=True)
        calls, puts = np.full((2, strikes.size), -1)
        call = is_call[rows]
        calls[slot[call]], puts[slot[~call]] = rows[call], rows[~call]
        return cls(rows, strikes, calls, puts)

    def pick(self, values: Floats, call: bool) -> Floats:
        rows = self.calls if call else self.puts
        return np.where(rows >= 0, values[rows], np.nan)

    def side(self, columns: dict[str, Floats], call: bool) -> dict[str, Floats]:
        return {name: self.pick(columns[name], call) for name in COLUMNS}

    def forward(self, quotes: dict[str, Floats], t_years: float, **known: Any) -> Forward:
        call_bid, call_ask = (self.pick(quotes[name], True) for name in ("bid", "ask"))
        put_bid, put_ask = (self.pick(quotes[name], False) for name in ("bid", "ask"))
        return implied_forward(self.strikes, call_bid, call_ask, put_bid, put_ask, t_years, **known)

    def scored(self, columns: dict[str, Floats], forward: Forward) -> Analytics:
        call, put = self.side(columns, True), self.side(columns, False)
        return analytics(self.strikes, call, put, forward.value, forward.discount)


def _forwards(
    indexes: list[_StrikeIndex],
    columns: dict[str, Floats],
    kind: Codes,
    years: Floats,
    futures: list[float],
    *,
    spot: float,
    rate: float,
    step_inr: float | None,
) -> tuple[Forward, ...]:
    """Imply each expiry's forward from trades and live quotes, else from the carry of the other expiries.

    The settlement price of a contract that did not trade is the exchange's own model price. It is used only
    where nothing else is known.
    """
    t = [float(years[index.rows[0]]) for index in indexes]
    theory = (columns["bid"] == columns["ask"]) & (kind != Reason.OK)
    known = {name: np.where(theory, np.nan, columns[name]) for name in ("bid", "ask")}
    first = [
        index.forward(known, at, spot=spot, rate=rate, future=future, step_inr=step_inr)
        for index, at, future in zip(indexes, t, futures, strict=True)
    ]
    sure = [n for n, found in enumerate(first) if found.source in ("parity", "future") and t[n] > 0]
    found = list(first)
    for n, index in enumerate(indexes):
        if first[n].source == "spot":
            carried = carried_forward(t[n], [t[m] for m in sure], [first[m].value for m in sure], spot, rate)
            quotes = columns if np.isnan(carried) else known
            found[n] = index.forward(quotes, t[n], spot=spot, rate=rate, carried=carried, step_inr=step_inr)
    return tuple(found)


def _carried(
    indexes: list[_StrikeIndex],
    columns: dict[str, Floats],
    k: Floats,
    call: Bools,
    forward: Floats,
    discount: Floats,
) -> tuple[Floats, Rows]:
    """Return the price that each volatility is solved from, and the row whose quote that price rests on.

    An in-the-money option whose time value is less than half its spread, or unknown because its last trade is
    stale, is priced from its out-of-the-money counterpart by parity. Without one, its mid counts only the
    part of its quote above intrinsic value.
    """
    price, own = columns["price"], np.fmax(columns["ask"] - columns["bid"], 0.0)  # none, or crossed: none
    counterpart, other = np.full(k.size, np.nan), np.arange(k.size)
    for index in indexes:
        both = (index.calls >= 0) & (index.puts >= 0)
        c, p = index.calls[both], index.puts[both]
        counterpart[c], counterpart[p], other[c], other[p] = price[p], price[c], p, c
    intrinsic = discount * np.maximum(np.where(call, forward - k, k - forward), 0.0)
    known = ~np.isnan(np.fmax(np.fmax(columns["bid"], columns["ask"]), price))
    drowned = (intrinsic > 0) & known & ~(price - intrinsic > own / 2)
    from_counterpart = drowned & ~np.isnan(counterpart)
    possible = (np.maximum(columns["bid"], intrinsic) + columns["ask"]) / 2  # NaN without both quotes
    cut = drowned & ~from_counterpart & (columns["ask"] > intrinsic) & ~np.isnan(columns["bid"] + price)
    carried = np.where(from_counterpart, intrinsic + counterpart, np.where(cut, possible, price))
    return carried, np.where(from_counterpart, other, np.arange(k.size))
