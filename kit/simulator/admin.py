"""Routes that no broker has: they move the clock, order faults, end sessions and show counts.

Each asks for the header ``X-Kit-Admin`` with the token of the greeting.

====================  ==========================================================================
``GET /_stats``       counts, see `kit.simulator.stats`
``POST /_admin/...``
``faults``            ``{"route": "getCandleData", "fault": "stall:2", "times": 1}``
``faults/clear``      forget the faults that wait
``clock``             ``{"at": "2026-11-21T00:00:01+05:30"}`` or ``{"advance_s": 60}``
``limits``            ``{"enabled": true, "form": "text"}``; form is text, json or 429
``funds``             ``{"cash_inr": 5000000}``: what the account has
``sessions``          end every session
``connections``       break every connection
====================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kit.clock import in_ist
from kit.errors import SimulatorError
from kit.simulator.connections import Connections
from kit.simulator.faults import Faults
from kit.simulator.guard import bounded
from kit.simulator.limits import SlidingLimits
from kit.simulator.state import ExchangeState, json_object
from kit.simulator.stats import Stats

_FORMS = ("text", "json", "429")
_MOST_CASH_INR = 1e12
_MOST_ADVANCE_S = 20 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class Controls:
    """What the admin routes reach into.

    Parameters
    ----------
    state : ExchangeState
        Clock and sessions.
    limits, faults, connections, stats
        Who is refused, what fails next, what is connected, what was counted.
    """

    state: ExchangeState
    limits: SlidingLimits
    faults: Faults
    connections: Connections
    stats: Stats


def add_fault(on: Controls, body: bytes) -> None:
    """Let the next requests of a route fail."""
    asked = _asked(body, "route", "fault", "times")
    on.faults.add(str(asked.get("route", "*"))[:80], str(asked.get("fault"))[:80], asked.get("times", 1))


def move_clock(on: Controls, body: bytes) -> dict[str, str]:
    """Move the market's clock and return what it shows."""
    asked = _asked(body, "at", "advance_s")
    if "at" in asked:
        on.state.clock.jump(moment_of(str(asked["at"])))
    else:
        on.state.clock.advance(bounded(asked.get("advance_s", 0), _MOST_ADVANCE_S, "advance_s"))
    return {"now": on.state.clock.now().isoformat()}


def set_limits(on: Controls, body: bytes) -> None:
    """Turn the rate limits on or off, or choose the form of a refusal."""
    asked = _asked(body, "enabled", "form")
    form, enabled = asked.get("form", on.limits.form), asked.get("enabled", on.limits.enabled)
    if not isinstance(enabled, bool):
        raise SimulatorError("Limits are on or off", enabled, "Say true or false.")
    if form not in _FORMS:
        raise SimulatorError("A rate refusal has no such form", form, f"It knows: {', '.join(_FORMS)}.")
    on.limits.form, on.limits.enabled = form, enabled


def set_funds(on: Controls, body: bytes) -> None:
    """Set the account's cash."""
    cash_inr = _asked(body, "cash_inr").get("cash_inr")
    on.state.dealings.account.cash = bounded(cash_inr, _MOST_CASH_INR, "cash_inr")


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
        raise SimulatorError("Not a time", text[:40], "Write it as 2026-11-20T11:00.") from None
    return in_ist(at)


def _asked(body: bytes, *known: str) -> Mapping[str, Any]:
    """Return what is asked for, each by a key that the route knows: another would be ignored in silence."""
    asked = json_object(body)
    if unknown := sorted(asked.keys() - {*known}):
        raise SimulatorError("This route has no such key", unknown[0][:40], f"It has {', '.join(known)}.")
    return asked


# What an order does; what it returns is answered, where it returns nothing that it was done.
ADMIN: dict[tuple[str, str], Callable[[Controls, bytes], object]] = {
    ("GET", "/_stats"): lambda on, _body: on.stats.as_dict(),
    ("POST", "/_admin/faults"): add_fault,
    ("POST", "/_admin/faults/clear"): lambda on, _body: on.faults.clear(),
    ("POST", "/_admin/clock"): move_clock,
    ("POST", "/_admin/limits"): set_limits,
    ("POST", "/_admin/funds"): set_funds,
    ("POST", "/_admin/sessions"): lambda on, _body: on.state.account.expire_all(),
    ("POST", "/_admin/connections"): lambda on, _body: on.connections.drop_all(),
}
