"""Minutes of closed days into the store, from the broker or from the simulated exchange's own past.

The broker serves living contracts only. The simulated exchange lists what was listed on the day that its
clock shows: for past days it is set to the last day of each expiry, so contracts that have expired are there
as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from kit.bars.minute_store import MinuteStore
from kit.clock import expiries as listed_expiries
from kit.clock import session, sessions
from kit.desk import Desk, open_desk
from kit.market.collecting import (
    AROUND,
    EXPIRIES,
    Collected,
    closed_range,
    collect,
    joined,
    newest_closed,
)
from kit.settings import Settings, cache_folder
from kit.simulator.process import launch


def minutes_of(settings: Settings) -> Path:
    """Return the cache's folder for minutes where no store is named: each simulated market has its own."""
    broker = settings.broker
    market = "live" if broker.mode == "live" else f"simulated-{broker.seed}"
    return cache_folder() / f"minutes-{market}"


def collect_minutes(
    settings: Settings,
    store: MinuteStore,
    first: date | None = None,
    last: date | None = None,
    *,
    expiries: int = EXPIRIES,
    around: int = AROUND,
    quiet: bool = False,
) -> Collected:
    """Fill the store with minutes of closed days.

    Parameters
    ----------
    settings : Settings
        Live or simulated.
    store : MinuteStore
        Where to.
    first, last : date, optional
        Both included; default the latest closed session.
    expiries, around, quiet
        As `kit.market.collecting.collect`.

    Raises
    ------
    DataError
        No session of the range has closed.
    """
    done: list[Collected] = []

    def take(desk: Desk, days: Sequence[date]) -> None:
        done.append(
            collect(desk.client, store, days[0], days[-1], expiries=expiries, around=around, quiet=quiet)
        )

    with open_desk(settings, start_workers=False) as desk:
        newest = newest_closed(desk.clock.now())
        days = closed_range(first or last or newest, last or newest, newest)
        past = _expired(days[0], days[1], newest) if desk.exchange else []
        still = [day for day in sessions(*days) if not past or day > past[-1][-1]]
        if still:
            take(desk, still)
    for part in past:
        at = session(part[-1]).close + timedelta(minutes=5)
        with (
            launch(settings.broker.seed, settings.broker.speed, at=at) as exchange,
            open_desk(settings, exchange=exchange, start_workers=False) as desk,
        ):
            take(desk, part)
    return joined(done)


def _expired(first: date, last: date, newest: date) -> list[list[date]]:
    """Return the sessions whose nearest expiry is over, by expiry."""
    series = groupby(sessions(first, last), key=lambda day: listed_expiries(day)[0])
    return [list(days) for expiry, days in series if expiry < newest]
