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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.errors import DataError, SettingsError
from kit.evaluation.scan.ladder import Ladder
from kit.model import Held
from kit.strategies.base import Strategy

Floats = NDArray[np.float64]
Places = NDArray[np.int32]
UNLISTED = -1
RATIOS = (2, 3)


class LegRule(NamedTuple):
    """One leg of all positions of a family.

    Parameters
    ----------
    right : {"CE", "PE", "FUT"}
        Call, put or future.
    lots : int
        Bought or sold.
    upper : bool
        Whether it stands at the upper strike of a pair, else at the lower or only one.
    wing : int
        -1 so much below that strike, 1 so much above, 0 on it.
    far : bool
        Whether by the larger of two widths.
    """

    right: Held
    lots: int
    upper: bool = False
    wing: int = 0
    far: bool = False


Rules = tuple[LegRule, ...]


class Family(NamedTuple):
    """How the positions of a family are drawn.

    Parameters
    ----------
    pairs : bool
        Whether from every pair of strikes, else from every strike.
    widths : int
        How many widths its wings have: 0, 1 or 2.
    variants : tuple of tuple of LegRule
        Its legs by ascending strike; several where lots differ.
    """

    pairs: bool
    widths: int
    variants: tuple[Rules, ...]


def _on(right: Held, lots: int, wing: int = 0, far: bool = False) -> LegRule:
    return LegRule(right, lots, False, wing, far)


def _up(right: Held, lots: int, wing: int = 0) -> LegRule:
    return LegRule(right, lots, True, wing)


def _strikes(*legs: LegRule) -> Family:
    return Family(False, 0, (legs,))


def _pairs(*legs: LegRule) -> Family:
    return Family(True, 0, (legs,))


def _winged(*variants: Rules, pairs: bool = False, widths: int = 1) -> Family:
    return Family(pairs, widths, variants)


def _vertical(right: Held, low: int) -> Family:
    return _winged((_on(right, low), _on(right, -low, 1)))


def _condor(below: Held, above: Held) -> Family:
    return _winged((_on(below, 1, -1), _on(below, -1), _up(above, -1), _up(above, 1, 1)), pairs=True)


def _butterfly(right: Held, *, broken: bool = False) -> Family:
    """Return a butterfly; the further wing of a broken one stands above a call's strikes, below a put's."""
    below, above = broken and right == "PE", broken and right == "CE"
    legs = (_on(right, 1, -1, below), _on(right, -2), _on(right, 1, 1, above))
    return _winged(legs, widths=2 if broken else 1)


def _ratio(right: Held, near: int) -> Family:
    """One near option against several further out; `near` is the near one's sign."""
    if right == "CE":
        return _winged(*((_on(right, near), _on(right, -near * ratio, 1)) for ratio in RATIOS))
    return _winged(*((_on(right, -near * ratio, -1), _on(right, near)) for ratio in RATIOS))


KNOWN: dict[str, Family] = {
    "bear_call_spread": _vertical("CE", -1),
    "bear_put_spread": _vertical("PE", -1),
    "box": _winged((_on("PE", -1), _on("CE", 1), _on("PE", 1, 1), _on("CE", -1, 1))),
    "broken_wing_call_butterfly": _butterfly("CE", broken=True),
    "broken_wing_put_butterfly": _butterfly("PE", broken=True),
    "bull_call_spread": _vertical("CE", 1),
    "bull_put_spread": _vertical("PE", 1),
    "call_back_spread": _ratio("CE", -1),
    "call_butterfly": _butterfly("CE"),
    "call_condor": _condor("CE", "CE"),
    "call_ratio_spread": _ratio("CE", 1),
    "collar": _pairs(LegRule("FUT", 1), _on("PE", 1), _up("CE", -1)),
    "covered_call": _strikes(LegRule("FUT", 1), _on("CE", -1)),
    "covered_put": _strikes(LegRule("FUT", -1), _on("PE", -1)),
    "iron_butterfly": _winged((_on("PE", 1, -1), _on("PE", -1), _on("CE", -1), _on("CE", 1, 1))),
    "iron_condor": _condor("PE", "CE"),
    "jade_lizard": _winged((_on("PE", -1), _up("CE", -1), _up("CE", 1, 1)), pairs=True),
    "long_straddle": _strikes(_on("PE", 1), _on("CE", 1)),
    "long_strangle": _pairs(_on("PE", 1), _up("CE", 1)),
    "long_synthetic": _strikes(_on("PE", -1), _on("CE", 1)),
    "protective_call": _strikes(LegRule("FUT", -1), _on("CE", 1)),
    "protective_put": _strikes(LegRule("FUT", 1), _on("PE", 1)),
    "put_back_spread": _ratio("PE", -1),
    "put_butterfly": _butterfly("PE"),
    "put_condor": _condor("PE", "PE"),
    "put_ratio_spread": _ratio("PE", 1),
    "reverse_jade_lizard": _winged((_on("PE", 1, -1), _on("PE", -1), _up("CE", -1)), pairs=True),
    "risk_reversal": _pairs(_on("PE", -1), _up("CE", 1)),
    "short_straddle": _strikes(_on("PE", -1), _on("CE", -1)),
    "short_strangle": _pairs(_on("PE", -1), _up("CE", -1)),
    "short_synthetic": _strikes(_on("PE", 1), _on("CE", -1)),
}


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
    """

    family: str
    lots: Places
    low: Places
    high: Places
    tables: tuple[Places, ...]
    upper: tuple[bool, ...]

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
    """Return every position of a family, by its variants.

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
    drawn = KNOWN[family]
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
        )
        for rules in drawn.variants
    ]


@lru_cache(maxsize=8)
def _drawn(strikes: int, pairs: bool) -> tuple[Places, Places]:
    """Return the places of every pair of strikes, the lower one first, or of every strike twice."""
    if not pairs:
        return np.arange(strikes, dtype=np.int32), np.arange(strikes, dtype=np.int32)
    low, high = np.triu_indices(strikes, 1)
    return low.astype(np.int32), high.astype(np.int32)


def _table(found: Ladder, rule: LegRule, strikes: Floats, widths: Sequence[tuple[float, float]]) -> Places:
    """Return the row of a leg's contract by strike and width, once; `UNLISTED` where there is none."""
    key = (rule.right, rule.wing, rule.far, *widths)
    if key not in found.tables:
        found.tables[key] = _rows(found, rule, strikes, widths)
    return found.tables[key]


def _rows(found: Ladder, rule: LegRule, strikes: Floats, widths: Sequence[tuple[float, float]]) -> Places:
    away = np.array([pair[rule.far] for pair in widths]) * rule.wing
    if not found.strikes(rule.right).size:
        return np.full((strikes.size, away.size), UNLISTED, np.int32)
    wanted = strikes[:, None] + away if rule.right != "FUT" else np.zeros((strikes.size, away.size))
    listed = found.strikes(rule.right)
    at = np.minimum(np.searchsorted(listed, wanted), listed.size - 1)
    rows = np.where(listed[at] == wanted, at + found.place(rule.right), UNLISTED)
    table: Places = rows.astype(np.int32)
    return table
