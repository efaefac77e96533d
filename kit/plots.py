"""Figures: finished numbers in, matplotlib axes drawn. No measuring and no fetching here.

Every function draws on the axes it is given and returns them, so that a page, a panel and a notebook
show the same picture. matplotlib loads on first use.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kit.arguments import checked
from kit.clock import sessions
from kit.model import ChainSnapshot
from kit.shown import counted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CALL, PUT, GAIN, LOSS, PLAIN = "#1f6fb2", "#c8553d", "#2a9d6f", "#c8553d", "#5b6770"
TIERS = {"network": "#c8553d", "sqlite": "#e0a030", "hot": "#2a9d6f"}
# White below wherever it stands, but in a dark JupyterLab or Voila, where its colours are turned, hues kept.
_IN_A_CELL = """<style>.kit-picture{background:#fff;max-width:100%%}.kit-picture img{width:100%%;height:auto}
[data-jp-theme-light=false] .kit-picture{background:none;filter:invert(.93) hue-rotate(180deg)}</style>
<div class="kit-picture" style="width:%dpx">%s</div>"""


def figure(width: float = 6.4, height: float = 3.4) -> tuple[Figure, Axes]:
    """Return a figure without pyplot's global state, and its axes; sizes in inches."""
    from matplotlib.figure import Figure

    page = Figure(figsize=(width, height), layout="constrained")
    setattr(page, "_repr_html_", lambda: _in_a_cell(page))  # noqa: B010 - with no magic before
    axes = page.subplots()
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return page, axes


@checked
def smile(axes: Axes, snapshot: ChainSnapshot, within: float | None = None) -> Axes:
    """Draw implied volatility against strike for the out-of-the-money side.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    snapshot : ChainSnapshot
        One expiry.
    within : float, optional
        Fraction of the forward to show on either side; default five expected moves, at most a tenth.
        Beyond that a tick of price is worth points of volatility and the smile says nothing.
    """
    table, forward = snapshot.table, snapshot.forward
    if within is None:
        moves = 5 * snapshot.iv_at(forward) * max(snapshot.t_years, 0.0) ** 0.5
        within = float(np.clip(np.nan_to_num(moves, nan=0.1), 0.01, 0.1))
    near = table[(table["strike"] / forward - 1).abs() <= within]
    for right, colour, side in (
        ("PE", PUT, near["strike"] <= forward),
        ("CE", CALL, near["strike"] >= forward),
    ):
        rows = near[(near["right"] == right) & side]
        name = "puts" if right == "PE" else "calls"
        axes.plot(rows["strike"], rows["iv"] * 100, "o-", ms=3, lw=1, color=colour, label=name)
    _mark(axes, forward, "forward")
    title = f"{snapshot.underlying} {snapshot.expiry:%d %b %Y}"
    return _labelled(axes, title, x="Strike (rupees)", y="Implied volatility (%)")


@checked
def open_interest(axes: Axes, snapshot: ChainSnapshot, around: int = 15) -> Axes:
    """Draw open interest by strike in lots, calls beside puts.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    snapshot : ChainSnapshot
        One expiry.
    around : int, default 15
        Strikes on either side of the money.
    """
    wide = snapshot.wide(around)
    strikes = wide.index.to_numpy(float)
    step = float(np.min(np.diff(strikes))) if len(strikes) > 1 else 100.0
    for right, colour, shift, name in (("CE", CALL, -0.21, "calls"), ("PE", PUT, 0.21, "puts")):
        lots = wide[right]["oi"].to_numpy(float) / snapshot.lot_size
        axes.bar(strikes + shift * step, np.nan_to_num(lots), 0.4 * step, color=colour, label=name)
    _mark(axes, snapshot.forward, "forward")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return _labelled(axes, "Open interest", x="Strike (rupees)", y="Open interest (lots)")


@checked
def payoff(
    axes: Axes,
    level: ArrayLike,
    profit_inr: ArrayLike,
    *,
    breakevens: Sequence[float],
    spot: float,
    title: str,
) -> Axes:
    """Draw profit at expiry against the index level.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    level, profit_inr : array_like of shape (n,)
        Index level at expiry and profit in rupees.
    breakevens : sequence of float
        Levels where the profit is zero.
    spot : float
        Today's index level.
    title : str
        Name of the strategy.
    """
    x, y = np.asarray(level, float), np.asarray(profit_inr, float)
    axes.plot(x, y, color=PLAIN, lw=1.6)
    axes.fill_between(x, y, 0, where=(y >= 0), color=GAIN, alpha=0.2, interpolate=True)
    axes.fill_between(x, y, 0, where=(y <= 0), color=LOSS, alpha=0.2, interpolate=True)
    axes.axhline(0, color=PLAIN, lw=0.8)
    _mark(axes, spot, "spot")
    axes.plot(breakevens, np.zeros(len(breakevens)), "o", ms=5, color=PLAIN, label="breakeven")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return _labelled(axes, title, x="Bank Nifty at expiry", y="Profit (rupees)")


@checked
def latencies(
    axes: Axes, by_tier: Mapping[str, Mapping[str, float]], budgets_ms: Mapping[str, float] | None = None
) -> Axes:
    """Draw one group of bars per operation: network, SQLite and hot, on a logarithmic axis.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    by_tier : mapping
        Tier to operation to median milliseconds.
    budgets_ms : mapping, optional
        Operation to budget; drawn as a tick over its group.
    """
    operations = list(dict.fromkeys(name for found in by_tier.values() for name in found))
    width = 0.8 / max(1, len(by_tier))
    for place, (tier, found) in enumerate(by_tier.items()):
        at = np.arange(len(operations)) + (place - (len(by_tier) - 1) / 2) * width
        heights = [found.get(name, np.nan) for name in operations]
        axes.bar(at, heights, width * 0.9, color=TIERS.get(tier, PLAIN), label=tier)
    for place, name in enumerate(operations):
        if budgets_ms and name in budgets_ms:
            label = "budget" if place == 0 else "_nolegend_"
            axes.hlines(budgets_ms[name], place - 0.45, place + 0.45, color=PLAIN, ls="--", label=label)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_xticks(range(len(operations)), operations)
    axes.set_ylabel("Median latency (ms)")
    axes.set_title("Latency by tier", loc="left")
    axes.legend(frameon=False, ncols=4, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12))
    return axes


