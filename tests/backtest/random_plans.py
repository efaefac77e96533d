"""Plans with any mixture of rules, from a seed."""

from __future__ import annotations

import random
from typing import Any

from kit.backtest import Plan


def random_plan(seed: int) -> Plan:
    """Return an intraday plan with any mixture of rules but those on delta."""
    rng = random.Random(seed)
    return Plan(
        entry={"at": rng.choice(["09:20", "09:16", "10:07", "13:30"])},
        exit={"at": rng.choice(["15:15", "14:00", "15:29"])},
        square_off=rng.choice(["partial", "partial", "partial", "complete"]),
        legs=[_leg(rng) for _ in range(rng.randint(1, 4))],
        break_even=rng.choice(["none", "all", "in_profit"]),
        overall=_overall(rng),
        fills=_fills(rng),
        money=rng.choice(["spot", "synthetic"]),
    )


def _amount(rng: random.Random, low: int, high: int) -> dict[str, float]:
    return rng.choice([{"percent": rng.randint(low, high)}, {"points": rng.randint(1, 400) / 4}])


def _strike(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        [
            {"steps": rng.randint(-2, 4)},
            {"points": 100 * rng.randint(-2, 5)},
            {"percent": rng.randint(-1, 2)},
            {"premium": rng.randint(20, 400)},
            {"premium_at_least": rng.randint(20, 300)},
            {"premium_at_most": rng.randint(20, 300)},
            {"premium_between": [50, 150]},
            {"straddles": rng.choice([0.5, 1])},
        ]
    )


def _leg(rng: random.Random) -> dict[str, Any]:
    rules: dict[str, Any] = {"side": rng.choice(["sell", "sell", "buy"]), "right": rng.choice(["CE", "PE"])}
    rules |= {"lots": rng.randint(1, 3), "strike": _strike(rng)}
    rules["expiry"] = rng.choice(["nearest", "nearest", "nearest", "next", "monthly", {"days": 20}])
    if rng.random() < 0.8:
        rules["stop"] = _amount(rng, 3, 60)
    if rng.random() < 0.5:
        rules["target"] = _amount(rng, 3, 60)
    kind = rng.random()
    if kind < 0.3 and "stop" in rules:
        rules["trail"] = {"kind": "stepped", "every": _amount(rng, 2, 20), "move": _amount(rng, 1, 15)}
    elif kind < 0.5:
        rules["trail"] = {"kind": "distance", **_amount(rng, 4, 50)}
    rules["reentry"] = [_again(rng, after) for after in ("stop", "target") if rng.random() < 0.5]
    if rng.random() < 0.15:
        rules["wait"] = {"percent": rng.choice([-5, 5])}
    return rules


def _again(rng: random.Random, after: str) -> dict[str, Any]:
    rule = {"after": after, "kind": rng.choice(["asap", "cost", "momentum"]), "times": rng.randint(1, 20)}
    return rule | ({"move": {"percent": rng.choice([-6, -3, 3, 6])}} if rule["kind"] == "momentum" else {})


def _overall(rng: random.Random) -> dict[str, Any]:
    if rng.random() > 0.4:
        return {}
    rules: dict[str, Any] = {"stop_inr": rng.randint(500, 6000), "target_inr": rng.randint(500, 6000)}
    if rng.random() < 0.5:
        rules["trail"] = {"every_inr": 300, "move_inr": 200}
    if rng.random() < 0.5:
        rules["lock"] = {"at_inr": 1000, "keep_inr": 400, "every_inr": 200, "move_inr": 100}
    return rules


def _fills(rng: random.Random) -> dict[str, Any]:
    fills: dict[str, Any] = {name: rng.choice(["bar_close", "next_open"]) for name in ("entry", "exit")}
    for name in ("stop", "target"):
        fills[name] = rng.choice(["level", "level", "bar_close", "next_open", "extreme"])
    fills["same_bar"] = rng.choice(["nearer_first", "stop_first", "target_first"])
    if rng.random() < 0.5:
        fills["slippage"] = rng.choice([{"ticks": 2}, {"percent": 0.7}, {"bar_range": 0.2}])
    return fills
