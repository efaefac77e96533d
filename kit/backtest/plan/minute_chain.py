"""The chain of one minute's closes, on which a strategy of `kit.strategies` takes its legs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from functools import cache
from math import exp, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.clock import IST
from kit.model import ChainSnapshot, Held, Leg
from kit.model.chain import GREEK_COLUMNS, QUOTE_COLUMNS
from kit.pricing.arrays import Floats
from kit.pricing.black76 import greeks, price


class MinuteChain(ChainSnapshot):
    """A chain of closes: a contract without a trade in the minute is listed, and has no price.

    A strategy may take it as a leg all the same; whether and when it can be had is the backtest's question.
    """

    def leg(self, right: Held, strike: float, lots: int) -> Leg:
        """Return a leg of this expiry at its close; NaN where it did not trade.

        Raises
        ------
        DataError
            The strike is not listed.
        """
        return Leg(right, strike, lots, self.price(strike, right), self.expiry)


def minute_chain(
    underlying: str, expiry: date, at: datetime, levels: tuple[float, float], strikes: NDArray[Any],
    closes: tuple[Floats, Floats], deltas: tuple[Floats, Floats],
) -> MinuteChain:  # fmt: skip
    """Return the chain of one expiry.

    Parameters
    ----------
    underlying, expiry, at
        As in `kit.model.ChainSnapshot`.
    levels : tuple of float
        Spot and forward, rupees.
    strikes : (n,) array
        Every listed strike, ascending, rupees.
    closes, deltas : pair of (n,) arrays
        Of the calls and of the puts; NaN: no trade.
    """
    columns: dict[str, Any] = dict.fromkeys((*QUOTE_COLUMNS, *GREEK_COLUMNS), nan)
    columns |= {
        "strike": np.repeat(strikes.astype(float), 2),
        "right": np.tile(["CE", "PE"], len(strikes)),
        "ltp": np.column_stack(closes).ravel(),
        "delta": np.column_stack(deltas).ravel(),
    }
    return MinuteChain(
        underlying=underlying,
        expiry=expiry,
        taken_at=at,
        spot=levels[0],
        forward=levels[1],
        forward_from="parity",
        discount=1.0,
        t_years=nan,
        lot_size=0,
        frame=pd.DataFrame(columns),
        source="file",
    )


def with_later(chains: Sequence[MinuteChain]) -> MinuteChain:
    """Return the first of some chains with the later ones at hand."""
    return chains[0].beside(*chains[1:]) if len(chains) > 1 else chains[0]


@cache
def ordinary_chain() -> MinuteChain:
    """Return a chain with every strike, on which a strategy finds its legs and shows their structure."""
    strikes, forward = np.arange(20_000.0, 100_001.0, 100.0), 50_000.0
    chains = []
    for number, weeks in enumerate((1, 2, 3)):
        years, discount = weeks * 7 / 365, exp(-0.06 * weeks * 7 / 365)
        given = (forward, strikes, years, 0.15, discount)
        closes = tuple(np.asarray(price(*given, call), float) for call in (True, False))
        deltas = tuple(np.asarray(greeks(*given, call).delta, float) for call in (True, False))
        at, expiry = datetime.combine(date(2024, 1, 3), time(9, 20), IST), date(2024, 1, 10 + 7 * number)
        chains.append(minute_chain("BANKNIFTY", expiry, at, (forward, forward), strikes, closes, deltas))  # type: ignore[arg-type]
    return with_later(chains)
