"""What waits in the book beside the best prices, and between which prices a day may trade."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kit.simulator.contracts import ListedContract
from kit.simulator.randomness import uniforms

LEVELS = 5
NO_LEVEL = {"price": 0.0, "quantity": 0, "orders": 0}
_CIRCUIT, _OPTION_CIRCUIT = 0.10, 0.08  # of the previous close, and of the underlying for an option


def circuit(contract: ListedContract, close: float) -> tuple[float, float]:
    """Return the limits of the day that follows a close, rupees; an index has none."""
    if contract.kind in ("INDEX", "VIX"):
        return 0.0, 0.0
    reach = _CIRCUIT * close
    if contract.kind == "OPTION":
        reach += _OPTION_CIRCUIT * contract.strike
    return max(contract.tick, round(close - reach, 1)), round(close + reach, 1)


def level_sizes(seed: int, contracts: Sequence[ListedContract], now: datetime) -> list[list[float]]:
    """Draw how much waits at each of ten levels, five to buy and five to sell; changes every second."""
    numbers = [[contract.number] for contract in contracts]
    drawn: list[list[float]] = uniforms(
        seed, 21, numbers or [[0]], int(now.timestamp()), list(range(2 * LEVELS))
    ).tolist()
    return drawn


def levels(best: float, step: float, lot: int, sizes: Sequence[float]) -> list[dict[str, Any]]:
    """Return five levels away from the best price; empty ones where nobody quotes."""
    if not best:
        return [NO_LEVEL] * LEVELS
    prices = [round(best + step * number, 2) for number in range(LEVELS)]
    return [
        {"price": price, "quantity": lot * int(1 + 40 * size), "orders": int(1 + 12 * size)}
        if price > 0
        else NO_LEVEL
        for price, size in zip(prices, sizes, strict=True)
    ]
