"""A chain as an analyst reads it: strikes down the middle, lots, percent and rupees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kit.arguments import number

if TYPE_CHECKING:
    from kit.model.chain import ChainSnapshot


def wide(snapshot: ChainSnapshot, around: int | None = None) -> pd.DataFrame:
    """Return calls left, puts right, one row per strike; see `ChainSnapshot.wide`."""
    shown = ["oi", "volume", "iv", "delta", "bid", "ask", "ltp"]
    sides = snapshot.frame.pivot(index="strike", columns="right", values=shown)
    ordered = [(name, "CE") for name in shown] + [(name, "PE") for name in reversed(shown)]
    sides = sides.reindex(columns=pd.MultiIndex.from_tuples(ordered)).swaplevel(axis="columns")
    if around is None:
        return sides
    around = int(number(around, "Not a number of strikes", above=-1, most=1e6))
    middle = snapshot.strikes.index(snapshot.atmf_strike)
    return sides.iloc[max(0, middle - around) : middle + around + 1]


def chain_table(snapshot: ChainSnapshot, around: int = 6) -> pd.DataFrame:
    """Return the strikes around the money, calls before puts; index the strike."""
    sides = snapshot.wide(around)
    shown = pd.DataFrame(index=sides.index.astype(int))
    for right, side in (("CE", "call"), ("PE", "put")):
        part = sides[right]
        shown[f"{side} OI lots"] = (part["oi"] / snapshot.lot_size).round().astype("Int64")
        shown[f"{side} IV %"] = (part["iv"] * 100).round(2)
        shown[f"{side} delta"] = part["delta"].round(3)
        shown[f"{side} bid"] = part["bid"].round(2)
        shown[f"{side} ask"] = part["ask"].round(2)
    return shown
