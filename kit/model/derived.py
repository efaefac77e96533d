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


NAMES = {"taken_at": "time"}  # as an analyst calls it


def mark(derived: Mapping[str, Derived], fact: str) -> str:
    """Return what stands behind a fact where it is shown: `` (derived)``; nothing where it was stated."""
    return " (derived)" if fact in derived else ""


def told(derived: Mapping[str, Derived]) -> list[str]:
    """Return a sentence on each fact that the source does not state."""
    return [f"The {NAMES.get(fact, fact)} is {found}." for fact, found in derived.items()]


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
