"""The commands that ask whether a plan would have earned: ``kit backtest`` and ``kit sweep``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.cli.dates import day_said
from kit.cli.idle import declare_idle
from kit.cli.outputs import file_said, page_said
from kit.errors import SettingsError
from kit.shown import printed, written

if TYPE_CHECKING:
    from kit.backtest.days import StoredDays
    from kit.backtest.plan.plan import Plan
    from kit.backtest.result import BacktestResult
    from kit.bars.minute_store import MinuteStore
    from kit.parallel import ConcurrentProcessor

Commands = argparse._SubParsersAction  # the type that argparse gives no public name
_STORE = Path("data/minutes")
_FIRST_DAYS = (
    5  # sessions of the simulated exchange for a first try: one series, so that one request has them all
)
_AROUND = 4  # strikes beyond their range: what the exchange's limits give within half a minute
_AROUND_FAR = 14  # where a rule goes out of the money: ten seconds more


def add_backtest(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``kit backtest``."""
    taken = commands.add_parser("backtest", help="trade a plan, or several, over stored option minutes")
    taken.add_argument(
        "plan", nargs="+", help="YAML files, or names of ready plans; several share one capital"
    )
    _add_days(taken)
    taken.add_argument("--capital", type=float, help="rupees that returns are counted on (the plans' sum)")
    taken.add_argument("--html", type=page_said, help="write a self-contained page with plots here")
    taken.add_argument("--trades", type=file_said, help="write the trade log here: .csv or .xlsx")
    taken.add_argument("--json", type=file_said, help="write the figures here")
    taken.add_argument("--no-band", action="store_true", help="without the other fill conventions")
    taken.add_argument(
        "--engine", choices=["auto", "plain", "compiled"], default="auto", help="default: auto"
    )
    declare_idle(taken, ("--settings", "with", "--data"))
    taken.set_defaults(run=_backtest)


