"""Many sets of parameters over many days: the same rules, the same tapes, machine code."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import islice
from os import cpu_count
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from kit.arguments import instance
from kit.backtest.days import Days, between, days_of, left_out
from kit.backtest.encode import encode_legs, encode_terms, most_rows
from kit.backtest.engines import engine_for, play_compiled, position_on
from kit.backtest.given import given_date, given_days, given_share
from kit.backtest.holdings import SkippedDay, holdings, tape_of, wanted_days
from kit.backtest.kept import Played, keep_piece, read_piece
from kit.backtest.plain import play
from kit.backtest.plan.plan import Plan
from kit.backtest.records import LEG, TERMS, TRADE, HeldPosition, Records, records
from kit.backtest.sets import Grid, chooses_again, parameter_table, plans_of, tape_key
from kit.backtest.sweep_result import SweepResult
from kit.backtest.tally import fees_of, tally
from kit.backtest.tape import Loaded
from kit.bars.minute_store import MinuteStore
from kit.errors import RuleFailed
from kit.parallel import ConcurrentProcessor, ProcessingTask
from kit.pricing.arrays import Floats

Progress = Callable[[int, int], object]
_CHUNK = 32  # sessions that are finished, and kept, together


@dataclass(frozen=True, eq=False)
class Sets:
    """The parameters of plans that share their tapes, as the records that the engines read."""

    plan: Plan
    terms: Records
    legs: Records
    charged: bool
    again: bool
    rows: int


def sets_of(plans: Sequence[Plan]) -> Sets:
    """Return plans of one `kit.backtest.sets.tape_key` as records; the first stands for all."""
    terms = records(TERMS, len(plans))
    legs = records(LEG, (len(plans), len(plans[0].legs)))
    for number, plan in enumerate(plans):
        terms[number], legs[number] = encode_terms(plan)[0], encode_legs(plan.legs)
    again = any(chooses_again(plan) for plan in plans)
    rows = max(most_rows(*pair) for pair in zip(legs, terms[:, None], strict=True))
    return Sets(plans[0], terms, legs, plans[0].charges, again, rows)


def tapes_of(
    sets: Sets, days: Days, wanted: Sequence[date] | None = None, lost: list[SkippedDay] | None = None
) -> Iterator[Loaded]:
    """Yield the tapes that all the sets of a sweep are played on; keep them to sweep again at once.

    Sessions that cannot be read, or on which a Python rule fails, go to `lost`; without it the first of
    them ends this.
    """
    wanted = wanted_days(sets.plan, days, None, None) if wanted is None else wanted
    for chance in holdings(sets.plan, wanted, days, None, {}):
        loaded = chance if isinstance(chance, SkippedDay) else tape_of(sets.plan, chance, sets.again)
        if not isinstance(loaded, SkippedDay):
            yield loaded
        elif loaded.error and lost is None:
            raise loaded.error
        elif loaded.error and lost is not None:
            lost.append(loaded)


def play_tape(sets: Sets, loaded: Loaded, compiled: bool = True) -> Floats:
    """Play every set on one tape; return (sets, 3): net profit, charges, number of trades."""
    fees, session_of = fees_of(loaded.holding, sets.charged)
    room = position_on(loaded, sets.terms[:1].copy(), sets.legs[0])
    room = room._replace(trades=records(TRADE, sets.rows))
    terms = sets.terms
    if (terms.exit != loaded.holding.exit).any():
        terms = terms.copy()
        terms.exit = loaded.holding.exit
    if compiled:
        return play_compiled(room, terms, sets.legs, loaded, fees, session_of)
    out = np.empty((len(terms), 3))
    for number in range(len(terms)):
        position = HeldPosition(
            loaded.tape, terms[number], sets.legs[number], room.states, room.totals, room.trades
        )
        play(position, loaded)
        tally(position, fees, session_of, out[number])
    return out


def play_tapes(sets: Sets, tapes: Iterable[Loaded], threads: int | None = None) -> tuple[list[date], Floats]:
    """Play every set on every tape, side by side in threads; return the days and (days, sets, 3)."""
    compiled = engine_for(sets.plan, "auto", 10**6) == "compiled"
    threads = threads or min(cpu_count() or 1, 8)
    source, found = iter(tapes), {}
    with ThreadPoolExecutor(threads, thread_name_prefix="sweep") as pool:
        pending: dict[Future[Floats], date] = {}
        while True:
            for loaded in islice(source, 2 * threads - len(pending)):
                pending[pool.submit(play_tape, sets, loaded, compiled)] = loaded.holding.day
            if not pending:
                break
            for done in wait(pending, return_when=FIRST_COMPLETED).done:
                found[pending.pop(done)] = done.result()
    days = sorted(found)
    return days, np.stack([found[day] for day in days]) if days else np.empty((0, len(sets.terms), 3))


def sweep(
    plan: Plan,
    days: Days | MinuteStore,
    grid: Grid,
    *,
    sample: int | None = None,
    seed: int = 0,
    start: date | None = None,
    end: date | None = None,
    least_score: float = 0.0,
    processor: ConcurrentProcessor | None = None,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> SweepResult:
    """Trade every set of a grid, or a random sample of it, over the days.

    Parameters
    ----------
    plan : Plan
        What the parameters change.
    days : mapping of date to DayMinutes, or MinuteStore
        A store, or a plain dict.
    grid : mapping of str to sequence
        As of `kit.backtest.sets.parameter_table`.
    sample, seed : int, optional
        A random sample of the grid instead of all of it.
    start, end : date, optional
        First and last day.
    least_score : float, default 0
        Sessions of a worse quality are left out; the result's `skipped` names them, and those not to be read.
    processor : ConcurrentProcessor, optional
        Runs the work as tasks, in processes or on Dask; default threads of this process.
    folder : str or Path, optional
        What is finished is kept here and not done again.
    progress : callable, optional
        Told after each piece how many of how many are done.
    cancel : callable, optional
        Asked after each piece; True ends the sweep with what is done.

    Raises
    ------
    DataError
        There are no days in the range.
    SettingsError
        The grid does not fit the plan, or a rule for open positions is a Python function.
    RuleFailed
        A Python strike or signal failed on every session; where others pass, `skipped` names its own.
    UnwritableFile
        What is finished cannot be kept in the folder; what was kept before stays.
    """
    given_days(days, [instance(plan, Plan, "plan")])
    start, end = given_date(start, "start"), given_date(end, "end")
    days = days_of(days, given_share(least_score))
    table = parameter_table(grid, sample, seed)
    plans = plans_of(plan, table)
    engine_for(plan, "compiled" if plan.position_rules else "auto", 0)  # refuses what cannot be swept
    pieces = _pieces(plans, days, (start, end), Path(folder) if folder else None)
    net: dict[date, Floats] = {}
    sums, done, skipped = np.zeros((len(plans), 2)), 0, dict[date, SkippedDay]()
    with closing(_results(pieces, days, processor)) as results:
        for piece, (played, out), lost in results:
            skipped.update({one.day: one for one in lost})
            for day, figures in zip(played, out, strict=True):
                net.setdefault(day, np.zeros(len(plans)))[piece.members] = figures[:, 0]
                sums[piece.members] += figures[:, 1:]
            done += 1
            if progress:
                progress(done, len(pieces))
            if cancel and cancel():
                break
    every = sorted(net)
    broken = [one.error for one in skipped.values() if isinstance(one.error, RuleFailed)]
    if broken and not every:
        raise broken[0]
    matrix = np.stack([net[day] for day in every]) if every else np.zeros((0, len(plans)))
    poor = {day: SkippedDay(day, why) for day, why in left_out(days).items() if between(day, start, end)}
    left = [one for _, one in sorted({**poor, **skipped}.items())]
    return SweepResult(plan, table, every, matrix, sums[:, 0], sums[:, 1], done == len(pieces), left)


def _pieces(
    plans: Sequence[Plan], days: Days, span: tuple[date | None, date | None], folder: Path | None
) -> list[_Piece]:
    groups: dict[Any, list[int]] = {}
    for number, plan in enumerate(plans):
        groups.setdefault(tape_key(plan), []).append(number)
    pieces = []
    for members in groups.values():
        sets = sets_of([plans[number] for number in members])
        wanted = [day for day in wanted_days(sets.plan, days, *span) if day in days]
        step = len(wanted) if sets.plan.holds_overnight else _CHUNK
        pieces += [
            _Piece(members, sets, wanted[at : at + step], folder) for at in range(0, len(wanted), step)
        ]
    return pieces


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some sets over some days: what is done, kept and sent together."""

    members: list[int]
    sets: Sets
    wanted: list[date]
    folder: Path | None

    @property
    def file(self) -> Path | None:
        """Where its result is kept, named after everything that decides it."""
        if self.folder is None:
            return None
        told = repr((self.sets.plan, self.wanted, self.sets.charged)).encode()
        told += self.sets.terms.tobytes() + self.sets.legs.tobytes()
        return self.folder / f"{blake2b(told, digest_size=12).hexdigest()}.npz"

    def kept(self) -> Played | None:
        return read_piece(self.file) if self.file else None

    def keep(self, played: Played, lost: Sequence[SkippedDay]) -> None:
        if self.file and not lost:  # a session that is mended is traded the next time
            keep_piece(self.file, played)

    def play(self, days: Days, threads: int | None = None) -> tuple[Played, list[SkippedDay]]:
        lost = list[SkippedDay]()
        return play_tapes(self.sets, tapes_of(self.sets, days, self.wanted, lost), threads), lost


