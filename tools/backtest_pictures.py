"""Draw the conventions of a backtest: ``python -m tools.backtest_pictures`` writes docs/pictures/*.svg.

Every mark is a trade of the engine on a few made-up bars: a picture shows what the engine does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from kit.backtest import Plan, backtest
from kit.bars.minutes import OHLC, DayMinutes
from kit.bars.settlement import settlement_level

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
DAY, EXPIRY, FIRST = date(2024, 1, 8), date(2024, 1, 10), 555
Bar = tuple[float, float, float, float] | None  # open, high, low, close; None: no trade
COLOURS = ("#1f6fb2", "#c8553d", "#3a8f5c", "#8a5fb0")
Panel = Callable[[Axes], None]
Cases = dict[str, dict[str, Any]]
STYLE: dict[Any, Any] = {"svg.hashsalt": "kit", "svg.fonttype": "none", "font.size": 9, "axes.titlesize": 9}


def made_day(call: Sequence[Bar], put: Sequence[Bar] = (), day: date = DAY) -> DayMinutes:
    """Return a session: the bars begin at 09:18, before and after them the last price trades on."""
    rows = []
    for right, bars in (("CE", call), ("PE", put or [(100.0,) * 4])):
        last = next(bar for bar in bars if bar)[0]
        for minute in range(FIRST, 930):
            place = minute - FIRST - 3
            bar = bars[place] if 0 <= place < len(bars) else (last,) * 4
            if bar is not None:
                last = bar[3]
                rows.append((EXPIRY, 48_000, right, minute, *bar, True))
    names = ["expiry", "strike", "option_type", "minute", *OHLC, "traded"]
    index = pd.DataFrame({"minute": range(FIRST, 930), **dict.fromkeys(OHLC, 48_000.0)})
    return DayMinutes.from_table("BANKNIFTY", day, pd.DataFrame(rows, columns=names), index=index)


def trades_of(
    day: DayMinutes, legs: Sequence[dict[str, Any]], exit_at: str = "09:29", **rules: Any
) -> pd.DataFrame:
    """Return what the engine trades of a call, or of a call and a put, sold at the money at 09:20."""
    made = [
        {"side": "sell", "right": ("CE", "PE")[n], "strike": {"steps": 0}, **leg}
        for n, leg in enumerate(legs)
    ]
    plan = Plan(entry={"at": "09:20"}, exit={"at": exit_at}, legs=made, charges=False, **rules)
    return backtest(plan, {day.day: day}).trades


def candles(axes: Axes, day: DayMinutes, right: str = "CE", bars: int = 12) -> None:
    """Draw one contract's bars from 09:18 on, each named by its start."""
    row = day.rows[EXPIRY, 48_000, right]  # type: ignore[index]
    for place, column in enumerate(range(3, 3 + bars)):
        if day.traded[row, column]:
            first, high, low, close = (getattr(day, name)[row, column] / 20 for name in OHLC)
            axes.vlines(place, low, high, color="#5b6770", linewidth=1)
            axes.hlines(first, place - 0.3, place, color="#5b6770", linewidth=1)
            axes.hlines(close, place, place + 0.3, color="#5b6770", linewidth=1)
    axes.set_xticks(range(bars), [f"09:{18 + place}" for place in range(bars)], rotation=90)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.18)
    axes.set_xlim(-0.6, bars - 0.4)


def mark(axes: Axes, trades: pd.DataFrame, label: str, colour: str, leg: int = 1) -> None:
    """Mark where a leg went in and out, with price and reason."""
    for _, row in trades[trades["leg"] == leg].iterrows():
        if row["reason"] == "refused":
            axes.plot([], [], " ", label=f"{label}: refused, {row['why']}")
            continue
        into, out = (_place(row[name]) for name in ("entry_bar", "exit_bar"))
        axes.plot([into], [row["entry_price"]], "v", color=colour, markersize=6)
        stale = ", stale" if row["stale"] else ""
        said = f"{label}: {row['entry_price']:g} to {row['exit_price']:g} ({row['reason']}{stale})"
        axes.plot([out], [row["exit_price"]], "o", color=colour, markersize=6, label=said)
        axes.plot([into, out], [row["entry_price"], row["exit_price"]], ":", color=colour, linewidth=0.8)


