"""Plans with any mixture of rules, from a seed."""

from __future__ import annotations

import random
from typing import Any

from kit.backtest import Plan
from kit.errors import SettingsError


def random_plan(seed: int, signals: bool = False) -> Plan:
    """Return an intraday plan with any mixture of rules; with signals, some wait for the index."""
    rng = random.Random(seed)
    while True:
        try:
            return _plan(rng, signals)
        except SettingsError:  # a fall by more than all, say: drawn again
            continue


def _plan(rng: random.Random, signals: bool) -> Plan:
    entry, legs = _entry(rng, signals), [_leg(rng) for _ in range(rng.randint(1, 4))]
    if len(entry) > 1:
        legs = [leg | {"on": rng.choice([None, "up", "down"])} for leg in legs]
    rules: dict[str, Any] = {"sizing": {"margin_inr": rng.choice([150_000, 333_333])}}
    return Plan(
        entry=entry,
        exit={"at": rng.choice(["15:15", "14:00", "15:29", "15:30", "15:45"])},
        square_off=rng.choice(["partial", "partial", "partial", "complete"]),
        legs=legs,
        break_even=rng.choice(["none", "all", "in_profit"]),
        overall=_overall(rng),
        fills=_fills(rng),
        money=rng.choice(["spot", "synthetic"]),
        **(rules if rng.random() < 0.1 else {}),
    )


def _entry(rng: random.Random, signals: bool) -> dict[str, Any]:
    kind = rng.random() if signals else 1.0
    if kind < 0.1:
        broken = {"range": ["09:15", "09:30"], "sides": rng.choice(["first", "both"])}
        return {"at": rng.choice(["09:30", "10:15"]), "breakout": broken, "until": "14:00"}
    at = {"at": rng.choice(["09:20", "09:15", "09:16", "10:07", "13:30"])}
    if kind < 0.2:
        return at | {"momentum": rng.choice([{"percent": 0.1}, {"percent": -0.2}, {"points": 25}])}
    return at


def _amount(rng: random.Random, low: int, high: int) -> dict[str, float]:
    percents = rng.randint(low, high), rng.randint(100 * low, 100 * high) / 100
    return rng.choice(
        [{"percent": rng.choice(percents)}, {"points": rng.randint(1, 400) / rng.choice([4, 7])}]
    )


def _strike(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        [
            {"steps": rng.randint(-3, 8)},
            {"points": rng.randint(-5, 15) * rng.choice([50, 100])},
            {"percent": rng.randint(-10, 30) / 10},
            {"delta": rng.randint(5, 90) / 100},
            {"premium": rng.randint(20, 400)},
            {"premium_at_least": rng.randint(20, 300)},
            {"premium_at_most": rng.randint(20, 300)},
            {"premium_between": [50, 150]},
            {"straddles": rng.choice([0, 0.5, 1, -0.3])},
            {"listed": 100 * rng.randint(420, 478)},
        ]
    )


def _leg(rng: random.Random) -> dict[str, Any]:
    rules: dict[str, Any] = {"side": rng.choice(["sell", "sell", "buy"]), "right": rng.choice(["CE", "PE"])}
    rules |= {"lots": rng.randint(1, 5), "strike": _strike(rng)}
    rules["expiry"] = rng.choice(["nearest", "nearest", "nearest", "next", "monthly", {"days": 20}])
    if rng.random() < 0.8:
        rules["stop"] = _amount(rng, 1, 60)
    if rng.random() < 0.5:
        rules["target"] = _amount(rng, 1, 60)
    kind = rng.random()
    if kind < 0.3 and "stop" in rules:
        rules["trail"] = {"kind": "stepped", "every": _amount(rng, 1, 20), "move": _amount(rng, 1, 15)}
    elif kind < 0.5:
        rules["trail"] = {"kind": "distance", **_amount(rng, 2, 50)}
    rules["reentry"] = [_again(rng, after) for after in ("stop", "target") if rng.random() < 0.5]
    if rng.random() < 0.15:
        rules["wait"] = rng.choice([{"percent": -5}, {"percent": 0.5}, {"points": 2.5}])
    return rules


def _again(rng: random.Random, after: str) -> dict[str, Any]:
    rule = {"after": after, "kind": rng.choice(["asap", "cost", "momentum"]), "times": rng.choice([1, 2, 20])}
    moves = [{"percent": -6}, {"percent": 0.4}, {"percent": 3}, {"points": -2.5}]
    return rule | ({"move": rng.choice(moves)} if rule["kind"] == "momentum" else {})


def _overall(rng: random.Random) -> dict[str, Any]:
    if rng.random() > 0.4:
        return {}
    rules: dict[str, Any] = {"stop_inr": rng.randint(50, 6000), "target_inr": rng.randint(500, 6000)}
    if rng.random() < 0.5:
        rules["trail"] = {"every_inr": 300, "move_inr": rng.choice([200, 400])}
    if rng.random() < 0.5:
        rules["lock"] = {"at_inr": 1000, "keep_inr": rng.choice([400, -100])}
        rules["lock"] |= {"every_inr": 200, "move_inr": rng.choice([100, 300])}
    return rules


def _fills(rng: random.Random) -> dict[str, Any]:
    fills: dict[str, Any] = {name: rng.choice(["bar_close", "next_open"]) for name in ("entry", "exit")}
    for name in ("stop", "target"):
        fills[name] = rng.choice(["level", "level", "bar_close", "next_open", "extreme"])
    fills["same_bar"] = rng.choice(["nearer_first", "stop_first", "target_first"])
    if rng.random() < 0.5:
        kinds = [{"ticks": 2}, {"ticks": 0.5}, {"percent": 0.7}, {"bar_range": 0.2}, {"sqrt_lots": 0.5}]
        fills["slippage"] = rng.choice(kinds)
    return fills
