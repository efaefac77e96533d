"""What one source has of one session, before the store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa


@dataclass(frozen=True)
class DayBars:
    """Bars of one session on their way into the store.

    Parameters
    ----------
    day : date
        The session.
    options, series : Table or None
        As `kit.bars.month_file.OPTIONS` and `SERIES`, in any order; None: this source has none.
    source : str
        Where they are from.
    counted : mapping of str to int
        What was seen and set aside on the way, by name.
    """

    day: date
    options: pa.Table | None
    series: pa.Table | None
    source: str
    counted: Mapping[str, int] = field(default_factory=dict)
