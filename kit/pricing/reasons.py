"""Why a price has no implied volatility, or an unreliable one, as a small code and as text."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int8]


class Reason(IntEnum):
    """Why an implied volatility is NaN, and from `SETTLEMENT` on why a known one is unreliable."""

    OK = 0
    MISSING = 1
    BELOW_INTRINSIC = 2
    NO_TIME_VALUE = 3
    ABOVE_BOUND = 4
    EXPIRED = 5
    SETTLEMENT = 6
    UNTRADED = 7
    STALE = 8
    WIDE = 9


_TEXT = np.array([reason.name.lower() for reason in Reason], dtype=object)


def reason_text(codes: Codes) -> NDArray[np.object_]:
    """Return the codes as the words of a chain's ``iv_reason`` column: ``"ok"``, ``"missing"``, ...

    Parameters
    ----------
    codes : ndarray of int8
        `Reason` codes of any shape.
    """
    return _TEXT[codes]
