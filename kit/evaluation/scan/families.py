"""Every position of a family on a chain, as arrays of contracts.

A family's strikes are drawn from the listed ones: single strikes, pairs of them, and wings at given widths.
What needs a contract that the chain does not list or price is counted and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.errors import DataError, SettingsError
from kit.evaluation.scan.ladder import Ladder
from kit.model import Held
from kit.strategies.base import Strategy

Floats = NDArray[np.float64]
Places = NDArray[np.int32]
Side = tuple[Held, Floats, int]  # right, strikes, lots: one leg of all positions
RATIOS = (2, 3)


class Positions(NamedTuple):
    """Positions of one family with the same lots.

    Parameters
    ----------
    family : str
        Its name.
    places : ndarray, shape (n, legs)
        Rows of the ladder, by ascending strike.
    lots : ndarray, shape (legs,)
        Of each leg.
    missing : int
        How many more there would be if every contract were listed and priced.
    """

    family: str
    places: Places
    lots: Places
    missing: int


class _Strikes(NamedTuple):
    """What positions are made of: single strikes, and pairs of them with the lower one first."""

    one: Floats
    low: Floats
    high: Floats
    widths: tuple[float, ...]


Enumerate = Callable[[_Strikes], Iterable[Sequence[Side]]]


def _spread(near: Held, lots: tuple[int, int]) -> Enumerate:
    """Return pairs of one right: the lower strike's lots, then the upper's."""
    return lambda s: [[(near, k, lots[0]), (near, k + w, lots[1])] for k, w in [_wide(s)]]


def _wide(s: _Strikes) -> tuple[Floats, Floats]:
    return np.repeat(s.one, len(s.widths)), np.tile(np.array(s.widths), s.one.size)


def _pairs(s: _Strikes) -> tuple[Floats, Floats, Floats]:
    """Return every pair of strikes with every width."""
    count = len(s.widths)
    return np.repeat(s.low, count), np.repeat(s.high, count), np.tile(np.array(s.widths), s.low.size)


def _one(*legs: tuple[Held, int]) -> Enumerate:
    return lambda s: [[(right, s.one if right != "FUT" else 0 * s.one, lots) for right, lots in legs]]


def _strangle(put: int, call: int) -> Enumerate:
    return lambda s: [[("PE", s.low, put), ("CE", s.high, call)]]


def _condor(right: Held) -> Enumerate:
    def made(s: _Strikes) -> list[list[Side]]:
        low, high, w = _pairs(s)
        return [[(right, low - w, 1), (right, low, -1), (right, high, -1), (right, high + w, 1)]]

    return made


def _iron_condor(s: _Strikes) -> list[list[Side]]:
    low, high, w = _pairs(s)
    return [[("PE", low - w, 1), ("PE", low, -1), ("CE", high, -1), ("CE", high + w, 1)]]


def _iron_butterfly(s: _Strikes) -> list[list[Side]]:
    k, w = _wide(s)
    return [[("PE", k - w, 1), ("PE", k, -1), ("CE", k, -1), ("CE", k + w, 1)]]


def _butterfly(right: Held) -> Enumerate:
    def made(s: _Strikes) -> list[list[Side]]:
        k, w = _wide(s)
        return [[(right, k - w, 1), (right, k, -2), (right, k + w, 1)]]

    return made


def _broken_wing(right: Held) -> Enumerate:
    def made(s: _Strikes) -> list[list[Side]]:
        found = []
        for near in s.widths:
            for far in (width for width in s.widths if width > near):
                below, above = (near, far) if right == "CE" else (far, near)
                found.append([(right, s.one - below, 1), (right, s.one, -2), (right, s.one + above, 1)])
        return found

    return made


def _ratio(right: Held, near: int) -> Enumerate:
    """Return spreads of one near option against several further out; `near` is the near one's sign."""

    def made(s: _Strikes) -> list[list[Side]]:
        k, w = _wide(s)
        if right == "CE":
            return [[(right, k, near), (right, k + w, -near * ratio)] for ratio in RATIOS]
        return [[(right, k - w, -near * ratio), (right, k, near)] for ratio in RATIOS]

    return made


def _jade_lizard(s: _Strikes) -> list[list[Side]]:
    low, high, w = _pairs(s)
    return [[("PE", low, -1), ("CE", high, -1), ("CE", high + w, 1)]]


def _reverse_jade_lizard(s: _Strikes) -> list[list[Side]]:
    low, high, w = _pairs(s)
    return [[("PE", low - w, 1), ("PE", low, -1), ("CE", high, -1)]]


def _box(s: _Strikes) -> list[list[Side]]:
    k, w = _wide(s)
    return [[("PE", k, -1), ("CE", k, 1), ("PE", k + w, 1), ("CE", k + w, -1)]]


def _collar(s: _Strikes) -> list[list[Side]]:
    return [[("FUT", 0 * s.low, 1), ("PE", s.low, 1), ("CE", s.high, -1)]]


