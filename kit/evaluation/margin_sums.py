"""The margin of a position in microseconds: a chain's contracts are scanned once, a position sums them up.

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
_SUMS = 19  # value, what stands beside the scan, least scan, and sixteen losses


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
    held = [leg for leg in legs if leg.right != "INDEX"]
    if _scanned(snapshot) is not None and any(leg.expiry not in (None, snapshot.expiry) for leg in held):
        return margin(held, snapshot).total_inr
    sums = np.sum([blocks(leg, snapshot) for leg in held], axis=0).tolist() if held else [0.0] * _SUMS
    return snapshot.lot_size * blocked(sums)


def blocks(leg: Leg, snapshot: ChainSnapshot) -> tuple[float, ...]:
    """Return what a leg of a chain's own expiry adds to the sums of `blocked`; NaN where it is not known."""
    if leg.right == "INDEX":
        return (0.0,) * _SUMS
    row = (_scanned(snapshot) or {}).get((leg.right, leg.strike))
    if row is None:
        return (nan,) * _SUMS
    lots = leg.lots
    value, bought, sold, least, *losses = row
    beside = lots * bought if lots > 0 else -lots * sold
    return lots * value, beside, -min(lots, 0) * least, *(lots * loss for loss in losses)


def blocked(sums: Sequence[float]) -> float:
    """Return a margin, rupees by unit: the worst loss less the value, at least the floor, and what is beside.

    Parameters
    ----------
    sums : sequence of float
        Those of `blocks` over the legs.
    """
    value, beside, floor = sums[:3]
    if beside == 0.0:
        return 0.0  # bought options alone: whatever else is held pays exposure
    return max(max(*sums[3:], 0.0) - value, floor, 0.0) + beside


def rules_of(snapshot: ChainSnapshot) -> RiskParameters | str:
    """Return the parameters of a chain's day, or why there are none: an old day, or another index."""
    try:
        return snapshot_parameters(snapshot)
    except DataError as error:
        return f"no margin: {error}"


def _scanned(snapshot: ChainSnapshot) -> _Scanned | None:
    """Return the contracts of a chain as `per_unit` scans them, once; None where no rules are known."""
    if snapshot in _SCANNED:
        return _SCANNED[snapshot]
    rules = rules_of(snapshot)
    if isinstance(rules, str):
        _SCANNED[snapshot] = None
        return None
    legs = [
        Leg(right, strike, 1, contract.price, snapshot.expiry)
        for right, contracts in snapshot.contracts.items() if right != "INDEX"
        for strike, contract in contracts.items() if not isnan(contract.price)
    ]  # fmt: skip
    rows = np.round(per_unit(legs, rules), 6).tolist()  # the two pricing engines agree to the ninth decimal
    found = {(leg.right, leg.strike): (leg.price if leg.is_option else 0.0, *row)
             for leg, row in zip(legs, rows, strict=True)}  # fmt: skip
    _SCANNED[snapshot] = found
    return found
