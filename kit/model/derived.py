"""Facts that a source does not state, worked out and marked as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple


class Derived(NamedTuple):
    """A fact that its source does not state: how it was worked out, and between what it lies.

    Parameters
    ----------
    how : str
        What it rests on.
    low, high : float or datetime
        The least and the most that the evidence allows, in the unit of the fact.
    """

    how: str
    low: float | datetime
    high: float | datetime

    def __str__(self) -> str:
        ends = (f"{end:%d %b %Y %H:%M}" if isinstance(end, datetime) else f"{end:,.2f}" for end in self[1:])
        return f"derived from {self.how}, between {' and '.join(ends)}"


class Guesses(Mapping[str, Derived]):
    """Facts that a source does not state, by name; cannot be changed.

    Parameters
    ----------
    guessed : mapping of str to Derived
        Copied.
    """

    cannot_change = True  # so that a cache may share it

    def __init__(self, guessed: Mapping[str, Derived]) -> None:
        self._guessed = dict(guessed)

    def __getitem__(self, name: str) -> Derived:
        return self._guessed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._guessed)

    def __len__(self) -> int:
        return len(self._guessed)

    def __repr__(self) -> str:
        return repr(self._guessed)
