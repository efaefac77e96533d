"""What the clearing house scans a position with on a day: volatility, scan ranges and the dated rates.

The rules are those of NSE Clearing for index options, each a dated row of ``data/span_rules.csv`` with its
source. The daily sigma is an exponentially weighted average of squared index returns, which index closes
alone give; where there are none, the published values of ``data/span_volatility.csv`` are interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from math import sqrt
from typing import Literal

import numpy as np
import pandas as pd

from kit.arguments import checked, instance
from kit.errors import DataError
from kit.evaluation.index_sigma import daily_sigma, published_sigma
from kit.facts import in_force, table, underlying_name, within

SigmaFrom = Literal["given", "closes", "published"]
FAR_DAYS = 274  # nine months
ERROR = {
    "given": 0.02,
    "closes": 0.03,
    "published": 0.05,
}  # largest found against dated examples, see docs/margin.md


@dataclass(frozen=True, slots=True)
class RiskParameters:
    """What one day's scan is made with; fractions are of `close`.

    Parameters
    ----------
    underlying : str
        Index.
    on : date
        The trading day that the margin is for.
    as_of : date
        The day of `close`, from which time to expiry counts.
    close : float
        Index level that the scan starts at, rupees: the last close before `on`.
    sigma : float
        Standard deviation of a day's log return.
    sigma_from : {"given", "closes", "published"}
        Where `sigma` comes from.
    price_scan, price_scan_far : float
        Largest move; of options that expire more than nine months ahead.
    vol_scan : float
        Largest change of volatility, annualised.
    rate : float
        Annual.
    exposure, exposure_deep, exposure_far : float
        Added for each short option and each future: as a rule, for strikes more than 10 % out of the money,
        and beyond nine months.
    expiry_day : float
        Added for short options that expire today.
    short_minimum : float
        Least scan of a short option.
    calendar : float
        Charged on each unit of one expiry that offsets a unit of another.
    calendar_on_expiry : bool
        Whether what expires today may offset what expires later.
    """

    underlying: str
    on: date
    as_of: date
    close: float
    sigma: float
    sigma_from: SigmaFrom
    price_scan: float
    price_scan_far: float
    vol_scan: float
    rate: float
    exposure: float
    exposure_deep: float
    exposure_far: float
    expiry_day: float
    short_minimum: float
    calendar: float
    calendar_on_expiry: bool

    @property
    def volatility(self) -> float:
        """The one volatility at which every contract is valued, annualised over calendar days."""
        return sqrt(365) * self.sigma

    @property
    def error(self) -> float:
        """How far a margin from these has been from published ones, as a fraction: see ``docs/margin.md``."""
        return ERROR[self.sigma_from]


@checked
def risk_parameters(
    underlying: str,
    on: date,
    *,
    closes: pd.Series[float] | None = None,
    close: float | None = None,
    as_of: date | None = None,
    sigma: float | None = None,
) -> RiskParameters:
    """Return what a day's margins are computed with.

    Parameters
    ----------
    underlying : str
        ``"BANKNIFTY"`` or ``"NIFTY"``.
    on : date
        The trading day.
    closes : Series, optional
        Daily closes of the index by date, rupees, for at least two years before `on`; later ones are not
        looked at. They give close and sigma.
    close : float, optional
        Index level to scan from instead of the last of `closes`, rupees.
    as_of : date, optional
        Its day; default the last of `closes`, else `on`.
    sigma : float, optional
        Daily standard deviation as the exchange published it, instead of that of `closes`.

    Raises
    ------
    DataError
        The underlying has no rules here, the day is before them, or there is neither a close nor closes.
    """
    underlying = underlying_name(underlying)
    if underlying not in {row["underlying"] for row in table("span_volatility")}:
        raise DataError(
            "No margin rules are known for this underlying", underlying, "Take BANKNIFTY or NIFTY."
        )
    found: SigmaFrom = "given"
    if closes is not None:
        known = _before(instance(closes, pd.Series, "closes"), on)
        if sigma is None:
            sigma, found = daily_sigma(known, _rules(underlying, on)["lambda"]), "closes"
        if close is None:
            close, as_of = float(known.iloc[-1]), pd.Timestamp(known.index[-1]).date()
    if close is None or not 0 < close < np.inf:
        raise DataError("A margin needs an index level to scan from", close, "Pass `close` or `closes`.")
    if sigma is None:
        sigma, found = published_sigma(underlying, on), "published"
    return _parameters(underlying, on, as_of or on, close, sigma, found)


def _before(closes: pd.Series[float], on: date) -> pd.Series[float]:
    known = closes.dropna().sort_index()
    known = known[pd.DatetimeIndex(known.index).date < on]
    if not known.size:
        raise DataError("There is no close before", on.isoformat(), "Pass an earlier history.")
    return known


def _parameters(
    underlying: str, on: date, as_of: date, close: float, sigma: float, found: SigmaFrom
) -> RiskParameters:
    if not 0 < sigma < 1:
        raise DataError("A daily sigma is a fraction between 0 and 1", sigma, "0.01 is 1 % a day.")
    rule = _rules(underlying, on)
    volatility = sqrt(365) * sigma
    moves = rule["price_sigmas"] * sqrt(2) * sigma
    return RiskParameters(
        underlying, on, as_of, close, sigma, found,
        price_scan=max(moves, rule["price_floor"]),
        price_scan_far=max(moves, rule["price_floor_far"]),
        vol_scan=max(round(rule["vol_share"] * volatility, 2), rule["vol_floor"]),
        calendar_on_expiry=bool(rule["calendar_on_expiry"]),
        **{name: rule[name] for name in _PLAIN},
    )  # fmt: skip


_PLAIN = (
    "rate", "exposure", "exposure_deep", "exposure_far", "expiry_day", "short_minimum", "calendar",
)  # fmt: skip


@cache
def _rules(underlying: str, on: date) -> dict[str, float]:
    within("span_rules", on)
    rows = [row for row in table("span_rules") if row["underlying"] in (underlying, "any")]
    names = dict.fromkeys(row["rule"] for row in rows)
    return {name: float(in_force(rows, on, rule=name)["value"]) for name in names}
