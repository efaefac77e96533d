"""Ideas: frozen dataclasses that turn a chain into legs.

`ALL` has one word per strategy on the options of one expiry, `COVERED` those that hold the future, and
`CALENDARS` those over two expiries, which need a later chain beside the near one; `FAMILIES` is all of them.
"""

from kit.strategies.butterflies import (
    BrokenWingCallButterfly,
    BrokenWingPutButterfly,
    CallButterfly,
    CallCondor,
    PutButterfly,
    PutCondor,
)
from kit.strategies.calendars import CallCalendar, CallDiagonal, DoubleCalendar, PutCalendar, PutDiagonal
from kit.strategies.covered import Collar, CoveredCall, CoveredPut, ProtectiveCall, ProtectivePut
from kit.strategies.lizards import JadeLizard, ReverseJadeLizard
from kit.strategies.own import OwnLegs
from kit.strategies.synthetics import Box, LongSynthetic, RiskReversal, ShortSynthetic
from kit.strategies.verticals import (
    BearCallSpread,
    BearPutSpread,
    BullCallSpread,
    BullPutSpread,
    CallBackSpread,
    CallRatioSpread,
    PutBackSpread,
    PutRatioSpread,
)
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
    Box,
    BrokenWingCallButterfly,
    BrokenWingPutButterfly,
    BullCallSpread,
    BullPutSpread,
    CallBackSpread,
    CallButterfly,
    CallCondor,
    CallRatioSpread,
    IronButterfly,
    IronCondor,
    JadeLizard,
    LongStraddle,
    LongStrangle,
    LongSynthetic,
    PutBackSpread,
    PutButterfly,
    PutCondor,
    PutRatioSpread,
    ReverseJadeLizard,
    RiskReversal,
    ShortStraddle,
    ShortStrangle,
    ShortSynthetic,
)
COVERED = (Collar, CoveredCall, CoveredPut, ProtectiveCall, ProtectivePut)
CALENDARS = (CallCalendar, CallDiagonal, DoubleCalendar, PutCalendar, PutDiagonal)
FAMILIES = (*ALL, *COVERED, *CALENDARS)

__all__ = [
    "ALL",
    "CALENDARS",
    "COVERED",
    "FAMILIES",
    "BearCallSpread",
    "BearPutSpread",
    "Box",
    "BrokenWingCallButterfly",
    "BrokenWingPutButterfly",
    "BullCallSpread",
    "BullPutSpread",
    "CallBackSpread",
    "CallButterfly",
    "CallCalendar",
    "CallCondor",
    "CallDiagonal",
    "CallRatioSpread",
    "Collar",
    "CoveredCall",
    "CoveredPut",
    "DoubleCalendar",
    "IronButterfly",
    "IronCondor",
    "JadeLizard",
    "LongStraddle",
    "LongStrangle",
    "LongSynthetic",
    "OwnLegs",
    "ProtectiveCall",
    "ProtectivePut",
    "PutBackSpread",
    "PutButterfly",
    "PutCalendar",
    "PutCondor",
    "PutDiagonal",
    "PutRatioSpread",
    "ReverseJadeLizard",
    "RiskReversal",
    "ShortStraddle",
    "ShortStrangle",
    "ShortSynthetic",
]
