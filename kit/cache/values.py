"""How a cached value is kept safe from the callers it is handed to.

=====================================  ==================================================
value                                  each caller gets
=====================================  ==================================================
numbers, text, dates, enumerations,    the very object; it cannot change
tuples of these, frozen dataclasses
``DataFrame``, ``Series``              its own copy-on-write copy (about 10 µs at any size)
``numpy.ndarray``                      a read-only view
anything else (``dict``, ``list``...)  its own deep copy, by way of ``pickle``
=====================================  ==================================================

A frozen dataclass is taken at its word: `kit.model.ChainSnapshot` hands out its table as a
copy-on-write copy itself. One that holds a list, a dict or a set is deep-copied.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from operator import methodcaller
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

from kit.errors import KitError

_CONSTANT = (
    int, float, complex, str, bytes, type(None), date, time, timedelta, tzinfo,
    Decimal, Fraction, Enum, PurePath, UUID, range,
)  # fmt: skip
_MUTABLE = (dict, list, set, bytearray)
_shallow = methodcaller("copy", deep=False)
_view = methodcaller("view")


class Held(NamedTuple):
    """A value in the form the cache keeps it.

    Parameters
    ----------
    kept : object
        The safe form.
    give : callable or None
        Makes a caller's copy from `kept`; None: `kept` itself is handed out.
    """

    kept: Any
    give: Callable[[Any], Any] | None


def hold(value: Any) -> Held:
    """Bring a value into the form that no caller can corrupt.

    Raises
    ------
    KitError
        The value cannot be copied, so the cache could not protect it.
    """
    if isinstance(value, _CONSTANT):
        return Held(value, None)
    if _is("pandas", "DataFrame", value) or _is("pandas", "Series", value):
        return Held(_shallow(value), _shallow)
    if _is("numpy", "ndarray", value):
        frozen = value.copy()
        frozen.setflags(write=False)
        return Held(frozen, _view)
    if _constant(value):
        return Held(value, None)
    return _pickled(value)


def _pickled(value: Any) -> Held:
    try:
        kept = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        remedy = "Cache plain data, a DataFrame or a frozen dataclass."
        raise KitError(
            "The cache cannot protect a value of this type", type(value).__name__, remedy
        ) from error
    return Held(kept, pickle.loads)  # of this very process, never a file's


def _is(library: str, name: str, value: Any) -> bool:
    """Tell whether a value is of a library's type; a library that is not loaded has made no value."""
    loaded = sys.modules.get(library)
    return loaded is not None and isinstance(value, getattr(loaded, name, ()))


def _constant(value: Any) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(_constant(part) for part in value)
    if is_dataclass(value) and getattr(type(value), "__dataclass_params__").frozen:  # noqa: B009 - undeclared
        return not any(isinstance(getattr(value, part.name), _MUTABLE) for part in fields(value))
    return isinstance(value, _CONSTANT) or _is("numpy", "generic", value)


def size_of(kept: Any) -> int:
    """Estimate the bytes of a kept value."""
    if hasattr(kept, "memory_usage"):
        usage = kept.memory_usage(deep=True)
        return int(usage.sum() if hasattr(usage, "sum") else usage)
    if is_dataclass(kept):
        return sum(size_of(getattr(kept, part.name)) for part in fields(kept))
    if isinstance(kept, (tuple, frozenset)):
        return sys.getsizeof(kept) + sum(size_of(part) for part in kept)
    return int(getattr(kept, "nbytes", 0)) or sys.getsizeof(kept)