def _mark(axes: Axes, level: float, name: str) -> None:
    """Mark a level of the index by a dashed line."""
    axes.axvline(level, color=PLAIN, lw=0.8, ls="--", label=f"{name} {level:,.0f}")


def _labelled(axes: Axes, title: str, *, x: str, y: str) -> Axes:
    axes.set(xlabel=x, ylabel=y)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title(title, loc="left")
    axes.legend(frameon=False)
    return axes


def as_html(page: Figure, text: str) -> str:
    """Return a figure as a self-contained ``<img>`` with a text for those who cannot see it."""
    from html import escape

    return f'<img alt="{escape(text)}" src="data:image/png;base64,{b64encode(_png(page)).decode()}">'


def _in_a_cell(page: Figure) -> str:
    """Return a figure as a cell shows it: at its size, in either theme, its titles and axes as its text."""
    told = [
        text
        for axes in page.axes
        for text in (axes.get_title("left"), axes.get_title(), axes.get_ylabel(), axes.get_xlabel())
        if text
    ]
    return _IN_A_CELL % (96 * page.get_figwidth(), as_html(page, ", ".join(told) or "A plot"))


def _png(page: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(page)
    raw = io.BytesIO()
    page.savefig(raw, format="png", dpi=144, transparent=True)
    return raw.getvalue()


@checked
def coverage_calendar(axes: Axes, manifest: pd.DataFrame) -> Axes:
    """Draw a store's days as a calendar, a row per month: how good each session's minutes are.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    manifest : DataFrame
        As `MinuteStore.manifest`: index the day, column ``score``. Sessions that the store lacks are marked
        by a cross, closed days stay empty.
    """
    days: list[date] = manifest.index.tolist()
    if not days:
        axes.text(0.5, 0.5, "the store is empty", ha="center", va="center", transform=axes.transAxes)
        return axes
    wanted = sessions(days[0], days[-1])
    months = sorted({(day.year, day.month) for day in wanted})
    row = {month: number for number, month in enumerate(months)}
    grid = np.full((len(months), 31), np.nan)
    for day, score in zip(days, manifest["score"], strict=True):
        grid[row[day.year, day.month], day.day - 1] = score
    shown = axes.imshow(
        grid, cmap="RdYlGn", vmin=0, vmax=1, aspect="auto", extent=(0.5, 31.5, len(months), 0)
    )
    lacking = [day for day in wanted if day not in days]
    axes.plot(
        [day.day for day in lacking],
        [row[day.year, day.month] + 0.5 for day in lacking],
        "x",
        color=LOSS,
        ms=4,
    )
    axes.set_yticks(np.arange(len(months)) + 0.5, [f"{year}-{month:02d}" for year, month in months])
    axes.set_xlabel("day of the month")
    axes.set_title(f"{counted(len(days), 'session')} stored, {len(lacking)} lacking")
    axes.grid(visible=False)
    axes.figure.colorbar(shown, ax=axes, label="score")
    return axes
