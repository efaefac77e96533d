"""What waits in the book beside the best prices, and between which prices a day may trade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from kit.clock import Segment, last_session
from kit.simulator.contracts import ListedContract
from kit.simulator.randomness import uniforms
from kit.simulator.tape import Quote

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


def limits(quote: Quote, closes: Mapping[Segment, datetime], now: datetime) -> tuple[float, float]:
    """Return between which prices a contract may trade, rupees; after its close those of the next day."""
    closed = now >= closes["derivatives" if quote.contract.expiry else "cash"]
    return circuit(quote.contract, quote.ltp if closed else quote.previous)


def closes(now: datetime) -> dict[Segment, datetime]:
    """Return when the session of a moment, or the latest one, closes by segment."""
    return {segment: last_session(now, segment).close for segment in get_args(Segment)}


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
