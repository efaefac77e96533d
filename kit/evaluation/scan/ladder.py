"""A chain as rows of plain numbers: all that a scan needs of each contract, worked out once.

What a position is worth is a sum over its legs of what a contract is worth, bought or sold; everything but
the shape of its profit and its breakevens is such a sum, so that a scan only adds rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from math import isnan, nan
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from kit.errors import DataError
from kit.evaluation.costs import opening_inr, round_trip_inr
from kit.evaluation.distribution import Distribution, SampleDistribution, SmileDistribution
from kit.evaluation.exercise import exercise_rate
from kit.evaluation.leg_figures import error_squared, means
from kit.evaluation.liquidity import contradicting, entry_price, has_future, is_theory, spread_pct, touch
from kit.evaluation.margin import per_unit
from kit.evaluation.margin_rules import RiskParameters
from kit.evaluation.scan import columns as col
from kit.evaluation.terms import Terms
from kit.evaluation.verdict import NO_MARKET
from kit.model import ChainSnapshot, Contract, Held, Leg
from kit.pricing.arrays import Floats

RIGHTS: tuple[Held, ...] = ("CE", "PE", "FUT")
_KNOWN: WeakKeyDictionary[ChainSnapshot, dict[tuple[Terms, RiskParameters | str], Ladder]] = (
    WeakKeyDictionary()
)


@dataclass(frozen=True, eq=False)
class Ladder:
    """The contracts of one chain on given terms.

    Parameters
    ----------
    keys : tuple of (str, float)
        Right and strike of each contract; calls, puts, then the future.
    contracts : ndarray, shape (contracts, columns)
        The columns of `kit.evaluation.scan.columns`.
    terms : ndarray, shape (places,)
        What holds for all: lot, discount, charges, the view's distribution.
    levels : ndarray, shape (n,)
        Of an empirical view, ascending; else empty.
    likely : Distribution
        Of the view.
    note : str
        What the figures lack; empty: nothing.
    later : (date, Ladder), optional
        A later expiry and its contracts, for positions that span both; their rows are numbered on.
    """

    keys: tuple[tuple[Held, float], ...]
    contracts: Floats
    terms: Floats
    levels: Floats
    likely: Distribution
    note: str
    later: tuple[date, Ladder] | None = None

    def strikes(self, right: Held) -> Floats:
        """Return the strikes of one right, ascending."""
        return self._strikes[right]

    def place(self, right: Held) -> int:
        """Return where the contracts of one right begin."""
        return next((at for at, (kind, _) in enumerate(self.keys) if kind == right), 0)

    @cached_property
    def tables(self) -> dict[tuple[object, ...], NDArray[np.int32]]:
        """What the families of a scan have looked up, see `kit.evaluation.scan.families`."""
        return {}

    def __getstate__(self) -> dict[str, object]:
        return {part.name: getattr(self, part.name) for part in fields(self)}  # looked up again at need

    @cached_property
    def listed(self) -> Floats:
        """The strikes of calls and puts, ascending."""
        return np.unique(np.append(self.strikes("CE"), self.strikes("PE")))

    @cached_property
    def _strikes(self) -> dict[Held, Floats]:
        return {right: np.array([k for kind, k in self.keys if kind == right]) for right in RIGHTS}

    def legs(self, places: NDArray[np.integer], lots: NDArray[np.integer], chain: ChainSnapshot) -> list[Leg]:
        """Return a position of a scan as legs at the chain's prices."""
        held = list[Leg]()
        for place, number in zip(places.tolist(), lots.tolist(), strict=True):
            of, keys, at = chain, self.keys, place
            if self.later is not None and place >= len(keys):
                of, keys, at = chain.at(self.later[0]), self.later[1].keys, place - len(keys)
            right, strike = keys[at]
            held.append(of.leg(right, strike, number))
        return held


def ladder(chain: ChainSnapshot, terms: Terms, rules: RiskParameters | str) -> Ladder:
    """Return a chain's contracts that have a price, on given terms; worked out once.

    Parameters
    ----------
    chain : ChainSnapshot
        One expiry.
    terms : Terms
        View, entry and basis, as of a score.
    rules : RiskParameters or str
        For the margin; or why there is none, then margins are NaN.

    Raises
    ------
    DataError
        No contract has a price.
    """
    known = _KNOWN.setdefault(chain, {})
    if (terms, rules) not in known:
        known[terms, rules] = _build(chain, terms, rules)
    return known[terms, rules]


