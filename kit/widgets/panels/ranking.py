"""The ranking panel: evaluated strategies side by side, best first, failures shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as w
import pandas as pd

from kit.widgets.frame.grid import Grid, GridColumn, GridRow
from kit.widgets.frame.panel import Panel
from kit.widgets.frame.style import rupees, summary

COLUMNS = (
    GridColumn("premium_inr", "Premium", "₹", signed=True, help="Received (+) or paid (-)"),
    GridColumn("max_profit_inr", "Max. profit", "₹"),
    GridColumn("max_loss_inr", "Max. loss", "₹"),
    GridColumn("probability_of_profit", "P(profit)", "%", factor=100),
    GridColumn("expected_profit_inr", "Expected", "₹", signed=True),
    GridColumn("return_on_risk", "Return on risk", "%", 1, 100, signed=True),
    GridColumn("delta_inr", "Delta", "₹ a point", 1, signed=True),
    GridColumn("theta_inr", "Theta", "₹ a day", signed=True),
    GridColumn("vega_inr", "Vega", "₹ a vol. pt", signed=True),
)
_NAME = GridColumn("strategy", "Strategy", text=True, key=True)
_REST = (GridColumn("breakevens", "Breakevens", text=True), GridColumn("legs", "Legs", text=True))


class RankingPanel(Panel):
    """The table of an evaluation, sorted as you like.

    Parameters
    ----------
    source : Results
        Of `StrategyEvaluationManager.evaluate_strategies_concurrent`.
    """

    heading = "Ranking"
    lead = "One row per strategy, the best first; what failed stands last, with its error."

    def __init__(self, source: Any) -> None:
        super().__init__(source.table())

    def controls(self) -> dict[str, Any]:
        """Return what to sort by."""
        options = [(column.title, column.field) for column in COLUMNS]
        look = {"style": {"description_width": "64px"}, "layout": w.Layout(width="260px")}
        return {"by": w.Dropdown(options=options, value="return_on_risk", description="Sort by", **look)}

    def body(self) -> list[Any]:
        """Return the control, the words and the table."""
        self.table = Grid("Strategies, ranked")
        return [self.inputs["by"], self.errors, self.words, self.table]

    @staticmethod
    def compute(source: pd.DataFrame, by: str) -> pd.DataFrame:
        """Sort the rows: the largest first, of losses the least; rows without the figure last.

        Parameters
        ----------
        source : DataFrame
            As `kit.evaluation.results.Results.table` gives it.
        by : str
            A field of `COLUMNS`.
        """
        return source.sort_values(by, ascending=by == "max_loss_inr", kind="stable", na_position="last")

    def draw(self, result: pd.DataFrame) -> None:
        """Write the table and its best row in words."""
        self.table.show((_NAME, *COLUMNS, *_REST), ranked(result))
        self.words.value = summary(describe(result, self.inputs["by"].value))


def ranked(rows: pd.DataFrame) -> list[GridRow]:
    """Return the rows of the table; what failed says why in place of its legs."""
    return [_row(str(name), row) for name, row in zip(rows.index, rows.to_dict("records"), strict=True)]


def _row(name: str, row: Mapping[Any, Any]) -> GridRow:
    title = name.replace("_", " ")
    if not isinstance(row["breakevens"], tuple):  # a failure, or a value that is no score
        told = row["error"] if isinstance(row["error"], str) else f"returned {row['value']!r}"
        return GridRow(name, [title, *[None] * (len(COLUMNS) + 1), told], "kit-failed")
    levels = " · ".join(f"{level:,.0f}" for level in row["breakevens"]) or "none"
    figures = [column.cell(row[column.field]) for column in COLUMNS]
    return GridRow(name, [title, *figures, levels, str(row["legs"])])


def describe(rows: pd.DataFrame, by: str) -> str:
    """Say which strategy leads and which failed."""
    if rows.empty:
        return "Nothing has been evaluated yet."
    title = next(column.title for column in COLUMNS if column.field == by).lower()
    failed = [str(name) for name in rows.index[rows["error"].notna()]]
    lost = f" Failed: {', '.join(failed)}." if failed else " None failed."
    best = rows.iloc[0]
    if pd.isna(best[by]):
        return f"No strategy was scored.{lost}"
    worst = rupees(best["max_loss_inr"])
    return f"Best of {len(rows)} by {title}: {rows.index[0]}, maximum loss {worst}.{lost}"
