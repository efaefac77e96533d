"""Routes that no broker has: they move the clock, order faults, end sessions and show counts.

====================  ==========================================================================
``GET /_stats``       counts, see `kit.simulator.stats`
``POST /_admin/...``
``faults``            ``{"route": "getCandleData", "fault": "stall:2", "times": 1}``
``faults/clear``      forget the faults that wait
``clock``             ``{"at": "2026-11-21T00:00:01+05:30"}`` or ``{"advance_s": 60}``
``limits``            ``{"enabled": true, "form": "text"}``; form is text, json or 429
``sessions``          end every session
``connections``       break every connection
====================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kit.clock import IST
from kit.errors import SimulatorError
from kit.simulator.answers import Reply, encoded
from kit.simulator.desk import json_object

if TYPE_CHECKING:
    from kit.simulator.app import ExchangeApp

_FORMS = ("text", "json", "429")


def stats(app: ExchangeApp, body: bytes) -> Reply:  # noqa: ARG001 - the form of every admin route
    """Return the counts."""
    return encoded(app.stats.as_dict())


def add_fault(app: ExchangeApp, body: bytes) -> Reply:
    """Let the next requests of a route fail."""
    asked = json_object(body)
    times = int(_number(asked.get("times", 1)))
    app.faults.add(str(asked.get("route", "*")), str(asked.get("fault")), times)
    return _done()


def clear_faults(app: ExchangeApp, body: bytes) -> Reply:  # noqa: ARG001 - the form of every admin route
    """Forget the faults that wait."""
    app.faults.clear()
    return _done()


def move_clock(app: ExchangeApp, body: bytes) -> Reply:
    """Move the market's clock and return what it shows."""
    asked = json_object(body)
    if "at" in asked:
        app.desk.clock.jump(moment_of(str(asked["at"])))
    else:
        app.desk.clock.advance(_number(asked.get("advance_s", 0)))
    return encoded({"now": app.desk.clock.now().isoformat()})


def set_limits(app: ExchangeApp, body: bytes) -> Reply:
    """Turn the rate limits on or off, or choose the form of a refusal."""
    asked = json_object(body)
    form = str(asked.get("form", app.limits.form))
    if form not in _FORMS:
        raise SimulatorError("A rate refusal has no such form", form, f"It knows: {', '.join(_FORMS)}.")
    app.limits.form = form
    app.limits.enabled = bool(asked.get("enabled", app.limits.enabled))
    return _done()


def end_sessions(app: ExchangeApp, body: bytes) -> Reply:  # noqa: ARG001 - the form of every admin route
    """End every session."""
    app.desk.account.expire_all()
    return _done()


def break_connections(app: ExchangeApp, body: bytes) -> Reply:  # noqa: ARG001 - the form of every admin route
    """Break every connection, this one included."""
    app.connections.drop_all()
    return _done()


def moment_of(text: str) -> datetime:
    """Read ISO 8601; without an offset it is exchange time.

    Raises
    ------
    SimulatorError
        The text is no time.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SimulatorError("Not a time", text, "Write it as 2026-11-20T11:00.") from None
    return at if at.tzinfo else at.replace(tzinfo=IST)


def _number(value: object) -> float:
    if isinstance(value, int | float):
        return value
    raise SimulatorError("This must be a number", value, "For instance 2.")


def _done() -> Reply:
    return encoded({"status": True})


ADMIN: dict[tuple[str, str], Callable[[Any, bytes], Reply]] = {
    ("GET", "/_stats"): stats,
    ("POST", "/_admin/faults"): add_fault,
    ("POST", "/_admin/faults/clear"): clear_faults,
    ("POST", "/_admin/clock"): move_clock,
    ("POST", "/_admin/limits"): set_limits,
    ("POST", "/_admin/sessions"): end_sessions,
    ("POST", "/_admin/connections"): break_connections,
}
