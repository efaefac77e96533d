"""The result as HTML: a summary for a notebook, and a self-contained page with plots."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from kit.backtest.band import band_sentence
from kit.backtest.holdings import skipped_words
from kit.shown import card, rupees, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kit.backtest.result import BacktestResult

_SHOWN = {
    "net_inr": ("Net profit", "₹"),
    "charges_inr": ("Charges", "₹"),
    "max_drawdown_inr": ("Deepest drawdown", "₹"),
    "return_per_year": ("Return a year", "{:.1%}"),
    "sharpe": ("Sharpe", "{:.2f}"),
    "sortino": ("Sortino", "{:.2f}"),
    "calmar": ("Calmar", "{:.2f}"),
    "win_rate": ("Trades won", "{:.0%}"),
    "expectancy_inr": ("Per trade", "₹"),
    "profit_factor": ("Profit factor", "{:.2f}"),
    "trades": ("Trades", "{:,.0f}"),
    "sessions": ("Sessions", "{:,.0f}"),
    "exposure": ("Time in the market", "{:.0%}"),
}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}"
    "td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #8884}svg{max-width:100%;height:auto}"
)


def summary(result: BacktestResult) -> str:
    """Return the head of a result as HTML: names, figures, notes, and the band in one sentence."""
    names = ", ".join(plan.name for plan in result.plans)
    figures = result.metrics
    tiles = {label: _number(form, figures[name]) for name, (label, form) in _SHOWN.items()}
    told = [*result.notes, *skipped_words(result.skipped), *_rounded(result)]
    if result.band is not None:
        told.append(band_sentence(result.band))
    span = f"{result.sessions[0]} to {result.sessions[-1]}" if result.sessions else "no sessions"
    return card(f"{names}: {span}", tiles, *map(sentence, told))


def _number(form: str, value: float) -> str:
    return "–" if pd.isna(value) else rupees(value) if form == "₹" else form.format(value)


def _rounded(result: BacktestResult) -> Sequence[str]:
    noted = float(result.contract_notes.to_numpy().sum())
    if noted == 0:
        return ()
    net = result.net_inr - result.rounding_inr
    rule = "By the contract notes, which round STT and stamp duty to the rupee each day"
    return (f"{rule}, charges are {rupees(noted, 2)} and the net profit is {rupees(net, 2)}.",)


def page(result: BacktestResult) -> str:
    """Return a page that needs nothing else: figures, equity, drawdown, months, band and trades."""
    parts = [summary(result), _picture(_equity, result, "Net profit"), _picture(_falls, result, "Drawdown")]
    tables = {
        "Months": result.monthly(),
        "Weekdays": result.by_weekday(),
        "Days to expiry": result.by_days_to_expiry(),
        "Reasons": result.by_reason(),
        "Charges": result.charges_table(),
    }
    if len(result.plans) > 1:
        tables["Plans"] = result.by_plan()
    if result.band is not None:
        tables["Band: the same plan under other fills"] = result.band
    tables["Trades"] = result.trades
    for title, table in tables.items():
        shown = table.to_html(float_format="{:,.2f}".format, na_rep="", border=0)
        parts.append(f"<h4>{escape(title)}</h4>{shown}")
    head = f'<!doctype html><meta charset="utf-8"><title>Backtest</title><style>{_STYLE}</style>'
    return head + "".join(parts)


def _picture(draw: Callable[[Axes, BacktestResult], None], result: BacktestResult, title: str) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    picture = Figure(figsize=(8.5, 2.6), layout="constrained")
    axes = picture.subplots()
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left")
    draw(axes, result)
    FigureCanvasSVG(picture)
    drawn = io.StringIO()
    picture.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue().partition("?>")[2]


def _equity(axes: Axes, result: BacktestResult) -> None:
    equity = result.by_minute if len(result.sessions) <= 10 else result.daily.cumsum()
    axes.plot(range(len(equity)), equity.to_numpy(), color="#1f6fb2")  # by bars: nights take no room
    axes.axhline(0, color="#5b6770", linewidth=0.8)
    axes.set_ylabel("₹")
    _dates(axes, equity)


def _falls(axes: Axes, result: BacktestResult) -> None:
    equity = result.daily.cumsum()
    falls = equity - equity.cummax().clip(lower=0.0)
    axes.fill_between(range(len(falls)), falls.to_numpy(float), color="#c8553d", alpha=0.6)
    axes.set_ylabel("₹")
    _dates(axes, falls)


def _dates(axes: Axes, series: pd.Series) -> None:
    if len(series):
        places = sorted({0, len(series) // 2, len(series) - 1})
        axes.set_xticks(places, [f"{series.index[place]:%d %b %Y}" for place in places])
