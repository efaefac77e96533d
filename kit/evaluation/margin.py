"""The margin of a position, as an estimate: a scan of sixteen scenarios with hedges counted, plus exposure.

Recipe (NSE Clearing's risk files, recomputed; ``docs/margin.md`` has the evidence): every contract is valued
by Black-Scholes on the index close with one volatility for all strikes, and again after a move of price and
volatility two days later; what a position loses in the worst of sixteen moves is its scan risk. Offsetting
expiries pay a calendar charge, and the market value of its options is taken off. On top come the exposure
margin of short options and futures, and on the day of an expiry an extra for what is sold of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.arguments import checked
from kit.errors import DataError
from kit.evaluation.margin_rules import FAR_DAYS, RiskParameters, risk_parameters
from kit.evaluation.risk_arrays import composite_deltas, risk_arrays
from kit.model import ChainSnapshot, Leg
from kit.model.position import check_legs
from kit.pricing.arrays import Bools, Floats

DEEP = 0.10  # out of the money beyond this fraction of the close
THIRD_MONTH_YEARS = 75 / 365  # to the future, two to three months off, that calendar charges are a part of


@dataclass(frozen=True, slots=True)
class Margin:
    """An estimate of what a position blocks, rupees.

    Parameters
    ----------
    span_inr : float
        Scan risk and calendar charge less the options' market value, at least 0.
    exposure_inr : float
        For every short option, hedged or not, and every future.
    expiry_day_inr : float
        For short options on the day they expire.
    premium_inr : float
        Received when positive.
    scan_inr : float
        What the worst scenario loses.
    scenario : int
        Which of the sixteen that is, from 1.
    calendar_inr : float
        For expiries that offset each other.
    option_value_inr : float
        Market value of the options; negative where more is sold.
    alone_inr : float
        The sum of every leg's total by itself.
    error : float
        How far such estimates have been from published margins, as a fraction of `total_inr`.
    """

    span_inr: float
    exposure_inr: float
    expiry_day_inr: float
    premium_inr: float
    scan_inr: float
    scenario: int
    calendar_inr: float
    option_value_inr: float
    alone_inr: float
    error: float

    @property
    def total_inr(self) -> float:
        """What is blocked: SPAN, exposure and expiry day; brokers call it initial."""
        return self.span_inr + self.exposure_inr + self.expiry_day_inr

    @property
    def cash_inr(self) -> float:
        """What must be on the account: the total less the premium received, plus the premium paid."""
        return self.total_inr - self.premium_inr

    @property
    def benefit_inr(self) -> float:
        """What holding the legs together saves."""
        return self.alone_inr - self.total_inr

    def row(self) -> dict[str, float]:
        """Return every figure by name."""
        return asdict(self) | {name: getattr(self, name) for name in ("total_inr", "cash_inr", "benefit_inr")}


@checked
def margin(legs: Sequence[Leg], snapshot: ChainSnapshot, parameters: RiskParameters | None = None) -> Margin:
    """Estimate the margin of a position on a chain.

    Parameters
    ----------
    legs : sequence of Leg
        Options, futures and the index, which is paid in cash and hedges nothing.
    snapshot : ChainSnapshot
        Gives the day, the lot and the prices now, with chains of other expiries beside it.
    parameters : RiskParameters, optional
        Of the day; default those of `snapshot_parameters`.

    Raises
    ------
    DataError
        There are no legs, a contract does not exist or has no price, or no rules are known for the day.
    UnknownExpiry
        The chain of a leg's expiry is not at hand.
    """
    check_legs(legs, snapshot)
    now = [snapshot.at(leg.expiry).leg(leg.right, leg.strike, leg.lots) for leg in legs]
    premium = -sum(leg.lots * leg.price for leg in legs if leg.is_option) * snapshot.lot_size
    return estimate(now, snapshot.lot_size, parameters or snapshot_parameters(snapshot), premium)


def snapshot_parameters(snapshot: ChainSnapshot) -> RiskParameters:
    """Return the parameters of a chain's day, scanned from its own spot, with the published sigma."""
    return risk_parameters(snapshot.underlying, snapshot.taken_at.date(), close=snapshot.spot)


