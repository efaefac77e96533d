"""What runs in a worker: one strategy, or several built-in ones in turn.

A worker imports this module before its first strategy, so it needs little more than the snapshot does.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from kit.errors import DataError
from kit.evaluation.metrics import Score, score_on
from kit.evaluation.terms import STANDARD, Terms
from kit.model import ChainSnapshot, Leg, Position
from kit.parallel.execution import execute
from kit.strategies.base import Strategy

Idea = Strategy | Callable[[Any], Any]


class Ended(NamedTuple):
    """What came of one strategy of a batch: its value, or its exception with the traceback and text of it."""

    output: Any
    error: BaseException | None
    details: str
    raised: str
    seconds: float


def evaluate(idea: Idea, market_data: Any, name: str = "", terms: Terms = STANDARD) -> Score | Any:
    """Evaluate one strategy where it is called.

    Parameters
    ----------
    idea : Strategy or callable
        Anything with a method ``legs(market_data)``, or a function ``f(market_data)``.
    market_data : ChainSnapshot or object
        A snapshot; a plain function may be given anything.
    name : str, optional
        What to call the score.
    terms : Terms, optional
        View, entry and basis of the score.

    Returns
    -------
    Score or object
        The score where the strategy gave legs, else what the function returned.

    Raises
    ------
    DataError
        Legs were given on something that is no chain, so that they cannot be scored.
    """
    found = idea.legs(market_data) if hasattr(idea, "legs") else idea(market_data)
    if not _are_legs(found):
        return found
    if not isinstance(market_data, ChainSnapshot):
        kind = type(market_data).__name__
        raise DataError(
            "Legs are scored on a ChainSnapshot, not on a", kind, "Pass DataManager.option_chain()."
        )
    return score_on(found, market_data, terms, name)


def _are_legs(found: object) -> bool:
    return (
        isinstance(found, list | tuple | Position)
        and bool(found)
        and all(isinstance(leg, Leg) for leg in found)
    )


class OnChain:
    """Evaluates strategies on one chain that reaches each worker once in a run.

    What has been worked out for the chain travels with it: its smile and the figures of its contracts take
    as long as many a strategy. A task that changes the table does so for itself alone: the next one is given
    a fresh chain.
    """

    def __init__(self, chain: ChainSnapshot) -> None:
        self._chain = chain
        self._arrived = b""  # the tables as they came to this process; empty where they belong to the caller

    def __getstate__(self) -> ChainSnapshot:
        return self._chain

    def __setstate__(self, chain: ChainSnapshot) -> None:
        self._chain, self._arrived = chain, _tables(chain)

    def __call__(self, function: Callable[..., Any], strategies: Any, *args: Any) -> Any:
        """Return ``function(strategies, chain, *args)``."""
        if self._arrived and _tables(self._chain) != self._arrived:
            frame, *frames = pickle.loads(self._arrived)  # noqa: S301  of this very process
            others = zip(self._chain.others, frames, strict=True)
            fresh = tuple(replace(other, frame=table) for other, table in others)
            self._chain = replace(self._chain, frame=frame, others=fresh)
        return function(strategies, self._chain, *args)


def _tables(chain: ChainSnapshot) -> bytes:
    return pickle.dumps([one.frame for one in (chain, *chain.others)], protocol=5)


class Part(NamedTuple):
    """One strategy of a batch: its score's name, its own seed and its terms."""

    idea: Idea
    name: str
    seed: int
    terms: Terms = STANDARD


def evaluate_batch(parts: Sequence[Part], market_data: Any) -> list[Ended]:
    """Evaluate strategies one after the other on one chain; the error of one is kept in its place."""
    return [_ended(part, market_data) for part in parts]


def _ended(part: Part, market_data: Any) -> Ended:
    outcome = execute(0, evaluate, (part.idea, market_data, part.name, part.terms), {}, part.seed, "")
    completed = outcome.status == "completed"
    value, error = (outcome.payload, None) if completed else (None, outcome.payload)
    return Ended(value, error, outcome.details, outcome.raised, outcome.running_s)
