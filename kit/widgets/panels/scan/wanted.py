"""What a scan is asked for: bounds as numbers, and the words that stand for a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from kit.errors import SettingsError
from kit.evaluation.scan.columns import FIGURES
from kit.evaluation.scan.families import check_widths
from kit.evaluation.scan.family_rules import KNOWN, SPANNING
from kit.evaluation.scan.filters import filters
from kit.evaluation.scan.scan import TRADABLE
from kit.section import Section


class Wanted(Section):
    """Bounds of a scan; an empty one bounds nothing."""

    probability_pct: float | None = Field(
        None, ge=0, le=100, description="least probability of profit, percent"
    )
    max_loss_inr: float | None = Field(None, gt=0, description="most that may be lost at expiry, rupees")
    margin_inr: float | None = Field(None, gt=0, description="most that may be blocked, rupees")
    spread_pct: float | None = Field(None, gt=0, description="widest spread of a leg, percent of its middle")
    size_lots: int | None = Field(
        None, ge=0, description="least lots that stand at the touch of the thinnest leg"
    )
    traded_lots: int | None = Field(None, ge=0, description="least lots traded today of the leg traded least")
    top: int = Field(100, ge=1, le=2000, description="positions to keep")


LABELS = {
    "probability_pct": "P(profit) ≥ (%)", "max_loss_inr": "Max. loss ≤ (₹)", "margin_inr": "Margin ≤ (₹)",
    "spread_pct": "Spread ≤ (%)", "size_lots": "Quoted ≥ (lots)", "traded_lots": "Traded ≥ (lots)",
    "top": "Keep (rows)",
}  # fmt: skip
_TESTS = {
    "probability_pct": ("probability_of_profit >=", 0.01), "max_loss_inr": ("max_loss_inr <=", 1.0),
    "margin_inr": ("margin_inr <=", 1.0), "spread_pct": ("spread_pct <=", 1.0),
    "size_lots": ("size_lots >=", 1.0), "traded_lots": ("traded_lots >=", 1.0),
}  # fmt: skip
_SHORT = {
    "probability_of_profit": "P(profit)", "max_loss_inr": "Max. loss (₹)",
    "max_profit_inr": "Max. profit (₹)",
    "expected_profit_inr": "Expected (₹, after charges)", "return_on_margin": "Return on margin",
    "margin_inr": "Margin (₹)", "cost_inr": "Spread and charges (₹)",
}  # fmt: skip
_FLAGS = ("tradable", "sound")
RANKS = {
    _SHORT.get(name) or name.removesuffix("_inr").replace("_", " ").capitalize()
    + (" (₹)" if name.endswith("_inr") else ""): name
    for name in FIGURES
    if name not in _FLAGS
}  # fmt: skip
TITLES = {name: title for title, name in RANKS.items()}
FAMILIES = {"All of one expiry": "all"} | {
    name.replace("_", " ").capitalize(): name for name in sorted(KNOWN | SPANNING)
}


def where(wanted: Wanted, further: str = "") -> list[str]:
    """Return the filters of the bounds that are set, and those that were typed.

    Raises
    ------
    SettingsError
        What was typed is no filter.
    """
    bounds = ((test, factor, getattr(wanted, name)) for name, (test, factor) in _TESTS.items())
    found = [f"{test} {factor * bound:.10g}" for test, factor, bound in bounds if bound is not None]
    typed = further.strip()
    filters(typed)
    return [*found, typed] if typed else found


def widths_of(text: str, strikes: Sequence[float] = ()) -> list[float] | None:
    """Read distances of wings: ``500, 1000``; nothing is the scan's own choice.

    Raises
    ------
    SettingsError
        One is no number above zero.
    DataError
        No two of the strikes, where some are given, are this far from each other.
    """
    try:
        widths = [float(word) for word in text.replace(";", ",").split(",") if word.strip()]
    except ValueError:
        widths = [0.0]
    if not all(0 < width < 1e7 for width in widths):
        raise SettingsError("Not distances in rupees", text, "Write for instance 500, 1000; empty: chosen.")
    if strikes:
        check_widths(widths, np.array(strikes))
    return widths or None


def removed_words(removed: dict[str, int], scored: int) -> dict[str, str]:
    """Say which filter removed how many, one after the other."""
    plain = {
        text: "not tradable" if text == TRADABLE else f"not {text}".replace("_", " ") for text in removed
    }
    return {f"Removed: {plain[text]}": f"{count:,} of {scored:,}" for text, count in removed.items()}


def chosen(families: Sequence[str]) -> Sequence[str]:
    """Return the families to scan; all of one expiry where none or all is chosen."""
    return ["all"] if not families or "all" in families else families


def spans(families: Sequence[str]) -> bool:
    """Tell whether the families to scan need a later expiry beside the chain."""
    return any(name in SPANNING for name in chosen(families))
