"""How good a session's minutes are: figures that go into the manifest, and a score between 0 and 1.

==================  ====================================================================================
figure              meaning
==================  ====================================================================================
``contracts``       contracts with a bar
``expiries``        expiries with a contract
``index_share``     minutes of the index that are there, of those of its session; NaN: no index
``near_share``      minutes traded, of those of the session, by contracts of the nearest expiry within 2 %
                    of the money
``carried_share``   bars without a trade, of all bars: gaps that the source filled forward
``carried_opens``   traded bars that open where the bar before closed; above one half opens were carried on,
                    so gaps hardly show and fills at a level look too kind
``broken_bars``     bars whose high or low contradicts their open and close; kept as they are
``longest_gap``     minutes, the longest of any contract counted in ``near_share``
``parity_gap_inr``  rupees, index less the synthetic level at the money, median over the session
``odd_expiries``    expiries on days without a session
``score``           ``near_share`` times ``index_share``, where there is an index, times the share of sound
                    bars
==================  ====================================================================================

What the importer set aside is counted beside them: ``zero_prices``, ``outside_bars``, ``duplicates``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.bars.minutes import TICK_INR, DayMinutes, inside_of
from kit.clock import last_trading_day, session
from kit.shown import counted

NEAR = 0.02  # of the money
_SET_ASIDE = ("zero_prices", "outside_bars", "duplicates")


def figures(day: DayMinutes, counted: Mapping[str, int]) -> dict[str, Any]:
    """Return the figures of a session; see the module.

    Parameters
    ----------
    day : DayMinutes
        As stored.
    counted : mapping of str to int
        What was set aside on the way in.
    """
    bars, broken = int((day.close > 0).sum()), _broken(day)
    level = _level(day)
    near = _near(day, level)
    index_share = _index_share(day)
    traded = day.traded[near][:, inside_of(day.minutes, session(day.day).continuous)]
    near_share = float(traded.mean()) if near.any() else 0.0
    sound = 1 - float(broken.sum()) / bars if bars else 0.0
    gap = day.index[3] - level
    return {
        "contracts": len(day.strike),
        "expiries": len(day.expiries),
        "index_share": _round(index_share),
        "near_share": _round(near_share),
        "carried_share": _round(1 - float(day.traded.sum()) / bars if bars else math.nan),
        "carried_opens": _round(day.carried_opens),
        "broken_bars": int(broken.sum()),
        "longest_gap": _longest_gap(traded),
        "parity_gap_inr": _round(float(np.nanmedian(gap)) if np.isfinite(gap).any() else math.nan, 2),
        "odd_expiries": sum(last_trading_day(expiry) != expiry for expiry in day.expiries),
        **{name: int(counted.get(name, 0)) for name in _SET_ASIDE},
        "score": _round(near_share * sound * (index_share if day.has_index else 1.0)),
    }


def notes(found: Mapping[str, Any]) -> list[str]:
    """Return what the reader of a result should know of a session, in words; nothing where all is well."""
    told = []
    if found["broken_bars"]:
        told.append(f"{counted(found['broken_bars'], 'bar')} at odds with themselves, kept as they are")
    if found["carried_opens"] is not None and found["carried_opens"] > 0.5:
        told.append(f"{found['carried_opens']:.0%} of the opens were carried on, so gaps hardly show")
    if found["index_share"] is None:
        told.append("there is no index; the synthetic level stands in")
    if found["odd_expiries"]:
        told.append(f"{counted(found['odd_expiries'], 'expiry')} on days without a session")
    told += [f"{found[name]} bars set aside: {name.replace('_', ' ')}" for name in _SET_ASIDE if found[name]]
    return told


def _index_share(day: DayMinutes) -> float:
    """Return how much of the index's own session is there: an auction promises no bars, a pause has none."""
    if not day.has_index:
        return math.nan
    promised = inside_of(day.minutes, session(day.day, "cash").continuous)
    return float(np.isfinite(day.index[3][promised]).mean())