def _place(moment: Any) -> int:
    return int(moment.hour * 60 + moment.minute - FIRST - 3)


def compared(
    day: DayMinutes,
    cases: Cases,
    title: str,
    legs: Sequence[dict[str, Any]] = ({},),
    leg: int = 1,
) -> Panel:
    """Return what draws one contract's bars and how each case of a convention trades them."""

    def draw(axes: Axes) -> None:
        candles(axes, day, ("CE", "PE")[leg - 1])
        for (label, rules), colour in zip(cases.items(), COLOURS, strict=False):
            given = {"legs": legs, **rules}
            mark(axes, trades_of(day, given.pop("legs"), **given), label, colour, leg)
        axes.set_title(title, loc="left")
        axes.legend(fontsize=7, frameon=False, loc="best")

    return draw


RISING: list[Bar] = [(100, 101, 99, 100), (100, 101, 99, 100), (102, 104, 101, 103), (103, 107, 103, 106)]
HIT: list[Bar] = [*RISING, (106, 122, 105, 113), (116, 118, 112, 114)]
GAP: list[Bar] = [*RISING[:3], (125, 128, 122, 124), (121, 122, 117, 118)]
BOTH: list[Bar] = [*RISING[:2], (100, 101, 98, 99), (98, 122, 88, 100), (100, 102, 98, 100)]
FALLING: list[Bar] = [
    *RISING[:2],
    (99, 100, 88, 90),
    (90, 91, 77, 80),
    (80, 82, 72, 75),
    (75, 98, 74, 95),
    (95, 112, 94, 110),
    (110, 126, 108, 124),
]
BACK: list[Bar] = [
    *RISING[:2],
    (101, 124, 100, 118),
    (118, 119, 108, 110),
    (110, 111, 98, 99),
    (99, 100, 86, 88),
]
GAPS: list[Bar] = [
    RISING[0],
    None,
    None,
    (104, 106, 103, 105),
    (105, 106, 103, 104),
    None,
    None,
    None,
    None,
    None,
    None,
    None,
]
STOP = {"stop": {"percent": 20}}


def fills(**conventions: str) -> dict[str, Any]:
    """Return a plan's fill conventions."""
    return {"fills": conventions}


def _rupees(axes: Axes) -> None:
    gains = [100, 100, 92, 84, 76, 70, 78, 86, 95, 108, 112, 112]
    day = made_day([(price,) * 4 for price in gains])
    limits = {
        "no limit": {},
        "target_inr 350": {"target_inr": 350},
        "lock at 300, keep 150": {"lock": {"at_inr": 300, "keep_inr": 150}},
    }
    for (label, overall), colour in zip(limits.items(), COLOURS, strict=False):
        legs = [{"side": "sell", "right": "CE", "strike": {"steps": 0}}]
        plan = Plan(entry={"at": "09:20"}, exit={"at": "09:29"}, legs=legs, charges=False, overall=overall)
        result = backtest(plan, {DAY: day})
        last = _place(result.trades["exit_bar"].iloc[0])
        reason = result.trades["reason"].iloc[0]
        axes.plot(range(1, last + 1), result.by_minute.to_numpy()[:last], color=colour)
        axes.plot(
            [last], [result.net_inr], "o", color=colour, label=f"{label}: Rs {result.net_inr:g} ({reason})"
        )
    axes.set_xticks(range(12), [f"09:{18 + place}" for place in range(12)], rotation=90)
    axes.set_ylabel("Rs at each close")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("limits on the position's rupees", loc="left")
    axes.legend(fontsize=7, frameon=False)


def _settlement(axes: Axes) -> None:
    minutes = np.arange(870, 930)
    close = 48_000 + 60 * np.sin((minutes - 870) / 14)
    level = settlement_level(minutes, close, EXPIRY)
    axes.plot(minutes, close, color="#5b6770")
    axes.axvspan(900, 930, color=COLOURS[0], alpha=0.12)
    axes.hlines(level, 900, 930, color=COLOURS[0], label=f"mean of the last 30 minutes: {level:,.2f}")
    axes.set_xticks([870, 885, 900, 915, 930], ["14:30", "14:45", "15:00", "15:15", "15:30"])
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("held over the close of the expiry: settled at the index", loc="left")
    axes.legend(fontsize=7, frameon=False)


