"""How a value is shown in an error: short, in bounded time, whatever it is."""

from __future__ import annotations

import reprlib
from datetime import date
from numbers import Number
from pathlib import PurePath
from typing import Any

_LONGEST = 2000  # characters
_LARGEST_BITS = 512
_MOST = 60  # items of a collection
_PLAIN = {"datetime", "numpy", "pandas", "pathlib"}  # whose `str` is known to be short


class _Brief(reprlib.Repr):
    """The standard library's bounded ``repr``, for numbers that Python refuses to write as well."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = _LONGEST
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = _MOST

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002 - the library's own signature
        """Write a number, or how long it is."""
        return repr(x) if x.bit_length() <= _LARGEST_BITS else f"<a number of {x.bit_length()} bits>"

    def repr_instance(self, x: Any, level: int) -> str:
        """Write another object, or its type alone: its own ``repr`` may fail, or try to end the process.

        Days, paths and numbers are written as a reader writes them: ``2026-11-27``, not ``date(2026, ...)``.
        """
        if isinstance(x, date | PurePath | Number) and type(x).__module__.partition(".")[0] in _PLAIN:
            return str(x)
        try:
            return super().repr_instance(x, level)
        except (SystemExit, GeneratorExit):
            return object.__repr__(x)


def short_repr(value: Any) -> str:
    """Return ``repr(value)``, cut where it is long, nested or endless; one that fails gives the type's name.

    Examples
    --------
    >>> short_repr(5), short_repr("five")
    ('5', "'five'")
    """
    text = _Brief().repr(value)
    return text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]}..."
