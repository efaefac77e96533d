"""The plots of the monitor panel: one picture per part, all over the same minutes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kit.broker.endpoints import spoken
from kit.plots import CALL, GAIN, LOSS, PLAIN
from kit.widgets.frame.live import Painter
from kit.widgets.panels.bench_plot import draw_empty

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kit.widgets.panels.monitor import MonitorReading


_COLOURS = (CALL, LOSS, GAIN, "#8a5fbf")
_LIMITS = len(_COLOURS)


def pictures(readings: Iterable[MonitorReading]) -> list[Painter]:
    """Return what draws the latest reading against its budgets, and all of them over time."""
    seen = list(readings)
    minutes = [(one.at - seen[-1].at).total_seconds() / 60 for one in seen]
    hits, most = [one.cache["hit_rate_percent"] for one in seen], seen[-1].connections["pool_size"]
    sockets, in_use = [one.connections["active_connections"] for one in seen], f"Sockets in use, of {most}"
    line = partial(_line, minutes=minutes)
    return [
        partial(_latency, now=seen[-1]),
        partial(line, values=hits, title="Hit rate (%)", top=100),
        partial(line, values=_per_reading(seen), title="Evictions since the last reading"),
        partial(line, values=sockets, title=in_use, top=most),
        partial(_tasks, minutes=minutes, seen=seen),
        partial(_limits, minutes=minutes, seen=seen),
    ]


def _tasks(axes: Axes, minutes: Sequence[float], seen: Sequence[MonitorReading]) -> None:
    running, waiting = ([one.tasks[name] for one in seen] for name in ("active", "queued"))
    _line(axes, minutes, running, "Tasks")
    axes.get_lines()[0].set_label("running")
    axes.plot(minutes, waiting, color=LOSS, ls="--", label="waiting")
    axes.set_ylim(0, max(1.0, 1.2 * max(*running, *waiting)))
    axes.legend(loc="best")


def _latency(axes: Axes, now: MonitorReading) -> None:
    names = [name for name in now.budgets_ms if name in now.p95_ms][::-1]
    if not names:
        draw_empty(axes, "Latency against budget", "Nothing with a budget ran yet")
        return
    shares = [100 * now.p95_ms[name] / now.budgets_ms[name] for name in names]
    colours = [LOSS if share > 100 else GAIN for share in shares]
    bars = axes.barh([name.replace("_", "\n", 1).replace("_", " ") for name in names], shares, color=colours)
    axes.bar_label(bars, [f"{now.p95_ms[name]:,.0f} ms" for name in names], padding=3)
    axes.axvline(100, color=PLAIN, lw=1, ls="--")
    axes.set(xlim=(0, max(130.0, *(1.35 * share for share in shares))), xlabel="P95, % of the budget")
    axes.set_title("Latency against budget")


def _line(axes: Axes, minutes: Sequence[float], values: Sequence[Any], title: str, top: float = 0) -> None:
    axes.plot(
        minutes, values, color=CALL, marker="o" if len(values) == 1 else None, ms=3, zorder=3, clip_on=False
    )  # a line at zero is seen upon its axis
    axes.fill_between(minutes, values, color=CALL, alpha=0.15, lw=0)
    axes.set(ylim=(0, 1.05 * (top or max(1.0, 1.15 * max(values)))), xlim=(min(-1.0, minutes[0]), 0))
    axes.set(title=title, xlabel="Minutes ago")
    axes.xaxis.set_major_formatter(_ago)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))  # all are counts, or percent


def _per_reading(seen: Sequence[MonitorReading]) -> list[int]:
    counts = [one.cache["evictions"] for one in seen]
    return [0, *(max(0, now - before) for before, now in pairwise(counts))]


def _limits(axes: Axes, minutes: Sequence[float], seen: Sequence[MonitorReading]) -> None:
    """Draw over time how much of the broker's limits is left, of those that were used most."""
    most = {name: max(one.limits.get(name, 0) for one in seen) for name in seen[-1].limits}
    left = {
        name: [100 * one.limits.get(name, 0) / top for one in seen] for name, top in most.items() if top > 0
    }
    touched = [name for name in left if min(left[name]) < 100]
    used = sorted(touched, key=lambda name: min(left[name]))[:_LIMITS]
    if not used:
        draw_empty(axes, "Calls left (%)", "No limit was touched yet")
        return
    for name, colour in zip(used, _COLOURS, strict=False):
        axes.plot(minutes, left[name], color=colour, marker="o" if len(seen) == 1 else None, ms=3,
                  label=f"{spoken(name)}: {seen[-1].limits[name]:,} of {most[name]:,}")  # fmt: skip
    axes.set(ylim=(0, 105), xlim=(min(-1.0, minutes[0]), 0), xlabel="Minutes ago")
    axes.set_title("Calls left (%)")
    axes.xaxis.set_major_formatter(_ago)
    axes.legend(loc="lower left", fontsize=8)


def _ago(minutes: float, _: float) -> str:
    return f"{abs(minutes):g}"