def add_sweep(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``kit sweep``."""
    taken = commands.add_parser("sweep", help="trade a plan with many sets of parameters")
    taken.add_argument("plan", help="a plan's YAML file, or the name of a ready plan")
    _add_days(taken)
    taken.add_argument(
        "--set",
        dest="grid",
        action="append",
        required=True,
        metavar="PATH=A,B,C",
        help="values of a parameter: 'legs.*.stop.percent=10,20,30', or from:to:step",
    )
    taken.add_argument("--sample", type=int, help="so many sets drawn at random instead of all")
    taken.add_argument("--seed", type=int, default=0, help="of the draw")
    taken.add_argument("--keep", type=Path, help="folder of finished pieces, so that a run can go on")
    where = taken.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, help="run as tasks in so many processes (default: threads)")
    where.add_argument("--dask", metavar="ADDRESS", help="run as tasks on this Dask scheduler")
    taken.add_argument("--csv", type=file_said, help="write every set with its figures here")
    taken.add_argument("--top", type=int, default=10, help="sets that are shown (10)")
    declare_idle(taken, ("--settings", "with", "--data"), ("--seed", "without", "--sample"))
    taken.set_defaults(run=_sweep)


def _add_days(taken: argparse.ArgumentParser) -> None:
    taken.add_argument(
        "--data", type=Path, help="root of a store (data/minutes, else the simulated exchange's last days)"
    )
    taken.add_argument("--from", dest="first", type=day_said, help="first day")
    taken.add_argument("--to", dest="last", type=day_said, help="last day")
    taken.add_argument("--least-quality", type=float, default=0.0, help="leave out days of a worse score (0)")


def _plan(name: str) -> Plan:
    from kit.backtest.plan.plan import Plan
    from kit.backtest.plan.ready import ready_plan

    return Plan.load(name) if Path(name).suffix or Path(name).is_file() else ready_plan(name)


def _days(options: argparse.Namespace, plans: Sequence[Plan], far: bool = False) -> StoredDays:
    from kit.backtest.days import StoredDays
    from kit.backtest.given import given_share
    from kit.bars.minute_store import MinuteStore
    from kit.bars.month_file import damaged_months

    store = MinuteStore(options.data or _STORE, plans[0].underlying)
    if options.data is None and not store.scores() and not damaged_months(store.folder):
        store = _simulated(options, plans, far)
    elif options.settings is not None:
        what = "--settings means nothing beside a store of minutes"
        raise SettingsError(what, str(store.folder), "Leave --settings out.")
    return StoredDays(store, given_share(options.least_quality))


def _simulated(options: argparse.Namespace, plans: Sequence[Plan], far: bool) -> MinuteStore:
    """Collect the simulated exchange's last sessions, once; a later run finds them."""
    from kit.bars.minute_store import MinuteStore
    from kit.clock import previous_session, sessions
    from kit.collecting import collect_minutes, minutes_of
    from kit.settings import BrokerConfig, Settings

    settings = Settings.load(options.settings)
    settings = settings.model_copy(update={"broker": BrokerConfig(seed=settings.broker.seed)})
    legs = [leg for plan in plans for leg in plan.legs]
    far = far or any(str(leg.strike) != "steps 0" for leg in legs)
    later = any(leg.expiry != "nearest" for leg in legs)
    # what a plan needs beyond the nearest expiry's money lies apart: days without it would pass for whole
    folder = minutes_of(settings)
    folder = folder.with_name(f"{folder.name}{'-far' * far}{'-later' * later}")
    store = MinuteStore(folder, plans[0].underlying)
    last = options.last or previous_session(date.today())
    wanted = sessions(options.first, last) if options.first else _of_one_series(last)
    print(f"No store of minutes yet: trading the simulated exchange's days {wanted[0]} to {wanted[-1]}.")
    if set(wanted) - set(store.days()):
        print(
            "They are collected once, within the exchange's limits; that takes about half a minute.",
            flush=True,
        )
        around = _AROUND_FAR if far else _AROUND
        print(collect_minutes(settings, store, wanted[0], wanted[-1], expiries=1 + later, around=around))
    options.first, options.last = options.first or wanted[0], options.last or wanted[-1]
    return store


def _of_one_series(last: date) -> list[date]:
    """Return the latest sessions of one nearest expiry, so that one request fetches all of a contract."""
    from datetime import timedelta

    from kit.clock import expiries, sessions

    series: dict[date, list[date]] = {}
    for day in sessions(last - timedelta(weeks=6), last):
        series.setdefault(expiries(day)[0], []).append(day)
    enough = [days for days in series.values() if len(days) >= _FIRST_DAYS]
    return (enough[-1] if enough else [*series.values()][-1])[-_FIRST_DAYS:]


def _backtest(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from kit.backtest.engine import backtest

    plans = [_plan(name) for name in options.plan]
    if options.trades and options.trades.suffix not in (".csv", ".xlsx"):
        raise SettingsError("A trade log is no such file", str(options.trades), "Say .csv or .xlsx.")
    days = _days(options, plans)
    span: dict[str, Any] = {"start": options.first, "end": options.last, "engine": options.engine}
    with tqdm(unit="session", disable=None) as bar:
        result = backtest(
            plans, days, band=not options.no_band, capital_inr=options.capital, progress=_telling(bar), **span
        )
    try:
        _show(result)  # before the files: what was computed is seen even where one of them cannot be written
    finally:  # and they are written even where the reader has seen enough: `kit backtest ... | head`
        told = _written(result, options)
    print(*told, sep="\n", end="\n" if told else "")
    return 0


def _written(result: BacktestResult, options: argparse.Namespace) -> list[str]:
    """Write the files that were asked for, and return where they are."""
    told = []
    if options.trades:
        write = result.to_excel if options.trades.suffix == ".xlsx" else result.to_csv
        told.append(f"Trades: {write(options.trades)}")
    if options.html:
        told.append(f"Page: {result.to_html(options.html)}")
    if options.json:
        told.append(f"Figures: {result.to_json(options.json)}")
    return told


def _telling(bar: Any) -> Callable[[int, int], None]:
    """Return what moves a progress bar."""

    def told(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return told


def _show(result: BacktestResult) -> None:
    from kit.backtest.band import band_sentence
    from kit.backtest.holdings import skipped_words

    shown = [
        "day",
        "leg",
        "entry",
        "side",
        "right",
        "strike",
        "entry_price",
        "exit_price",
        "reason",
        "net_inr",
    ]
    if len(result.plans) > 1:
        shown.insert(1, "plan")
        print(printed(result.by_plan(), float_format="{:,.2f}".format))
    trades = result.trades[shown].tail(20).set_index("day")
    print(printed(trades.drop(columns="entry") if (trades["entry"] == 1).all() else trades))
    print(printed(result.metrics.map(written)))
    for note in (*result.notes, *skipped_words(result.skipped)):
        print(note)
    if result.band is not None:
        counted = {"trades": result.band["trades"].map(written)}
        print(printed(result.band.assign(**counted), float_format="{:,.2f}".format))
        print(band_sentence(result.band))


def _sweep(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from kit.backtest.grid_words import parameter_values
    from kit.backtest.holdings import skipped_words
    from kit.backtest.result import write_out
    from kit.backtest.sweep import sweep

    if options.top < 1:
        raise SettingsError("A sweep shows at least one set", options.top, "Say --top 10.")
    plan, grid = _plan(options.plan), dict(parameter_values(words) for words in options.grid)
    days = _days(options, [plan], far=any("strike" in path for path in grid))
    with _processor(options) as processor, tqdm(unit="piece", disable=None) as bar:
        found = sweep(
            plan,
            days,
            grid,
            sample=options.sample,
            seed=options.seed,
            start=options.first,
            end=options.last,
            processor=processor,
            folder=options.keep,
            progress=_telling(bar),
        )
    try:
        print(printed(found.table.head(options.top), index=False, float_format="{:,.2f}".format))
        print("\n".join([str(found), *skipped_words(found.skipped)]))
    finally:
        if options.csv:
            write_out(options.csv, lambda file: found.table.to_csv(file, index=False))
    return 0


def _processor(options: argparse.Namespace) -> AbstractContextManager[ConcurrentProcessor | None]:
    if options.dask is None and options.workers is None:
        return nullcontext()
    from kit.parallel import ConcurrentProcessor

    backend: Any = "processes" if options.dask is None else "dask"
    workers = 4 if options.workers is None else options.workers
    return ConcurrentProcessor(workers, backend=backend, dask_address=options.dask)
