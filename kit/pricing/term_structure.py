"""Volatility by expiry: level, what lies between expiries, and how the smile leans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kit.arguments import like
from kit.errors import DataError
from kit.pricing.measures import butterfly, risk_reversal
from kit.pricing.snapshot_smile import smile_of

if TYPE_CHECKING:
    from kit.model import ChainSnapshot

COLUMNS = (
    "days", "forward", "atm_iv", "forward_iv", "skew", "risk_reversal_25", "butterfly_25", "put_call_skew",
)  # fmt: skip


def term_structure(chains: Sequence[ChainSnapshot]) -> pd.DataFrame:
    """Return one row per expiry, nearest first.

    Parameters
    ----------
    chains : sequence of ChainSnapshot
        Of one underlying, in any order.

    Returns
    -------
    DataFrame
        Index ``expiry``. ``days`` calendar days; ``forward`` rupees; volatilities as annualised fractions:
        ``atm_iv`` of the fitted smile at the forward, ``forward_iv`` between the expiry before and this one
        (NaN where total variance falls: the quotes disagree), ``skew`` the slope per unit of
        log-moneyness, ``risk_reversal_25`` call less put of a quarter delta, ``butterfly_25`` their mean
        less the money, ``put_call_skew`` a put 5 % below over a call 5 % above, less 1. NaN without a smile.

    Raises
    ------
    DataError
        There are none, or they are of several underlyings.
    """
    for chain in like(chains, "chains", "__iter__"):
        like(chain, "a chain", "wide")
    names = sorted({chain.underlying for chain in chains})
    if len(names) != 1:
        raise DataError("A term structure is of one underlying", names, "Pass the chains of one.")
    ordered = sorted(chains, key=lambda chain: chain.expiry)
    rows = [_row(chain) for chain in ordered]
    table = pd.DataFrame(rows, index=pd.Index([chain.expiry for chain in ordered], name="expiry"))
    total = table["atm_iv"] ** 2 * table["days"]
    step, gap = total.diff().fillna(total), table["days"].diff().fillna(table["days"])
    table["forward_iv"] = np.sqrt((step / gap).where((step >= 0) & (gap > 0)))
    return table[list(COLUMNS)]


def _row(chain: ChainSnapshot) -> dict[str, float]:
    known = {"days": chain.t_years * 365, "forward": chain.forward}
    smile = smile_of(chain)
    if smile is None:
        return known | dict.fromkeys(COLUMNS[2:], np.nan)
    put, call = (float(smile.iv(share * chain.forward)) for share in (0.95, 1.05))
    return known | {
        "atm_iv": smile.atm_iv,
        "skew": smile.skew,
        "risk_reversal_25": risk_reversal(smile),
        "butterfly_25": butterfly(smile),
        "put_call_skew": put / call - 1,
    }
