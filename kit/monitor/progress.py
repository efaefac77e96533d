"""Progress and cancel: a bar on a terminal or in a notebook cell, or the caller's own callback."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from tqdm.auto import tqdm

Progress = Callable[[float, str], None]


class Stopped(BaseException):
    """The user cancelled; not an error, so that no row can swallow it."""


class Bar:
    """A context that gives a callback taking the share done (0 to 1) and a word.

    Parameters
    ----------
    progress : callable, optional
        The caller's own; without it a bar is shown, and off a terminal nothing.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if self._progress is not None:
            return self._progress
        self._bar = tqdm(total=100, disable=None, leave=False, bar_format="{l_bar}{bar}| {desc}")
        return self._show

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def _show(self, share: float, word: str) -> None:
        self._bar.set_description_str(word, refresh=False)
        self._bar.update(round(100 * share) - self._bar.n)
