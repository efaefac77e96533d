"""A ranking as a picture: the figure that it is sorted by, a bar for each strategy that can be traded."""

from __future__ import annotations

import io

import pandas as pd

from kit import plots
from kit.widgets.frame.grid import GridColumn

_ROW_IN = 0.26  # inches


def ranking_png(rows: pd.DataFrame, column: GridColumn, title: str) -> bytes:
    """Draw a ranking, its first row on top.

    Parameters
    ----------
    rows : DataFrame
        As `kit.widgets.panels.ranking.RankingPanel.compute` orders it.
    column : GridColumn
        The figure that it is sorted by; rows where that is unknown or endless have no bar.
    title : str
        Stands above.

    Returns
    -------
    bytes
        PNG on white.
    """
    figures = pd.to_numeric(rows[column.field], errors="coerce").abs()
    shown = rows[(rows["tradable"] == True) & (figures < float("inf"))][::-1]  # noqa: E712 - some are missing
    values = column.factor * shown[column.field].astype(float)
    page, axes = plots.figure(8.5, 1.1 + _ROW_IN * len(shown))
    colours = [plots.GAIN if one >= 0 else plots.LOSS for one in values]
    bars = axes.barh([str(name).replace("_", " ") for name in shown.index], values, color=colours)
    axes.bar_label(bars, [f"{one:,.{column.digits}f}" for one in values], padding=3, fontsize=8)
    axes.margins(x=0.12, y=0.01)
    axes.set(xlabel=f"{column.title} ({column.unit})" if column.unit else column.title)
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_title(title, loc="left", fontsize=10)
    buffer = io.BytesIO()
    page.savefig(buffer, format="png", dpi=200, facecolor="white")
    return buffer.getvalue()
