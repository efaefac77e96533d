"""Why a price has no implied volatility, as a small code and as text."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Reason(IntEnum):
    """Why an implied volatility is NaN; ``OK`` where it is not."""

    OK = 0
    MISSING = 1
    BELOW_INTRINSIC = 2
    NO_TIME_VALUE = 3
    ABOVE_BOUND = 4
    EXPIRED = 5


_TEXT = np.array([reason.name.lower() for reason in Reason], dtype=object)


def reason_text(codes: NDArray[np.int8]) -> NDArray[np.object_]:
    """Return the codes as the words of a chain's ``iv_reason`` column: ``"ok"``, ``"missing"``, ...

    Parameters
    ----------
    codes : ndarray of int8
        `Reason` codes of any shape.
    """
    words: NDArray[np.object_] = _TEXT[codes]
    return words