def _play_piece(piece: _Piece, days: Days) -> tuple[Played, list[SkippedDay]]:
    return piece.play(days, threads=1)


def _results(
    pieces: Sequence[_Piece], days: Days, processor: ConcurrentProcessor | None
) -> Generator[tuple[_Piece, Played, list[SkippedDay]]]:
    """Yield every piece with its result and what could not be read: first what was kept, then the rest."""
    missing = []
    for piece in pieces:
        kept = piece.kept()
        if kept is None:
            missing.append(piece)
        else:
            yield piece, kept, []
    if processor is None:
        for piece in missing:
            played, lost = piece.play(days)
            piece.keep(played, lost)
            yield piece, played, lost
        return
    run = uuid4().hex[:8]
    names = {f"sweep-{run}-{number}": piece for number, piece in enumerate(missing)}
    try:
        for name, piece in names.items():
            task = ProcessingTask(name, _play_piece, (piece, _part(days, piece)), timeout=3600.0)
            processor.submit_task(task, wait=True)
        for name, piece in names.items():
            played, lost = processor.get_result(name)
            piece.keep(played, lost)
            yield piece, played, lost
    finally:  # cancelled, interrupted or failed: nobody waits for the rest
        for name in names:
            processor.cancel_task(name)


def _part(days: Days, piece: _Piece) -> Days:
    """Return the days a piece needs: of a plain dict only those, a store goes as it is."""
    if not isinstance(days, dict) or piece.sets.plan.holds_overnight:
        return days
    return {day: days[day] for day in piece.wanted if day in days}
