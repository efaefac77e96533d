"""The ranking panel: evaluated strategies side by side, best first, failures shown."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, cast

import ipywidgets as w
import pandas as pd

from kit.widgets.frame.panel import Panel
from kit.widgets.frame.style import rupees, summary
from kit.widgets.frame.table import Column

COLUMNS = (
    Column("premium_inr", "Premium ₹", "{:+,.0f}"),
    Column("max_profit_inr", "Max. profit ₹", "{:,.0f}"),
    Column("max_loss_inr", "Max. loss ₹", "{:,.0f}"),
    Column("probability_of_profit", "P(profit) %", "{:.0f}", 100),
    Column("expected_profit_inr", "Expected ₹", "{:+,.0f}"),
    Column("return_on_risk", "Return on risk %", "{:+.1f}", 100),
    Column("delta_inr", "Delta ₹/point", "{:+,.1f}"),
    Column("theta_inr", "Theta ₹/day", "{:+,.0f}"),
    Column("vega_inr", "Vega ₹/vol. pt", "{:+,.0f}"),
)


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
        self.table = w.HTML()
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
        by = self.inputs["by"].value
        self.table.value = ranking_table(result, by)
        self.words.value = summary(describe(result, by))


def ranking_table(rows: pd.DataFrame, by: str) -> str:
    """Write the rows as HTML, the sorted column emphasised, an error across its row."""
    marks = {column.field: " class='kit-inside'" if column.field == by else "" for column in COLUMNS}
    head = "".join(f"<th scope='col'{marks[column.field]}>{column.title}</th>" for column in COLUMNS)
    start = "<th scope='col' class='kit-text'>Strategy</th>"
    end = "<th scope='col'>Breakevens</th><th scope='col' class='kit-text'>Legs</th>"
    records = zip(rows.index.tolist(), rows.to_dict("records"), strict=True)
    body = "".join(_row(str(name), cast(Mapping[str, Any], row), marks) for name, row in records)
    table = f"<thead><tr>{start}{head}{end}</tr></thead><tbody>{body}</tbody>"
    return f"<div class='kit-scroll' tabindex=0><table class='kit-table kit-wrap'>{table}</table></div>"


def _row(name: str, row: Mapping[str, Any], marks: Mapping[str, str]) -> str:
    title = f"<th scope='row' class='kit-text'>{escape(name.replace('_', ' '))}</th>"
    if not isinstance(row["breakevens"], tuple):  # a failure, or a value that is no score
        told = row["error"] if isinstance(row["error"], str) else f"returned {row['value']!r}"
        return f"<tr>{title}<td class='kit-text' colspan={len(COLUMNS) + 2}>{escape(told)}</td></tr>"
    cells = "".join(f"<td{marks[one.field]}>{_cell(one, row[one.field])}</td>" for one in COLUMNS)
    levels = " · ".join(f"{level:,.0f}" for level in row["breakevens"]) or "none"
    return f"<tr>{title}{cells}<td>{levels}</td><td class='kit-text'>{escape(str(row['legs']))}</td></tr>"


def _cell(column: Column, value: float) -> str:
    return column.cell(value).replace("inf", "∞")


def describe(rows: pd.DataFrame, by: str) -> str:
    """Say which strategy leads and which failed."""
    if rows.empty:
        return "Nothing has been evaluated yet."
    title = next(column.title for column in COLUMNS if column.field == by)
    failed = [str(name) for name in rows.index[rows["error"].notna()]]
    lost = f" Failed: {', '.join(failed)}." if failed else " None failed."
    best = rows.iloc[0]
    if pd.isna(best[by]):
        return f"No strategy was scored.{lost}"
    worst = rupees(best["max_loss_inr"])
    return f"Best of {len(rows)} by {title}: {rows.index[0]}, maximum loss {worst}.{lost}"
