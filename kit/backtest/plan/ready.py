"""Ready plans by name: what desks trade on Bank Nifty, to run as they are or to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from kit.arguments import checked
from kit.backtest.plan.plan import Plan
from kit.errors import SettingsError

_DAY: dict[str, Any] = {"entry": {"at": "09:20"}, "exit": {"at": "15:15"}}


def _pair(**rules: Any) -> list[dict[str, Any]]:
    """Return a call and a put, sold at the money unless the rules say otherwise."""
    rules = {"side": "sell", "strike": {"steps": 0}, **rules}
    return [{"right": "CE", **rules}, {"right": "PE", **rules}]


def _plan(name: str, legs: list[dict[str, Any]], **rules: Any) -> Plan:
    return Plan(**{"name": name, **_DAY, "legs": legs, **rules})


def _straddles() -> list[Plan]:
    steps = {"kind": "stepped", "every": {"points": 20}, "move": {"points": 10}}
    return [
        _plan("short_straddle_920", _pair(stop={"percent": 25})),
        _plan("short_straddle_combined_stop", _pair(), overall={"stop_inr": 3000, "target_inr": 6000}),
        _plan(
            "short_straddle_reentry",
            _pair(stop={"percent": 25}, reentry={"after": "stop", "kind": "asap", "times": 2}),
        ),
        _plan("short_straddle_trailing", _pair(stop={"percent": 25}, trail=steps)),
        _plan("short_straddle_break_even", _pair(stop={"percent": 25}), break_even="all"),
    ]


def _ranges() -> list[Plan]:
    wings = _pair(strike={"delta": 0.2}, stop={"percent": 100})
    wings += _pair(side="buy", strike={"delta": 0.08})
    fly = _pair(stop={"percent": 50}) + _pair(side="buy", strike={"points": 300})
    return [
        _plan("short_strangle_premium", _pair(strike={"premium": 60}, stop={"percent": 50})),
        _plan("short_strangle_delta", _pair(strike={"delta": 0.2}, stop={"percent": 60})),
        _plan("iron_condor", wings, square_off="partial"),
        _plan("expiry_iron_fly", fly, days={"days_to_expiry": {"at_most": 0}}, exit={"at": "15:20"}),
        _plan(
            "delta_neutral_strangle",
            _pair(strike={"delta": 0.2}),
            adjust={"net_delta": 0.15, "times": 3, "every": 5},
            overall={"stop_inr": 6000},
        ),
    ]


def _directional() -> list[Plan]:
    breaks = [
        {"side": "buy", "right": "CE", "strike": {"steps": 0}, "on": "up", "stop": {"percent": 30}},
        {"side": "buy", "right": "PE", "strike": {"steps": 0}, "on": "down", "stop": {"percent": 30}},
    ]
    near = {"side": "sell", "right": "CE", "strike": {"steps": 0}, "expiry": "nearest"}
    far = {"side": "buy", "right": "CE", "strike": {"steps": 0}, "expiry": "next"}
    return [
        _plan(
            "opening_range_breakout",
            breaks,
            entry={"at": "09:45", "until": "14:30", "breakout": {"range": ["09:15", "09:45"]}},
        ),
        _plan(
            "positional_calendar",
            [near, far],
            exit={"at": "15:15", "days_to_expiry": 1},
            overall={"stop_inr": 5000, "target_inr": 5000},
        ),
    ]


def ready_plans() -> Mapping[str, Plan]:
    """Return the ready plans by name."""
    families: tuple[Callable[[], list[Plan]], ...] = (_straddles, _ranges, _directional)
    return {plan.name: plan for family in families for plan in family()}


@checked
def ready_plan(name: str) -> Plan:
    """Return one ready plan.

    Raises
    ------
    SettingsError
        No ready plan has this name; names the nearest.
    """
    plans = ready_plans()
    if name not in plans:
        close = get_close_matches(name, plans, n=1)
        meant = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(plans)}."
        raise SettingsError("No ready plan has this name", name, meant)
    return plans[name]
