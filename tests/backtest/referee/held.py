"""One open entry of a leg: where its stop and target stand, and what one bar does to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from .bars import Bar, Contract
from .money import distance, to_tick


@dataclass
class Held:
    """An entry that has not left; prices in ticks, `entry` before slippage and `fill` after it."""

    leg: Any
    contract: Contract
    day: date
    minute: int
    entry: int
    fill: int
    units: int
    watch_from: int
    last: tuple[date, int, Bar]  # the latest bar in which it traded
    break_even: bool = False
    pending: str = ""  # the reason of a stop or target that waits for the next open
    best: int = field(init=False)

    def __post_init__(self) -> None:
        self.best = self.entry

    @property
    def way(self) -> int:
        """+1 where a rise is a gain, -1 where it is a loss."""
        return 1 if self.leg.side == "buy" else -1

    def target(self) -> int | None:
        """Return the level of the target."""
        if self.leg.target is None:
            return None
        return to_tick(self.entry + self.way * distance(self.leg.target, self.entry))

    def stop(self) -> tuple[int, str] | None:
        """Return the tightest of what stops this entry, and its reason."""
        stops = []
        if self.leg.stop is not None:
            stops.append((to_tick(self.entry - self.way * distance(self.leg.stop, self.entry)), "stop"))
        trail = self.leg.trail
        if trail is not None and trail.kind == "stepped":
            gain = self.way * (self.best - self.entry)
            steps = math.floor(gain / distance(trail.every, self.entry))
            moved = to_tick(stops[0][0] + self.way * steps * distance(trail.move, self.entry))
            stops.append((moved, "trail"))
        elif trail is not None:
            stops.append((to_tick(self.best - self.way * distance(trail, self.best)), "trail"))
        if self.break_even:
            stops.append((self.entry, "break_even"))
        return max(stops, key=lambda stop: self.way * stop[0]) if stops else None  # the first of equals

    def struck(self, bar: Bar, same_bar: str) -> tuple[str, int, bool] | None:
        """Return reason, level and whether the open was beyond it already, of what a bar sets off."""
        stop, target = self.stop(), self.target()

        def stops(price: int) -> bool:
            return stop is not None and self.way * (price - stop[0]) <= 0

        def gains(price: int) -> bool:
            return target is not None and self.way * (price - target) >= 0

        bad, good = (bar.low, bar.high) if self.way > 0 else (bar.high, bar.low)
        if stops(bar.open):
            return stop[1], stop[0], True
        if gains(bar.open):
            return "target", target, True
        hits = [stops(bad), gains(good)]
        if all(hits):
            nearer = abs(bad - bar.open) <= abs(good - bar.open)
            hits[0] = {"nearer_first": nearer, "stop_first": True, "target_first": False}[same_bar]
        if hits[0]:
            return stop[1], stop[0], False
        return ("target", target, False) if hits[1] else None

    def price(self, convention: str, struck: tuple[str, int, bool], bar: Bar) -> int:
        """Return the price of a stop or target that is filled in the bar that set it off."""
        if convention == "bar_close":
            return bar.close
        if convention == "extreme":
            return bar.low if self.way > 0 else bar.high
        return bar.open if struck[2] else struck[1]

    def watched(self, bar: Bar) -> None:
        """Remember the best price of a bar that is complete."""
        self.best = max(self.best, bar.high) if self.way > 0 else min(self.best, bar.low)
