"""Whose view of the index an evaluation takes: the market's, the analyst's own, or that of history.

==================================  =======================================================================
`market`                            the density of the chain's fitted smile: before charges a fair position
                                    earns nothing, and the chances are the market's
`lognormal(sigma, drift)`           the analyst's own volatility and drift, the same for every strike
`empirical(closes, sessions)`       the index's own moves over as many sessions, from closes you give
==================================  =======================================================================

A view is asked for its `kit.evaluation.distribution.Distribution` on one chain, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, isfinite, isnan
from numbers import Integral
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from kit.arguments import instance, real
from kit.clock import in_ist
from kit.errors import DataError, SettingsError
from kit.evaluation.distribution import Distribution, SampleDistribution, SmileDistribution, Unknown
from kit.evaluation.history import SessionCloses, sessions_left
from kit.model import ChainSnapshot
from kit.pricing.density import Density
from kit.pricing.smile import Slice
from kit.pricing.snapshot_smile import smile_of
from kit.shown import counted

BAD_FIT = 0.10  # of the volatility at the money; a smile that misses its quotes by more is unreliable
UNSURE = 0.05  # likewise, where the volatility at the money itself is as uncertain
LEAST_MOVES = 60
TAIL = "beyond them its total variance goes on linearly in log-moneyness"
_KNOWN: WeakKeyDictionary[ChainSnapshot, dict[View, Distribution]] = WeakKeyDictionary()


class View(ABC):
    """Where somebody thinks the index may end."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The view in short."""

    @property
    def is_market(self) -> bool:
        """Whether it is the market's own, under which an expectation is no skill."""
        return False

    @abstractmethod
    def _distribution(self, snapshot: ChainSnapshot) -> Distribution: ...

    def on(self, snapshot: ChainSnapshot) -> Distribution:
        """Return the distribution of the index at the expiry of a chain; worked out once."""
        known = _KNOWN.setdefault(snapshot, {})
        if self not in known:
            known[self] = self._distribution(snapshot)
        return known[self]


@dataclass(frozen=True)
class MarketView(View):
    """The density of the chain's fitted smile."""

    @property
    def name(self) -> str:
        """The word ``market``."""
        return "market"

    @property
    def is_market(self) -> bool:
        """True."""
        return True

    def _distribution(self, snapshot: ChainSnapshot) -> Distribution:
        if not snapshot.t_years > 0:
            return _certain(self.name, snapshot)
        smile = smile_of(snapshot)
        if smile is None:
            return Unknown(self.name, "the chain has no volatility", doubt="no smile")
        low, high = smile.quoted
        rests = f"the smile fitted to quotes from {low:,.0f} to {high:,.0f}; {TAIL}"
        if isnan(low):
            rests = "the smiles of neighbouring expiries, without a quote of its own"
        error = f", missing them by {100 * smile.fit_error:.1f} points" if smile.fit_error > 0 else ""
        return SmileDistribution(
            self.name,
            rests.replace(";", f"{error};", 1),
            Density(smile),
            doubt=_doubt(smile),
            iv_error=smile.fit_error if smile.fit_error >= 0 else smile.atm_error,
        )


def _doubt(smile: Slice) -> str:
    level = smile.atm_iv
    if smile.fit_error > BAD_FIT * level:
        return f"bad fit ({100 * smile.fit_error:.1f} points)"
    if not smile.atm_error <= UNSURE * level:
        return f"uncertain smile ({100 * smile.atm_error:.1f} points)"
    return ""


def _certain(name: str, snapshot: ChainSnapshot) -> Distribution:
    point = Slice(1.0, snapshot.forward, 0.0, 0.0, 0.0, 0.0, 1.0)
    return SmileDistribution(name, "the chain has expired: the index stands where it is", Density(point))


