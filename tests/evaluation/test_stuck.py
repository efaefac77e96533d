"""What goes wrong in an evaluation costs its own row, in its own time, and nothing runs twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.errors import KitError, TaskCrashed, TaskFailed, TaskTimeout
from kit.evaluation.batches import _groups
from kit.evaluation.manager import StrategyEvaluationManager
from kit.evaluation.metrics import score
from kit.evaluation.request import EvaluationRequest
from kit.evaluation.terms import Terms
from kit.model import ChainSnapshot, Leg, Right
from kit.parallel import ConcurrentProcessor
from kit.strategies import IronCondor, ShortStraddle
from kit.strategies.base import Strategy

MakeChain = Callable[..., ChainSnapshot]


@pytest.fixture(scope="module")
def chain(make_chain: MakeChain) -> ChainSnapshot:
    """Return one chain for the whole module."""
    return make_chain()


@pytest.fixture(scope="module")
def manager() -> Iterator[StrategyEvaluationManager]:
    """Return a manager with two worker processes for the whole module."""
    with ConcurrentProcessor(max_workers=2) as running:
        yield StrategyEvaluationManager(running)


@dataclass(frozen=True)
class Noting(Strategy):
    """A strategy of the user's that notes each of its runs, and may loop or end its process."""

    file: str = ""
    then: str = ""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Note the run; return one sold call unless told otherwise."""
        with Path(self.file).open("a", encoding="utf-8") as notes:
            notes.write(f"{self.lots}\n")
        while self.then == "loop":
            pass
        if self.then == "exit":
            os._exit(3)
        return (snapshot.leg("CE", snapshot.atmf_strike, -self.lots),)


@dataclass(frozen=True)
class Derived(IronCondor):
    """A class of the user's on top of the kit's."""


def my_rule(snapshot: ChainSnapshot, _: Right) -> float:
    """Choose the money, by the user's own code."""
    return snapshot.atmf_strike


def test_a_stuck_strategy_of_ones_own_costs_its_row_and_its_time(
    manager: StrategyEvaluationManager, chain: ChainSnapshot, tmp_path: Path
) -> None:
    """Of forty strategies of one class the stuck one times out, the deadly one crashes, none runs twice."""
    notes = tmp_path / "notes"
    ideas: dict[str, Any] = {f"call {lots}": Noting(str(notes), lots=lots) for lots in range(1, 41)}
    ideas |= {"stuck": Noting(str(notes), "loop", lots=41), "deadly": Noting(str(notes), "exit", lots=42)}
    results = manager.evaluate_strategies_concurrent(ideas, chain, timeout=6)
    table = results.table()
    assert sorted(map(int, notes.read_text().split())) == list(range(1, 43))
    assert dict(table["status"][-2:]) == {"stuck": "timeout", "deadly": "crashed"}
    assert set(results.failures) == {"stuck", "deadly"}
    assert "in legs" in table.loc["stuck", "traceback"]
    assert 5 < table.loc["stuck", "seconds"] < 2 * 6  # not the time of a batch and of another attempt
    with pytest.raises(TaskTimeout, match="stuck"):
        _ = results["stuck"].value
    with pytest.raises(TaskCrashed, match="deadly"):
        _ = results["deadly"].value


def test_only_what_the_kit_wrote_shares_a_task(chain: ChainSnapshot) -> None:
    """Functions, own classes, classes on top of the kit's and own rules for strikes go alone."""
    ideas: list[Any] = [
        IronCondor(),
        ShortStraddle(),
        Derived(),
        IronCondor(short=my_rule),
        Noting(),
        my_rule,
        IronCondor(lots=2),
    ]
    asks = [EvaluationRequest(place, idea, chain, "", "", {}, Terms()) for place, idea in enumerate(ideas)]
    places = sorted([ask.place for ask in group] for group in _groups(asks, 2, 30.0))
    assert places == [[0, 1, 6], [2], [3], [4], [5]]
    assert all(len(group) == 1 for group in _groups(asks, 2, timeout=0.1))


class TwoWords(Exception):
    """An exception that takes two arguments, and so cannot be unpickled from its message alone."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")


def two_words(_: ChainSnapshot) -> None:
    """Fail with an exception of one's own."""
    raise TwoWords("no premium", "the wings")


def test_an_exception_that_cannot_travel_is_told_in_full(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """The row of an exception with two arguments has its words and the traceback of the worker."""
    results = manager.evaluate_strategies_concurrent({"mine": two_words, "condor": IronCondor()}, chain)
    row = results.table().loc["mine"]
    assert row["status"] == "failed"
    assert "no premium in the wings" in row["error"]
    assert "in two_words" in row["traceback"]
    with pytest.raises(TaskFailed, match="no premium in the wings"):
        _ = results["mine"].value


def test_the_cause_is_the_strategys_own_exception(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """Alone or in a shared task, the error of a strategy names its row and has its own exception as cause."""
    wide = {f"wide {number}": IronCondor(width=99_999) for number in range(3)}
    results = manager.evaluate_strategies_concurrent(wide, chain)
    for name, error in results.failures.items():
        assert name in str(error)
        assert type(error.__cause__).__name__ == "DataError"


def test_names_that_read_alike_are_two_strategies(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """The names 1 and "1" are two rows, each with its own legs."""
    ideas: dict[Any, Any] = {
        1: lambda snapshot: [snapshot.leg("CE", snapshot.atmf_strike, -1)],
        "1": lambda snapshot: [snapshot.leg("CE", snapshot.atmf_strike, -2)],
    }
    results = manager.evaluate_strategies_concurrent(ideas, chain)
    assert [results[name].value.legs[0].lots for name in (1, "1")] == [-1, -2]  # type: ignore[index]
    assert len(results.table()) == 2


@pytest.mark.parametrize(
    ("strategies", "told"),
    [
        ([IronCondor()], "mapping of name to strategy, not a: 'list'"),
        ({"five": 5}, "'five' cannot be evaluated: 5"),
        ({"condor": IronCondor}, r"'condor' is a class: 'IronCondor'. Make one: IronCondor\(\)"),
    ],
)
def test_what_cannot_be_evaluated_is_named(
    manager: StrategyEvaluationManager, chain: ChainSnapshot, strategies: Any, told: str
) -> None:
    """A list, a number or a class in place of strategies is an error that says what to do, at once."""
    with pytest.raises(KitError, match=told):
        manager.evaluate_strategies_concurrent(strategies, chain)
    with pytest.raises(KitError, match=told):
        manager.evaluate_many(strategies, [chain])


def test_what_is_no_chain_is_named(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """A single chain, or something that is none, in place of snapshots is an error that says so."""
    wrong: list[Any] = [chain, 5, [chain, "BANKNIFTY"], [None]]
    for snapshots in wrong:
        with pytest.raises(KitError, match=r"chains, not a|no chain"):
            manager.evaluate_many({"condor": IronCondor()}, snapshots)


def test_the_manager_serves_on(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """After stuck, deadly and wrong strategies the same manager scores as ever."""
    results = manager.evaluate_strategies_concurrent({"condor": IronCondor()}, chain)
    assert results["condor"].value == score(IronCondor().legs(chain), chain, name="condor")
