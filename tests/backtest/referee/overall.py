"""Limits on the rupees of the whole position, judged at closes."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from .bars import TICKS, exact


class Limits:
    """Stop, target, trail and lock of a position; what moves, moves after a close was judged."""

    def __init__(self, rules: Any) -> None:
        self.rules, self.best = rules, Fraction(0)  # rupees

    def judge(self, earned: int) -> str:
        """Return why all legs leave at this close, by ticks times units; nothing where they stay."""
        if not any((self.rules.stop_inr, self.rules.target_inr, self.rules.lock)):
            return ""
        profit = Fraction(earned, TICKS)
        found = self._found(profit)
        self.best = max(self.best, profit)
        return found

    def _found(self, profit: Fraction) -> str:
        rules, kept = self.rules, self._kept()
        if rules.stop_inr is not None and profit <= self._stop():
            return "overall_stop"
        if rules.target_inr is not None and profit >= exact(rules.target_inr):
            return "overall_target"
        return "lock" if kept is not None and profit <= kept else ""

    def _stop(self) -> Fraction:
        stop, trail = -exact(self.rules.stop_inr), self.rules.trail
        if trail is not None:
            stop += math.floor(self.best / exact(trail.every_inr)) * exact(trail.move_inr)
        return stop

    def _kept(self) -> Fraction | None:
        lock = self.rules.lock
        if lock is None or self.best < exact(lock.at_inr):
            return None
        kept = exact(lock.keep_inr)
        if lock.every_inr is not None:
            steps = math.floor((self.best - exact(lock.at_inr)) / exact(lock.every_inr))
            kept += steps * exact(lock.move_inr)
        return kept
