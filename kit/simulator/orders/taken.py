"""What was executed is not in the seeded book any more, for as long as its price level lives.

A level lives from the second at which its price comes into the five that are shown of a side to the second at
which it leaves them: whoever waits there is then gone, and who comes back later is somebody else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kit.simulator.contracts import ListedContract
from kit.simulator.depth import LEVELS
from kit.simulator.tape import Course

CourseOf = Callable[[ListedContract, int, int], Course | None]


class TakenSizes:
    """Units that executions took out of levels that live.

    Parameters
    ----------
    course : callable
        ``(contract, first second, last second)`` gives what a contract showed.
    """

    def __init__(self, course: CourseOf) -> None:
        self._course = course
        self._rows: dict[tuple[str, bool], dict[float, tuple[int, int]]] = {}  # units, and up to which second

    def __bool__(self) -> bool:
        return bool(self._rows)

    def forget(self) -> None:
        """Forget all: another day begins."""
        self._rows.clear()

    def add(self, contract: ListedContract, is_bid: bool, price: float, units: int, second: int) -> None:
        """Take units out of a level."""
        side = self._rows.setdefault((contract.token, is_bid), {})
        side[price] = (side.get(price, (0, 0))[0] + units, second)

    def of(self, contract: ListedContract, is_bid: bool, second: int) -> dict[float, int]:
        """Return the units that are missing at a second, by price."""
        side = self._rows.get((contract.token, is_bid), {})
        return {price: units for price, (units, since_s) in side.items()
                if self._lives(contract, is_bid, price, since_s, second)}  # fmt: skip

    def pass_to(self, contract: ListedContract, is_bid: bool, second: int) -> dict[float, int]:
        """Return what `of` does and forget what has died; nothing earlier is asked afterwards."""
        found = self.of(contract, is_bid, second)
        if found or (contract.token, is_bid) in self._rows:
            self._rows[contract.token, is_bid] = {price: (units, second) for price, units in found.items()}
        return found

    def _lives(self, contract: ListedContract, is_bid: bool, price: float, since_s: int, second: int) -> bool:
        if second <= since_s:
            return True
        seen = self._course(contract, since_s, second)
        if seen is None:
            return False
        inside = (seen.bid - price if is_bid else price - seen.ask) / contract.tick
        quoted = (seen.bid if is_bid else seen.ask) > 0
        return bool(np.all(quoted & (inside > -0.5) & (inside < LEVELS - 0.5)))
