"""The plots of the monitor panel: one picture per part, all over the same minutes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kit.plots import CALL, GAIN, LOSS, PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kit.widgets.panels.monitor import MonitorReading


_LIMITS = 8  # names that there is room for


def draw(figure: Figure, readings: Iterable[MonitorReading]) -> None:
    """Draw the latest reading against its budgets, and all of them over time."""
    seen = list(readings)
    (latency, hits, evicted), (sockets, tasks, limits) = figure.subplots(2, 3)
    _latency(latency, seen[-1])
    minutes = [(one.at - seen[-1].at).total_seconds() / 60 for one in seen]
    _line(hits, minutes, [one.cache["hit_rate_percent"] for one in seen], "Hit rate (%)", top=100)
    _line(evicted, minutes, _per_reading(seen), "Evictions since the last reading")
    most = seen[-1].connections["pool_size"]
    _line(sockets, minutes, [one.connections["active_connections"] for one in seen],
          f"Sockets in use, of {most}", top=most)  # fmt: skip
    _line(tasks, minutes, [one.tasks["active"] for one in seen], "Tasks")
    tasks.get_lines()[0].set_label("running")
    tasks.plot(minutes, [one.tasks["queued"] for one in seen], color=LOSS, ls="--", label="waiting")
    tasks.set_ylim(0, max(1.0, *(1.2 * max(one.tasks["active"], one.tasks["queued"]) for one in seen)))
    tasks.legend(loc="upper left")
    _limits(limits, seen)


def _latency(axes: Axes, now: MonitorReading) -> None:
    names = [name for name in now.budgets_ms if name in now.p95_ms][::-1]
    shares = [100 * now.p95_ms[name] / now.budgets_ms[name] for name in names]
    colours = [LOSS if share > 100 else GAIN for share in shares]
    bars = axes.barh([name.replace("_", "\n", 1) for name in names], shares, color=colours)
    axes.bar_label(bars, [f"{now.p95_ms[name]:,.0f} ms" for name in names], padding=3)
    axes.axvline(100, color=PLAIN, lw=1, ls="--")
    axes.set(xlim=(0, max(130.0, *(1.35 * share for share in shares)) if shares else 130))
    axes.set_xlabel("P95, % of the budget" if names else "Nothing with a budget ran yet")
    axes.set_title("Latency against budget")


def _line(axes: Axes, minutes: Sequence[float], values: Sequence[Any], title: str, top: float = 0) -> None:
    axes.plot(minutes, values, color=CALL, marker="o" if len(values) == 1 else None, ms=3)
    axes.fill_between(minutes, values, color=CALL, alpha=0.15, lw=0)
    axes.set(ylim=(0, 1.05 * (top or max(1.0, 1.15 * max(values)))), xlim=(min(-1.0, minutes[0]), 0))
    axes.set(title=title, xlabel="Minutes ago")
    axes.xaxis.set_major_formatter(lambda minutes, _: f"{abs(minutes):g}")


def _per_reading(seen: Sequence[MonitorReading]) -> list[int]:
    counts = [one.cache["evictions"] for one in seen]
    return [0, *(max(0, now - before) for before, now in pairwise(counts))]


def _limits(axes: Axes, seen: Sequence[MonitorReading]) -> None:
    """Draw the calls left of the budgets that are used most, of what was left at best."""
    left = seen[-1].limits
    most = {name: max(1, *(one.limits.get(name, 0) for one in seen)) for name in left}
    names = sorted(left, key=lambda name: (left[name] / most[name], -most[name], name))[:_LIMITS][::-1]
    bars = axes.barh(
        names, [left[name] for name in names], color=[GAIN if left[name] else LOSS for name in names]
    )
    axes.bar_label(bars, padding=3)
    axes.set(title="Calls that could go now", xlim=(0, 1.15 * max(1, *(left[name] for name in names))))
    axes.tick_params(axis="y", labelsize=8)
