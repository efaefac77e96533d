"""Which chains may stand side by side in one position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.errors import DataError

if TYPE_CHECKING:
    from kit.model.chain import ChainSnapshot


def check_together(first: ChainSnapshot, *others: ChainSnapshot) -> None:
    """Refuse chains that make no position together.

    Raises
    ------
    DataError
        One is of another underlying or another day, or an expiry comes twice.
    """
    for chain in others:
        if chain.underlying != first.underlying:
            names = (first.underlying, chain.underlying)
            raise DataError("Chains of different underlyings make no position", names, "Choose one.")
        if chain.taken_at.date() != first.taken_at.date():
            days = (str(first.taken_at.date()), str(chain.taken_at.date()))
            raise DataError("Chains of different days make no position", days, "Take them at one time.")
    expiries = [first.expiry, *(chain.expiry for chain in others)]
    if len(set(expiries)) < len(expiries):
        raise DataError("An expiry comes twice", [str(day) for day in expiries], "Pass each chain once.")
