"""Ideas: frozen dataclasses that turn a chain into legs. `ALL` has one word per strategy."""

from kit.strategies.verticals import BearCallSpread, BearPutSpread, BullCallSpread, BullPutSpread
from kit.strategies.volatility import (
    IronButterfly,
    IronCondor,
    LongStraddle,
    LongStrangle,
    ShortStraddle,
    ShortStrangle,
)

ALL = (
    BearCallSpread,
    BearPutSpread,
    BullCallSpread,
    BullPutSpread,
    IronButterfly,
    IronCondor,
    LongStraddle,
    LongStrangle,
    ShortStraddle,
    ShortStrangle,
)

__all__ = [
    "ALL",
    "BearCallSpread",
    "BearPutSpread",
    "BullCallSpread",
    "BullPutSpread",
    "IronButterfly",
    "IronCondor",
    "LongStraddle",
    "LongStrangle",
    "ShortStraddle",
    "ShortStrangle",
]