def estimate(
    legs: Sequence[Leg], lot_size: int, parameters: RiskParameters, premium_inr: float | None = None
) -> Margin:
    """Estimate the margin of legs at given prices, without a chain.

    Parameters
    ----------
    legs : sequence of Leg
        Each with its expiry and its market price.
    lot_size : int
        Units in one lot.
    parameters : RiskParameters
        Of the day.
    premium_inr : float, optional
        What was received for the options; default their market value.
    """
    held = _Held.of([leg for leg in legs if leg.right != "INDEX"], lot_size, parameters)
    all_legs = np.ones(held.units.size, np.bool_)
    # what expires today is scanned by itself where it may not offset what expires later
    together = parameters.calendar_on_expiry or not held.expiring.any()
    parts = [all_legs] if together else [held.expiring, ~held.expiring]
    spans = [_span(held, part, parameters) for part in parts if part.any()]
    exposure, extra = _exposure(held, parameters), parameters.expiry_day * held.expiring * held.notional_short
    value = float(held.value.sum())
    return Margin(
        span_inr=sum(span.total for span in spans),
        exposure_inr=float(exposure.sum()) - _future_calendars(held, parameters),
        expiry_day_inr=float(extra.sum()),
        premium_inr=-value if premium_inr is None else premium_inr,
        scan_inr=sum(span.scan for span in spans),
        scenario=max(spans, key=lambda span: span.scan).scenario if spans else 0,
        calendar_inr=sum(span.calendar for span in spans),
        option_value_inr=value,
        alone_inr=float((_span_alone(held) + exposure + extra).sum()),
        error=parameters.error,
    )


def per_unit(legs: Sequence[Leg], parameters: RiskParameters) -> Floats:
    """Return what one unit of each contract brings to a margin, so that a scan can add positions up.

    Parameters
    ----------
    legs : sequence of Leg
        Options and futures of one expiry, each one lot, with its expiry and its market price.
    parameters : RiskParameters
        Of the day.

    Returns
    -------
    ndarray, shape (n, 19)
        Rupees: exposure and expiry day of a bought unit and of a sold one, the least scan of a sold one, and
        the sixteen losses of a bought one.
    """
    bought = _Held.of(legs, 1, parameters)
    short = np.where(bought.is_option, parameters.close, 0.0)
    sold = replace(bought, units=-bought.units, notional_short=short, least=parameters.short_minimum * short)
    extra = parameters.expiry_day * sold.expiring * sold.notional_short
    sides = (_exposure(bought, parameters), _exposure(sold, parameters) + extra, sold.least)
    return np.column_stack([*sides, bought.losses])


@dataclass(frozen=True, slots=True)
class _Held:
    """Options and futures as columns, one row per leg; all amounts in rupees."""

    is_option: Bools
    units: Floats  # signed
    day: NDArray[np.int64]  # of the expiry
    price: Floats
    value: Floats  # of options; negative where sold, 0 of a future
    losses: Floats  # by scenario
    delta_units: Floats  # composite
    expiring: Bools
    deep: Bools
    far: Bools
    notional_short: Floats  # of short options, at the close
    least: Floats  # scan of short options by the old rule

    @property
    def paid(self) -> Bools:
        """Whether a leg is a bought option: its premium is all that can be lost, and it is paid."""
        return self.is_option & (self.units > 0)

    @classmethod
    def of(cls, legs: Sequence[Leg], lot_size: int, parameters: RiskParameters) -> _Held:
        days = np.array([_expiry(leg, parameters).toordinal() for leg in legs], np.int64)
        right, strike = [leg.right for leg in legs], np.array([leg.strike for leg in legs])
        units = np.array([float(leg.lots) for leg in legs]) * lot_size
        ahead = days - parameters.as_of.toordinal()
        is_option = np.array([leg.is_option for leg in legs], np.bool_)
        prices = np.array([leg.price for leg in legs])
        is_put = np.array([leg.right == "PE" for leg in legs], np.bool_)
        short = parameters.close * np.where(is_option, np.maximum(-units, 0.0), 0.0)
        several = len(set(days.tolist())) > 1
        return cls(
            is_option=is_option,
            units=units,
            day=days,
            price=prices,
            value=np.where(is_option, units * prices, 0.0),
            losses=risk_arrays(right, strike, ahead, parameters) * units[:, None],
            delta_units=units * (composite_deltas(right, strike, ahead, parameters) if several else 0.0),
            expiring=days == parameters.on.toordinal(),
            deep=np.where(is_put, -1, 1) * (strike / parameters.close - 1) > DEEP,
            far=ahead > FAR_DAYS,
            notional_short=short,
            least=parameters.short_minimum * short,
        )


