"""The cache group's pictures: hit rate by lifetime and size, who answers, staleness, limits, calls."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from kit.plots import CALL, GAIN, LOSS, PLAIN
from kit.tuning import outlook
from kit.tuning.lifetimes import LIFETIMES_S, SOURCES
from kit.tuning.replay import ANSWERS
from kit.widgets.panels.bench_plot import draw_empty
from kit.widgets.panels.labels import HALO
from kit.widgets.panels.tune.shown import COLOURS, NAMES, Shown, log_axis, mark

_ANSWERED = {"hot": GAIN, "sqlite": "#e0a030", "network": CALL, "stale": "#8a5fbf", "error": LOSS}
_WORDS = {"hot": "memory", "sqlite": "SQLite", "network": "broker", "stale": "old answer", "error": "error"}


def _hits(axes: Axes, shown: Shown) -> None:
    for kind in dict.fromkeys(one.kind for one in shown.questions):
        lifetime_s = getattr(shown.settings.cache_config, SOURCES[kind].setting)
        curve = outlook.hit_curve(shown.questions, kind)
        axes.plot(LIFETIMES_S, curve, color=COLOURS[kind], lw=1.6, label=NAMES[kind])
        at = float(np.interp(lifetime_s, LIFETIMES_S, curve)) if lifetime_s >= LIFETIMES_S[0] else 0.0
        mark(axes, max(lifetime_s, LIFETIMES_S[0]), at, COLOURS[kind])
    log_axis(axes, {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h"})
    axes.set(xlabel="Lifetime", ylabel="Answered from memory (%)", ylim=(-4, 104))
    axes.set_title("Hit rate by lifetime (computed)")
    axes.legend(loc="lower right", fontsize=8)


def _size(axes: Axes, shown: Shown) -> None:
    now = shown.replayed
    found = outlook.by_size(shown.settings, shown.questions)
    axes.plot(list(found), [one.hit_rate_percent for one in found.values()], color=CALL, label="hit rate (%)")
    axes.plot(list(found), [one.evictions for one in found.values()], color=LOSS, label="evictions")
    at = min(shown.settings.cache_config.max_size, outlook.SIZES[-1])
    mark(axes, at, now.hit_rate_percent, CALL)
    mark(axes, at, now.evictions, LOSS)
    log_axis(axes, {1: "1", 2: "2", 4: "4", 8: "8", 16: "16", 32: "32+"})
    axes.set(xlabel=f"Entries in memory (now {now.most_entries}: {now.most_bytes / 2**20:.2f} MiB)")
    axes.set_title("Hits by size (computed)")
    axes.legend(fontsize=8)


def _who(axes: Axes, shown: Shown) -> None:
    scenes = outlook.scenes(shown.settings, shown.questions)
    left = np.zeros(len(scenes))
    for answer in ANSWERS:
        shares = np.array([100 * one.total[answer] / one.total.total() for one in scenes.values()])
        axes.barh(list(scenes), shares, left=left, color=_ANSWERED[answer], label=_WORDS[answer])
        left += shares
    axes.invert_yaxis()
    axes.set_yticks(range(len(scenes)), [name.replace(" ", "\n", 1) for name in scenes], fontsize=8)
    axes.set(xlim=(0, 100), xlabel="Questions (%)")
    axes.set_title("Who answers (computed)")
    axes.legend(fontsize=7.5, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.22), columnspacing=0.8,
                handlelength=1)  # fmt: skip


def _staleness(axes: Axes, shown: Shown) -> None:
    if not shown.lifetimes:
        draw_empty(axes, "Staleness against calls saved", "Needs prices: give the panel a desk")
        return
    for one in shown.lifetimes:
        colour = COLOURS[one.kind]
        saved, error = [point.saved_percent for point in one.curve], [point.p95_bps for point in one.curve]
        axes.plot(saved, error, color=colour, lw=1.4, label=NAMES[one.kind])
        lifetime_s = getattr(shown.settings.cache_config, one.setting)
        near = min(one.curve, key=lambda point: abs(np.log(point.lifetime_s / max(lifetime_s, 0.1))))
        mark(axes, near.saved_percent, near.p95_bps, colour)
        axes.annotate(f"₹ {near.p95_inr:,.0f}", (near.saved_percent, near.p95_bps), (7, -9), fontsize=8,
                      textcoords="offset points", color=colour, path_effects=[HALO])  # fmt: skip
        if one.chosen is not None:
            axes.plot([one.chosen.saved_percent], [one.chosen.p95_bps], "s", ms=8, mfc="none", mec=colour)
    tolerance = float(shown.lifetimes[0].tolerance.split()[0])
    axes.axhline(tolerance, color=PLAIN, lw=1, ls="--", label=f"tolerance {tolerance:g} (squares: advised)")
    axes.set_yscale("symlog", linthresh=1)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="Calls saved (%)", ylabel="P95 error (basis points)")
    axes.set_title("Staleness (computed)")
    axes.set_ylim(0, None)
    axes.legend(fontsize=7.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.22), columnspacing=0.8)


def _limits(axes: Axes, shown: Shown) -> None:
    used = outlook.used_by_kinds(shown.replayed)
    if not used:
        draw_empty(axes, "The broker's limits (computed)", "No call is made")
        return
    names = [",\n".join(NAMES[kind] for kind in kinds) for kinds in used]
    bars = axes.barh(names, list(used.values()), color=[LOSS if one > 100 else GAIN for one in used.values()])
    axes.bar_label(bars, [f"{one:.0f} %" for one in used.values()], padding=3, fontsize=8)
    axes.axvline(100, color=PLAIN, lw=1, ls="--")
    axes.set(
        xlim=(0, max(115.0, 1.2 * max(used.values()))),
        xlabel="Busiest window (% of the limit; over 100 calls wait)",
    )
    axes.set_title("The broker's limits (computed)")


def _hourly(axes: Axes, shown: Shown) -> None:
    span_s = max(60.0, shown.questions[-1].at_s - shown.questions[0].at_s)
    rows = outlook.calls_an_hour(shown.settings, shown.replayed, span_s)
    names = [NAMES.get(kind, kind) for kind in rows]
    bars = axes.barh(names, [calls for calls, _ in rows.values()],
                     color=[CALL if replayed else "#aab3ba" for _, replayed in rows.values()])  # fmt: skip
    axes.bar_label(bars, [f"{calls:,.0f}" if calls >= 1 else f"{calls:.2f}" for calls, _ in rows.values()],
                   padding=3, fontsize=8)  # fmt: skip
    axes.set_xscale("symlog", linthresh=1)
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.invert_yaxis()
    axes.set(xlabel="Calls an hour (grey: at most, not recorded)")
    axes.margins(x=0.2)
    axes.set_title("Calls by kind (computed)")


CACHE = (_hits, _size, _who, _staleness, _limits, _hourly)
