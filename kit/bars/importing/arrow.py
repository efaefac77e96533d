"""Columns of any type as plain numbers, or as few distinct values and where they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kit.errors import DataError


def codes(column: Any) -> tuple[list[Any], NDArray[np.intp]]:
    """Return the distinct values of a column, and for each row which one it is."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    at = encoded.indices.to_numpy(zero_copy_only=False)
    if encoded.null_count:
        raise DataError("A key is missing", f"{encoded.null_count} rows", "Leave these rows out.")
    return encoded.dictionary.to_pylist(), np.asarray(at, np.intp)


def as_float(column: Any, name: str) -> NDArray[np.float64]:
    """Return a column of numbers, or of texts that are numbers; NaN where there is none.

    Whole numbers beyond 2**53, epochs of nanoseconds say, become the nearest float.

    Raises
    ------
    DataError
        A text is no number.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):  # few texts, each read once
        values = np.append(as_float(column.dictionary, name), np.nan)
        at = column.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
        return values[np.asarray(at, np.intp)]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = _numbers(column, name)
    elif pa.types.is_boolean(kind) or not (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    ):
        raise DataError(f"The column {name} holds no numbers", str(kind), "Declare another one: --map.")
    found: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def _numbers(column: Any, name: str) -> Any:
    try:
        return pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        plain = pc.replace_substring(pc.utf8_trim_whitespace(column), ",", "")
        empty = pc.is_in(plain, pa.array(["", "-", "nan", "NaN", "None", "null", "NA"], plain.type))
        try:
            return pc.cast(pc.if_else(empty, pa.scalar(None, plain.type), plain), pa.float64())
        except pa.ArrowInvalid as error:
            raise DataError(
                f"The column {name} holds a text that is no number", str(error)[:80], "Fix the file."
            ) from error
