"""How long, how often, against which budget.

A `PerformanceMonitor` keeps the last samples of every operation and computes its statistics only when
somebody asks. A sample is added in one atomic step without a lock, so threads and signal handlers may
measure at any moment; no lock is held while measured code or an alert callback runs.
"""

from kit.monitor.channels import AlertChannel, desktop_alerts, service_alerts
from kit.monitor.monitor import PerformanceMonitor
from kit.monitor.operation import PerformanceMetrics
from kit.monitor.prometheus import prometheus_text
from kit.monitor.requirements import AlertCallback, LatencyRequirement, Violation, requirements_from

__all__ = [
    "AlertCallback",
    "AlertChannel",
    "LatencyRequirement",
    "PerformanceMetrics",
    "PerformanceMonitor",
    "Violation",
    "desktop_alerts",
    "prometheus_text",
    "requirements_from",
    "service_alerts",
]
