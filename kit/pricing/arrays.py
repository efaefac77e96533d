"""The arrays of this room, and arguments of many shapes turned into them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.ma import MaskedArray
from numpy.typing import ArrayLike, NDArray

from kit.errors import DataError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_PLAIN: dict[str, tuple[Any, Any]] = {"i": (1, 0), "u": (1, 0), "f": (1, 0), "U": ("CE", "PE")}  # by kind
_SIDES: dict[Any, bool] = {"CE": True, "PE": False, True: True, False: False}  # 1 and 0 equal the last two


def floats(values: ArrayLike) -> Floats:
    """Return float64; what a masked array hides is NaN.

    Raises
    ------
    DataError
        They are no numbers.
    """
    if isinstance(values, MaskedArray):
        return np.ma.filled(values.astype(np.float64), np.nan)
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError("Not numbers", values, "Give a number, or an array of them.") from error


def column(name: str, given: NDArray[Any], k: Floats) -> NDArray[Any]:
    """Spread one value over all strikes `k`.

    Raises
    ------
    DataError
        The column is not as long as the strikes; names it.
    """
    try:
        return np.broadcast_to(given, k.shape)
    except ValueError as error:
        raise DataError(
            f"The column {name} does not fit {k.size} strikes",
            given.shape,
            "Give one value per strike, or one for all.",
        ) from error


def common_shape(*given: NDArray[Any]) -> tuple[int, ...]:
    """Return the shape to which arrays broadcast.

    Raises
    ------
    DataError
        There is none; names theirs.
    """
    try:
        return np.broadcast(*given).shape
    except ValueError as error:
        shapes = ", ".join(dict.fromkeys(str(one.shape) for one in given if one.ndim))
        remedy = "Give arrays of one shape, or single numbers."
        raise DataError("The arguments do not fit each other", shapes, remedy) from error


def sides(is_call: ArrayLike) -> Bools:
    """Return which options are calls.

    Parameters
    ----------
    is_call : array_like
        Bool, 1 and 0, or the words of a chain's column ``right``: ``"CE"`` and ``"PE"``.

    Raises
    ------
    DataError
        A value is none of these. NaN is refused too: a side must not be guessed.
    """
    if isinstance(is_call, MaskedArray):
        is_call = np.ma.filled(np.ma.asarray(is_call, dtype=object), "masked")
    given = np.asarray(is_call)
    if given.dtype == np.bool_:
        return given
    call, put = _PLAIN.get(given.dtype.kind, (None, None))
    if call is not None:  # no loop over a hundred thousand numbers or words, unless one is wrong
        calls: Bools = np.asarray(given == call)
        if (calls | (given == put)).all():
            return calls
    try:
        known = [_SIDES[side] for side in given.ravel().tolist()]
    except (KeyError, TypeError) as error:  # unknown, or not even hashable
        wrong = next(side for side in given.ravel().tolist() if not _is_side(side))
        raise DataError(
            "Neither a call nor a put", str(wrong), 'Use True or False, 1 or 0, "CE" or "PE".'
        ) from error
    return np.array(known, dtype=np.bool_).reshape(given.shape)


def _is_side(side: Any) -> bool:
    return isinstance(side, Hashable) and side in _SIDES
