"""How a cached value is kept safe from the callers it is handed to.

=====================================  ==================================================
value                                  each caller gets
=====================================  ==================================================
numbers, text, dates, enumerations,    the very object; it cannot change
tuples and frozen dataclasses of these,
what says of itself ``cannot_change``
``DataFrame``, ``Series``              its own copy-on-write copy (about 10 µs at any size);
                                       with lists or the like in its cells, a deep one
a frozen dataclass that holds a table  a copy of its own with such a table (a ``ChainSnapshot``)
``numpy.ndarray``                      a read-only view
anything else (``dict``, ``list``...)  its own deep copy, by way of ``pickle``
=====================================  ==================================================
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
from functools import partial
from operator import methodcaller
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

from kit.errors import KitError

_CONSTANT = (
    int, float, complex, str, bytes, type(None), date, time, timedelta, tzinfo,
    Decimal, Fraction, Enum, PurePath, UUID, range,
)  # fmt: skip
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
    try:
        return _held(value)
    except RecursionError:
        remedy = "Cache something flatter."
        raise KitError(
            "The cache cannot protect what is nested so deep", type(value).__name__, remedy
        ) from None


def _held(value: Any) -> Held:
    if _is_table(value) and not _has_loose_cells(value):
        return Held(value.copy(), _shallow)  # whole, which joins its blocks: copies of it are then cheap
    if _is("numpy", "ndarray", value) and not value.dtype.hasobject:
        frozen = value.copy()
        frozen.setflags(write=False)
        return Held(frozen, _view)
    if _constant(value):
        return Held(value, None)
    if _is_frozen(value) and (tables := _tables(value)):
        return Held(_copied(tables, value, deep=True), partial(_copied, tables))
    return _pickled(value)


def _pickled(value: Any) -> Held:
    try:
        kept = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, NotImplementedError) as error:
        remedy = "Cache plain data, a DataFrame or a frozen dataclass."
        raise KitError(
            "The cache cannot protect a value of this type", type(value).__name__, remedy
        ) from error
    return Held(kept, pickle.loads)  # of this very process, never a file's


def _is(library: str, name: str, value: Any) -> bool:
    """Tell whether a value is of a library's type; a library that is not loaded has made no value."""
    loaded = sys.modules.get(library)
    return loaded is not None and isinstance(value, getattr(loaded, name, ()))


def _is_table(value: Any) -> bool:
    return _is("pandas", "DataFrame", value) or _is("pandas", "Series", value)


def _has_loose_cells(table: Any) -> bool:
    """Tell whether a cell of a table is an object that a caller could change, a list for instance."""
    columns = [table] if table.ndim == 1 else []
    if table.ndim == 2:  # only a column of objects is made a Series: ten times what its type costs
        columns = [table.iloc[:, at] for at, kind in enumerate(table.dtypes) if kind == "object"]
    return any(column.dtype == object and not all(map(_constant, column)) for column in columns)


def _is_frozen(value: Any) -> bool:
    return is_dataclass(value) and getattr(type(value), "__dataclass_params__").frozen  # noqa: B009 - undeclared


def _constant(value: Any) -> bool:
    if getattr(type(value), "cannot_change", False):
        return True
    if isinstance(value, (tuple, frozenset)):
        return all(_constant(part) for part in value)
    if _is_frozen(value):
        return all(_constant(getattr(value, part.name)) for part in fields(value))
    return isinstance(value, _CONSTANT) or _is("numpy", "generic", value)


def _tables(value: Any) -> tuple[str, ...]:
    """Name the fields that hold a table, if all others are constant; else none."""
    parts = {part.name: getattr(value, part.name) for part in fields(value)}
    tables = tuple(name for name, part in parts.items() if _is_table(part) and not _has_loose_cells(part))
    plain = hasattr(value, "__dict__") and all(_constant(parts[name]) for name in parts if name not in tables)
    return tables if plain else ()


def _copied(tables: tuple[str, ...], value: Any, deep: bool = False) -> Any:
    """Copy a frozen dataclass with its tables, past its ``__init__``, which has nothing to check again."""
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__)
    copy.__dict__.update({name: value.__dict__[name].copy(deep=deep) for name in tables})
    return copy


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
