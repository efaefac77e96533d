"""The result as HTML: a summary for a notebook, and a self-contained page with plots."""

from __future__ import annotations

import io
from calendar import month_abbr
from collections.abc import Callable, Sequence
from html import escape
from string import Template
from typing import TYPE_CHECKING

import pandas as pd

from kit.backtest.band import band_sentence
from kit.backtest.holdings import skipped_words
from kit.shown import card, rows_of, rupees, sentence, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kit.backtest.result import BacktestResult

_SHOWN = {
    "net_inr": ("Net profit", "₹"),
    "charges_inr": ("Charges", "₹"),
    "max_drawdown_inr": ("Deepest drawdown, daily", "₹"),
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
_PAGE = Template("""<!doctype html><html lang="en"><meta charset="utf-8"><title>Backtest: $title</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:1.5rem auto;padding:0 1rem;
color:light-dark(#1d2327,#e4e8eb);background:light-dark(#fff,#14181b)}svg{width:100%;max-width:60rem;height:auto}
@media (prefers-color-scheme:dark){svg{filter:invert(.92) hue-rotate(180deg)}}
.side{display:flex;flex-wrap:wrap;gap:0 2.5rem}.side>*{min-width:0;max-width:100%}</style>
<h1>Backtest</h1>$body</html>
""")
_LOG = (  # of a trade; the log as CSV has every figure
    "day", "leg", "side", "right", "strike", "expiry", "lots", "entry_bar", "entry_price", "exit_bar",
    "exit_price", "reason", "gross_inr", "charges_inr", "net_inr",
)  # fmt: skip


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
    pictures = [_picture(draw_equity, result, "Net profit"), _picture(draw_drawdown, result, "Drawdown")]
    tables = {
        "Months": result.monthly().rename(index=str, columns=lambda month: month_abbr[month]),
        "Weekdays": result.by_weekday(),
        "Days to expiry": result.by_days_to_expiry(),
        "Reasons": result.by_reason(),
        "Charges": result.charges_table(),
    }
    if len(result.plans) > 1:
        tables["Plans"] = result.by_plan()
    small = "".join(_table(title, frame) for title, frame in tables.items())
    band = "" if result.band is None else _table("Band: the same plan under other fills", result.band)
    log = [*(["plan"] if len(result.plans) > 1 else []), *_LOG]
    trades = _table("Trades", result.trades[log].set_index("day"))
    body = [summary(result), *pictures, f"<div class=side>{small}{band}</div>", trades]
    return _PAGE.substitute(title=escape(", ".join(plan.name for plan in result.plans)), body="".join(body))


def _table(title: str, frame: pd.DataFrame) -> str:
    """Return a table under its title, amounts with their unit, times of day without their date."""
    shown = frame.copy()
    for name in shown.columns:
        if isinstance(shown[name].dtype, pd.DatetimeTZDtype):
            shown[name] = shown[name].dt.strftime("%H:%M")
        elif name == "won":
            shown[name] = [f"{share:.0%}" for share in shown[name]]
        elif pd.api.types.is_float_dtype(shown[name]):
            shown[name] = shown[name].round(2)
    shown.columns = pd.Index([f"{one[:-4]} ₹" if str(one).endswith("_inr") else one for one in shown.columns])
    return card(title, {}, table(rows_of(shown), most=1000))


def _picture(draw: Callable[[Axes, BacktestResult, str], None], result: BacktestResult, title: str) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    picture = Figure(figsize=(8.5, 2.6), layout="constrained")
    axes = picture.subplots()
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    picture.patch.set_visible(False)
    axes.patch.set_visible(False)
    draw(axes, result, title)
    FigureCanvasSVG(picture)
    drawn = io.StringIO()
    picture.savefig(drawn, format="svg", metadata={"Date": None})
    drawing = drawn.getvalue()
    return f'<div role="img" aria-label="{title}">{drawing[drawing.index("<svg") :]}</div>'


def _earned(result: BacktestResult) -> tuple[pd.Series, str]:
    """Return net profit over time and in which steps: by minute of a few sessions, else by day; rupees."""
    if len(result.sessions) <= 10:
        return result.by_minute, "minute by minute"
    return result.daily.cumsum(), "day by day"


def draw_equity(axes: Axes, result: BacktestResult, title: str) -> None:
    """Draw net profit over time."""
    curve, _ = _earned(result)
    bars = range(len(curve))  # nights take no room
    axes.plot(bars, curve.to_numpy(float), color="#1f6fb2", lw=1.6)
    axes.axhline(0, color="#5b6770", lw=0.9)
    _dated(axes, curve, title)


def draw_drawdown(axes: Axes, result: BacktestResult, title: str) -> None:
    """Draw how far net profit is below its highest."""
    curve, steps = _earned(result)
    falls = (curve - curve.cummax().clip(lower=0.0)).to_numpy(float)
    axes.fill_between(range(len(falls)), falls, color="#c8553d", alpha=0.6, lw=0)
    _dated(axes, curve, f"{title}, {steps}")


def _dated(axes: Axes, curve: pd.Series, title: str) -> None:
    axes.set_title(title, loc="left")
    axes.set_ylabel("₹")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    if len(curve):
        places = sorted({0, len(curve) // 3, 2 * len(curve) // 3, len(curve) - 1})
        days = [f"{curve.index[place]:%d %b %y}" for place in places]
        if len({*days}) < len(days):  # a few sessions, minute by minute
            days = [f"{curve.index[place]:%d %b %H:%M}" for place in places]
        axes.set_xticks(places, days)