KNOWN: dict[str, Enumerate] = {
    "bear_call_spread": _spread("CE", (-1, 1)),
    "bear_put_spread": _spread("PE", (-1, 1)),
    "box": _box,
    "broken_wing_call_butterfly": _broken_wing("CE"),
    "broken_wing_put_butterfly": _broken_wing("PE"),
    "bull_call_spread": _spread("CE", (1, -1)),
    "bull_put_spread": _spread("PE", (1, -1)),
    "call_back_spread": _ratio("CE", -1),
    "call_butterfly": _butterfly("CE"),
    "call_condor": _condor("CE"),
    "call_ratio_spread": _ratio("CE", 1),
    "collar": _collar,
    "covered_call": _one(("FUT", 1), ("CE", -1)),
    "covered_put": _one(("FUT", -1), ("PE", -1)),
    "iron_butterfly": _iron_butterfly,
    "iron_condor": _iron_condor,
    "jade_lizard": _jade_lizard,
    "long_straddle": _one(("PE", 1), ("CE", 1)),
    "long_strangle": _strangle(1, 1),
    "long_synthetic": _one(("PE", -1), ("CE", 1)),
    "protective_call": _one(("FUT", -1), ("CE", 1)),
    "protective_put": _one(("FUT", 1), ("PE", 1)),
    "put_back_spread": _ratio("PE", -1),
    "put_butterfly": _butterfly("PE"),
    "put_condor": _condor("PE"),
    "put_ratio_spread": _ratio("PE", 1),
    "reverse_jade_lizard": _reverse_jade_lizard,
    "risk_reversal": _strangle(-1, 1),
    "short_straddle": _one(("PE", -1), ("CE", -1)),
    "short_strangle": _strangle(-1, -1),
    "short_synthetic": _one(("PE", 1), ("CE", -1)),
}


def named(families: str | type[Strategy] | Iterable[str | type[Strategy]]) -> list[str]:
    """Return the names of families given by name, by class, or as ``"all"``.

    Raises
    ------
    SettingsError
        There is none, or one has positions over several expiries, which no scan enumerates.
    """
    given = [families] if isinstance(families, str | type) else [*families]
    names = list[str]()
    for one in given:
        name = one if isinstance(one, str) else _name_of(one)
        if name == "all":
            names += KNOWN
        elif name in KNOWN:
            names.append(name)
        else:
            close = get_close_matches(name, KNOWN, n=3) or sorted(KNOWN)
            raise SettingsError("No family of a scan has this name", name, f"There are {', '.join(close)}.")
    if not names:
        raise SettingsError("A scan needs a family", given, "Name one, for instance 'iron_condor', or 'all'.")
    return list(dict.fromkeys(names))


def _name_of(kind: type[Strategy]) -> str:
    return str(kind.name.fget(kind.__new__(kind)))  # type: ignore[attr-defined] # the name needs no parameters


def enumerate_family(family: str, found: Ladder, widths: Sequence[float]) -> list[Positions]:
    """Return every position of a family.

    Parameters
    ----------
    family : str
        A key of `KNOWN`.
    found : Ladder
        The chain.
    widths : sequence of float
        Distances of wings, rupees.

    Raises
    ------
    DataError
        A width is not positive.
    """
    if not widths or not all(width > 0 for width in widths):
        raise DataError("Widths are distances in rupees, more than 0", [*widths], "Say widths=(500, 1000).")
    strikes = np.unique(np.append(found.strikes("CE"), found.strikes("PE")))
    lower, upper = np.triu_indices(strikes.size, 1)
    drawn = _Strikes(strikes, strikes[lower], strikes[upper], tuple(widths))
    return [_placed(family, sides, found) for sides in KNOWN[family](drawn)]


def _placed(family: str, sides: Sequence[Side], found: Ladder) -> Positions:
    count = sides[0][1].size
    places, listed = np.empty((count, len(sides)), np.int32), np.ones(count, np.bool_)
    for leg, (right, strikes, _) in enumerate(sides):
        ladder = found.strikes(right)
        at = _nearest_places(ladder, strikes)
        listed &= ladder[at] == strikes
        places[:, leg] = at + found.place(right)
    lots = np.array([lots for *_, lots in sides], np.int32)
    return Positions(family, np.ascontiguousarray(places[listed]), lots, int(count - listed.sum()))


def _nearest_places(ladder: Floats, strikes: Floats) -> Places:
    """Return where strikes stand in a ladder, by a table of half rupees: six times as fast as searching.

    What is not in the ladder gets some place; the caller compares.
    """
    steps = np.rint(2 * (ladder - ladder[0])).astype(np.int64)
    table = np.zeros(steps[-1] + 1, np.int32)
    table[steps] = np.arange(ladder.size)
    wanted = np.rint(2 * (strikes - ladder[0])).astype(np.int64)
    found: Places = table[np.clip(wanted, 0, steps[-1])]
    return found
