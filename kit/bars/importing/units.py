"""Prices in paise among those in rupees: told by what cannot be, and refused until somebody says which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kit.bars.importing.convert import ImportedBars, ImportFile
from kit.errors import UnreadableFile

_MOMENTS = 9  # bars of a file that are looked at
_SAMPLE = 20_000  # prices
_STEP, _DISTINCT, _SHARE = 5, 100, 0.999  # of paise: nearly all of so many different prices are multiples
_STEEP = 10.0  # rupees of premium by rupee of strike; a rupee at most by right, a few in stale quotes
_HIGHEST = {"index": 1e6, "future": 1e6, "vix": 150.0}


def refuse_paise(bars: ImportedBars, source: ImportFile) -> None:
    """Refuse prices that can only be paise, or so it seems, unless the unit is declared.

    Raises
    ------
    UnreadableFile
        A level is a hundred times too high, premiums rise faster than strikes fall, or every price is a
        multiple of the tick of 0.05 rupees times a hundred.
    """
    if "unit" in source.declared:
        return
    option = bars.of_contract("kind") == "option"
    told = _high(bars) or _steep(bars, option) or _even(bars.prices[3][option])
    if told:
        remedy = "Say so: --map unit:=paise; or unit:=rupee where they are rupees all the same."
        raise UnreadableFile("The prices look like paise", f"{source.file}: {told}", remedy)


def _high(bars: ImportedBars) -> str:
    for number, contract in enumerate(bars.contracts):
        if contract.kind in _HIGHEST:
            level = float(np.median(bars.prices[3, bars.contract == number]))
            if level > _HIGHEST[contract.kind]:
                return f"the {contract.kind} at {level:,.0f}"
    return ""


def _steep(bars: ImportedBars, option: NDArray[np.bool_]) -> str:
    """Compare neighbouring strikes in some minutes: a vertical spread is worth its width at most."""
    at, slopes = bars.day * 1440 + bars.minute, list[float]()
    strikes = np.array([one.strike for one in bars.contracts])
    sides = {side: number for number, side in enumerate({(one.expiry, one.right) for one in bars.contracts})}
    side = np.array([sides[one.expiry, one.right] for one in bars.contracts])
    for moment in np.unique(at[np.linspace(0, len(at) - 1, _MOMENTS).astype(int)]).tolist():
        rows = np.flatnonzero(option & (at == moment))
        which = bars.contract[rows]
        order = np.lexsort((strikes[which], side[which]))
        apart, alike = np.diff(strikes[which][order]), np.diff(side[which][order]) == 0
        pairs = alike & (apart > 0)
        slopes += (np.abs(np.diff(bars.prices[3, rows][order])[pairs]) / apart[pairs]).tolist()
    steep = np.percentile(slopes, 75) if slopes else 0.0
    return f"premiums change by {steep:.0f} for each rupee of the strike" if steep > _STEEP else ""


def _even(close: NDArray[np.float64]) -> str:
    prices = np.unique(close[:: max(1, len(close) // _SAMPLE)])
    even = np.abs(prices / _STEP - np.round(prices / _STEP)) < 1e-3
    if prices.size < _DISTINCT or even.mean() < _SHARE:
        return ""
    return f"{prices.size:,} different prices are multiples of {_STEP}"
