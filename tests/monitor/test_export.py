"""What a notebook, Prometheus and an import see of the monitor."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from kit.errors import KitError
from kit.monitor import LatencyRequirement, PerformanceMonitor, prometheus_text


def test_shows_a_table():
    """The frame has a row per operation in seconds, and the notebook form milliseconds."""
    monitor = PerformanceMonitor()
    assert monitor.to_frame().empty
    monitor.record_execution("chain <b>", 0.25)
    frame = monitor.to_frame()
    assert frame.loc["chain <b>", "median"] == 0.25
    html = monitor._repr_html_()
    assert "250" in html
    assert "<b>" not in html


def test_prometheus_reads_the_export():
    """The text export parses, with counts, sums, errors and quantiles per operation."""
    parser = pytest.importorskip("prometheus_client.parser")
    monitor = PerformanceMonitor()
    monitor.record_execution('na"me', 0.5)
    monitor.record_execution('na"me', 1.5, success=False)
    families = parser.text_string_to_metric_families(prometheus_text(monitor))
    samples = {(s.name, s.labels.get("quantile")): s.value for family in families for s in family.samples}
    assert samples["kit_operation_seconds_count", None] == 2
    assert samples["kit_operation_seconds_sum", None] == 2.0
    assert samples["kit_operation_errors_total", None] == 1
    assert samples["kit_operation_window_seconds", "0.5"] == 1.0


def test_the_import_is_light():
    """Importing the monitor loads neither pandas nor prometheus_client."""
    code = "import sys, kit.monitor; print({'pandas', 'prometheus_client'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "set()"


def test_the_notebook_form_shows_budgets_and_whole_milliseconds():
    """Long times are written out, the budget stands beside them, and errors are those of the window."""
    monitor = PerformanceMonitor(max_samples=1)
    monitor.set_requirement(LatencyRequirement("positions", 30_000))
    monitor.record_execution("positions", 0.5, success=False)
    monitor.record_execution("positions", 31.25)
    cells = re.findall("<td[^>]*>(.*?)</td>", monitor._repr_html_())
    assert cells[1:4] == ["2", "0", "100.00\N{NO-BREAK SPACE}%"]  # calls, errors, success rate
    assert cells[4:8] == [*["31,250"] * 3, "30,000"]  # median, P95, P99, budget: in sight beside them


def test_the_export_without_its_extra_says_what_to_install(monkeypatch):
    """Without prometheus_client the export names the extra."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(KitError, match=r"banknifty-kit\[prometheus\]"):
        prometheus_text(PerformanceMonitor())
