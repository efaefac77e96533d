"""How much trades and how much is held: volume and open interest of every contract, in whole lots.

Both fall off with the distance from the money and with the time to expiry, prefer round strikes, and
vary by contract and day. Volume follows the busy ends of a session; open interest moves from one
close to the next, grows while a series is young and is wound up as it expires.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.simulator.contracts import ListedContract, Series
from kit.simulator.randomness import Floats, uniforms

_VOLUME, _INTEREST, _MINUTE, _WIGGLE = 11, 12, 13, 14  # keys that separate the kinds of draws
_PEAK_VOLUME_LOTS, _PEAK_INTEREST_LOTS = 400_000.0, 40_000.0
_FUTURE_VOLUME_LOTS, _FUTURE_INTEREST_LOTS = 30_000.0, 60_000.0
_WIDTH = 0.028  # log-moneyness over which activity falls by e, a month out


def _round_strike(strike: Any, step: int) -> Any:
    """Weigh round strikes: people think in thousands, then in five hundreds."""
    return np.where(strike % (step * 10) == 0, 2.2, np.where(strike % (step * 5) == 0, 1.5, 1.0))


def _lean(strike: Any, spot: Any, is_call: Any) -> Any:
    """Weigh calls above the spot and puts below it over what is in the money."""
    out = np.where(is_call, strike >= spot, strike <= spot)
    return np.where(out, 1.0, 0.45)


def _option_lots(seed: int, what: int, series: Series, ordinals: Any, spot: Any) -> Floats:
    """Return the lots of options, before rounding, shape (options, days)."""
    days_left = series.last_ordinal - ordinals
    strikes, is_call = series.strikes[:, None], series.is_call[:, None]
    distance = np.abs(np.log(strikes / spot)) / (_WIDTH * np.sqrt(np.maximum(days_left, 4) / 30))
    near = np.exp(-np.minimum(distance, 30.0)) * _lean(strikes, spot, is_call)
    life = np.exp(-np.maximum(days_left, 0) / (25 if what == _VOLUME else 60))
    peak = _PEAK_VOLUME_LOTS if what == _VOLUME else _PEAK_INTEREST_LOTS
    mood = np.exp(0.8 * (uniforms(seed, what, series.numbers[:, None], ordinals) - 0.5))
    taste = np.exp(0.9 * (uniforms(seed, what, series.numbers) - 0.5))
    liked = taste * _round_strike(series.strikes, series.first.underlying.strike_step)
    return np.asarray(peak * near * life * mood * liked[:, None])


def _future_lots(seed: int, what: int, series: Series, ordinals: Any) -> Floats:
    peak = _FUTURE_VOLUME_LOTS if what == _VOLUME else _FUTURE_INTEREST_LOTS
    mood = np.exp(0.5 * (uniforms(seed, what, series.numbers[:, None], ordinals) - 0.5))
    return np.asarray(peak * np.exp(-np.maximum(series.last_ordinal - ordinals, 0) / 20) * mood)


def _share_lots(seed: int, series: Series, ordinals: Any) -> Floats:
    mood = np.exp(0.6 * (uniforms(seed, _VOLUME, series.numbers[:, None], ordinals) - 0.5))
    return np.asarray(series.first.underlying.daily_volume * mood)


def _volume_lots(seed: int, series: Series, ordinals: Any, spot: Any) -> Floats:
    if series.first.kind == "OPTION":
        return _option_lots(seed, _VOLUME, series, ordinals, spot)
    if series.first.kind == "FUTURE":
        return _future_lots(seed, _VOLUME, series, ordinals)
    return _share_lots(seed, series, ordinals)


def cumulative_volume(
    seed: int, series: Series, day: date, spot: float, minutes: int, auction: tuple[int, int] | None = None
) -> Floats:
    """Return the units traded since the open.

    Parameters
    ----------
    seed : int
        Of the market.
    series : Series
        Any; an index trades nothing.
    day : date
        The session.
    spot : float
        The underlying's level at the open, rupees.
    minutes : int
        Minutes of trading.
    auction : tuple of int, optional
        Minutes in which a closing auction begins and makes its price: nothing trades between them, a twelfth
        of the day in the auction itself, and nothing after it.

    Returns
    -------
    ndarray, shape (contracts, minutes + 1)
        Whole lots, in units; rises; zero at the open.
    """
    if series.first.is_index:
        return np.zeros((len(series.contracts), minutes + 1))
    ordinal = day.toordinal()
    total = _volume_lots(seed, series, np.array([ordinal]), spot)
    drawn = uniforms(seed, _MINUTE, series.numbers[:, None], ordinal, np.arange(minutes))
    flow = np.zeros((len(series.contracts), minutes + 1))
    busy = _shape(minutes) * (0.4 + 1.2 * drawn)
    if auction:
        begins, made = auction
        busy[:, begins:] = 0.0
        busy[:, made] = busy.sum(axis=1) / 11
    np.cumsum(busy, axis=1, out=flow[:, 1:])
    return np.asarray(np.floor(total * flow / flow[:, -1:]) * series.first.lot)


def closing_interest(seed: int, series: Series, ordinals: NDArray[np.int64], spot: Any) -> Floats:
    """Return the units held at the close of days; zero before the series is listed.

    Parameters
    ----------
    seed : int
        Of the market.
    series : Series
        Futures or options; anything else holds nothing.
    ordinals : ndarray of int
        Days, as `date.toordinal`.
    spot : array_like
        Closing levels of the underlying on those days, rupees.

    Returns
    -------
    ndarray, shape (contracts, days)
        Whole lots, in units.
    """
    first = series.first
    if first.expiry is None:
        return np.zeros((len(series.contracts), ordinals.size))
    if first.kind == "OPTION":
        lots = _option_lots(seed, _INTEREST, series, ordinals, spot)
    else:
        lots = _future_lots(seed, _INTEREST, series, ordinals)
    return np.asarray(np.floor(lots * _grown(first, ordinals)) * first.lot)


def _grown(contract: ListedContract, ordinals: NDArray[np.int64]) -> Floats:
    """Return how much of a series' interest is there: nothing before listing, a third after the expiry."""
    assert contract.since is not None
    assert contract.expiry is not None
    first = contract.since.toordinal()
    young = np.clip((ordinals - first + 3) / 20, 0, 1) * (ordinals >= first)
    return np.asarray(np.where(ordinals >= contract.expiry.toordinal(), 0.35, young))


def interest_within(start: Any, end: Any, wiggle: Any, fraction: Any, lot: int) -> Floats:
    """Return the units held within a day: from one close to the next, by a slightly crooked way.

    Parameters
    ----------
    start, end : array_like
        Units at the previous close and at this day's close.
    wiggle : array_like
        From `wiggles`.
    fraction : array_like
        Share of the session that has passed.
    lot : int
        Units in one lot.
    """
    straight = start + (end - start) * np.asarray(fraction)
    bent = straight + wiggle * (start + end) * np.sin(np.pi * np.asarray(fraction) * 3)
    return np.asarray(np.maximum(np.floor(bent / lot), 0) * lot)


def wiggles(seed: int, numbers: Any, ordinal: Any) -> Floats:
    """Return how crooked the way between two closes is, a small signed fraction."""
    return 0.02 * (uniforms(seed, _WIGGLE, numbers, ordinal) - 0.5)


@lru_cache(maxsize=16)
def _shape(minutes: int) -> Floats:
    """Return how busy each minute is: most at the open, more at the close than at noon."""
    fraction = np.linspace(0, 1, minutes)
    return np.asarray(0.6 + 1.6 * np.exp(-fraction * 12) + 0.9 * fraction**6)
