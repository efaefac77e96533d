"""What callers hand in, looked at where it enters: text, finite numbers, paths, parts of the kit."""

from __future__ import annotations

import math
import os
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

from kit.errors import DataError, KitError, SettingsError

T = TypeVar("T")
_LONGEST_PATH = 4096  # characters; no system takes a longer one


def text(value: Any, what: str, kind: type[KitError] = DataError) -> str:
    """Return a text that can be written.

    Parameters
    ----------
    value : object
        What was handed in.
    what : str
        What is wrong if it is none, for instance ``"No instrument has this name"``.
    kind : type, default DataError
        Class of the error.

    Raises
    ------
    KitError
        It is no text, or holds what no text does: control characters, half a character.
    """
    if not isinstance(value, str) or not value.isprintable():
        raise kind(what, value, "Write it as text.")
    return value


def number(value: Any, what: str, *, above: float = -math.inf, most: float = math.inf) -> float:
    """Return a finite number.

    Parameters
    ----------
    value : object
        What was handed in; truth values and texts are no numbers.
    what : str
        What is wrong if it is none.
    above, most : float, optional
        It must be greater than the one and not greater than the other.

    Raises
    ------
    DataError
        It is none, or out of range.
    """
    found = real(value)
    if not math.isfinite(found) or not above < found <= most:
        bound = "" if above == -math.inf else f" above {above:g}"
        raise DataError(what, value, f"Give a finite number{bound}.")
    return found


def real(value: Any) -> float:
    """Return a number as a float, infinity where a float cannot hold it; NaN: it is no number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def path(value: Any, what: str) -> Path:
    """Return a path that the system could have.

    Raises
    ------
    DataError
        It is none, or holds a character that no path has.
    """
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if (
        not isinstance(found, str)
        or not found.isprintable()
        or not found.strip()
        or len(found) > _LONGEST_PATH
    ):
        raise DataError(what, value, "Give the path of a file or folder.")
    return Path(found)


def instance(value: Any, kind: type[T], name: str) -> T:
    """Return what an argument must be an instance of.

    Raises
    ------
    SettingsError
        It is something else.
    """
    if not isinstance(value, kind):
        raise SettingsError(f"{name} must be {kind.__name__}, not", type(value).__name__, "Pass one.")
    return value


def like(value: T, name: str, *methods: str) -> T:
    """Return a part that has these methods; what else it is does not matter.

    Raises
    ------
    SettingsError
        It lacks one.
    """
    for method in methods:
        if not callable(getattr(value, method, None)):
            remedy = f"Pass an object that has {method}()."
            raise SettingsError(f"{name} cannot be", type(value).__name__, remedy)
    return value
