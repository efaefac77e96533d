"""Every position of a family on a chain: numbered, and made when they are asked for by a range of numbers.

A family's strikes are drawn from the listed ones: single strikes, pairs of them, and wings at given widths.
What needs a contract that the chain does not list or price is counted and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kit.errors import DataError, SettingsError
from kit.evaluation.scan.family_rules import KNOWN, SPANNING, LegRule
from kit.evaluation.scan.ladder import Ladder
from kit.pricing.arrays import Floats
from kit.strategies.base import Strategy

Places = NDArray[np.int32]
UNLISTED = -1


@dataclass(frozen=True, eq=False)
class Positions:
    """Positions of one family with the same lots, by number.

    Parameters
    ----------
    family : str
        Its name.
    lots : ndarray, shape (legs,)
        Of each leg.
    low, high : ndarray, shape (strikes or pairs,)
        Which strikes each is drawn from; the same of single strikes.
    tables : tuple of ndarray, shape (strikes, widths)
        Of each leg, the row of the ladder; `UNLISTED` where there is no such contract.
    upper : tuple of bool
        Of each leg, whether it goes by `high`.
    spans : bool
        Whether a leg is of a later expiry.
    """

    family: str
    lots: Places
    low: Places
    high: Places
    tables: tuple[Places, ...]
    upper: tuple[bool, ...]
    spans: bool

    def __len__(self) -> int:
        return int(self.low.size * self.tables[0].shape[1])

    def places(self, start: int, stop: int) -> Places:
        """Return the rows of the ladder of some positions, by ascending strike, of shape (n, legs).

        A leg whose contract the chain does not list or price is `UNLISTED`.
        """
        drawn, width = np.divmod(np.arange(start, stop, dtype=np.int32), self.tables[0].shape[1])
        ends = self.low[drawn], self.high[drawn]
        found = np.empty((stop - start, len(self.tables)), np.int32)
        for leg, (table, upper) in enumerate(zip(self.tables, self.upper, strict=True)):
            found[:, leg] = table[ends[upper], width]
        return found


def named(families: str | type[Strategy] | Iterable[str | type[Strategy]]) -> list[str]:
    """Return the names of families given by name, by class, or as ``"all"``.

    Raises
    ------
    SettingsError
        There is none of this name.
    """
    given = [families] if isinstance(families, str | type) else [*families]
    names = list[str]()
    for one in given:
        name = one if isinstance(one, str) else _name_of(one)
        if name == "all":
            names += KNOWN
        elif name in KNOWN or name in SPANNING:
            names.append(name)
        else:
            every = sorted([*KNOWN, *SPANNING])
            close = get_close_matches(name, every, n=3) or every
            raise SettingsError("No family of a scan has this name", name, f"There are {', '.join(close)}.")
    if not names:
        raise SettingsError("A scan needs a family", given, "Name one, for instance 'iron_condor', or 'all'.")
    return list(dict.fromkeys(names))


def _name_of(kind: type[Strategy]) -> str:
    if not isinstance(kind, type) or not issubclass(kind, Strategy):
        raise SettingsError("A family of a scan is a class of strategies, not", kind, "See kit.strategies.")
    return str(kind.name.fget(kind.__new__(kind)))  # type: ignore[attr-defined] # the name needs no parameters


def enumerate_family(family: str, found: Ladder, widths: Sequence[float]) -> list[Positions]:
    """Return every position of a family, by its variants.

    Parameters
    ----------
    family : str
        A key of `KNOWN` or `SPANNING`.
    found : Ladder
        The chain, for the latter with a later one.
    widths : sequence of float
        Distances of wings, rupees.

    Raises
    ------
    DataError
        A width is no number above 0.
    """
    if not widths or not all(0 < width < np.inf for width in widths):
        raise DataError("Widths are distances in rupees, more than 0", [*widths], "Say widths=(500, 1000).")
    drawn = KNOWN.get(family) or SPANNING[family]
    away = [(width, width) for width in widths]
    if drawn.widths == 2:
        away = [*combinations(sorted(set(widths)), 2)]
    strikes = found.listed
    low, high = _drawn(strikes.size, drawn.pairs)
    return [
        Positions(
            family,
            np.array([rule.lots for rule in rules], np.int32),
            low,
            high,
            tuple(_table(found, rule, strikes, away if drawn.widths else [(0.0, 0.0)]) for rule in rules),
            tuple(rule.upper for rule in rules),
            family in SPANNING,
        )
        for rules in drawn.variants
    ]


def check_widths(widths: Sequence[float], strikes: Floats) -> None:
    """Refuse a distance that no two strikes are apart.

    Parameters
    ----------
    widths : sequence of float
        Rupees.
    strikes : ndarray, shape (strikes,)
        Listed ones, ascending.

    Raises
    ------
    DataError
        Between no two strikes is one of them.
    """
    for width in widths:
        if not np.isin(strikes + width, strikes).any():
            step = float(np.diff(strikes).min()) if strikes.size > 1 else 0.0
            apart = f"strikes are {step:,.10g} apart, {strikes[0]:,.10g} to {strikes[-1]:,.10g}"
            raise DataError("No two strikes are this far from each other", f"{width:,.10g}", f"Here {apart}.")


def has_wings(family: str) -> bool:
    """Tell whether widths change what a family draws."""
    return (KNOWN.get(family) or SPANNING[family]).widths > 0


@lru_cache(maxsize=8)
def _drawn(strikes: int, pairs: bool) -> tuple[Places, Places]:
    """Return the places of every pair of strikes, the lower one first, or of every strike twice."""
    if not pairs:
        return np.arange(strikes, dtype=np.int32), np.arange(strikes, dtype=np.int32)
    low, high = np.triu_indices(strikes, 1)
    return low.astype(np.int32), high.astype(np.int32)


def _table(found: Ladder, rule: LegRule, strikes: Floats, widths: Sequence[tuple[float, float]]) -> Places:
    """Return the row of a leg's contract by strike and width, once; `UNLISTED` where there is none."""
    key = (rule.right, rule.wing, rule.far, rule.later, *widths)
    if key not in found.tables:
        found.tables[key] = _rows(found, rule, strikes, widths)
    return found.tables[key]


def _rows(found: Ladder, rule: LegRule, strikes: Floats, widths: Sequence[tuple[float, float]]) -> Places:
    away = np.array([pair[rule.far] for pair in widths]) * rule.wing
    offset = 0
    if rule.later and found.later is not None:
        offset, found = len(found.keys), found.later[1]
    listed = found.strikes(rule.right)
    if not listed.size:
        return np.full((strikes.size, away.size), UNLISTED, np.int32)
    wanted = strikes[:, None] + away if rule.right != "FUT" else np.zeros((strikes.size, away.size))
    at = np.minimum(np.searchsorted(listed, wanted), listed.size - 1)
    rows = np.where(listed[at] == wanted, at + found.place(rule.right) + offset, UNLISTED)
    table: Places = rows.astype(np.int32)
    return table
