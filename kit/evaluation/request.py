"""What is asked of an evaluation: strategies that can be evaluated, and chains read as they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple

from kit.errors import KitError
from kit.evaluation.terms import Terms
from kit.evaluation.worker import Idea
from kit.model import ChainSnapshot
from kit.strategies.base import Strategy

READ_AHEAD = 64  # chains held at once, some 0.3 MB each
SLOW_S = 0.25  # a source that takes longer waits for a market or a disk: evaluate what is there first


class EvaluationRequest(NamedTuple):
    """One strategy on one chain: its place in the run, its row's head, what errors call it, on what terms."""

    place: int
    idea: Idea
    market_data: Any
    name: str
    label: str
    head: Mapping[str, Any]
    terms: Terms


def checked_strategies(strategies: Mapping[str, Idea]) -> Mapping[str, Idea]:
    """Return the strategies if each can be evaluated.

    Raises
    ------
    KitError
        They are no mapping, or one is neither a strategy nor callable; names it.
    """
    if not isinstance(strategies, Mapping):
        raise KitError(
            "Strategies are a mapping of name to strategy, not a", type(strategies).__name__,
            "Give each a name: {'condor': IronCondor()}.",
        )  # fmt: skip
    for name, idea in strategies.items():
        if isinstance(idea, type) and issubclass(idea, Strategy):
            raise KitError(
                f"The strategy {name!r} is a class", idea.__name__, f"Make one: {idea.__name__}()."
            )
        if not (callable(idea) or callable(getattr(idea, "legs", None))):
            raise KitError(
                f"The strategy {name!r} cannot be evaluated",
                idea,
                "Pass a Strategy or a function of a chain.",
            )
    return strategies


def bunches(snapshots: Iterable[ChainSnapshot]) -> Iterator[list[ChainSnapshot]]:
    """Read chains a few at a time: at most `READ_AHEAD`, from a slow source one by one, a list at once.

    Raises
    ------
    KitError
        These are no chains.
    """
    if isinstance(snapshots, ChainSnapshot) or not isinstance(snapshots, Iterable):
        raise KitError(
            "Snapshots are several chains, not a", type(snapshots).__name__, "Put a single one into a list."
        )
    if isinstance(snapshots, Sequence):
        yield [_chain(one) for one in snapshots]
        return
    bunch, most = list[ChainSnapshot](), 1
    started = asked = monotonic()
    for one in snapshots:
        now = monotonic()
        slow, asked = now - asked > SLOW_S, now
        bunch.append(_chain(one))
        if len(bunch) == most or asked - started > SLOW_S:
            yield bunch
            bunch, most = [], 1 if slow else READ_AHEAD
            started = asked = monotonic()
    yield bunch


def _chain(thing: object) -> ChainSnapshot:
    if not isinstance(thing, ChainSnapshot):
        raise KitError("This is no chain", thing, "Pass ChainSnapshots, for instance one per day.")
    return thing
