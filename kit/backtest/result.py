"""What a backtest found: the trade log, the days it skipped, and the money over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.backtest.holdings import SkippedDay
from kit.backtest.plan.plan import Plan
from kit.errors import SettingsError


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
    capital_inr : float
        What returns are counted on, rupees.
    minutes : sequence of (datetime64, float) array pairs
        Per position: the moments of its bars' closes, and its net profit then, rupees.
    notes : sequence of str
        What the reader should know about the data.
    """

    plans: Sequence[Plan]
    trades: pd.DataFrame
    skipped: Sequence[SkippedDay]
    capital_inr: float
    minutes: Sequence[tuple[NDArray[np.datetime64], NDArray[np.float64]]] = field(repr=False)
    notes: Sequence[str] = ()

    @cached_property
    def daily(self) -> pd.Series:
        """Net profit of each traded day, rupees, on the day on which each trade went out."""
        filled = self.trades[self.trades["exit_bar"].notna()]
        days = pd.DatetimeIndex([moment.date() for moment in filled["exit_bar"]], name="day")
        return filled["net_inr"].groupby(days).sum()

    @property
    def net_inr(self) -> float:
        """Profit after charges, rupees."""
        return float(self.trades["net_inr"].sum())

    def to_csv(self, path: str | Path) -> Path:
        """Write the trade log as CSV.

        Raises
        ------
        SettingsError
            The file cannot be written; what was computed stays in this object.
        """
        file = Path(path)
        table = self.trades.assign(
            entry_bar=[_iso(moment) for moment in self.trades["entry_bar"]],
            exit_bar=[_iso(moment) for moment in self.trades["exit_bar"]],
        )
        try:
            table.to_csv(file, index=False)
        except OSError as error:
            raise SettingsError("The trade log cannot be written", str(file), f"{error.strerror}.") from error
        return file


def _iso(moment: object) -> str:
    return "" if pd.isna(moment) else moment.isoformat()  # type: ignore[attr-defined, call-overload]
