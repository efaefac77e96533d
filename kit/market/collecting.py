"""Minutes of closed days from the broker into the store: the index, the front future, options near the money.

The broker serves living contracts only, so a day that is not collected before its contracts expire is gone.
One request fetches up to four weeks of a contract; replies of closed days stay in the disk tier, so a
collection that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from kit.bars import candles
from kit.bars.candles import Piece
from kit.bars.importing.convert import ImportedBars, ImportFile
from kit.bars.importing.convert import joined as one_chunk
from kit.bars.importing.sessions import sessions_of
from kit.bars.importing.symbols import Meaning
from kit.bars.minute_store import MinuteStore
from kit.bars.writing import writing
from kit.broker.client import AngelAPIClient
from kit.broker.endpoints import CANDLES, windows
from kit.clock import IST, last_session, previous_session, sessions
from kit.errors import DataError
from kit.market import history
from kit.market.listing import Listing
from kit.model import Instrument
from kit.shown import counted
from kit.transport.windows import least_s

EXPIRIES, AROUND = 2, 30
_MINUTE = candles.INTERVALS["ONE_MINUTE"]
_SOURCES = {"live": "collected from the broker", "simulated": "collected from the simulated exchange"}
Wanted = list[tuple[Instrument, Meaning, list[date]]]


@dataclass(frozen=True)
class Collected:
    """What a collection did.

    Parameters
    ----------
    days : list of date
        Sessions that were written now.
    already : list of date
        Sessions that were there before.
    contracts, requests : int
        Options asked for, and requests made for everything.
    """

    days: list[date]
    already: list[date]
    contracts: int
    requests: int

    def __str__(self) -> str:
        span = f": {self.days[0]} to {self.days[-1]}" if self.days else ""
        return (
            f"{counted(len(self.days), 'session')} collected{span}; {counted(self.contracts, 'contract')}, "
            f"{counted(self.requests, 'request')}; {counted(len(self.already), 'session')} already there"
        )


def collect(
    client: AngelAPIClient,
    store: MinuteStore,
    first: date,
    last: date,
    *,
    expiries: int = EXPIRIES,
    around: int = AROUND,
    quiet: bool = False,
) -> Collected:
    """Fetch closed days' minutes and keep them.

    Parameters
    ----------
    client : AngelAPIClient
        The broker.
    store : MinuteStore
        Where to; sessions that it has are not fetched again.
    first, last : date
        Both included; days that have not closed are left for later.
    expiries : int, default 2
        How many of each day's nearest expiries.
    around : int, default 30
        Strikes below the day's low and above its high.
    quiet : bool, default False
        Show no progress bar.

    Raises
    ------
    DataError
        No session of the range has closed, or the numbers are none.
    BrokerError, TransportError
        The broker said no, or could not be asked; what came stays in the disk tier.
    """
    if expiries < 1 or around < 1:
        raise DataError(
            "There is nothing to collect", (expiries, around), "Ask for one expiry and one strike."
        )
    first, last = closed_range(first, last, newest_closed(client.clock.now()))
    closed = sessions(first, last)
    there = set(store.days(first, last))
    days = [day for day in closed if day not in there]
    already = [day for day in closed if day in there]
    if not days:
        return Collected([], already, 0, 0)
    with writing(store.folder):
        pass  # a store that cannot be written is told before half an hour of requests, not behind them
    found = _Collection(client, store, days, quiet)
    written = found.run(expiries, around)
    return Collected(written, already, found.contracts, found.requests)


def newest_closed(now: datetime) -> date:
    """Return the day of the latest session that has closed."""
    latest = last_session(now)
    return latest.day if latest.close <= now else previous_session(latest.day)


def closed_range(first: date, last: date, newest: date) -> list[date]:
    """Return first and last day of a range, as far as it has closed.

    Raises
    ------
    DataError
        The range is none, or no session of it has closed; says which day to ask for.
    """
    if last < first:
        raise DataError(
            "The range ends before it begins", f"{first} to {last}", "Name the earlier day first."
        )
    if not sessions(first, min(last, newest)):
        earlier = newest if first > newest else previous_session(first)
        raise DataError("No session of this range has closed", f"{first} to {last}", f"Ask for {earlier}.")
    return [first, min(last, newest)]


def joined(parts: Sequence[Collected]) -> Collected:
    """Return what several collections did as one."""
    return Collected(
        sorted(day for part in parts for day in part.days),
        sorted(day for part in parts for day in part.already),
        sum(part.contracts for part in parts),
        sum(part.requests for part in parts),
    )


class _Collection:
    """One run: what is wanted, what was asked, and the bars that came."""

    def __init__(self, client: AngelAPIClient, store: MinuteStore, days: Sequence[date], quiet: bool) -> None:
        self._client, self._store, self._days, self._quiet = client, store, days, quiet
        self._listing = Listing(client)
        self.contracts = self.requests = 0

    def run(self, expiries: int, around: int) -> list[date]:
        index = self._listing.underlying(self._store.underlying)
        level = self._bars(index, self._days)
        reach = level.groupby(pd.DatetimeIndex(level.index).normalize()).agg({"low": "min", "high": "max"})
        spans = {day.date(): (low, high) for day, low, high in reach.itertuples()}
        wanted = self._wanted(spans, expiries, around)
        self.contracts = sum(meant.kind == "option" for _, meant, _ in wanted)
        source = ImportFile(Path(_SOURCES[self._client.venue]), self._store.underlying, {})
        parts = [_chunk(level, Meaning("index"))]
        for instrument, meant, days in self._progress(wanted):
            parts.append(_chunk(self._bars(instrument, days), meant))
        return self._store.keep(sessions_of(one_chunk(parts), source))

    def _wanted(self, spans: Mapping[date, tuple[float, float]], expiries: int, around: int) -> Wanted:
        """Return the front futures and the options near the money, each with the days it is wanted for."""
        listed = self._listing.expiries(self._store.underlying)
        days_of: dict[date, list[date]] = {}
        for day in spans:
            for expiry in [expiry for expiry in listed if expiry >= day][:expiries]:
                days_of.setdefault(expiry, []).append(day)
        found: Wanted = []
        for expiry, days in days_of.items():
            options, _ = self._listing.series(self._store.underlying, expiry)
            strikes = np.unique([option.strike for option in options])
            near = {day: set(_near(strikes, spans[day], around)) for day in days}
            for option in options:
                wanted = [day for day in days if option.strike in near[day]]
                if wanted and option.right:
                    meant = Meaning("option", expiry, int(option.strike), option.right)
                    found.append((option, meant, wanted))
        return [*self._futures(list(spans)), *found]

    def _futures(self, days: Sequence[date]) -> Iterator[tuple[Instrument, Meaning, list[date]]]:
        dated = [
            (expiry, future)
            for expiry in self._listing.expiries(self._store.underlying)
            if (future := self._listing.series(self._store.underlying, expiry)[1])
        ]
        for number, (expiry, future) in enumerate(dated):
            before = dated[number - 1][0] if number else date.min
            if front := [day for day in days if before < day <= expiry]:
                yield future, Meaning("future", expiry), front

    def _bars(self, instrument: Instrument, days: Sequence[date]) -> pd.DataFrame:
        """Return an instrument's minutes on some days; where it can be, by one request."""
        today = self._client.clock.now().date()
        asked = [Piece(days[0], days[-1])]
        if days[-1] < today or (days[-1] - days[0]).days >= 7 * _MINUTE.weeks:
            pieces = candles.pieces(_MINUTE, days[0], days[-1], today)
            asked = [piece for piece in pieces if any(piece.first <= day <= piece.last for day in days)]
        replies = [history.fetch(self._client, instrument, _MINUTE, piece).data for piece in asked]
        self.requests += len(asked)
        bars = pd.concat(replies) if len(replies) > 1 else replies[0]
        midnights = pd.DatetimeIndex([pd.Timestamp(day, tz=IST) for day in days])
        return bars[pd.DatetimeIndex(bars.index).normalize().isin(midnights)]

    def _progress(self, wanted: Wanted) -> Iterator[tuple[Instrument, Meaning, list[date]]]:
        from tqdm.auto import tqdm  # it looks for a notebook when it is imported

        limits = windows(CANDLES.budget, self._days[-1])
        with tqdm(
            total=len(wanted), desc=self._store.underlying, unit="contract", disable=self._quiet
        ) as bar:
            for done, one in enumerate(wanted):
                left = len(wanted) - done
                bar.set_postfix_str(f"at least {least_s(left, limits):.0f} s left by the limits")
                yield one
                bar.update()


def _near(strikes: np.ndarray, span: tuple[float, float], around: int) -> list[float]:
    low, high = np.searchsorted(strikes, span[0]), np.searchsorted(strikes, span[1], side="right")
    kept: list[float] = strikes[max(0, int(low) - around) : int(high) + around].tolist()
    return kept


def _chunk(bars: pd.DataFrame, meant: Meaning) -> ImportedBars:
    local = pd.DatetimeIndex(bars.index).tz_localize(None).as_unit("s").asi8 // 60
    count = len(bars)
    return ImportedBars(
        local // 1440,
        local % 1440,
        np.zeros(count, np.intp),
        bars[["open", "high", "low", "close"]].to_numpy(float).T,
        bars["volume"].to_numpy(float),
        np.full(count, np.nan),
        [meant],
    )
