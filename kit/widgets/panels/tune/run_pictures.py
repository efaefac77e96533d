"""The other groups' pictures: connections, workers and monitor; each title says computed or measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from joblib import cpu_count
from matplotlib.axes import Axes

from kit.plots import CALL, GAIN, LOSS, PLAIN, PUT
from kit.settings import WorkersConfig
from kit.simulator.distance import ROUND_TRIP_S
from kit.tuning import outlook
from kit.tuning.faltering import faltering
from kit.tuning.queueing import traffic
from kit.tuning.tuner import POOL_SIZES
from kit.widgets.panels.bench_plot import draw_empty
from kit.widgets.panels.tune.shown import Shown, log_axis, mark, short, styles
from kit.widgets.panels.tune.tasks import SPOKEN

_TASKS = 200
_TIERS = {"cold": LOSS, "warm": "#e0a030", "hot": GAIN}
_OFFSET = {"cold": -0.22, "warm": 0.0, "hot": 0.22}
_WORDS = {"cold": "broker (cold)", "warm": "SQLite (warm)", "hot": "memory (hot)"}
_OPERATIONS = {"chain": "options_chain_processing", "candles": "", "ltp": "", "atm": "atm_calculation"}


def _waiting(axes: Axes, shown: Shown) -> None:
    now = shown.replayed
    at = traffic(now.fetches, shown.settings.connection_pool.pool_size, ROUND_TRIP_S)
    found = sorted({*outlook.by_pool(now, ROUND_TRIP_S), at}, key=lambda one: one.pool_size)
    sizes = [one.pool_size for one in found]
    axes.plot(sizes, [1e3 * one.longest_wait_s for one in found], color=LOSS, label="longest wait (ms)")
    axes.plot(sizes, [one.most_in_flight for one in found], color=CALL, label="most in flight")
    axes.plot(sizes, [one.most_waiting for one in found], color="#e0a030", label="most waiting")
    mark(axes, at.pool_size, 1e3 * at.longest_wait_s, LOSS)
    mark(axes, at.pool_size, at.most_in_flight, CALL)
    axes.set_yscale("symlog", linthresh=10)
    log_axis(axes, {size: str(size) for size in (1, 2, 4, 8, 16, 32, 64)})
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel=f"Sockets ({1e3 * ROUND_TRIP_S:.0f} ms a call)", ylim=(0, None))
    axes.set_title("Calls under way (computed)")
    axes.legend(fontsize=8)


def _faltering(axes: Axes, shown: Shown) -> None:
    cases = faltering(shown.settings.connection_pool)
    bars = axes.barh([one.case for one in cases], [one.seconds for one in cases],
                     color=[GAIN if one.ends_in == "answer" else LOSS for one in cases])  # fmt: skip
    axes.bar_label(bars, [f"{one.seconds:.1f} s, {one.attempts or 'no'} tries" for one in cases], padding=3,
                   fontsize=8)  # fmt: skip
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=8)
    axes.margins(x=0.5)
    axes.set(xlabel="Seconds to an answer (green) or error")
    axes.set_title("A faltering broker (computed)")


def _throughput(axes: Axes, shown: Shown) -> None:
    runs = {name: one.pools for name, one in shown.measured.items() if one.pools}
    chosen = shown.settings.connection_pool.pool_size
    sizes = sorted(
        {*(size for pools in runs.values() for size in pools), *([] if runs else POOL_SIZES), chosen}
    )
    best = [size / ROUND_TRIP_S for size in sizes]
    axes.plot(sizes, best, color=PLAIN, lw=1, ls="--", label=f"at best, {1e3 * ROUND_TRIP_S:.0f} ms a call")
    mark(axes, chosen, chosen / ROUND_TRIP_S, PLAIN)
    for (name, pools), style in zip(runs.items(), styles(len(runs)), strict=True):
        rates = list(pools.values())
        spread = [[one.figure - one.low for one in rates], [one.high - one.figure for one in rates]]
        figures = [one.figure for one in rates]
        axes.errorbar(list(pools), figures, spread, color=CALL, label=short(name), capsize=2, **style)
    log_axis(axes, {size: str(size) for size in sizes})
    axes.set(xlabel="Sockets" if runs else "Sockets; Run measures", ylabel="Calls a second", ylim=(0, None))
    axes.set_title(f"Calls a second ({'measured' if runs else 'computed'})")
    axes.legend(fontsize=8)


def _expected(axes: Axes, shown: Shown) -> None:
    latest = next((one for one in reversed(list(shown.measured.values())) if one.speedup), None)
    chosen = shown.settings.workers
    counts = sorted({*range(1, 2 * cpu_count() + 1), chosen.max_workers})
    if latest is None:
        _at_best(axes, counts, chosen)
        return
    for backend, found in latest.backends.items():
        speedup = latest.speedup if backend == chosen.backend else {1: 1.0}
        times = {1: 1.0} if backend == "serial" else speedup
        seconds = [
            outlook.run_seconds(found.startup_s, found.task_s, times, count, _TASKS) for count in counts
        ]
        axes.plot(counts, seconds, "o-", ms=3, label=backend)
        if backend == chosen.backend:
            mark(axes, chosen.max_workers, seconds[counts.index(chosen.max_workers)], PLAIN)
    axes.set(xlabel="Workers", ylabel="Seconds", ylim=(0, None), xticks=counts)
    axes.set_title(f"{_TASKS} ideas and start (computed)")
    axes.legend(fontsize=8)


def _at_best(axes: Axes, counts: Sequence[int], chosen: WorkersConfig) -> None:
    """Draw the time that is left at least: of pure Python one runs at a time, but for processes."""
    for name, backends, cores in (
        ("processes, dask", ("processes", "dask"), cpu_count()),
        ("serial, threads", ("serial", "threads"), 1),
    ):
        left = [100 / min(count, cores) for count in counts]
        axes.plot(counts, left, "o-", ms=3, label=name)
        if chosen.backend in backends:
            mark(axes, chosen.max_workers, left[counts.index(chosen.max_workers)], PLAIN)
    axes.set(
        xlabel=f"Workers, on {cpu_count()} cores; Run measures",
        ylabel="Time of one worker (%)",
        ylim=(0, 108),
        xticks=counts,
    )
    axes.set_title("Ideas in Python, at best (computed)")
    axes.legend(fontsize=8, loc="lower left")


def _speedup(axes: Axes, shown: Shown) -> None:
    runs = {name: one for name, one in shown.measured.items() if one.speedup}
    if not runs:
        _overlapped(axes, shown.settings.workers)
        return
    most = max(max(one.speedup) for one in runs.values())
    axes.plot([1, most], [1, most], color=PLAIN, lw=0.8, ls="--", label="ideal")
    for (name, one), style in zip(runs.items(), styles(len(runs)), strict=True):
        axes.plot(list(one.speedup), list(one.speedup.values()), "o-", color=CALL, label=short(name), **style)
    starts = [f"{name} starts in {found.startup_s:.2f} s" for name, found in one.backends.items()]
    axes.text(0.03, 0.97, "\n".join(starts), transform=axes.transAxes, va="top", fontsize=8, color=PLAIN)
    axes.axvline(shown.settings.workers.max_workers, color=PLAIN, lw=1, ls=":", label="chosen")
    axes.set(xlabel="Workers", ylabel="Times as fast as one")
    axes.set_title("Speed-up and start (measured)")
    axes.legend(fontsize=8, loc="lower right")


def _overlapped(axes: Axes, chosen: WorkersConfig) -> None:
    """Draw the speed-up that is there at most for tasks that wait: any backend but serial overlaps them."""
    counts = sorted({*range(1, 2 * cpu_count() + 1), chosen.max_workers})
    overlaps = chosen.backend != "serial"
    times = counts if overlaps else [1] * len(counts)
    axes.plot(counts, times, "o-", ms=3, color=CALL, label=f"at best, {chosen.backend}")
    mark(axes, chosen.max_workers, times[counts.index(chosen.max_workers)], CALL)
    axes.set(xlabel="Workers; Run measures, start included", ylabel="Times as fast as one")
    axes.set(ylim=(0, 1.1 * counts[-1]), xticks=counts)
    axes.set_title("Tasks that wait (computed)")
    axes.legend(fontsize=8, loc="upper left")


def _queue(axes: Axes, shown: Shown) -> None:
    found = outlook.handed_over(shown.settings, _TASKS)
    left = 0
    for name, count, colour in (
        ("running", found.running, GAIN),
        ("waiting", found.waiting, CALL),
        ("held back", found.held_back, "#e0a030"),
    ):
        axes.barh([f"{_TASKS} tasks\nat once"], [count], left=[left], color=colour, label=f"{name} {count}")
        left += count
    limit_s = shown.settings.workers.task_timeout_s
    axes.barh(["an idea that\nnever ends"], [limit_s], color=PUT, label=f"stopped after {limit_s:g} s")
    axes.set(xlabel="Tasks, and seconds")
    axes.invert_yaxis()
    axes.set_title("Queue and time-out (computed)")
    axes.legend(fontsize=8, loc="lower right")


def _p99(axes: Axes, shown: Shown) -> None:
    samples = shown.settings.performance_monitor.max_samples
    sizes = np.unique(np.geomspace(50, max(5000, samples), 30).astype(int))
    bands = np.array([outlook.p99_band(int(size)) for size in sizes]).T
    axes.fill_between(sizes, *bands, color=CALL, alpha=0.25, lw=0)
    low, high = outlook.p99_band(samples)
    axes.vlines(samples, low, high, color=CALL, lw=2.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel="Samples kept of an operation", ylabel="Percentile that P99 may be")
    axes.set_title(f"P99 is P{low:.1f} to P{high:.1f} (computed)")


def _ringing(axes: Axes, shown: Shown) -> None:
    title, rings = "P95 against its budget (measured)", shown.settings.performance_monitor.enable_alerts
    seen = {
        name: shown.latest_ms[name] / ms for name, ms in shown.budgets_ms.items() if name in shown.latest_ms
    }
    if not seen:
        draw_empty(axes, title, "Drawn as soon as an open desk\nhas asked for something")
        return
    colours = [(LOSS if rings else "#aab3ba") if share > 1 else GAIN for share in seen.values()]
    bars = axes.barh(
        [name.replace("_", "\n", 1).replace("_", " ") for name in seen],
        [100 * one for one in seen.values()],
        color=colours,
    )
    axes.bar_label(bars, [f"{100 * one:.1f} %" for one in seen.values()], padding=3, fontsize=8)
    axes.axvline(100, color=PLAIN, lw=1, ls="--")
    axes.set(xlabel="P95, % of the budget" + ("" if rings else "; alerts are off: none rings"))
    axes.margins(x=0.2)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_title(title)


def measured(axes: Axes, shown: Shown) -> None:
    """Draw latency by operation and tier with its interval and budget, earlier runs paler."""
    runs = list(shown.measured.items())
    places = {operation: place for place, operation in enumerate(_OPERATIONS)}
    for number, (name, run) in enumerate(runs):
        aside = 0.12 * (number - (len(runs) - 1) / 2)
        for tier, colour in _TIERS.items():
            found = run.intervals_ms(tier)
            middle = np.array([one.figure for one in found.values()])
            ends = np.array([(one.low, one.high) for one in found.values()]).reshape(-1, 2).T
            axes.errorbar(
                [places[operation] + _OFFSET[tier] + aside for operation in found], middle,
                np.abs(ends - middle), fmt="o", ms=7, capsize=4, color=colour,
                label=f"{_WORDS[tier]}, {short(name)}", **styles(len(runs))[number],
            )  # fmt: skip
    for operation, name in _OPERATIONS.items():
        if budget_ms := shown.budgets_ms.get(name):
            at = places[operation]
            axes.hlines(budget_ms, at - 0.4, at + 0.4, color=PLAIN, ls="--", lw=1)
            axes.annotate("budget", (at, budget_ms), (0, -2), textcoords="offset points", ha="center",
                          va="top", fontsize=8, color=PLAIN)  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xticks(range(len(_OPERATIONS)), [SPOKEN[name] for name in _OPERATIONS])
    axes.set(ylabel="Milliseconds", xlim=(-0.6, len(_OPERATIONS) - 0.4))
    axes.set_title("Latency by tier, median and 95 % interval (measured)")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))


CONNECTIONS = (_waiting, _faltering, _throughput)
WORKERS = (_expected, _speedup, _queue)
MONITOR = (_p99, _ringing)
