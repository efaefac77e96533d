"""The results of an evaluation: a mapping that keeps the failures, and the ranked table made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from math import inf, isnan
from typing import Any, Literal

import pandas as pd

from kit.errors import DataError, SettingsError, TaskError, UnknownStrategy
from kit.evaluation.scored import FIGURES, Score, exposed
from kit.evaluation.views import market
from kit.parallel import ProcessingResult
from kit.shown import Showable, printed, rows_of, sentence, table

COLUMNS = ("status", *FIGURES, "legs", "value", "error", "traceback", "seconds")
Ranking = Literal["cost", "return", "probability", "reward", "margin", "theta"]
# by the figure, and in words; the greatest first, of costs the least
RANKINGS: Mapping[str, tuple[str, str]] = {
    "cost": ("cost_on_risk", "cost (spread and charges) per rupee at risk"),
    "return": ("return_on_risk", "expected return on risk"),
    "probability": ("probability_of_profit", "probability of profit"),
    "reward": ("reward_to_risk", "reward to risk"),
    "margin": ("return_on_margin", "expected return on margin"),
    "theta": ("theta_inr", "theta"),
}
_BOUNDED = "; table().query('loss_to_risk < 2') has the others"
_BASES = {"held": "held to expiry", "closed": "closed at the entry prices before expiry"}
_PRINTED = ("premium_inr", "max_profit_inr", "max_loss_inr", "probability_of_profit", "cost_on_risk")
_ON_A_CARD = (*_PRINTED, "expected_profit_inr", "margin_inr", "return_on_margin", "breakevens", "verdict")
_SHOWN = {
    "premium_inr": ("premium", "{:,.0f}"),
    "premium_mid_inr": ("premium at mid", "{:,.0f}"),
    "max_profit_inr": ("max profit before charges", "{:,.0f}"),
    "max_loss_inr": ("max loss before charges", "{:,.0f}"),
    "breakevens": ("breakevens", ""),
    "probability_of_profit": ("P(profit)", "{:.1%}"),
    "cost_inr": ("spread + charges", "{:,.0f}"),
    "expected_profit_inr": ("expected after charges", "{:,.0f}"),
    "risk_inr": ("at risk", "{:,.0f}"),
    "cost_on_risk": ("cost/risk", "{:.2%}"),
    "return_on_risk": ("return/risk", "{:+.2%}"),
    "reward_to_risk": ("reward/risk", "{:.2f}"),
    "margin_inr": ("margin", "{:,.0f}"),
    "return_on_margin": ("return/margin", "{:+.2%}"),
    "delta_inr": ("delta", "{:+,.1f}"),
    "theta_inr": ("theta/day", "{:+,.0f}"),
    "vega_inr": ("vega", "{:+,.0f}"),
    "spread_pct": ("widest spread %", "{:.1f}"),
    "traded_lots": ("lots traded", "{:,.0f}"),
    "verdict": ("verdict", "{}"),
}


class Results(Showable, Mapping[str, ProcessingResult]):
    """How each strategy ended, by name, failures included; the `value` of a failed one raises its error.

    Parameters
    ----------
    outcomes : mapping of str to ProcessingResult
        By strategy name.

    Notes
    -----
    Under the market's view an expectation is no skill: the table ranks by what a position costs, spread and
    charges, per rupee at risk, the cheapest first. Under any other view it ranks by expected profit per rupee
    at risk. What cannot be traded as scored follows, then values that are no score in the order they were
    asked for, and failures last.
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
            raise UnknownStrategy(
                "No strategy of this run has this name", name, f"There are {', '.join(close)}."
            )
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

    def best(self, by: Ranking | None = None) -> Score:
        """Return the score that ranks first under its view (`Score.view`).

        Parameters
        ----------
        by : {"cost", "return", "probability", "reward", "margin", "theta"}, optional
            What to rank by, as in `table`.

        Raises
        ------
        DataError
            No strategy was scored.
        SettingsError
            There is no such order.
        """
        scores = [one for one in self.completed.values() if isinstance(one, Score)]
        if not scores:
            raise DataError("No strategy was scored", list(self), "Look at the errors in table().")
        return min(scores, key=lambda one: rank(one, by))

    def table(self, by: Ranking | None = None) -> pd.DataFrame:
        """Return one row per strategy, ranked, failures included.

        Parameters
        ----------
        by : {"cost", "return", "probability", "reward", "margin", "theta"}, optional
            Cost per rupee at risk, the least first; or expected return on risk, probability of profit, reward
            to risk, expected return on margin or theta, the greatest first. Default cost under the market's
            view, else return.

        Returns
        -------
        DataFrame
            Index: name. Columns: `status` (``"completed"``, ``"failed"``, ``"timeout"``, ``"crashed"`` or
            ``"cancelled"``), the figures of `Score`, `legs`, `value` (what a function returned that is no
            score), `error`, `traceback` and `seconds` in the worker.

        Raises
        ------
        SettingsError
            There is no such order.
        """
        ranked = dict(sorted(self._outcomes.items(), key=lambda item: standing(item[1], by)))
        index = pd.Index(list(ranked), name="strategy")
        return pd.DataFrame([row_of(one) for one in ranked.values()], index=index, columns=list(COLUMNS))

    @property
    def terms(self) -> str:
        """One line on whose view, which entry and which basis the scores are of, and what orders them."""
        return terms_of(self.table())

    def to_text(self) -> str:
        """Return the main columns as plain text within 120 characters, doubts and errors below; rupees."""
        table = self.table()
        failed = [f"{name}: {error}" for name, error in self.failures.items()]
        doubts = table["verdict"][table["verdict"].notna() & (table["verdict"] != "ok")]
        doubted = [f"{name}: {verdict}" for name, verdict in doubts.items()]
        text = printed(_printed(table)) if len(table) else "Nothing was evaluated."
        told = exposed(table, _BOUNDED)
        return "\n".join(filter(None, [self.terms, told, str(text), *doubted, *failed]))

    def _figures(self) -> dict[str, object]:
        return {"completed": len(self.completed), "failed": len(self.failures)}

    def _details(self) -> list[str]:
        shown = _printed(self.table(), _ON_A_CARD)
        failed = [sentence(f"{name}: {error}") for name, error in self.failures.items()]
        told = "Rupees; profit and loss before charges, expected after them. table() has every figure."
        far = sentence(exposed(self.table(), _BOUNDED))
        return [sentence(self.terms), far, sentence(told), table(rows_of(shown)), *failed]

    def __repr__(self) -> str:
        return f"<Results: {len(self.completed)} completed, {len(self.failures)} failed>"


