"""What can be traded on a day: indices, shares, futures and options, with the broker's tokens.

Strikes only ever join a series: they are listed around every close since the series began, 100 rupees
apart (Bank Nifty) near the money and wider far out, and wider everywhere while the expiry is a distant
quarter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kit.clock import expiries, format_expiry, lot_size, monthly_expiry, tick_inr
from kit.errors import DataError
from kit.simulator.contracts import DayListing, ListedContract
from kit.simulator.paths import FIRST_DAY, Paths, calendar, position
from kit.simulator.underlyings import INDICES, NIFTY, SHARES, VIX_NAME, VIX_SYMBOL, VIX_TOKEN, Underlying

_NEAR, _FAR = 0.12, 0.25  # listed around the closes, as a fraction, at the fine and the wide step
_WIDER = 5  # the wide step over the fine one
_SERIAL_MONTHS, _QUARTERS = 3, 4
_WEEKS = 10  # before the last of seven weeklies with the months' own weeks between
_FUTURE_NUMBERS, _OPTION_NUMBERS = 35_000, 40_000
_SLOTS, _STRIKES = 512, 1024  # numbers per underlying: expiry days before one is reused, strikes of an expiry


class Listings:
    """Lists contracts by day.

    Parameters
    ----------
    paths : Paths
        Where the closes come from that strikes are listed around.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self.on = lru_cache(maxsize=8)(self._list)

    def _list(self, day: date) -> DayListing:
        rows = [*_cash(day), *(row for index in INDICES for row in self._derivatives(index, day))]
        return DayListing(day, {(row.exchange, row.token): row for row in rows})

    def _derivatives(self, index: Underlying, day: date) -> Iterator[ListedContract]:
        try:
            listed = [expiry for expiry in expiries(day, index.name) if (expiry - day).days < _SLOTS]
            lots = {expiry: lot_size(index.name, expiry, day) for expiry in listed}
        except DataError:
            return  # no dated facts of this index: the kit does not know what was listed then
        monthly = sorted({(expiry.year, expiry.month): expiry for expiry in listed}.values())
        tick = tick_inr(day)
        for expiry, lot in lots.items():
            since = _since(expiry, expiry in monthly)
            if since > day:
                continue  # a half-year of NIFTY that has years to go: none is simulated
            if expiry in monthly[:_SERIAL_MONTHS]:
                yield _future(index, expiry, lot, since, tick)
            for strike in self._strikes(index, expiry, day, since):
                yield _option(index, expiry, strike, "CE", lot, since, tick)
                yield _option(index, expiry, strike, "PE", lot, since, tick)

    def _strikes(self, index: Underlying, expiry: date, day: date, since: date) -> list[int]:
        listed = set(self._around(index, since, day, index.strike_step * _WIDER))
        start = max(_listed_after(expiry, _SERIAL_MONTHS, 1), since)
        if start <= day:
            listed.update(self._around(index, start, day, index.strike_step))
        return sorted(listed)

    def _around(self, index: Underlying, start: date, day: date, step: int) -> Iterator[int]:
        """Yield strikes around every close from the one before `start` to the one before `day`."""
        reach = _NEAR if step == index.strike_step else _FAR
        first = int(np.searchsorted(_ordinals(), start.toordinal()))
        closes = self._paths.closes(index)[max(first - 1, 0) : max(position(day), first, 1)]
        low, high = float(closes.min()) * (1 - reach), float(closes.max()) * (1 + reach)
        yield from range(int(low // step) * step, int(-(-high // step)) * step + 1, step)


@lru_cache(maxsize=1)
def _ordinals() -> NDArray[np.int64]:
    return np.array([day.toordinal() for day in calendar()])


def _since(expiry: date, is_monthly: bool) -> date:
    """Return the first day a series is listed: weeks, three months or four quarters before its expiry."""
    if not is_monthly:
        return max(FIRST_DAY, expiry - timedelta(7 * _WEEKS))
    if expiry.month % 3 == 0:
        return _listed_after(expiry, _QUARTERS, 3)
    return _listed_after(expiry, _SERIAL_MONTHS, 1)


@lru_cache(maxsize=1024)
def _listed_after(expiry: date, count: int, step: int) -> date:
    """Return the day after the expiry `count` steps of `step` months earlier."""
    year, month = divmod(expiry.year * 12 + expiry.month - 1 - count * step, 12)
    if year < FIRST_DAY.year:
        return FIRST_DAY
    return max(FIRST_DAY, monthly_expiry(year, month + 1) + timedelta(1))


def _cash(day: date) -> Iterator[ListedContract]:
    level, price = tick_inr(day, "index"), tick_inr(day)
    for index in INDICES:
        yield ListedContract("NSE", index.token, index.symbol, index.name, "INDEX", index, tick=level)
    yield ListedContract("NSE", VIX_TOKEN, VIX_SYMBOL, VIX_NAME, "VIX", NIFTY, tick=level)
    for share in SHARES:
        yield ListedContract("NSE", share.token, share.symbol, share.name, "SHARE", share, tick=price)


def _slot(index: Underlying, expiry: date) -> int:
    """Return the number of an expiry of an index; it comes round again once the old contract is gone."""
    return (index.key - 1) * _SLOTS + expiry.toordinal() % _SLOTS


def _stem(index: Underlying, expiry: date) -> str:
    text = format_expiry(expiry)
    return f"{index.name}{text[:5]}{text[-2:]}"


def _future(index: Underlying, expiry: date, lot: int, since: date, tick: float) -> ListedContract:
    token = str(_FUTURE_NUMBERS + _slot(index, expiry))
    symbol = f"{_stem(index, expiry)}FUT"
    return ListedContract("NFO", token, symbol, index.name, "FUTURE", index, expiry, 0, "", lot, since, tick)


def _option(
    index: Underlying, expiry: date, strike: int, right: str, lot: int, since: date, tick: float
) -> ListedContract:
    place = _slot(index, expiry) * _STRIKES + strike // index.strike_step % _STRIKES
    token = str(_OPTION_NUMBERS + place * 2 + (right == "PE"))
    symbol = f"{_stem(index, expiry)}{strike}{right}"
    return ListedContract(
        "NFO", token, symbol, index.name, "OPTION", index, expiry, strike, right, lot, since, tick
    )
