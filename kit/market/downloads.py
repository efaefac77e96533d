"""Downloads: pieces of history fetched within the limits, each kept in the store as it arrives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from kit.bars import candles, store
from kit.bars.candles import Piece
from kit.bars.coverage import Coverage
from kit.broker.client import AngelAPIClient
from kit.broker.endpoints import CANDLES, windows
from kit.clock import Segment
from kit.files import writing
from kit.market import history
from kit.market.history import Asked
from kit.shown import counted
from kit.transport.windows import Window, least_s


@dataclass(frozen=True)
class Download:
    """What a download did, and what is there now.

    Parameters
    ----------
    symbol, interval : str
        What was asked for.
    first, last : date
        Days, both included.
    folder : Path
        Where the parts lie.
    requests : int
        Pieces fetched now.
    already : int
        Pieces that were there before.
    coverage : Coverage
        Of all parts together, between the two days.
    segment : {"derivatives", "cash"}
        Whose hours count.
    """

    symbol: str
    interval: str
    first: date
    last: date
    folder: Path
    requests: int
    already: int
    coverage: Coverage
    segment: Segment

    def __str__(self) -> str:
        return (
            f"{self.symbol} {self.interval} {self.first} to {self.last} in {self.folder}\n"
            f"{counted(self.requests, 'piece')} fetched, {self.already} already there\n{self.coverage}"
        )

    def frame(self) -> pd.DataFrame:
        """Return the stored bars; those that are broken or outside the session are left out."""
        length = candles.interval(self.interval)
        return store.sound(self.folder, length, self.first, self.last, self.segment)


def keep(
    asked: Asked,
    client: AngelAPIClient,
    *,
    title: str,
    now: datetime,
    root: Path = store.STORE,
    quiet: bool = False,
) -> Download:
    """Fetch what of a question's days is not stored yet, and report on all of them.

    Parameters
    ----------
    asked : Asked
        Instrument, interval and days.
    client : AngelAPIClient
        The broker.
    title : str
        The symbol as it was asked for; names folder and progress bar.
    now : datetime
        The present.
    root : Path, default ``data/store``
        Where the symbols' folders lie.
    quiet : bool, default False
        Show no progress bar.
    """
    length, first, last = asked.length, asked.start.date(), asked.end.date()
    folder = store.folder_of(title, length, root)
    wanted = candles.pieces(length, first, last, now.date())
    todo = store.missing(folder, wanted, now.date())

    def fetch(piece: Piece) -> pd.DataFrame:
        return history.fetch(client, asked.instrument, length, piece).data

    fill(folder, todo, fetch, windows(CANDLES.budget, now.date()), f"{title} {length.name}", quiet)
    segment, already = asked.instrument.segment, len(wanted) - len(todo)
    covered = store.report(folder, length, first, last, now, segment)
    return Download(title, length.name, first, last, folder, len(todo), already, covered, segment)


def fill(
    folder: Path,
    wanted: list[Piece],
    fetch: Callable[[Piece], pd.DataFrame],
    windows: tuple[Window, ...],
    title: str,
    quiet: bool = False,
) -> None:
    """Fetch pieces and keep each as a part, with a progress bar.

    Parameters
    ----------
    folder : Path
        Where the parts lie.
    wanted : list of Piece
        One request each.
    fetch : callable
        Returns the bars of a piece.
    windows : tuple of Window
        Limits of the requests, for the time left.
    title : str
        Names the progress bar.
    quiet : bool, default False
        Show none.

    Raises
    ------
    UnwritableFile
        A part cannot be kept; what was there before still is.
    """
    from tqdm.auto import tqdm  # it looks for a notebook when it is imported

    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        store.sweep(folder)
    with tqdm(total=len(wanted), desc=title, unit="request", disable=quiet) as bar:
        for done, piece in enumerate(wanted):
            left = len(wanted) - done
            bar.set_postfix_str(
                f"{counted(left, 'request')} left, at least {least_s(left, windows):.0f} s by the limits"
            )
            bars = fetch(piece)
            if len(bars):  # an empty answer may be a passing fault: ask again next time
                with writing(folder):
                    store.keep(folder, piece, bars)
            bar.update()