@dataclass(frozen=True)
class LognormalView(View):
    """The analyst's own volatility and drift.

    Parameters
    ----------
    sigma : float, optional
        Annualised fraction, for all strikes; default the chain's at the money.
    drift : float, default 0
        How much faster than its forward the index is thought to grow, annual fraction.

    Raises
    ------
    SettingsError
        A volatility that is not positive, or a drift that is no number.
    """

    sigma: float | None = None
    drift: float = 0.0

    def __post_init__(self) -> None:
        if self.sigma is not None and not 0 < real(self.sigma) < 10:
            raise SettingsError("A volatility is a positive fraction of a year", self.sigma, "Say 0.15.")
        if not isfinite(real(self.drift)):
            raise SettingsError("A drift is an annual fraction", self.drift, "Say 0.05.")

    @property
    def name(self) -> str:
        """For instance ``lognormal 22.0 %, drift +5.0 %``."""
        width = "at the money" if self.sigma is None else f"{100 * self.sigma:.1f} %"
        return f"lognormal {width}" + (f", drift {100 * self.drift:+.1f} %" if self.drift else "")

    def _distribution(self, snapshot: ChainSnapshot) -> Distribution:
        years = snapshot.t_years
        if not years > 0:
            return _certain(self.name, snapshot)
        sigma = snapshot.iv_at(snapshot.forward) if self.sigma is None else self.sigma
        if not sigma > 0:
            return Unknown(self.name, "the chain has no volatility", doubt="no volatility")
        mean = snapshot.forward * exp(self.drift * years)
        flat = Slice(years, mean, sigma * sigma * years, 0.0, 0.0, 0.0, 1.0)
        return SmileDistribution(
            self.name, f"one volatility of {100 * sigma:.1f} % for all levels", Density(flat)
        )


@dataclass(frozen=True, eq=False)
class EmpiricalView(View):
    """The index's own moves over as many sessions as the expiry is away.

    Parameters
    ----------
    closes : Series
        Daily closes by day, ascending, rupees. Those of a chain's own day and later are never used on it, nor
        are those of days without a session; a move that begins or ends on a missing day is left out.
    sessions : int, optional
        Sessions of one move; default as many as are left: today counts while half of it is to
        come.
    overlapping : bool, default True
        Whether moves share days: more of them, and each tells less.

    Raises
    ------
    DataError
        The closes are not ascending in time, or not positive.
    SettingsError
        Fewer than one session.
    """

    closes: pd.Series[float] = field(repr=False)
    sessions: int | None = None
    overlapping: bool = True

    def __post_init__(self) -> None:
        instance(self.closes, pd.Series, "closes")
        if self.sessions is not None and not (isinstance(self.sessions, Integral) and self.sessions >= 1):
            raise SettingsError("A move takes at least one session", self.sessions, "Say for instance 5.")
        if not (self._levels > 0).all() or not (np.diff(self._days) > 0).all():
            raise DataError(
                "Closes are positive, one a day, ascending", len(self.closes), "Sort them, drop repeats."
            )

    @property
    def name(self) -> str:
        """For instance ``empirical, 5 sessions``."""
        return "empirical" + (f", {counted(self.sessions, 'session')}" if self.sessions else "")

    @cached_property
    def _levels(self) -> np.ndarray:
        return self.closes.to_numpy(np.float64)

    @cached_property
    def _days(self) -> np.ndarray:
        return np.array([in_ist(pd.Timestamp(day)).toordinal() for day in self.closes.index])

    @cached_property
    def _history(self) -> SessionCloses:
        return SessionCloses.of(self._days, self._levels)

    def _distribution(self, snapshot: ChainSnapshot) -> Distribution:
        if not snapshot.t_years > 0:
            return _certain(self.name, snapshot)
        on = snapshot.taken_at.date()
        number = self.sessions or sessions_left(snapshot.taken_at, snapshot.expiry)
        known = self._history.before(on)  # nobody knew more on that day
        moves, apart, left_out = known.moves(number)
        span = counted(number, "session")
        shared = f"that overlap (about {apart.sum()} independent)"
        if number == 1 or not self.overlapping:
            moves, shared = moves[apart], "that share no day"
        if moves.size < LEAST_MOVES:
            raise DataError(
                f"Too few moves of {span} before {on}", int(moves.size),
                f"Give closes of at least {number + LEAST_MOVES} sessions, day by day.",
            )  # fmt: skip
        window = known.window + (f" ({left_out} more lack a close)" if left_out else "")
        note = f"{moves.size} moves of {span} {shared}, {window}; nothing beyond the largest of them"
        return SampleDistribution(f"empirical, {span}", note, np.sort(snapshot.spot * moves))


market = MarketView()
lognormal = LognormalView
empirical = EmpiricalView


def view_of(word: View | str) -> View:
    """Return the view that a word names: ``"market"`` or ``"lognormal"``; a view is itself.

    Raises
    ------
    SettingsError
        No view has this name.
    """
    if isinstance(word, View):
        return word
    named: dict[str, View] = {"market": market, "lognormal": LognormalView()}
    if word not in named:
        raise SettingsError(
            "There is no view of this name", word, "Use market, lognormal(sigma, drift), empirical(closes)."
        )
    return named[word]


__all__ = [
    "EmpiricalView",
    "LognormalView",
    "MarketView",
    "View",
    "empirical",
    "lognormal",
    "market",
    "view_of",
]
