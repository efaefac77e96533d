"""From the columns of one expiry to a `ChainSnapshot`: one tidy table with forward, volatility and Greeks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from kit.chains.contracts import Contracts
from kit.clock import risk_free_rate, years_to_expiry
from kit.model import ChainSnapshot, Derived, Source
from kit.pricing.chain import ChainAnalysis, analyse
from kit.pricing.forward import RATE_DOUBT
from kit.pricing.reasons import reason_text

_TEXT = pd.StringDtype("python", na_value=np.nan)
_NUMBERS = ("ltp", "bid", "ask", "volume", "oi", "oi_change", "ltp_change")


def snapshot(
    contracts: Contracts,
    *,
    underlying: str,
    expiry: date,
    taken_at: datetime,
    spot: float,
    lot_size: int,
    source: Source,
    future: float | None = None,
    derived: Mapping[str, Derived] | None = None,
) -> ChainSnapshot:
    """Return a chain with its forward, implied volatilities and Greeks.

    Parameters
    ----------
    contracts : Contracts
        One expiry.
    underlying, expiry, taken_at, lot_size, source
        As in `kit.model.ChainSnapshot`.
    spot : float
        Index level, rupees; NaN: the source does not say, then the forward discounted by the bill rate
        stands in.
    future : float, optional
        Price of the future of this expiry, rupees; the forward where parity has none.
    derived : mapping of str to Derived, optional
        What of `taken_at` and `spot` the source does not state; a spot that is NaN is added.
    """
    years = years_to_expiry(taken_at, expiry)
    rate = risk_free_rate(taken_at.date())
    found = _analysed(contracts, years, spot, rate, future)
    forward = found.forwards[0]
    guessed = dict(derived or {})
    if np.isnan(spot):
        spot = float(forward.value * np.exp(-rate * max(years, 0.0)))
        doubt = 2 * np.nan_to_num(forward.error_inr) + RATE_DOUBT * max(years, 0.0) * spot
        how = f"the forward ({forward.source}) discounted at the bill rate"
        guessed["spot"] = Derived(how, float(spot - doubt), float(spot + doubt))
    return ChainSnapshot(
        underlying=underlying,
        expiry=expiry,
        taken_at=taken_at,
        spot=spot,
        forward=forward.value,
        forward_from=forward.source,
        discount=forward.discount,
        t_years=years,
        lot_size=lot_size,
        frame=_table(contracts, found),
        source=source,
        derived=guessed,
    )


def _analysed(
    contracts: Contracts, years: float, spot: float, rate: float, future: float | None
) -> ChainAnalysis:
    one_expiry = np.zeros(contracts.strike.size)
    quoted = ("bid", "ask", "ltp", "oi", "volume")
    bid, ask, ltp, oi, volume = (contracts.numbers[name] for name in quoted)
    traded = [np.nan if future is None else future]
    return analyse(
        one_expiry, contracts.strike, contracts.is_call, bid, ask, ltp, oi, volume, years,
        spot=spot, rate=rate, future=traded,
    )  # fmt: skip


def _table(contracts: Contracts, found: ChainAnalysis) -> pd.DataFrame:
    greeks = found.greeks._asdict()
    reason = reason_text(greeks.pop("reason"))
    columns = {
        "strike": contracts.strike,
        "right": _text(np.where(contracts.is_call, "CE", "PE").tolist()),
        **{name: contracts.numbers[name] for name in _NUMBERS},
        **greeks,
        "iv_reason": _text(reason),
        "token": _text(contracts.token),
        "symbol": _text(contracts.symbol),
    }
    frame = pd.DataFrame(dict(enumerate(columns.values())))
    frame.columns = pd.Index(_text(columns))
    return frame


def _text(values: Iterable[str]) -> ExtensionArray:
    """Return texts kept in Python's strings.

    Arrow's, the default, cost up to 13 ms for the first one of a process: half a restart.
    """
    return pd.array(np.array([*values], dtype=object), dtype=_TEXT)
