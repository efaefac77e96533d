"""What is held: the legs of a position."""

from __future__ import annotations

from dataclasses import dataclass

from kit.model.instrument import Right


@dataclass(frozen=True, slots=True)
class Leg:
    """One position of a strategy.

    Parameters
    ----------
    right : {"CE", "PE"}
        Call or put.
    strike : float
        Rupees.
    lots : int
        Positive bought, negative sold.
    price : float
        Entry price, rupees per unit.
    """

    right: Right
    strike: float
    lots: int
    price: float
