"""What a position blocks, in microseconds: a chain's contracts are scanned once, positions are sums of them.

The figure is `kit.evaluation.margin.margin`'s total; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from weakref import WeakKeyDictionary

import numpy as np

from kit.errors import DataError
from kit.evaluation.margin import margin, per_unit, snapshot_parameters
from kit.evaluation.margin_rules import RiskParameters
from kit.model import ChainSnapshot, Held, Leg

_Scanned = dict[
    tuple[Held, float], tuple[float, ...]
]  # a contract's value (0 of a future) and row of `per_unit`
_SCANNED: WeakKeyDictionary[ChainSnapshot, _Scanned | None] = WeakKeyDictionary()


def margin_inr(legs: Sequence[Leg], snapshot: ChainSnapshot) -> float:
    """Return what a position blocks at the chain's prices, rupees.

    Parameters
    ----------
    legs : sequence of Leg
        Options, futures, and the index, which is paid in cash and blocks nothing.
    snapshot : ChainSnapshot
        The chain of the first expiry, with those of later ones beside it.

    Returns
    -------
    float
        NaN where a contract has no price, or where no rules are known for the underlying or the day.
    """
    if snapshot not in _SCANNED:
        _SCANNED[snapshot] = _scanned(snapshot)
    scanned = _SCANNED[snapshot]
    if scanned is None:
        return nan
    held = [leg for leg in legs if leg.right != "INDEX"]
    if any(leg.expiry not in (None, snapshot.expiry) for leg in held):
        return margin(held, snapshot).total_inr
    rows = [scanned.get((leg.right, leg.strike)) for leg in held]
    known = [row for row in rows if row is not None]
    if len(known) < len(held):
        return nan
    return snapshot.lot_size * _blocked(known, [leg.lots for leg in held])


def rules_of(snapshot: ChainSnapshot) -> RiskParameters | str:
    """Return the parameters of a chain's day, or why there are none: an old day, or another index."""
    try:
        return snapshot_parameters(snapshot)
    except DataError as error:
        return f"no margin: {error}"


def _scanned(snapshot: ChainSnapshot) -> _Scanned | None:
    rules = rules_of(snapshot)
    if isinstance(rules, str):
        return None
    legs = [
        Leg(right, strike, 1, contract.price, snapshot.expiry)
        for right, contracts in snapshot.contracts.items() if right != "INDEX"
        for strike, contract in contracts.items() if not isnan(contract.price)
    ]  # fmt: skip
    rows = np.round(per_unit(legs, rules), 6).tolist()  # the two pricing engines agree to the ninth decimal
    return {(leg.right, leg.strike): (leg.price if leg.is_option else 0.0, *row)
            for leg, row in zip(legs, rows, strict=True)}  # fmt: skip


def _blocked(rows: Sequence[tuple[float, ...]], lots: Sequence[int]) -> float:
    """Add rows up: the worst scenario less the options' value, at least the floor, and what stands beside."""
    value = beside = floor = 0.0
    losses = [0.0] * 16
    for (price, held, sold, least, *scenarios), number in zip(rows, lots, strict=True):
        value += number * price
        beside += number * held if number > 0 else -number * sold
        floor -= min(number, 0) * least
        losses = [loss + number * one for loss, one in zip(losses, scenarios, strict=True)]
    return max(max(*losses, 0.0) - value, floor, 0.0) + beside
