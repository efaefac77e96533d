"""Progress and cancel: a bar on a terminal or in a notebook cell, or the caller's own callback.

The library that draws loads with the first bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Progress = Callable[[float, str], None]


class Stopped(BaseException):
    """The user cancelled; not an error, so that no row can swallow it."""


class ProgressBar:
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
        from tqdm.auto import tqdm

        self._bar = tqdm(total=100, disable=None, leave=False, bar_format="{l_bar}{bar}| {desc}")
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _show(self, share: float, word: str) -> None:
        self._bar.set_description_str(word, refresh=False)
        self._bar.update(round(100 * share) - self._bar.n)


@contextmanager
def progress_bar(total: int | None, unit: str, shown: bool) -> Iterator[Callable[[], object]]:
    """Show a bar, if it shall be shown; the context gives what to call for each unit."""
    if not shown:
        yield lambda: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit) as bar:
        yield bar.update
