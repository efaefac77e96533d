"""A chain as an analyst reads it: strikes down the middle, lots, percent and rupees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from kit.model.chain import ChainSnapshot


def chain_table(snapshot: ChainSnapshot, around: int = 6) -> pd.DataFrame:
    """Return the strikes around the money, calls before puts; index the strike."""
    wide = snapshot.wide(around)
    shown = pd.DataFrame(index=wide.index.astype(int))
    for right, side in (("CE", "call"), ("PE", "put")):
        part = wide[right]
        shown[f"{side} OI lots"] = (part["oi"] / snapshot.lot_size).round().astype("Int64")
        shown[f"{side} IV %"] = (part["iv"] * 100).round(2)
        shown[f"{side} delta"] = part["delta"].round(3)
        shown[f"{side} bid"] = part["bid"].round(2)
        shown[f"{side} ask"] = part["ask"].round(2)
    return shown
