"""What was asked of a `DataManager` and when, without any price: the analyst's own habits, for the tuner."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import NamedTuple

_KEPT = 20_000  # a long day's questions; the oldest go


class Question(NamedTuple):
    """One question: seconds from the first, data type (``ltp``, ``options_chain``, ...) and key."""

    at_s: float
    kind: str
    key: str


class Questions:
    """Notes questions as they come; about a microsecond each."""

    def __init__(self) -> None:
        self._noted: deque[Question] = deque(maxlen=_KEPT)
        self._started = monotonic()

    def note(self, kind: str, key: str) -> None:
        """Note one question now."""
        self._noted.append(Question(monotonic() - self._started, kind, key))

    def __len__(self) -> int:
        return len(self._noted)

    def listed(self) -> list[Question]:
        """Return the questions in order; seconds count from the first."""
        noted = list(self._noted)
        return [one._replace(at_s=one.at_s - noted[0].at_s) for one in noted]
