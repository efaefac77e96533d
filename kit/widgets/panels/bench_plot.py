"""The plots of the benchmark panel: score by part, memory over time, earlier runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

import psutil  # type: ignore[import-untyped]  # ipykernel needs it, so a lab always has it
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kit.benchmark.results import BenchmarkResults
from kit.clock import IST
from kit.plots import CALL, GAIN, LOSS, PLAIN
from kit.widgets.frame.job import OnProgress

Runs = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Memory:
    """Resident memory of this process over a run: seconds since its start, and MiB."""

    at_s: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    started: float = field(default_factory=monotonic)

    def sample(self) -> None:
        """Read it once."""
        self.at_s.append(monotonic() - self.started)
        self.mib.append(psutil.Process().memory_info().rss / 2**20)

    def watching(self, on_progress: OnProgress) -> OnProgress:
        """Return a progress callback that samples, then passes on."""

        def progress(share: float, words: str) -> None:
            self.sample()
            on_progress(share, words)

        return progress


def draw_empty(axes: Axes, title: str, words: str) -> None:
    """Say why there is nothing to see yet."""
    axes.set_title(title)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", color=PLAIN)


def draw_score(axes: Axes, results: BenchmarkResults, when: str) -> None:
    """Draw the points of every component; `when` says of which run they are."""
    parts = results["components"][::-1]
    names = [f"{part.part} ({part.weight:g})" for part in parts]
    colours = [GAIN if part.points >= 99.5 else LOSS for part in parts]
    bars = axes.barh(names, [part.points for part in parts], color=colours)
    axes.bar_label(bars, fmt="{:.0f}", padding=3)
    axes.set(xlim=(0, 112), xlabel="Points of 100 (weight in brackets)")
    axes.set_title(f"Score {results['score']:.1f}{when}")


def draw_memory(axes: Axes, memory: Memory) -> None:
    """Draw the resident memory of this process over the run, once there is one."""
    axes.plot(memory.at_s, memory.mib, color=CALL)
    axes.fill_between(memory.at_s, memory.mib, color=CALL, alpha=0.15, lw=0)
    axes.set(xlim=(0, max(1.0, memory.at_s[-1])), ylim=(0, 1.15 * max(memory.mib)))
    axes.set(xlabel="Seconds into the run", ylabel="Memory of this process (MiB)")
    axes.set_title(f"Memory over time, most {max(memory.mib):.0f} MiB")


def draw_history(axes: Axes, runs: Runs) -> None:
    """Draw the scores of the latest thirty runs."""
    latest = runs[-30:]
    axes.plot(range(1, len(latest) + 1), [run["score"] for run in latest], "o-", color=CALL)
    ends = [datetime.fromisoformat(run["at"]).astimezone(IST) for run in (latest[0], latest[-1])]
    since, until = (f"{end:%d %b %H:%M}" for end in ends)
    span = f"Run, {since} to {until} IST" if len(latest) > 1 else f"Run of {since} IST"
    axes.set(ylim=(0, 105), xlabel=span, ylabel="Score", title="Earlier runs")
    _count_runs(axes, len(latest))


def draw_row_history(axes: Axes, runs: Runs, name: str) -> None:
    """Draw one row's figure with its interval over the latest thirty runs."""
    found = [row for run in runs for row in run["rows"] if row["name"] == name and row["figure"] is not None]
    if not found:
        draw_empty(axes, f"{name} in earlier runs", "No run of this kind is recorded yet")
        return
    latest = found[-30:]
    figures = [row["figure"] for row in latest]
    spans = [(row["figure"] - (row["low"] or row["figure"]), (row["high"] or row["figure"]) - row["figure"])
             for row in latest]  # fmt: skip
    below, above = ([max(0.0, span[end]) for span in spans] for end in (0, 1))
    places = range(1, len(latest) + 1)
    axes.errorbar(places, figures, yerr=(below, above), fmt="o-", color=CALL, ecolor=PLAIN, capsize=2)
    axes.set(ylim=(0, None), xlabel="Run", ylabel=latest[-1]["unit"], title=f"{name} in earlier runs")
    _count_runs(axes, len(latest))


def _count_runs(axes: Axes, count: int) -> None:
    axes.set_xlim(0.5, max(count, 2) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
