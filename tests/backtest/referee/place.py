"""What a leg of the plan is at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import money
from .bars import Contract
from .held import Held


@dataclass
class Place:
    """What a leg of the plan is at: waiting for an entry, open, or through."""

    number: int
    leg: Any
    lots: int
    phase: str = "out"  # enter, move, cost, open, out
    moment: int = 0  # the first at which an entry is tried
    at_open: bool = False
    waits: Any = None  # how far the contract must move first
    contract: Contract | None = None
    base: int = 0  # the close from which a move counts, or the last one before an entry at cost
    first_price: int = 0  # of the contract it may take again at cost
    entries: int = 0
    again: dict[str, int] = field(default_factory=dict)
    held: Held | None = None

    def seek(self, moment: int, at_open: bool, waits: Any) -> None:
        """Look for a contract from a moment on; one that must move first is filled at a close."""
        self.phase, self.moment, self.at_open, self.waits = "enter", moment, at_open and waits is None, waits
        self.contract = None

    def has_moved(self, close: int) -> bool:
        """Tell whether the chosen contract has moved as far as it must."""
        far = money.distance(self.waits, self.base)
        level = money.to_tick(self.base + far)
        return close >= level if far > 0 else close <= level
