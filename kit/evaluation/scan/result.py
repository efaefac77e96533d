"""What came of a scan: the best positions with their figures, and what was left out and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isnan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.errors import DataError
from kit.evaluation.metrics import score_on
from kit.evaluation.scan.chunks import Kept, ScanPart, parts_of
from kit.evaluation.scan.columns import FIGURES
from kit.evaluation.scan.families import Positions
from kit.evaluation.scan.filters import Filter, Rank
from kit.evaluation.scan.ladder import Ladder
from kit.evaluation.scored import Score, describe, exposed
from kit.evaluation.terms import Terms
from kit.model import ChainSnapshot, Leg
from kit.shown import card, printed, rows_of, sentence, table

SHOWN = {
    "premium_inr": "{:,.0f}", "max_profit_inr": "{:,.0f}", "max_loss_inr": "{:,.0f}",
    "probability_of_profit": "{:.1%}", "return_on_risk": "{:+.2%}",
    "theta_inr": "{:+,.0f}", "margin_inr": "{:,.0f}", "return_on_margin": "{:+.2%}", "cost_on_risk": "{:.2%}",
}  # fmt: skip
_HEADINGS = {
    "probability_of_profit": "P(profit)", "return_on_risk": "return/risk", "cost_on_risk": "cost/risk",
    "return_on_margin": "return/margin", "theta_inr": "theta, ₹ a day",
}  # fmt: skip
_ONLY_WIDE = ("max_profit_inr", "return_on_risk", "theta_inr")  # what a terminal has no room for


@dataclass(frozen=True, eq=False)
class ScanResult:
    """The best positions of a scan, the best first.

    Parameters
    ----------
    chain : ChainSnapshot
        What was scanned.
    terms : Terms
        View, entry and basis of every figure.
    order : Rank
        What they are ranked by.
    wanted : tuple of Filter
        What had to pass.
    """

    chain: ChainSnapshot
    terms: Terms
    order: Rank
    wanted: tuple[Filter, ...]
    found: Ladder
    batches: tuple[Positions, ...]
    kept: Kept

    def __len__(self) -> int:
        return len(self.kept.figures)

    def legs(self, number: int) -> list[Leg]:
        """Return the legs of a row at the chain's prices, as `kit.evaluation.metrics.score` takes them.

        Raises
        ------
        DataError
            There is no such row.
        """
        if not 0 <= number < len(self):
            raise DataError("The scan has no such row", number, f"It has {len(self)}, from 0.")
        part = self._part(number)
        return self.found.legs(
            part.positions.places(part.start, part.stop)[0], part.positions.lots, self.chain
        )

    def score(self, number: int = 0) -> Score:
        """Return the score of a row, by definition what its figures are: also its verdict in words.

        Raises
        ------
        DataError
            There is no such row.
        """
        return score_on(self.legs(number), self.chain, self.terms, str(self._families[number]))

    def of_each_family(self) -> ScanResult:
        """Return the first of each family, still in order: of all that passed if `top` was None."""
        kept = self.kept
        _, first = np.unique(self._families, return_index=True)
        places = np.sort(first)
        return replace(self, kept=kept._replace(figures=kept.figures[places], number=kept.number[places]))

    @cached_property
    def _families(self) -> NDArray[np.str_]:
        ends = np.cumsum([len(batch) for batch in self.batches])
        names = np.array([batch.family for batch in self.batches])
        return names[np.searchsorted(ends, self.kept.number, side="right")]

    def _part(self, number: int) -> ScanPart:
        place = int(self.kept.number[number])
        return next(parts_of(self.batches, place, place + 1))

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per position: ``family``, ``legs`` as text, and every figure of `FIGURES`."""
        head = {
            "family": self._families,
            "legs": [describe(self.legs(number)) for number in range(len(self))],
        }
        figures = dict(zip(FIGURES, self.kept.figures.T, strict=True))
        table = pd.DataFrame(head | figures)
        return table.astype({"tradable": bool, "sound": bool})

    @property
    def removed(self) -> dict[str, int]:
        """How many positions each filter removed, one filter after the other."""
        return dict(zip((one.text for one in self.wanted), self.kept.removed, strict=True))

    @property
    def missing(self) -> int:
        """How many positions need a contract that the chain does not list or price."""
        return self.kept.missing

    @property
    def enumerated(self) -> int:
        """Positions of all families; while it runs, with those of which it is not yet known."""
        return sum(len(batch) for batch in self.batches) - self.missing

    @property
    def complete(self) -> bool:
        """Whether all of them were scored: a scan that was stopped has scored `kept.scored`."""
        return self.kept.scored == self.enumerated

    def told(self) -> str:
        """Say in a line what was scanned, under which view, and what was left out."""
        parts = [f"{self.kept.scored:,} of {self.enumerated:,} positions scored"]
        parts += [
            f"{count:,} not tradable" if text.startswith("tradable") else f"{text} removed {count:,}"
            for text, count in self.removed.items()
        ]
        parts += [f"{self.missing:,} need a contract that is not listed or priced"] if self.missing else []
        parts += [f"view {self.found.likely.view}, entry {self.terms.entry}, {self.terms.basis}"]
        parts += [self.found.note] if self.found.note else []
        return "; ".join(parts) + ("" if self.complete else "; stopped")

    def exposed(self) -> str:
        """Say how many of those kept can lose far more than is at risk, and which filter leaves them out."""
        return exposed(self.table, "; the filter loss_to_risk < 2 leaves them out")

    def to_text(self) -> str:
        """Return the ranking's main columns as plain text, rows as `legs` and `score` take them; rupees."""
        shown = self._readable()
        alone = ["family"] if shown["family"].nunique() == 1 else []
        wide = [_heading(name) for name in _ONLY_WIDE if name not in self.order.names]
        lines = [self.told(), self.exposed(), printed(shown.drop(columns=[*alone, *wide]))]
        return "\n".join(filter(None, lines))

    def _repr_html_(self) -> str:
        told = sentence(self.told()), sentence(self.exposed())
        return card("Scan", {"kept": len(self)}, *told, table(rows_of(self._readable())))

    def __repr__(self) -> str:
        return f"<ScanResult: {len(self)} kept; {self.told()}>"

    def _readable(self) -> pd.DataFrame:
        shown = self.table[["family", "legs"]].copy()
        shown["family"] = shown["family"].str.replace("_", " ")
        for name in dict.fromkeys((*self.order.names, *SHOWN)):  # first what it is ranked by
            shown[_heading(name)] = [
                "∞" if value == inf else "–" if isnan(value) else SHOWN.get(name, "{:,.4g}").format(value)
                for value in self.table[name].round(6)  # as `rupees`
            ]
        return shown


def _heading(name: str) -> str:
    return _HEADINGS.get(name) or name.replace("_inr", ", ₹").replace("_", " ")
