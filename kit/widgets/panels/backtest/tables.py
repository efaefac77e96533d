"""The tables and tiles of a backtest."""

from __future__ import annotations

from math import isnan

import pandas as pd

from kit.backtest import BacktestResult
from kit.backtest.holdings import skipped_words
from kit.backtest.sweep_result import SweepResult
from kit.shown import counted, rupees
from kit.widgets.frame.grid import GridColumn, GridRow, numbered

TRADES = (
    GridColumn("day", "Day", text=True, key=True), GridColumn("leg", "Leg"),
    GridColumn("entry", "No.", help="1: the first entry; more: taken again"),
    GridColumn("side", "Side", text=True), GridColumn("right", "Right", text=True),
    GridColumn("strike", "Strike", "₹"), GridColumn("lots", "Lots"),
    GridColumn("entry_price", "Entry", "₹ a unit", 2), GridColumn("exit_price", "Exit", "₹ a unit", 2),
    GridColumn("reason", "Reason", text=True), GridColumn("why", "Why", text=True),
    GridColumn("gross_inr", "Gross", "₹", signed=True),
    GridColumn("charges_inr", "Charges", "₹"), GridColumn("net_inr", "Net", "₹", signed=True),
)  # fmt: skip


def trade_rows(trades: pd.DataFrame) -> list[GridRow]:
    """Return the rows of the trade log."""
    return numbered(TRADES, trades.astype(object).where(trades.notna(), None).to_dict("records"))


def table_of(frame: pd.DataFrame) -> tuple[list[GridColumn], list[GridRow]]:
    """Return any table of figures as columns and rows; its index is the first column."""
    shown = frame.reset_index()
    first, *rest = [str(name) for name in shown.columns]
    columns = [GridColumn(first, _spoken(first), text=True, key=True)]
    for name in rest:
        text = not pd.api.types.is_numeric_dtype(shown[name])
        unit = "₹" if name.endswith("_inr") else ""
        if name == "winning_days":
            columns.append(GridColumn(name, _spoken(name), "%", factor=100))
            continue
        whole = not text and bool((shown[name].dropna() % 1 == 0).all())
        columns.append(GridColumn(name, _spoken(name), unit, 0 if unit or whole else 2, text=text))
    shown.columns = pd.Index([first, *rest])
    return columns, numbered(columns, shown.to_dict("records"))


def _spoken(name: str) -> str:
    return name if "." in name else name.removesuffix("_inr").replace("_", " ").capitalize()


def tiles(result: BacktestResult) -> dict[str, str]:
    """Write the figures of a backtest with their units."""
    found = result.metrics
    ratio = {"Sharpe": "sharpe", "Sortino": "sortino", "Calmar": "calmar", "Profit factor": "profit_factor"}
    told = {
        "Net profit": rupees(result.net_inr),
        "Return on capital": f"{100 * result.net_inr / result.plans[0].capital_inr:+.2f} %",
        "Charges": rupees(result.trades["charges_inr"].sum()),
        "Trades": f"{len(result.filled):,}",
        "Sessions": f"{len(result.sessions):,}",
        "Skipped": f"{len(result.skipped):,}",
        "Deepest drawdown, daily": rupees(-result.drawdown.rupees),
    }
    told |= {label: f"{found[name]:.2f}" for label, name in ratio.items() if not isnan(found[name])}
    return told if isnan(found["win_rate"]) else told | {"Trades won": f"{100 * found['win_rate']:.0f} %"}


def labelled(result: BacktestResult) -> str:
    """Say in a sentence what was traded and what came of it."""
    names, days = ", ".join(plan.name for plan in result.plans), result.sessions
    span = f" from {days[0]:%d %b %Y} to {days[-1]:%d %b %Y}" if days else ""
    fall = result.drawdown
    return (
        f"{names}: {counted(len(result.filled), 'trade')} in {counted(len(days), 'session')}{span} "
        f"made {rupees(result.net_inr)} "
        f"after charges, at worst {rupees(fall.rupees)} below the highest before."
    )


def sweep_words(found: SweepResult) -> str:
    """Say how many sets were traded and how far the best can be trusted."""
    state = "" if found.complete else " Stopped: what was done is shown."
    tried = f"{counted(len(found.parameters), 'set')} over {counted(len(found.days), 'session')}"
    return " ".join([f"{tried}. {found}{state}", *skipped_words(found.skipped)])