def digest(day: DayMinutes) -> str:
    """Return a short digest of a day's closes: a snapshot that is repeated on another day has the same."""
    made = hashlib.blake2b(digest_size=12)
    for array in (day.strike, day.is_call, day.close):
        made.update(np.ascontiguousarray(array).tobytes())
    return made.hexdigest()


def by_contract(day: DayMinutes) -> pd.DataFrame:
    """Return how good each contract's minutes are.

    Parameters
    ----------
    day : DayMinutes
        A session.

    Returns
    -------
    DataFrame
        Index ``expiry, strike, option_type``; ``bars`` and ``traded`` minutes, ``share`` traded of the
        session, ``carried`` bars without a trade, ``longest_gap`` in minutes between two trades, ``broken``
        bars, ``first`` and ``last`` traded minute as text, empty where nothing traded.
    """
    there, traded = day.close > 0, day.traded
    span = int(inside_of(day.minutes, session(day.day).continuous).sum())
    clock = np.array([f"{minute // 60:02d}:{minute % 60:02d}" for minute in day.minutes.tolist()])
    some = traded.any(axis=1)
    first, last = traded.argmax(axis=1), traded.shape[1] - 1 - traded[:, ::-1].argmax(axis=1)
    names = {"expiry": day.expiry, "strike": day.strike, "option_type": np.where(day.is_call, "CE", "PE")}
    return pd.DataFrame(
        names
        | {
            "bars": there.sum(axis=1),
            "traded": traded.sum(axis=1),
            "share": traded.sum(axis=1) / span,
            "carried": (there & ~traded).sum(axis=1),
            "longest_gap": [_longest_gap(row[None]) for row in traded],
            "broken": _broken(day).sum(axis=1),
            "first": np.where(some, clock[first], ""),
            "last": np.where(some, clock[last], ""),
        }
    ).set_index([*names])


def _broken(day: DayMinutes) -> NDArray[np.bool_]:
    high, low = np.maximum(day.open, day.close), np.minimum(day.open, day.close)
    found: NDArray[np.bool_] = (day.close > 0) & ((day.high < high) | (day.low > low))
    return found


def _round(value: float, digits: int = 4) -> float | None:
    return None if math.isnan(value) else round(value, digits)


def _level(day: DayMinutes) -> NDArray[np.float64]:
    """Return the synthetic level of each minute: the median of strike + call - put over the nearest expiry.

    Only pairs that trade in the same minute count, the five whose call and put are nearest each other.
    """
    nothing = np.full(len(day.minutes), np.nan)
    if not day.expiries:
        return nothing
    mine = day.expiry == np.datetime64(day.expiries[0])
    calls, puts = np.flatnonzero(mine & day.is_call), np.flatnonzero(mine & ~day.is_call)
    strike, at, other = np.intersect1d(day.strike[calls], day.strike[puts], return_indices=True)
    if not strike.size:
        return nothing
    call, put = calls[at], puts[other]
    both = day.traded[call] & day.traded[put]
    gap = np.where(both, (day.close[call] - day.close[put]) * TICK_INR, np.nan)
    order = np.argsort(np.where(both, np.abs(gap), np.inf), axis=0)[:5]
    levels = np.take_along_axis(strike[:, None] + gap, order, axis=0)
    known = np.isfinite(levels).any(axis=0)
    nothing[known] = np.nanmedian(levels[:, known], axis=0)
    return nothing


def _near(day: DayMinutes, level: NDArray[np.float64]) -> NDArray[np.bool_]:
    money = day.index[3] if day.has_index else level
    if not np.isfinite(money).any() or not day.expiries:
        return np.zeros(len(day.strike), np.bool_)
    middle = float(np.nanmedian(money))
    near: NDArray[np.bool_] = np.abs(day.strike - middle) <= NEAR * middle
    nearest: NDArray[np.bool_] = day.expiry == np.datetime64(day.expiries[0])
    return near & nearest


def _longest_gap(traded: NDArray[np.bool_]) -> int:
    """Return the longest run of minutes without a trade between a contract's first and last."""
    longest = 0
    for row in traded:
        at = np.flatnonzero(row)
        if at.size > 1:
            longest = max(longest, int(np.diff(at).max()) - 1)
    return longest