def _expiry(leg: Leg, parameters: RiskParameters) -> date:
    if leg.expiry is None:
        raise DataError("A margin needs every leg's expiry", leg, "Say Leg(..., expiry=date(2026, 12, 29)).")
    if leg.expiry < parameters.on:
        raise DataError("A margin needs living contracts", str(leg.expiry), f"It is of {parameters.on}.")
    return leg.expiry


class _Span(NamedTuple):
    scan: float
    scenario: int
    calendar: float
    total: float


def _span(held: _Held, part: Bools, parameters: RiskParameters) -> _Span:
    """Scan some of the legs together."""
    losses = held.losses[part].sum(axis=0)
    worst = int(np.argmax(losses))
    scan = max(0.0, float(losses[worst]))
    third = parameters.close * math.exp(parameters.rate * THIRD_MONTH_YEARS)
    matched = sum(units for _, _, units in _matches(held.day[part], held.delta_units[part]))
    calendar = parameters.calendar * third * matched
    least = float(held.least[part].sum())
    total = max(scan + calendar - float(held.value[part].sum()), least, 0.0)
    return _Span(scan, worst + 1, calendar, 0.0 if held.paid[part].all() else total)


def _span_alone(held: _Held) -> Floats:
    """Scan every leg by itself."""
    scans = np.maximum(held.losses.max(axis=1, initial=0.0), 0.0) - held.value
    return np.where(held.paid, 0.0, np.maximum(np.maximum(scans, held.least), 0.0))


def _matches(days: NDArray[np.int64], units: Floats) -> Iterator[tuple[int, int, float]]:
    """Match opposite units of different expiries, near before far: both days, and how many offset."""
    left: dict[int, float] = {}
    expiries = sorted(set(days.tolist()))
    for day in expiries if len(expiries) > 1 else ():
        open_units = float(units[days == day].sum())
        for near, waiting in left.items():
            if waiting * open_units < 0:
                offset = min(abs(waiting), abs(open_units))
                left[near] -= math.copysign(offset, waiting)
                open_units -= math.copysign(offset, open_units)
                yield near, day, offset
        left[day] = open_units


def _exposure(held: _Held, parameters: RiskParameters) -> Floats:
    rate = np.where(held.far, parameters.exposure_far, parameters.exposure)
    rate = np.where(held.deep, np.maximum(rate, parameters.exposure_deep), rate)
    futures = parameters.exposure * np.abs(held.units) * held.price
    return np.where(held.is_option, rate * held.notional_short, futures)


def _future_calendars(held: _Held, parameters: RiskParameters) -> float:
    """Return what futures that offset each other save: a pair pays a third of the far one."""
    futures = ~held.is_option
    if np.count_nonzero(futures) < 2:
        return 0.0
    prices = dict(zip(held.day[futures].tolist(), held.price[futures].tolist(), strict=True))
    pairs = _matches(held.day[futures], held.units[futures])
    spared = [units * (prices[near] + prices[far] * 2 / 3) for near, far, units in pairs]
    return parameters.exposure * math.fsum(spared)
