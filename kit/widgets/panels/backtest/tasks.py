"""What Run does: trade a plan, sweep it, collect minutes, import files; each can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kit.backtest import BacktestResult, Plan, backtest
from kit.backtest.grid_words import grid_of
from kit.backtest.sweep import sweep
from kit.backtest.sweep_result import SweepResult
from kit.bars.importing.importer import import_files
from kit.bars.minute_store import MinuteStore
from kit.clock import previous_session, sessions
from kit.collecting import collect_minutes
from kit.errors import DataError, SettingsError
from kit.monitor.progress import Stopped
from kit.settings import Settings
from kit.shown import counted
from kit.widgets.frame.job import OnProgress, ShouldStop

AROUND = 6  # strikes beyond a day's range: what the exchange's limits give within a minute
LATEST = 3  # sessions that are collected where no range is given


@dataclass(frozen=True)
class BacktestAsked:
    """What stands in the panel when Run is pressed.

    Parameters
    ----------
    plan : Plan
        What is traded.
    store : MinuteStore
        Where its minutes are.
    settings : Settings
        Whose exchange minutes are collected from.
    first, last : date or None
        The range; None is open.
    least_score : float
        Sessions of a worse quality are left out.
    grid, files : str
        Parameters of a sweep, and what is imported.
    """

    plan: Plan
    store: MinuteStore
    settings: Settings
    first: date | None = None
    last: date | None = None
    least_score: float = 0.0
    grid: str = ""
    files: str = ""


def trade(asked: BacktestAsked, on_progress: OnProgress, should_stop: ShouldStop) -> BacktestResult | None:
    """Trade the plan, with its band; None when it was cancelled."""

    def told(done: int, total: int) -> None:
        on_progress(done / max(total, 1), f"{done} of {total} sessions")
        if should_stop():
            raise Stopped

    try:
        return backtest(
            asked.plan, asked.store, start=asked.first, end=asked.last, least_score=asked.least_score,
            band=True, progress=told,
        )  # fmt: skip
    except Stopped:
        return None


def swept(asked: BacktestAsked, on_progress: OnProgress, should_stop: ShouldStop) -> SweepResult:
    """Trade every set of the grid; a cancelled sweep holds what was done."""
    return sweep(
        asked.plan, asked.store, grid_of(asked.grid), start=asked.first, end=asked.last,
        least_score=asked.least_score, cancel=should_stop,
        progress=lambda done, total: on_progress(done / max(total, 1), f"{done} of {total} pieces"),
    )  # fmt: skip


def collected(asked: BacktestAsked, on_progress: OnProgress, should_stop: ShouldStop) -> str:
    """Collect the range's sessions day by day; says what came."""
    last = asked.last or previous_session(date.today())
    first = asked.first or last
    for _ in range(0 if asked.first else LATEST - 1):
        first = previous_session(first)
    there, wanted = set(asked.store.days()), sessions(first, last)
    days = [day for day in wanted if day not in there]
    expiries = 1 if all(leg.expiry == "nearest" for leg in asked.plan.legs) else 2
    done = 0
    for day in days:
        if should_stop():
            break
        on_progress(done / len(days), f"{day:%d %b %Y}")
        collect_minutes(
            asked.settings, asked.store, day, day, expiries=expiries, around=AROUND, quiet=True
        )  # fmt: skip
        done += 1
    return f"{done} of {len(wanted)} sessions collected, {len(wanted) - len(days)} were there."


def imported(asked: BacktestAsked, on_progress: OnProgress, should_stop: ShouldStop) -> str:
    """Import the files, one after the other; says what was taken and what was not."""
    files = [file for word in asked.files.split(";") if word.strip() for file in _named(Path(word.strip()))]
    if not files:
        raise DataError(
            "No such file", asked.files, "Write a path, a folder or a pattern; semicolons between."
        )
    days, failed = set[date](), list[str]()
    for number, file in enumerate(files):
        if should_stop():
            break
        on_progress(number / len(files), file.name)
        report = import_files([file], asked.store)
        days.update(report.days)
        failed += [f"{Path(name).name}: {error}" for name, error in report.failed.items()]
    refused = f" Not taken: {'; '.join(failed)}" if failed else ""
    return f"{counted(len(days), 'session')} written.{refused}"


def _named(path: Path) -> list[Path]:
    """Return what a path or a pattern in its last part names."""
    return [path] if path.exists() else sorted(path.parent.glob(path.name))


BacktestTask = Callable[[BacktestAsked, OnProgress, ShouldStop], BacktestResult | SweepResult | str | None]
TASKS: Mapping[str, BacktestTask] = {
    "Backtest": trade, "Sweep": swept, "Collect minutes": collected, "Import files": imported,
}  # fmt: skip


def day_of(text: str) -> date | None:
    """Read a day as 2026-11-20; nothing is None.

    Raises
    ------
    SettingsError
        It is no day.
    """
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise SettingsError("Not a day", text, "Write it as 2026-11-20, or leave it empty.") from None


def checked_score(text: str) -> float:
    """Read the least quality of a session; nothing is 0.

    Raises
    ------
    SettingsError
        It is no number from 0 to 1.
    """
    try:
        score = float(text or 0)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise SettingsError("Not a quality", text, "It lies between 0 and 1.")
    return score
