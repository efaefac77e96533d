"""What a sweep found: each set's figures, maps of them, and how far the best can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from math import sqrt

import numpy as np
import pandas as pd

from kit.arguments import checked
from kit.backtest.holdings import SkippedDay
from kit.backtest.metrics import SESSIONS_PER_YEAR
from kit.backtest.overfit import deflated_sharpe, overfit_probability, overfit_sentence, sharpe_by_set
from kit.backtest.plan.plan import Plan
from kit.errors import DataError, SettingsError
from kit.pricing.arrays import Floats
from kit.shown import card, counted, rows_of, sentence, table


@dataclass(frozen=True, eq=False)
class SweepResult:
    """What a sweep found.

    Parameters
    ----------
    plan : Plan
        What the parameters changed.
    parameters : DataFrame
        One row per set, one column per path.
    days : sequence of date
        The sessions that were traded.
    net : (days, sets) array
        Net profit, rupees, on the day of the entry.
    charges, trades : (sets,) arrays
        Rupees and number of trades over all days.
    complete : bool
        Whether every day was done; a cancelled sweep holds what was.
    skipped : sequence of SkippedDay
        Sessions that were left out for their quality, cannot be read, or failed a Python rule.
    """

    plan: Plan
    parameters: pd.DataFrame
    days: Sequence[date]
    net: Floats = field(repr=False)
    charges: Floats = field(repr=False)
    trades: Floats = field(repr=False)
    complete: bool = True
    skipped: Sequence[SkippedDay] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every set with its figures, the most profitable first."""
        equity = np.cumsum(self.net, axis=0)
        falls = np.maximum.accumulate(np.maximum(equity, 0.0), axis=0) - equity
        won = (self.net > 0).mean(axis=0) if len(self.net) else np.full(self.net.shape[1], np.nan)
        figures = {
            "net_inr": self.net.sum(axis=0),
            "sharpe": sharpe_by_set(self.net) * sqrt(SESSIONS_PER_YEAR),
            "max_drawdown_inr": falls.max(axis=0, initial=0.0),
            "winning_days": won,
            "charges_inr": self.charges,
            "trades": self.trades.astype(int),
        }
        return self.parameters.assign(**figures).sort_values("net_inr", ascending=False, kind="stable")

    def heat(self, rows: str, columns: str, figure: str = "net_inr") -> pd.DataFrame:
        """Return a figure's mean by two parameters.

        Raises
        ------
        SettingsError
            One of the names is no parameter or figure.
        """
        unknown = [name for name in (rows, columns, figure) if name not in self.table.columns]
        if unknown:
            raise SettingsError(
                "The sweep has no such column", unknown, f"It has {', '.join(map(str, self.table.columns))}."
            )
        return self.table.pivot_table(index=rows, columns=columns, values=figure, aggfunc="mean")

    @checked
    def walk_forward(self, train: int, test: int) -> pd.DataFrame:
        """Choose the best set of `train` days, trade it on the next `test` days, and move on.

        Returns
        -------
        DataFrame
            One row per step: the days, the chosen parameters, what they earned before and after, rupees.

        Raises
        ------
        DataError
            There are fewer days than one step needs.
        """
        if min(train, test) < 1 or train + test > len(self.days):
            raise DataError("Too few days for a step", (train, test), f"The sweep has {len(self.days)} days.")
        steps = []
        for start in range(0, len(self.days) - train - test + 1, test):
            middle, end = start + train, start + train + test
            before, after = self.net[start:middle].sum(axis=0), self.net[middle:end].sum(axis=0)
            best = int(before.argmax())
            span = {"trained_from": self.days[start], "from": self.days[middle], "to": self.days[end - 1]}
            earned = {"before_inr": before[best], "after_inr": after[best]}
            steps.append(span | self.parameters.iloc[best].to_dict() | earned)
        return pd.DataFrame(steps)

    @property
    def deflated_sharpe(self) -> float:
        """Probability that the best set's Sharpe ratio is above 0 after so many trials."""
        return deflated_sharpe(self.net)

    @property
    def overfit_probability(self) -> float:
        """How often the best of one half of the days is below the middle in the other."""
        return overfit_probability(self.net)

    def __str__(self) -> str:
        return overfit_sentence(self.net)

    def __repr__(self) -> str:
        sets, days = counted(len(self.parameters), "set"), counted(len(self.days), "day")
        return f"<SweepResult {self.plan.name}: {sets} over {days}{'' if self.complete else '; cancelled'}>"

    def _repr_html_(self) -> str:
        partial = sentence("" if self.complete else "Cancelled: only part of the days.")
        best = table(rows_of(self.table.head(10)), "The best sets")
        return card("Sweep", {"sets": len(self.table)}, partial, sentence(str(self)), best)
