"""From the columns of expiries to a `ChainSnapshot`: one tidy table with forward, volatility and Greeks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from kit.chains.contracts import Contracts
from kit.clock import in_ist, risk_free_rate, tick_inr, years_to_expiry
from kit.facts import underlying_name
from kit.model import ChainSnapshot, Derived, Source
from kit.pricing.chain import ChainAnalysis, analyse
from kit.pricing.forward import RATE_DOUBT, Forward
from kit.pricing.reasons import reason_text
from kit.pricing.snapshot_smile import SmileFits

_TEXT = pd.StringDtype("python", na_value=np.nan)
_NUMBERS = ("ltp", "bid", "ask", "volume", "oi", "oi_change", "ltp_change", "bid_qty", "ask_qty")


class Listed(NamedTuple):
    """One expiry to be made into a snapshot.

    Parameters
    ----------
    contracts : Contracts
        Its options.
    expiry : date
        Last trading day.
    lot_size : int
        Units in one lot.
    future : float, default NaN
        Price at which the future of this expiry trades, rupees; the forward where parity has none.
    derived : mapping of str to Derived, optional
        What of the moment and of the spot the source does not state; a spot that is NaN is added.
    """

    contracts: Contracts
    expiry: date
    lot_size: int
    future: float = float("nan")
    derived: Mapping[str, Derived] = MappingProxyType({})


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
) -> ChainSnapshot:
    """Return the chain of one expiry alone: `snapshots` of one `Listed`."""
    one = Listed(contracts, expiry, lot_size, float("nan") if future is None else future)
    return snapshots([one], underlying=underlying, taken_at=taken_at, spot=spot, source=source)[0]


def snapshots(
    series: Sequence[Listed], *, underlying: str, taken_at: datetime, spot: float, source: Source
) -> list[ChainSnapshot]:
    """Return the chains of several expiries, taken at one moment, with forwards, volatilities and Greeks.

    What an expiry's own quotes do not tell, its neighbours do: the carry to a forward, and the
    level and shape of a thin smile.

    Parameters
    ----------
    series : sequence of Listed
        Each expiry once.
    underlying, taken_at, source
        As in `kit.model.ChainSnapshot`.
    spot : float
        Index level, rupees; NaN: the source does not say, then the forward discounted by the bill rate
        stands in.

    Returns
    -------
    list of ChainSnapshot
        Nearest expiry first.
    """
    taken_at, underlying = in_ist(taken_at), underlying_name(underlying)
    listed = sorted(series, key=lambda one: one.expiry)
    years = [years_to_expiry(taken_at, one.expiry) for one in listed]
    rate = risk_free_rate(taken_at.date())
    found = _analysed(listed, years, spot, rate, tick_inr(taken_at.date()))
    ends = np.cumsum([one.contracts.strike.size for one in listed])[:-1]
    parts = np.split(np.arange(found.price.size), ends)
    tables = [_table(one.contracts, found, rows) for one, rows in zip(listed, parts, strict=True)]
    fits = SmileFits(
        [
            (table, forward.value, t_years)
            for table, forward, t_years in zip(tables, found.forwards, years, strict=True)
        ]
    )
    chains = []
    for number, (one, t_years, forward) in enumerate(zip(listed, years, found.forwards, strict=True)):
        level, derived = _spot(spot, forward, t_years, rate)
        chain = ChainSnapshot(
            underlying=underlying,
            expiry=one.expiry,
            taken_at=taken_at,
            spot=level,
            forward=forward.value,
            forward_from=forward.source,
            discount=forward.discount,
            t_years=t_years,
            lot_size=one.lot_size,
            frame=tables[number],
            source=source,
            derived={**one.derived, **derived},
            fit=fits.of(number),
        )
        chains.append(chain)
    return chains


def _spot(spot: float, forward: Forward, t_years: float, rate: float) -> tuple[float, dict[str, Derived]]:
    """Return the spot, and where the source does not state it what it is derived from."""
    if not np.isnan(spot):
        return spot, {}
    years = max(t_years, 0.0)
    level = float(forward.value * np.exp(-rate * years))
    doubt = float(2 * np.nan_to_num(forward.error_inr) + RATE_DOUBT * years * level)
    how = f"the forward ({forward.source}) discounted at the bill rate"
    return level, {"spot": Derived(how, level - doubt, level + doubt)}


def _analysed(
    listed: Sequence[Listed], years: Sequence[float], spot: float, rate: float, step_inr: float
) -> ChainAnalysis:
    sizes = [one.contracts.strike.size for one in listed]
    strike = np.concatenate([one.contracts.strike for one in listed])
    call = np.concatenate([one.contracts.is_call for one in listed])
    bid, ask, ltp, oi, volume = (
        np.concatenate([one.contracts.numbers[name] for one in listed])
        for name in ("bid", "ask", "ltp", "oi", "volume")
    )
    number, t_years = np.repeat(np.arange(len(listed)), sizes), np.repeat(years, sizes)
    futures = [one.future for one in listed]
    return analyse(
        number, strike, call, bid, ask, ltp, oi, volume, t_years,
        spot=spot, rate=rate, future=futures, step_inr=step_inr,
    )  # fmt: skip


def _table(contracts: Contracts, found: ChainAnalysis, rows: NDArray[np.intp]) -> pd.DataFrame:
    greeks = {name: values[rows] for name, values in found.greeks._asdict().items()}
    reason, unknown = reason_text(greeks.pop("reason")), np.full(rows.size, np.nan)
    columns = {
        "strike": contracts.strike,
        "right": _text(np.where(contracts.is_call, "CE", "PE").tolist()),
        **{name: contracts.numbers.get(name, unknown) for name in _NUMBERS},
        **greeks,
        "iv_reason": _text(reason),
        "iv_quality": found.iv_quality[rows],
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
