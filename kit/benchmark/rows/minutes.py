"""Option minutes: a day found in the store, years into arrays, vendor files into the store."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import OHLC, minutes_of
from kit.bars.month_file import OPTIONS, SERIES, read_session, sessions_in, write_sessions
from kit.benchmark.machine import peak_mib
from kit.benchmark.measure import Arms, Figures
from kit.benchmark.registry import row
from kit.benchmark.run import SEED, Run
from kit.benchmark.targets import at_least, at_most, within
from kit.clock import expiries, sessions

FIVE_YEARS = 1_250  # sessions
_FIRST, _LAST = date(2023, 10, 2), date(2023, 10, 31)  # a month of 20 sessions
_EXPIRY = date(2023, 11, 30)
_STRIKES, _MINUTES, _TRADED = 65, 375, 0.78  # as on 30 December 2022: 130 contracts, 38,000 bars


def _vendor_table(day: date) -> pd.DataFrame:
    """Return one session as a vendor writes it: a row per bar that traded, symbols and times as text."""
    draw = np.random.default_rng(SEED + day.toordinal())
    strikes = 44_000 + 100 * (np.arange(_STRIKES) - _STRIKES // 2)
    symbols = [
        f"BANKNIFTY{_EXPIRY:%d%b%y}{strike}{right}".upper() for strike in strikes for right in ("CE", "PE")
    ]
    close = np.maximum(20, 4_000 + draw.integers(-40, 41, (len(symbols), _MINUTES)).cumsum(axis=1)) / 20
    kept = draw.random(close.shape) < _TRADED
    contract, minute = np.nonzero(kept)
    price = close[kept]
    clock = np.array([f"{at // 60:02d}:{at % 60:02d}:00" for at in range(555, 555 + _MINUTES)])
    prices = {"open": price, "high": price + 0.1, "low": price - 0.1, "close": price}
    names = {"symbol": np.array(symbols)[contract], "date": f"{day}", "time": clock[minute]}
    return pd.DataFrame(names | prices | {"volume": draw.integers(1, 99, price.size) * 15})


def _month(run: Run, kind: str) -> tuple[Path, int]:
    """Write a month of sessions as one vendor file and return it with its number of rows."""
    days = sessions(_FIRST, _LAST)[: 8 if run.quick else None]
    table = pd.concat([_vendor_table(day) for day in days], ignore_index=True)
    file = run.folder() / f"minutes.{kind}"
    if kind == "csv":
        table.to_csv(file, index=False)
    else:
        table.astype(str).to_parquet(file)  # texts for numbers, as the worst of them are
    return file, len(table)


def filled(run: Run) -> MinuteStore:
    """Return a store of a month of sessions, of some of them in a quick run."""
    store = MinuteStore(run.folder())
    import_files([_month(run, "parquet")[0]], store)
    return store


def five_years(run: Run) -> MinuteStore:
    """Return a store of five years of sessions: those of a month, over and over under other days."""
    month, store = run.once(filled), MinuteStore(run.folder())
    sources = [*sessions_in(month.file("options", _FIRST)).values()]
    tables = [read_session(month.file("options", _FIRST), one) for one in sources]
    full = [day for day in sessions(date(2019, 1, 1), date(2024, 4, 30)) if minutes_of(day).size == _MINUTES]
    months: dict[Path, dict[date, tuple[pa.Table, Any]]] = {}
    for number, day in enumerate(full[-FIVE_YEARS:]):
        table, facts = tables[number % len(tables)], sources[number % len(tables)].facts
        months.setdefault(store.file("series", day), {})[day] = _index(day), facts
        months.setdefault(store.file("options", day), {})[day] = _under(table, day), facts
    for file, held in months.items():
        run.checkpoint()
        write_sessions(file, SERIES if file.name.startswith("series") else OPTIONS, held)
    return store


def _index(day: date) -> pa.Table:
    """Return a session of the index near the strikes of the vendor's contracts."""
    level = 44_000 + np.random.default_rng(SEED + day.toordinal()).normal(0, 12, _MINUTES).cumsum()
    heads = {"day": [day] * _MINUTES, "name": ["index"] * _MINUTES, "minute": minutes_of(day)}
    return pa.table(heads | dict.fromkeys(OHLC, level)).cast(SERIES)


def _under(table: pa.Table, day: date) -> pa.Table:
    """Return a session's bars under another day, as contracts of the expiry nearest to it."""
    for name, value in (("day", day), ("expiry", expiries(day)[0])):
        column = pa.repeat(pa.scalar(value, pa.date32()), table.num_rows)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _day_file(run: Run, day: date) -> Path:
    file = run.folder() / f"{day}.parquet"
    _vendor_table(day).to_parquet(file)
    return file


def _by_pandas(file: Path) -> list[np.ndarray]:
    """Read a day file and spread it to arrays of contracts by minutes, as pandas alone does it."""
    table = pd.read_parquet(file)
    return [table.pivot(index="symbol", columns="time", values=name).to_numpy() for name in OHLC]


@row("bars", "ms", at_most(10), peer=("pandas: a day file, read and pivoted", within(0.2)), quick=True)
def day_of_minutes(run: Run) -> Arms:
    """Find one session of 38,000 option bars in the store and return its arrays."""
    store = run.once(filled)
    day = store.days()[-1]
    file = _day_file(run, day)
    return Arms(ours=lambda: store.day(day), peer=lambda: _by_pandas(file))


@row("bars", "sessions/s", at_least(625), quick=True, cores=2)
def minutes_to_arrays(run: Run) -> Arms:
    """Load five years of sessions of 38,000 option bars from Parquet to arrays; in 2 s are 625 a second."""
    store = run.once(filled if run.quick else five_years)
    days = store.days() * (10 if run.quick else 1)  # as long a run as years are: threads start once
    rounds = 3 if run.quick else 5
    return Arms(ours=lambda: _through(store, days), items=len(days), calls=1, rounds=rounds, warm=1)


def _through(store: MinuteStore, days: list[date]) -> int:
    return sum(len(day.strike) for day in store.load(days, mapped=False))


@row("bars", "M rows/s", at_least(1), cores=2)
def import_parquet(run: Run) -> Arms:
    """Import a month of a vendor's Parquet, numbers and times as text, into an empty store."""
    file, rows = _month(run, "parquet")
    return Arms(ours=lambda: import_files([file], MinuteStore(run.folder())), items=rows, calls=1, warm=1)


@row("bars", "M rows/s", at_least(0.4), cores=2)
def import_csv(run: Run) -> Arms:
    """Import a month of a vendor's CSV into an empty store."""
    file, rows = _month(run, "csv")
    return Arms(ours=lambda: import_files([file], MinuteStore(run.folder())), items=rows, calls=1, warm=1)


@row("bars", "MiB", at_most(1000))
def import_memory(run: Run) -> Figures:
    """Peak memory of a fresh process that imports a month of a vendor's CSV into an empty store."""
    file, store = str(_month(run, "csv")[0]), str(run.folder())
    code = "from kit.bars.importing import import_files; from kit.bars.minute_store import MinuteStore; "
    return Figures([peak_mib(f"{code}import_files([{file!r}], MinuteStore({store!r}))")])
