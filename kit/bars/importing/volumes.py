"""Volume that grows over the day, as some vendors write it, made the volume of each minute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kit.bars.importing.convert import ImportedBars, ImportFile

_LEAST, _SHARE = 20, 0.95  # bars of a contract and day that tell, and how many of those must never fall


def per_minute(bars: ImportedBars, source: ImportFile) -> NDArray[np.float64]:
    """Return each bar's own volume; where it grows over the day in nearly every contract, the differences.

    The report says so: what was there is not kept.
    """
    if not len(bars.day) or np.isnan(bars.volume).all():
        return bars.volume
    order = np.lexsort((bars.minute, bars.day, bars.contract))
    volume = bars.volume[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(bars.contract[order]) != 0) | (np.diff(bars.day[order]) != 0)
    steps = np.diff(volume, prepend=0.0)
    steps[new] = volume[new]
    group = np.cumsum(new) - 1
    count = np.bincount(group)
    falls, grows = (np.bincount(group, weights=sign) for sign in ((steps < 0) & ~new, (steps > 0) & ~new))
    telling = (count >= _LEAST) & (grows >= 3)
    if not telling.any() or (falls[telling] == 0).mean() < _SHARE:
        return bars.volume
    source.notes.append("volume grew over the day: differences taken")
    found = np.empty_like(volume)
    found[order] = np.maximum(steps, 0.0)
    return found
