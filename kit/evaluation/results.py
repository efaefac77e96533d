"""What came of evaluating strategies: a mapping that keeps the failures, and a ranked table of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from html import escape
from math import inf, isnan
from typing import Any

import pandas as pd

from kit.errors import DataError, TaskError, UnknownStrategy
from kit.evaluation.metrics import FIGURES, Score
from kit.parallel import ProcessingResult

COLUMNS = ("status", *FIGURES, "legs", "value", "error", "traceback", "seconds")
_SHOWN = {
    "premium_inr": ("premium", "{:,.0f}"),
    "max_profit_inr": ("max profit", "{:,.0f}"),
    "max_loss_inr": ("max loss", "{:,.0f}"),
    "breakevens": ("breakevens", ""),
    "probability_of_profit": ("P(profit)", "{:.1%}"),
    "expected_profit_inr": ("expected", "{:,.0f}"),
    "return_on_risk": ("return/risk", "{:+.2%}"),
    "delta_inr": ("delta", "{:+,.1f}"),
    "theta_inr": ("theta/day", "{:+,.0f}"),
    "vega_inr": ("vega", "{:+,.0f}"),
}


class Results(Mapping[str, ProcessingResult]):
    """Strategy name to what it came to, failures included: the `value` of one that failed raises its error.

    Parameters
    ----------
    outcomes : mapping of str to ProcessingResult
        By strategy name.

    Notes
    -----
    The table ranks by `Score.return_on_risk`, that is expected profit after charges per rupee at risk,
    the best first. Values that are no score follow in the order they were asked for, failures last.
    """

    def __init__(self, outcomes: Mapping[str, ProcessingResult]) -> None:
        self._outcomes = dict(outcomes)

    def __getitem__(self, name: str) -> ProcessingResult:
        """Return how a strategy ended; its `value` is the score, or what its function returned.

        Raises
        ------
        UnknownStrategy
            No strategy of this run has this name.
        """
        if name not in self._outcomes:
            close = get_close_matches(str(name), self._outcomes, n=3) or list(self._outcomes)
            raise UnknownStrategy("No strategy of this run has this name", name, f"There are {close}.")
        return self._outcomes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._outcomes)

    def __len__(self) -> int:
        return len(self._outcomes)

    def __contains__(self, name: object) -> bool:
        return name in self._outcomes

    @property
    def completed(self) -> dict[str, Any]:
        """The strategies that returned something, with it."""
        return {name: one.output for name, one in self._outcomes.items() if one.error is None}

    @property
    def failures(self) -> dict[str, TaskError]:
        """The strategies that returned nothing, with their errors."""
        return {name: one.error for name, one in self._outcomes.items() if one.error is not None}

    def best(self) -> Score:
        """Return the score that ranks first.

        Raises
        ------
        DataError
            No strategy was scored.
        """
        scores = [one for one in self.completed.values() if isinstance(one, Score)]
        if not scores:
            raise DataError("No strategy was scored", list(self), "Look at the errors in table().")
        return min(scores, key=_rank)

    def table(self) -> pd.DataFrame:
        """Return one row per strategy, ranked, failures included.

        Returns
        -------
        DataFrame
            Index: name. Columns: `status` (``"completed"``, ``"failed"``, ``"timeout"``, ``"crashed"`` or
            ``"cancelled"``), the figures of `Score`, `legs`, `value` (what a function returned that is no
            score), `error`, `traceback` and `seconds` in the worker.
        """
        ranked = dict(sorted(self._outcomes.items(), key=lambda item: order(item[1])))
        index = pd.Index(list(ranked), name="strategy")
        return pd.DataFrame([row_of(one) for one in ranked.values()], index=index, columns=list(COLUMNS))

    def to_text(self) -> str:
        """Return the table as plain text, in an analyst's columns and units (rupees), errors below."""
        failed = [f"{name}: {error}" for name, error in self.failures.items()]
        return "\n".join([str(_readable(self.table()).to_string()), *failed])

    def _repr_html_(self) -> str:
        failed = [f"<p>{escape(name)}: {escape(str(error))}</p>" for name, error in self.failures.items()]
        return "".join([str(_readable(self.table()).to_html(border=0)), *failed])

    def __repr__(self) -> str:
        return f"<Results: {len(self.completed)} completed, {len(self.failures)} failed>"


def row_of(outcome: ProcessingResult) -> dict[str, Any]:
    """Return what the table says of one outcome; what does not apply is left out."""
    row: dict[str, Any] = {"status": outcome.status, "seconds": outcome.running_s}
    if outcome.error is not None:
        return row | {"error": str(outcome.error), "traceback": outcome.traceback}
    if isinstance(outcome.output, Score):
        return row | outcome.output.row()
    return row | {"value": outcome.output}


def order(outcome: ProcessingResult) -> tuple[float, ...]:
    """Return the sort key of the ranking: scores, then other values, then failures."""
    if outcome.error is not None:
        return (2,)
    return (0, *_rank(outcome.output)) if isinstance(outcome.output, Score) else (1,)


def _rank(score: Score) -> tuple[float, float]:
    """Order the best first; a return that is not known ranks below every known one."""
    known = not isnan(score.return_on_risk)
    return (-score.return_on_risk if known else inf, -score.premium_inr)


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Write the figures with their units; an empty column is left out, errors go below the table."""
    shown = pd.DataFrame({"status": table["status"]})
    for name, (heading, form) in _SHOWN.items():
        write = _levels if name == "breakevens" else form.format
        texts = [write(value) if _given(value) else "–" for value in table[name]]
        shown[heading] = [text.replace("inf", "∞") for text in texts]
    for name in ("legs", "value"):
        shown[name] = [str(value) if _given(value) else "" for value in table[name]]
    return shown.loc[:, (shown != "").any()]


def _given(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and isnan(value))


def _levels(values: tuple[float, ...]) -> str:
    return " · ".join(f"{level:,.0f}" for level in values) or "none"
