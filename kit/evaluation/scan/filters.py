"""What a scan keeps, and in which order: comparisons of figures with numbers, and ranks by one or several."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.errors import SettingsError
from kit.evaluation.scan.columns import FIGURES, LEAST_FIRST, PLACES
from kit.pricing.arrays import Bools, Floats

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_TEST = re.compile(r"\s*(?P<name>\w+)\s*(?P<sign><=|>=|==|!=|<|>)\s*(?P<value>[-+.,\w]+)\s*(?P<share>%?)\s*")
_BETWEEN = re.compile(r"\s+and\s+|,(?!\d)|&+", re.IGNORECASE)  # a comma within a number separates nothing
_ALIASES = {"pop": "probability_of_profit"}


class Filter(NamedTuple):
    """One comparison: a figure, a sign, a number."""

    text: str
    place: int
    sign: str
    value: float

    def passes(self, rows: Floats) -> Bools:
        """Tell of each row whether it passes; what is not known does not."""
        passed: Bools = _OPERATORS[self.sign](rows[:, self.place], self.value)
        return passed & ~np.isnan(rows[:, self.place])


def filters(where: str | Sequence[str] | None) -> list[Filter]:
    """Read filters: ``"probability_of_profit > 70% and max_loss_inr < 20,000"``, or several of these.

    Raises
    ------
    SettingsError
        One is no comparison of a figure with a number, or no figure has this name.
    """
    texts = [where] if isinstance(where, str) else [*(where or ())]
    return [_filter(part) for text in texts for part in _BETWEEN.split(text) if part.strip()]


def _filter(text: str) -> Filter:
    found = _TEST.fullmatch(text)
    if found is None:
        raise SettingsError(
            "Not a filter", text, "Write a figure, a sign, a number: 'max_loss_inr < 20_000'."
        )
    place, word = place_of(found["name"]), found["value"].lower().replace(",", "")
    try:
        value = float({"true": "1", "false": "0"}.get(word, word)) / (100 if found["share"] else 1)
    except ValueError:
        value = nan
    if isnan(value):  # infinity is a number: 'max_loss_inr < inf' keeps what is bounded
        what = f"Not a number in the filter {text.strip()!r}"
        raise SettingsError(what, found["value"], "Compare a figure with a number, for instance 0.7.")
    if place == PLACES["probability_of_profit"] and value > 1:
        what = f"No chance is this high in the filter {text.strip()!r}"
        raise SettingsError(what, found["value"], "Write 70% or 0.7.")
    return Filter(text.strip(), place, found["sign"], value)


def place_of(name: str) -> int:
    """Return the column of a figure.

    Raises
    ------
    SettingsError
        No figure of a scan has this name.
    """
    known = _ALIASES.get(name, name)
    if known not in PLACES:
        close = get_close_matches(name, FIGURES, n=3) or FIGURES
        raise SettingsError("No figure of a scan has this name", name, f"There are {', '.join(close)}.")
    return PLACES[known]


class Rank(NamedTuple):
    """An order: by one figure, or the Pareto front of several.

    Parameters
    ----------
    names : tuple of str
        Figures.
    signs : tuple of int
        1 where the greatest comes first, -1 where the least does.
    """

    names: tuple[str, ...]
    signs: tuple[int, ...]

    def keys(self, rows: Floats) -> Floats:
        """Return what is to be greatest, of shape (rows, figures); what is not known is least."""
        places = [place_of(name) for name in self.names]
        keyed: Floats = np.nan_to_num(
            rows[:, places] * np.array(self.signs), nan=-np.inf, posinf=np.inf, neginf=-np.inf
        )
        return keyed


def rank(by: str | Sequence[str]) -> Rank:
    """Read an order: a figure, or several for their Pareto front.

    A figure where less is better (costs, losses, margins, spreads) puts the least first, any other the
    greatest; ``-`` and ``+`` before the name say least or greatest whatever it is.

    Raises
    ------
    SettingsError
        No figure has this name, or there is none.
    """
    words = [by] if isinstance(by, str) else [*by]
    if not words:
        raise SettingsError("A scan ranks by a figure", words, "Say rank_by='return_on_margin'.")
    names = [word.lstrip("+-") for word in words]
    for name in names:
        place_of(name)
    known = [_ALIASES.get(name, name) for name in names]
    signs = [
        {"-": -1, "+": 1}.get(word[:1], -1 if name in LEAST_FIRST else 1)
        for word, name in zip(words, known, strict=True)
    ]
    return Rank(tuple(known), tuple(signs))


def best_of(keys: Floats, top: int | None) -> NDArray[np.intp]:
    """Return the rows that rank first, the best first: by one figure, or all that no other row beats.

    Equal rows keep their order. Of a Pareto front too the first `top` by the first figure are taken.
    """
    if keys.shape[1] > 1:
        front = pareto(keys)
        order = front[np.argsort(-keys[front, 0], kind="stable")]
        return order[:top]
    column = keys[:, 0]
    if top is not None and top < column.size // 4:
        least = np.partition(column, column.size - top)[column.size - top]
        near = np.flatnonzero(column >= least)
        return near[np.argsort(-column[near], kind="stable")][:top]
    return np.argsort(-column, kind="stable")[:top]


def pareto(keys: Floats) -> NDArray[np.intp]:
    """Return the rows that no other row beats in one figure without losing in another."""
    order = np.lexsort(-keys.T[::-1])
    kept = np.empty((0, keys.shape[1]))
    front = list[int]()
    for row in order.tolist():
        beaten = (kept >= keys[row]).all(axis=1) & (kept > keys[row]).any(axis=1)
        if not beaten.any():
            front.append(row)
            kept = np.vstack([kept, keys[row]])
    return np.sort(np.array(front, np.intp))