def _of_fills() -> dict[str, list[Panel]]:
    hit, gap, both = made_day(HIT), made_day(GAP), made_day(BOTH)
    entry: Cases = {"bar_close": fills(), "next_open": fills(entry="next_open", exit="next_open")}
    stops: Cases = {name: fills(stop=name) for name in ("level", "bar_close", "next_open", "extreme")}
    orders: Cases = {name: fills(same_bar=name) for name in ("nearer_first", "stop_first", "target_first")}
    slips: Cases = {"none": {}, "2 ticks": {"fills": {"slippage": {"ticks": 2}}}}
    slips["1 percent"] = {"fills": {"slippage": {"percent": 1}}}
    slips["a tenth of the bar"] = {"fills": {"slippage": {"bar_range": 0.1}}}
    first = compared(hit, stops, "a stop of 20 percent: its fill", [STOP])
    limits = [{"stop": {"percent": 20}, "target": {"percent": 10}}]
    return {
        "entry": [compared(made_day(RISING), entry, "in at 09:20, out at 09:29")],
        "stop": [first, compared(gap, stops, "the bar opens beyond it", [STOP])],
        "same-bar": [compared(both, orders, "stop and target in one bar", limits)],
        "slippage": [compared(hit, slips, "slippage, always against us", [STOP])],
        "no-trade": [compared(made_day(GAPS), {"entry waits": {}}, "minutes without a trade")],
    }


def _of_legs() -> dict[str, list[Panel]]:
    back, pair = made_day(BACK), made_day(HIT, FALLING)
    stepped = {"kind": "stepped", "every": {"points": 10}, "move": {"points": 8}}
    trails: Cases = {"stop alone": {"legs": [STOP]}, "stepped": {"legs": [{**STOP, "trail": stepped}]}}
    trails["distance"] = {"legs": [{"trail": {"kind": "distance", "percent": 20}}]}
    kinds: list[dict[str, Any]] = [{"kind": "asap"}, {"kind": "cost"}]
    kinds.append({"kind": "momentum", "move": {"percent": -10}})
    again: Cases = {one["kind"]: {"legs": [{**STOP, "reentry": one}]} for one in kinds}
    legs = [STOP, {"stop": {"percent": 60}}]
    even: Cases = {name: {"legs": legs, "break_even": name} for name in ("none", "all")}
    off: Cases = {name: {"legs": legs, "square_off": name} for name in ("partial", "complete")}
    stopped = compared(pair, {"the leg": {"legs": legs}}, "one leg is stopped ...")
    other = "... and the other's stop goes to its entry price"
    return {
        "trail": [compared(made_day(FALLING), trails, "how a stop follows")],
        "reentry": [compared(back, {kind: case}, f"back in: {kind}") for kind, case in again.items()],
        "break-even": [stopped, compared(pair, even, other, leg=2)],
        "square-off": [stopped, compared(pair, off, "... and the other goes on, or leaves", leg=2)],
    }


def pictures() -> dict[str, list[Panel]]:
    """Return the panels of each picture."""
    return {**_of_fills(), **_of_legs(), "rupees": [_rupees], "settlement": [_settlement]}


def draw(folder: Path = FOLDER) -> list[Path]:
    """Write every picture and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with rc_context(STYLE):
        for name, panels in pictures().items():
            page = Figure(figsize=(4.6 * len(panels) + 0.4, 3.0), layout="constrained")
            FigureCanvasSVG(page)
            for axes, panel in zip(np.atleast_1d(page.subplots(1, len(panels))), panels, strict=True):
                panel(axes)
            files.append(folder / f"backtest-{name}.svg")
            page.savefig(files[-1], metadata={"Date": None}, facecolor="white")
    return files


if __name__ == "__main__":
    for written in draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        sys.stdout.write(f"{written}\n")
