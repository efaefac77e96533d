"""The monitor panel: latency against its budget, alerts, and what the desk's parts hold, over time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import pandas as pd

from kit.broker.endpoints import spoken
from kit.clock import IST
from kit.settings import LatencyRequirements
from kit.shown import written
from kit.widgets.frame.context import CLOSED, REOPEN
from kit.widgets.frame.fields import sized
from kit.widgets.frame.header import venue_line
from kit.widgets.frame.live import LiveFigure
from kit.widgets.frame.panel import HANDED, Panel
from kit.widgets.frame.style import facts, summary
from kit.widgets.panels import monitor_plot

if TYPE_CHECKING:
    from kit.desk import Desk

_KEPT = 900  # readings: half an hour at one every two seconds
_EVERY_S = {"every 2 s": 2.0, "every 10 s": 10.0, "by hand": 0.0}
_ALERTS = 5
_TOLD = ("at", "cache", "connections", "tasks", "p95_ms", "limits")  # of a reading, in a table


@dataclass(frozen=True)
class MonitorReading:
    """What the desk's parts said at one moment.

    Parameters
    ----------
    at : datetime
        This machine's clock.
    cache, connections, tasks : dict
        Statistics of cache, sockets and workers, as each part gives them.
    p95_ms, budgets_ms : dict of str to float
        95th percentile of each operation that ran, and the budget of each that has one.
    limits : dict of str to int
        Calls of each budget of the broker that could go now.
    alerts : list of dict
        The violations that the monitor remembers, the oldest first.
    """

    at: datetime
    cache: dict[str, Any]
    connections: dict[str, Any]
    tasks: dict[str, Any]
    p95_ms: dict[str, float]
    budgets_ms: dict[str, float]
    limits: dict[str, int]
    alerts: list[dict[str, Any]] = field(default_factory=list)


class MonitorPanel(Panel):
    """How the desk does, now and over the last half hour; ends when the desk is closed.

    Parameters
    ----------
    source : Desk
        Whose parts are read; nothing is asked of the broker.

    Attributes
    ----------
    readings : deque of MonitorReading
        What is drawn, the oldest first.
    """

    hands_over = HANDED
    heading = "Monitor"
    lead = "Latency against its budget, alerts, and what cache, sockets, workers and limits do over time."

    def __init__(self, source: Desk) -> None:
        self.readings: deque[MonitorReading] = deque(maxlen=_KEPT)
        super().__init__(source)

    def controls(self) -> dict[str, Any]:
        """Return how often the parts are read."""
        tip = "How often the parts are read; the broker is not asked"
        return {"every": w.Dropdown(options=_EVERY_S, description="Read", tooltip=tip, **sized(170, 36))}

    def body(self) -> list[Any]:
        """Return the controls, the figures, the plots and the alerts."""
        self.again = w.Button(description="Read now", tooltip="Read every part now", icon="refresh")
        self.again.on_click(self.refresh)
        self.tiles, self.plot, self.alerts = w.HTML(), LiveFigure(1120, 230), w.HTML()
        row = w.HBox([self.inputs["every"], self.again])
        return [row, self.errors, self.tiles, self.words, self.plot, self.alerts]

    def whose(self) -> str:
        """Return whose desk is watched."""
        return venue_line(self.source.client.venue, "the parts of this desk, read without asking the broker")

    def code(self) -> str:
        """Return Python that reads the monitor of a desk."""
        return (
            "from kit.desk import open_desk\n\ndesk = open_desk()\ndesk.data.option_chain()\ndesk.monitor\n"
        )

    def data(self) -> pd.DataFrame:
        """Return every reading that is drawn, one row each."""
        rows = [pd.json_normalize({name: getattr(one, name) for name in _TOLD}) for one in self.readings]
        return pd.concat(rows).set_index("at")

    @staticmethod
    def compute(source: Desk, every: float) -> MonitorReading:  # noqa: ARG004 - says when, not what
        """Read every part of a desk."""
        seen, found = source.monitor.get_summary(), source.client.get_performance_stats()
        budgets = source.settings.latency_requirements
        return MonitorReading(
            at=datetime.now(IST),
            cache=source.cache.get_stats(),
            connections=found["connections"],
            tasks=dict(source.processor.get_stats()),
            p95_ms={name: 1e3 * one["p95"] for name, one in seen["operations"].items()},
            budgets_ms={name: getattr(budgets, name) for name in LatencyRequirements.model_fields},
            limits=found["limits"],
            alerts=seen["violation_events"],
        )

    def refresh(self, _: Any = None) -> None:
        """Read and draw, now and again after the chosen seconds; a closed desk keeps what is shown."""
        if self.source.is_closed:
            self.inputs["every"].disabled = self.again.disabled = True
            self.again.tooltip = f"{CLOSED}. {REOPEN}"
            return
        super().refresh()
        if every := self.inputs["every"].value:
            self.home.later(every, lambda: self.refresh() if self.inputs["every"].value else None)

    def draw(self, result: MonitorReading) -> None:
        """Add a reading and draw all of them."""
        self.readings.append(result)
        self.plot.paint(*monitor_plot.pictures(self.readings))
        self.tiles.value = facts(figures(result))
        ran = [name for name in result.budgets_ms if name in result.p95_ms]
        slow = [name for name in ran if result.p95_ms[name] > result.budgets_ms[name]]
        kept = "Every operation that ran keeps its budget." if ran else "Nothing with a budget ran yet."
        told = f"Too slow at P95: {', '.join(slow)}." if slow else kept
        self.words.value = summary(f"{result.at:%H:%M:%S} IST. {told}")
        self.alerts.value = alerts(result.alerts)


def figures(reading: MonitorReading) -> dict[str, str]:
    """Write the figures of a reading."""
    cache, sockets, tasks = reading.cache, reading.connections, reading.tasks
    spent = [spoken(name) for name, left in reading.limits.items() if not left]
    return {
        "Hit rate": f"{cache['hit_rate_percent']:.0f} %",
        "Entries": f"{cache['entries']:,} of {cache['max_size']:,}",
        "Evictions": f"{cache['evictions']:,}",
        "Sockets in use": f"{sockets['active_connections']} of {sockets['pool_size']}",
        "Tasks running": written(tasks["active"]),
        "Waiting": written(tasks["queued"]),
        "Limits spent": ", ".join(spent) or "none",
        "Alerts": f"{len(reading.alerts):,}",
    }


def alerts(events: list[dict[str, Any]]) -> str:
    """Return the latest alerts as HTML, the newest first."""
    if not events:
        return "<p class='kit-summary'>No alert so far.</p>"
    lines = "".join(
        f"<li>{escape(one['timestamp'][11:19])} <b>{escape(one['violation_level'])}</b> "
        f"{escape(one['operation'])}: {one['latency_ms']:,.0f} ms, asked {one['requirement_ms']:,.0f} ms</li>"
        for one in reversed(events[-_ALERTS:])
    )
    return f"<h4>Latest alerts</h4><ul class='kit-summary'>{lines}</ul>"