def _build(chain: ChainSnapshot, terms: Terms, rules: RiskParameters | str) -> Ladder:
    likely = terms.view.on(chain)
    crossed = contradicting(chain)
    keys, rows = list[tuple[Held, float]](), list[list[float]]()
    fees = {right: _fees(right, chain, terms) for right in RIGHTS}
    for right in RIGHTS:
        for strike, contract in sorted(chain.contracts[right].items()):
            if isnan(contract.price):
                continue
            keys.append((right, strike))
            doubtful = contract.iv_quality < NO_MARKET or (right, strike) in crossed
            figures = _row(right, strike, contract, chain, likely)
            rows.append([*figures, *fees[right], float(doubtful)])
    if len(rows) < 2:
        raise DataError("No contract of the chain has a price", str(chain.expiry), "Take a traded expiry.")
    contracts = np.full((len(rows), col.CONTRACT_COLUMNS), nan)
    contracts[:, : len(rows[0])] = rows
    if not isinstance(rules, str):
        contracts[:, len(rows[0]) :] = _blocked(keys, contracts, chain, rules)
    levels = likely.levels if isinstance(likely, SampleDistribution) else np.empty(0)
    return Ladder(
        tuple(keys), contracts, _terms(chain, terms, likely), levels, likely,
        rules if isinstance(rules, str) else "",
    )  # fmt: skip


def _row(
    right: Held, strike: float, contract: Contract, chain: ChainSnapshot, likely: Distribution
) -> list[float]:
    """Return the columns from the strike to what nobody bids for."""
    option, lot = right != "FUT", chain.lot_size
    bought, sold = (Leg(right, strike, lots, contract.price) for lots in (1, -1))
    prices = (contract.price, *(entry_price(leg, contract, "touch") for leg in (bought, sold)))
    market = [0.0, np.inf, np.inf, np.inf, 1.0]
    if option:
        sizes = (contract.ask_qty, contract.bid_qty, contract.volume)
        market = [spread_pct(contract), *(size / lot for size in sizes), contract.iv_quality]
    nobody = [float(not has_future(chain.underlying, chain.expiry, chain.taken_at.date()))] * 2
    if option:
        nobody = [float(is_theory(contract) or isnan(touch(contract, lots))) for lots in (1, -1)]
    side = [strike, float(right == "PE"), float(option), *prices]
    side += [*means(bought, likely, chain), error_squared(contract, likely)]
    greeks = (contract.delta, contract.gamma, contract.theta, contract.vega, contract.rho)
    return [*side, *greeks, *market, *nobody]


def _blocked(
    keys: list[tuple[Held, float]], contracts: Floats, chain: ChainSnapshot, rules: RiskParameters
) -> Floats:
    """Return what a bought and a sold unit block beside the scan, the least scan sold, and sixteen losses."""
    legs = [
        Leg(right, strike, 1, row[3], chain.expiry)
        for (right, strike), row in zip(keys, contracts.tolist(), strict=True)
    ]
    return per_unit(legs, rules)


def _fees(right: Held, chain: ChainSnapshot, terms: Terms) -> tuple[float, float, float]:
    """Return what an order of one lot costs whatever its price, and per rupee of it bought and sold."""
    charged = opening_inr if terms.basis == "held" else round_trip_inr

    def fee(lots: int, price: float) -> float:
        return charged([Leg(right, 1.0, lots, price)], chain.lot_size, chain.taken_at.date())

    fixed = fee(1, 0.0)
    return fixed, (fee(1, 1000.0) - fixed) / 1000, (fee(-1, 1000.0) - fixed) / 1000


def _terms(chain: ChainSnapshot, terms: Terms, likely: Distribution) -> Floats:
    lot, (tax, _) = chain.lot_size, exercise_rate(chain.expiry)
    found = np.zeros(col.TERMS)
    found[col.LOT], found[col.DISCOUNT], found[col.AT_TOUCH] = lot, chain.discount, terms.entry == "touch"
    found[col.CROSSED] = terms.crossings
    found[col.EXERCISE_FEE] = tax * lot if terms.basis == "held" else 0.0
    found[col.DOUBT] = bool(likely.doubt)
    found[col.LOW], found[col.HIGH] = likely.low, likely.high
    found[col.VIEW] = col.UNKNOWN
    if isinstance(likely, SmileDistribution):
        smile = likely.density.smile
        found[col.VIEW :] = [col.SMILE, smile.forward, smile.a, smile.b, smile.rho, smile.m, smile.sigma]
    elif isinstance(likely, SampleDistribution):
        found[col.VIEW] = col.SAMPLE
    return found
