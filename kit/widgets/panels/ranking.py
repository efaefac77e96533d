"""The ranking panel: evaluated strategies side by side, under the view they were scored under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import Any, ClassVar

import ipywidgets as w
import pandas as pd

from kit.errors import DataError
from kit.evaluation.results import RANKINGS, Results, default_ranking, levels, terms_of
from kit.evaluation.scored import Score, exposed
from kit.evaluation.views import market
from kit.model import Position
from kit.shown import rupees
from kit.strategies.base import Strategy
from kit.widgets.frame import exports
from kit.widgets.frame.context import Context
from kit.widgets.frame.fields import sized
from kit.widgets.frame.grid import Grid, GridColumn, GridRow, led_by
from kit.widgets.frame.panel import Panel, shown
from kit.widgets.frame.style import summary
from kit.widgets.panels.ranking_plot import ranking_png

COLUMNS = (  # the last ones wait where there is no room
    GridColumn("cost_on_risk", "Cost on risk", "%", 2, 100, help="Spread and charges per rupee at risk"),
    GridColumn("premium_inr", "Premium", "₹", signed=True, help="Received (+) or paid (-) at the entry"),
    GridColumn("max_profit_inr", "Max. profit", "₹ gross", help="At expiry, before charges"),
    GridColumn("max_loss_inr", "Max. loss", "₹ gross", help="At expiry, before charges"),
    GridColumn("probability_of_profit", "P(profit)", "%", factor=100, help="Before charges, under the view"),
    GridColumn("expected_profit_inr", "Expected", "₹ net", signed=True, help="After charges and the spread"),
    GridColumn("return_on_risk", "Return on risk", "%", 1, 100, signed=True, help="Expected over at risk"),
    GridColumn("margin_inr", "Margin", "₹", help="What is blocked, an estimate"),
    GridColumn(
        "return_on_margin", "On margin", "%", 2, 100, signed=True, help="Expected over what is tied up"
    ),
    GridColumn("risk_inr", "At risk", "₹", help="Loss in all but 0.135 % of outcomes, or what is tied up"),
    GridColumn("cost_inr", "Spread + charges", "₹"),
    GridColumn("reward_to_risk", "Reward to risk", "times", 2),
    GridColumn("premium_mid_inr", "Premium at mid", "₹", signed=True),
    GridColumn("delta_inr", "Delta", "₹ a point", 1, signed=True),
    GridColumn("theta_inr", "Theta", "₹ a day", signed=True),
    GridColumn("vega_inr", "Vega", "₹ a vol. pt", signed=True),
)
_NAME = GridColumn(
    "strategy", "Strategy", text=True, key=True, press=True, help="Open in the position builder"
)
_VERDICT = GridColumn("verdict", "Verdict", text=True, help="ok, or why the figures say little")
_BREAKEVENS = GridColumn("breakevens", "Breakevens", text=True)
_LEGS = GridColumn("legs", "Legs", text=True)
_SHOWN = (_NAME, *COLUMNS[:6], _VERDICT, *COLUMNS[6:9], _BREAKEVENS, *COLUMNS[9:], _LEGS)
_LEAST_FIRST = ("cost_on_risk", "cost_inr", "max_loss_inr", "risk_inr", "margin_inr")


class RankingPanel(Panel):
    """The table of an evaluation, sorted as you like.

    Parameters
    ----------
    source : Results
        Of `StrategyEvaluationManager.evaluate_strategies_concurrent`.
    context : Context, optional
        Shared with a position builder, which a click on a strategy brings it up in.
    """

    heading = "Ranking"
    lead = "One row per strategy; what cannot be traded stands behind, what failed last, with its error."

    hands_over: ClassVar[tuple[str, ...]] = ("csv", "png", "html")
    context: Context | None = None
    results: Results | None = None

    def __init__(self, source: Results, context: Context | None = None) -> None:
        self.results = source if len(source) else None
        self.context = context
        super().__init__(source.table())
        self.inputs["by"].value = first_order(self.source)

    def controls(self) -> dict[str, Any]:
        """Return what to sort by."""
        options = [(column.title, column.field) for column in COLUMNS]
        chosen = {"options": options, "value": "cost_on_risk", "description": "Sort by"}
        return {"by": w.Dropdown(**chosen, **sized(260, 64))}

    def body(self) -> list[Any]:
        """Return the control, the words and the table."""
        self.table = Grid("Strategies, ranked", clickable=self.context is not None)
        self.table.observe(self._clicked, "clicked")
        return [self.inputs["by"], self.errors, self.words, self.table]

    @shown
    def _clicked(self, change: Any) -> None:
        assert self.context is not None, "without one nothing can be clicked"
        self.context.open(self._idea_of(str(change.new["key"])))

    def _idea_of(self, name: str) -> Strategy | Position:
        """Return what a row stands for, its legs without prices."""
        found = self.results[name].value if self.results is not None else None
        if not isinstance(found, Score):
            raise DataError("This row has no position", name, "Choose one that was scored.")
        return Position(tuple(replace(leg, price=nan) for leg in found.legs))

    def data(self) -> pd.DataFrame:
        """Return every figure of what was evaluated, in the order shown."""
        if self.source.empty:
            raise DataError("Nothing has been evaluated yet", None, "Press Run.")
        return self.compute(self.source, **self.values)

    def picture(self) -> bytes:
        """Return what it is sorted by as bars."""
        by = next(one for one in COLUMNS if one.field == self.inputs["by"].value)
        return ranking_png(self.data(), by, exports.title_of(self))

    @staticmethod
    def compute(source: pd.DataFrame, by: str) -> pd.DataFrame:
        """Sort the rows: the largest first, of losses and costs the least; what is not tradable follows.

        Parameters
        ----------
        source : DataFrame
            As `kit.evaluation.results.Results.table` gives it.
        by : str
            A field of `COLUMNS`.
        """
        least_first = by in _LEAST_FIRST
        ordered = source.sort_values(by, ascending=least_first, kind="stable", na_position="last")
        return ordered.sort_values("tradable", key=_behind, kind="stable")

    def draw(self, result: pd.DataFrame) -> None:
        """Write the table and its best row in words."""
        columns = led_by(_SHOWN, [self.inputs["by"].value])
        self.table.show(columns, ranked(result, columns))
        self.words.value = summary(describe(result, self.inputs["by"].value))


def first_order(rows: pd.DataFrame) -> str:
    """Return the figure that a table is ordered by at first: what its view says."""
    views = rows["view"].dropna()
    return RANKINGS[default_ranking(views.iloc[0] if len(views) else market.name)][0]


def _behind(tradable: pd.Series[Any]) -> pd.Series[int]:
    return tradable.map({True: 0, False: 1}).fillna(2).astype(int)


def ranked(rows: pd.DataFrame, columns: Sequence[GridColumn] = _SHOWN) -> list[GridRow]:
    """Return the rows of the table; what failed says why in place of its figures."""
    records = rows.to_dict("records")
    return [_row(str(name), row, columns) for name, row in zip(rows.index, records, strict=True)]


def _row(name: str, row: Mapping[Any, Any], columns: Sequence[GridColumn]) -> GridRow:
    title = name.replace("_", " ")
    if not isinstance(row["breakevens"], tuple):  # a failure, or a value that is no score
        told = row["error"] if isinstance(row["error"], str) else f"returned {row['value']!r}"
        return GridRow(name, [title, *[None] * (len(columns) - 2), told], "kit-failed")
    words = {"strategy": title, "breakevens": levels(row["breakevens"])}
    return GridRow(name, [one.cell(words.get(one.field, row.get(one.field))) for one in columns])


def describe(rows: pd.DataFrame, by: str) -> str:
    """Say under whose view the scores are, which strategy leads there and which failed."""
    if rows.empty:
        return "Nothing has been evaluated yet."
    title = next(column.title for column in COLUMNS if column.field == by).lower()
    failed = [str(name) for name in rows.index[rows["error"].notna()]]
    lost = f" Failed: {', '.join(failed)}." if failed else " None failed."
    best = rows.iloc[0]
    if pd.isna(best[by]):
        return f"No strategy was scored.{lost}"
    worst = rupees(best["max_loss_inr"])
    note = "" if best["tradable"] else f" It cannot be traded: {best['verdict']}."
    name = str(rows.index[0]).replace("_", " ")
    first = f"First of {len(rows)} by {title}: {name}, maximum loss before charges {worst}."
    far = exposed(rows)
    return f"{terms_of(rows, described=False)} {first}{note}{far and ' '}{far}{lost}"