def row_of(outcome: ProcessingResult) -> dict[str, Any]:
    """Return one outcome as a row of the table; what does not apply is left out."""
    row: dict[str, Any] = {"status": outcome.status, "seconds": outcome.running_s}
    if outcome.error is not None:
        return row | {"error": str(outcome.error), "traceback": outcome.traceback}
    if isinstance(outcome.output, Score):
        return row | outcome.output.row()
    return row | {"value": outcome.output}


def standing(outcome: ProcessingResult, by: Ranking | None = None) -> tuple[float, ...]:
    """Return the sort key of the ranking: scores, then other values, then failures."""
    if outcome.error is not None:
        return (2,)
    return (0, *rank(outcome.output, by)) if isinstance(outcome.output, Score) else (1,)


def rank(score: Score, by: Ranking | None = None) -> tuple[float, ...]:
    """Return the sort key of a score: what can be traded first, a figure that is not known last.

    Raises
    ------
    SettingsError
        There is no such order.
    """
    word = default_ranking(score.view) if by is None else by
    if word not in RANKINGS:
        raise SettingsError("There is no ranking of this name", word, f"Use {', '.join(RANKINGS)}.")
    value = getattr(score, RANKINGS[word][0])
    placed = inf if isnan(value) else value if word == "cost" else -value
    return (not score.tradable, isnan(value), placed, -score.premium_inr)


def default_ranking(view: str) -> Ranking:
    """Return what is ranked by under a view: cost under the market's, where an expectation is no skill."""
    return "cost" if view == market.name else "return"


def terms_of(table: pd.DataFrame, described: bool = True) -> str:
    """Return one line on the terms of a table's scores and, if `described`, their order; empty without."""
    scored = table[table["view"].notna()]
    if scored.empty:
        return ""
    first = scored.iloc[0]
    views = " and ".join(dict.fromkeys(scored["view"]))
    terms = f"View: {views}. Entered at the {first['entry']}, {_BASES[first['basis']]}."
    if not described:
        return terms
    ranking = default_ranking(first["view"])
    end = "least" if ranking == "cost" else "greatest"
    return f"{terms} Ordered by {RANKINGS[ranking][1]}, the {end} first."


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Write the figures with their units; an empty column is left out, errors go below the table."""
    shown, table = pd.DataFrame({"status": table["status"]}), table.round(6)  # half a rupee, as `rupees` does
    for name, (heading, form) in _SHOWN.items():
        write = levels if name == "breakevens" else form.format
        texts = [write(value) if _given(value) else "–" for value in table[name]]
        shown[heading] = [text.replace("inf", "∞") for text in texts]
    for name in ("legs", "value"):
        shown[name] = [str(value) if _given(value) else "" for value in table[name]]
    return shown.loc[:, (shown != "").any()]


def _printed(table: pd.DataFrame, names: Sequence[str] = _PRINTED) -> pd.DataFrame:
    """Return what a terminal, or a card, has room for; profit and loss are before charges."""
    shown = _readable(table).reindex(columns=[_SHOWN[name][0] for name in names])
    shown.columns = pd.Index([re.sub(" (before|after) charges", "", heading) for heading in shown.columns])
    tells = zip(table["legs"], table["value"], table["status"], strict=True)
    shown["legs"] = [
        str(legs).replace(",", "") if _given(legs) else str(value) if _given(value) else status
        for legs, value, status in tells
    ]
    return shown.fillna("")


def _given(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and isnan(value))


def levels(values: Sequence[float], between: str = " · ") -> str:
    """Write index levels, or ``none``."""
    return between.join(f"{level:,.0f}" for level in values) or "none"
