"""Bars of a running session, made of the chains that a stream or polling brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date

import numpy as np
from numpy.typing import NDArray

from kit.bars.minutes import TICKS_PER_RUPEE, ContractKey, DayMinutes
from kit.bars.minutes import minutes_of as session_minutes
from kit.clock import in_ist
from kit.model import ChainSnapshot

OPEN, HIGH, LOW, CLOSE = range(4)


def minutes_of(
    chains: Iterable[ChainSnapshot], see: Callable[[ChainSnapshot], object] | None = None
) -> Iterator[tuple[DayMinutes, int]]:
    """Yield a session at the close of each of its minutes, as `PaperAccount.follow` takes it.

    A bar holds what the chains have shown: a high between two chains is not in it, so bars of the broker may
    reach further. A contract whose volume stood still has not traded.

    Parameters
    ----------
    chains : iterable of ChainSnapshot
        As they come, for instance ``live.chains(every_s=1)``; chains of other expiries beside them.
    see : callable, optional
        Is shown each chain first, for instance ``paper.see_chain``.
    """
    running: FormingDay | None = None
    for chain in chains:
        if see is not None:
            see(chain)
        day = in_ist(chain.taken_at).date()
        if running is None or running.day != day:
            running = FormingDay(chain.underlying, day)
        closed = running.take(chain)
        if closed is not None:
            yield running.known(closed), closed


class FormingDay:
    """The minutes of one session so far.

    Parameters
    ----------
    underlying : str
        For instance ``"BANKNIFTY"``.
    day : date
        The session.
    """

    def __init__(self, underlying: str, day: date) -> None:
        self.underlying, self.day = underlying, day
        self._minutes = session_minutes(day)
        self._index = np.full((4, self._minutes.size), np.nan)
        self._bars: dict[ContractKey, NDArray[np.int32]] = {}
        self._volumes: dict[ContractKey, float] = {}
        self._lots: dict[date, int] = {}
        self._column = -1

    def take(self, chain: ChainSnapshot) -> int | None:
        """Take a chain; return the column of the bar that it has closed, None where it closed none."""
        at = in_ist(chain.taken_at)
        column = at.hour * 60 + at.minute - int(self._minutes[0])
        before, self._column = self._column, max(column, self._column)
        if 0 <= column == self._column < len(self._minutes):
            _extend(self._index, column, chain.spot)
            for each in (chain, *chain.others):
                self._lots[each.expiry] = each.lot_size
                self._trades(each, column)
        return before if 0 <= before < min(self._column, len(self._minutes)) else None

    def known(self, column: int) -> DayMinutes:
        """Return the session up to a bar that has closed; what comes later is blank."""
        keys = sorted(self._bars)
        cells = np.array([self._bars[key] for key in keys], np.int32).reshape(len(keys), 4, -1)
        cells[:, :, column + 1 :] = 0
        index = self._index.copy()
        index[:, column + 1 :] = np.nan
        return DayMinutes(
            underlying=self.underlying,
            day=self.day,
            minutes=self._minutes,
            expiry=np.array([key[0] for key in keys], "datetime64[D]"),
            strike=np.array([key[1] for key in keys], np.int32),
            is_call=np.array([key[2] == "CE" for key in keys], np.bool_),
            lot_size=np.array([self._lots[key[0]] for key in keys], np.int32),
            open=cells[:, OPEN],
            high=cells[:, HIGH],
            low=cells[:, LOW],
            close=cells[:, CLOSE],
            traded=cells[:, HIGH] > 0,
            index=index,
            future=np.full_like(index, np.nan),
        )

    def _trades(self, chain: ChainSnapshot, column: int) -> None:
        columns = (chain.frame[name].tolist() for name in ("strike", "right", "ltp", "volume"))
        for strike, right, ltp, volume in zip(*columns, strict=True):
            key = (chain.expiry, int(strike), right)
            bars = self._bars.setdefault(key, np.zeros((4, len(self._minutes)), np.int32))
            if volume > self._volumes.get(key, np.inf) and ltp > 0:
                _extend(bars, column, round(ltp * TICKS_PER_RUPEE))
            if volume >= 0:  # a clock that goes back half a second shows less: the rest is no trade again
                self._volumes[key] = max(volume, self._volumes.get(key, 0.0))


def _extend(bars: NDArray[np.int32] | NDArray[np.float64], column: int, price: float) -> None:
    """Let a bar hold one more price."""
    if not bars[OPEN, column] > 0:  # blank: 0, or NaN
        bars[:, column] = price
    bars[HIGH, column] = max(bars[HIGH, column], price)
    bars[LOW, column] = min(bars[LOW, column], price)
    bars[CLOSE, column] = price
