"""What a backtest found: the trade log, the days it skipped, and the money over time."""

from __future__ import annotations

import json
from calendar import day_abbr
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.backtest.holdings import SkippedDay
from kit.backtest.metrics import Drawdown, drawdown, exposure, metrics
from kit.backtest.plan.plan import Plan
from kit.clock import session
from kit.errors import SettingsError
from kit.pricing.arrays import Floats
from kit.shown import counted, rupees

Curve = tuple[NDArray[np.datetime64], Floats]
_NUMBERS = ["gross_inr", "charges_inr", "net_inr"]


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """What a backtest found.

    Parameters
    ----------
    plans : sequence of Plan
        What was traded.
    trades : DataFrame
        The trade log: one row per entry of a leg, columns of `kit.backtest.log.COLUMNS`.
    skipped : sequence of SkippedDay
        Sessions that were wanted and could not be traded.
    sessions : sequence of date
        Every session that was looked at, traded or not.
    capital_inr : float
        What returns are counted on, rupees.
    charges_split : mapping of str to float
        The charges by kind, rupees, to the paisa and beyond.
    contract_notes : DataFrame
        The same by day and kind as the contract notes state them: STT and stamp duty in whole rupees.
    minutes : sequence of (datetime64, float) array pairs
        Per position: the moments of its bars' closes, and its net profit then, rupees.
    notes : sequence of str
        What the reader should know about the data.
    band : DataFrame or None
        The same plans under other fill conventions, see `kit.backtest.band`.
    """

    plans: Sequence[Plan]
    trades: pd.DataFrame
    skipped: Sequence[SkippedDay]
    sessions: Sequence[date]
    capital_inr: float
    charges_split: Mapping[str, float]
    contract_notes: pd.DataFrame = field(repr=False)
    minutes: Sequence[Curve] = field(repr=False)
    notes: Sequence[str] = ()
    band: pd.DataFrame | None = None

    @cached_property
    def filled(self) -> pd.DataFrame:
        """The rows of the log that were traded."""
        return self.trades[self.trades["reason"] != "refused"]

    @cached_property
    def daily(self) -> pd.Series:
        """Net profit of each session that was looked at, rupees, on the day on which a trade went out."""
        days = pd.DatetimeIndex([moment.date() for moment in self.filled["exit_bar"]], name="day")
        earned = self.filled["net_inr"].astype(float).groupby(days).sum()
        every = pd.DatetimeIndex(sorted({*self.sessions, *days.date}), name="day")
        return earned.reindex(every, fill_value=0.0)

    @cached_property
    def by_minute(self) -> pd.Series:
        """Net profit cumulated over all positions at the close of every bar they lived in, rupees."""
        if not self.minutes:
            return pd.Series(dtype=float)
        moves = [np.diff(worth, prepend=0.0) for _, worth in self.minutes]
        moments = pd.DatetimeIndex(np.concatenate([at for at, _ in self.minutes]))
        moved = pd.Series(np.concatenate(moves), moments.tz_localize("Asia/Kolkata"))
        return moved.groupby(level=0).sum().cumsum()

    @property
    def net_inr(self) -> float:
        """Profit after charges, rupees."""
        return float(self.trades["net_inr"].sum())

    @cached_property
    def metrics(self) -> pd.Series:
        """The figures by name, see `kit.backtest.metrics`."""
        figures = metrics(self.daily, self.filled, self.capital_inr)
        figures["exposure"] = nan
        if self.minutes:
            ends: NDArray[np.datetime64] = np.unique(np.concatenate([at for at, _ in self.minutes]))
            bars = ends - np.timedelta64(1, "m")
            open_s = sum(session(day).length_s for day in self.sessions)
            figures["exposure"] = exposure(self.filled, bars, open_s / 60)
        return figures

    @property
    def rounding_inr(self) -> float:
        """What the contract notes take beyond the exact charges, rupees; less than nothing: less."""
        return float(self.contract_notes.to_numpy().sum()) - sum(self.charges_split.values())

    @property
    def drawdown(self) -> Drawdown:
        """The deepest fall of the daily equity, with its dates."""
        return drawdown(self.daily)

    def monthly(self) -> pd.DataFrame:
        """Return net profit by year and month, rupees."""
        daily = self.daily
        index = pd.DatetimeIndex(daily.index)
        return daily.groupby([index.year, index.month]).sum().rename_axis(["year", "month"]).unstack("month")

    def by_weekday(self) -> pd.DataFrame:
        """Return trades and rupees by the weekday of the entry."""
        found = self._grouped(pd.Series([f"{day:%a}" for day in self.filled["day"]], self.filled.index))
        return found.sort_index(key=lambda names: names.map([*day_abbr].index))

    def by_days_to_expiry(self) -> pd.DataFrame:
        """Return trades and rupees by calendar days from the entry to the expiry."""
        pairs = zip(self.filled["expiry"], self.filled["day"], strict=True)
        return self._grouped(pd.Series([(last - day).days for last, day in pairs], self.filled.index))

    def by_plan(self) -> pd.DataFrame:
        """Return trades and rupees by plan."""
        return self._grouped(self.filled["plan"])

    def charges_table(self) -> pd.DataFrame:
        """Return the charges by kind and their total, rupees: exact, and as the contract notes state them."""
        rows = {"exact": pd.Series(self.charges_split), "by contract notes": self.contract_notes.sum()}
        table = pd.DataFrame(rows).T
        return table.assign(total=table.sum(axis=1))

    def by_reason(self) -> pd.DataFrame:
        """Return trades and rupees by why the leg went out."""
        return self._grouped(self.filled["reason"])

    def _grouped(self, keys: pd.Series) -> pd.DataFrame:
        grouped, won = self.filled.groupby(keys, sort=True), self.filled["net_inr"] > 0
        return grouped[_NUMBERS].sum().assign(trades=grouped.size(), won=won.groupby(keys).mean())

    def to_csv(self, path: str | Path) -> Path:
        """Write the trade log as CSV.

        Raises
        ------
        SettingsError
            The file cannot be written; what was computed stays in this object.
        """
        return write_out(path, lambda file: self._log().to_csv(file, index=False))

    def to_excel(self, path: str | Path) -> Path:
        """Write trade log, figures, and tables by month, weekday and reason as an Excel workbook.

        Raises
        ------
        SettingsError
            The file cannot be written, or openpyxl is not installed.
        """
        sheets = {
            "trades": self._log(),
            "figures": self.metrics.rename("value").rename_axis("figure").reset_index(),
            "days": self.daily.rename("net_inr").reset_index(),
            "months": self.monthly().reset_index(),
            "reasons": self.by_reason().reset_index(),
        }

        def write(file: Path) -> None:
            with pd.ExcelWriter(file, engine="openpyxl") as book:
                for name, table in sheets.items():
                    table.to_excel(book, sheet_name=name, index=False)

        return write_out(path, write)

    def to_html(self, path: str | Path) -> Path:
        """Write a self-contained page with the figures, plots, band and trades.

        Raises
        ------
        SettingsError
            The file cannot be written.
        """
        from kit.backtest.report import page

        return write_out(path, lambda file: file.write_text(page(self), encoding="utf-8"))

    def to_json(self, path: str | Path) -> Path:
        """Write the figures, by plan and by convention too, as JSON; what has no value is null.

        Raises
        ------
        SettingsError
            The file cannot be written.
        """
        figures = {
            "plans": [plan.name for plan in self.plans],
            **self.metrics.astype(object).where(self.metrics.notna(), None).to_dict(),
            "by_plan": self.by_plan()[[*_NUMBERS, "trades"]].to_dict("index"),
            "band": {} if self.band is None else self.band.to_dict("index"),
            "notes": [*self.notes],
            "skipped": {f"{day.day}": day.why for day in self.skipped},
        }
        return write_out(path, lambda file: file.write_text(json.dumps(figures, indent=2), encoding="utf-8"))

    def _log(self) -> pd.DataFrame:
        stamps = {name: [_iso(at) for at in self.trades[name]] for name in ("entry_bar", "exit_bar")}
        whole = {name: self.trades[name].astype("Int64") for name in ("strike", "lot_size")}
        return self.trades.assign(**stamps, **whole)

    def __repr__(self) -> str:
        names, days = ", ".join(plan.name for plan in self.plans), counted(len(self.sessions), "session")
        trades = counted(len(self.filled), "trade")
        return f"<BacktestResult {names}: net {rupees(self.net_inr)} of {trades} on {days}>"

    def _repr_html_(self) -> str:
        from kit.backtest.report import summary

        return summary(self)


def write_out(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Write a file of a result, making its folder.

    Raises
    ------
    SettingsError
        It cannot be written, or what writes it is not installed; what was computed stays.
    """
    file = Path(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file)
    except OSError as error:
        what = "The result cannot be written; it is still there"
        raise SettingsError(what, str(file), f"{error.strerror or error}.") from error
    except ModuleNotFoundError as error:
        raise SettingsError("Not installed", error.name, f"Run: pip install {error.name}.") from error
    return file


def _iso(moment: object) -> str:
    return moment.isoformat() if isinstance(moment, datetime) and not pd.isna(moment) else ""
