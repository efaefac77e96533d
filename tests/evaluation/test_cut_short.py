"""An evaluation that is interrupted, cancelled or endless."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import psutil
import pytest

from kit.evaluation.manager import StrategyEvaluationManager
from kit.evaluation.request import READ_AHEAD
from kit.evaluation.results import Results
from kit.model import ChainSnapshot
from kit.parallel import ConcurrentProcessor
from kit.strategies import ALL, IronCondor, ShortStraddle

MakeChain = Callable[..., ChainSnapshot]
SOON_S = 60  # generous: a time-out of 300 s is what it must not be


@pytest.fixture(scope="module")
def chain(make_chain: MakeChain) -> ChainSnapshot:
    """Return one chain for the whole module."""
    return make_chain()


@pytest.fixture(scope="module")
def manager() -> Iterator[StrategyEvaluationManager]:
    """Return a manager with two worker processes for the whole module."""
    with ConcurrentProcessor(max_workers=2) as running:
        yield StrategyEvaluationManager(running)


def sleep(_: ChainSnapshot) -> None:
    """Sleep for longer than anybody waits."""
    time.sleep(600)


def nap(_: ChainSnapshot) -> int:
    """Return a number after a while."""
    time.sleep(1.5)
    return 8


def number(_: ChainSnapshot) -> int:
    """Return a number."""
    return 7


IDEAS: dict[str, Any] = {kind().name: kind() for kind in ALL} | {"number": number, "sleeper": sleep}
FINISHED = {name for name in IDEAS if name != "sleeper"}


class Press:
    """Counts rows, and presses a button once all but the sleeper's have come."""

    def __init__(self, button: Callable[[], object], rows: int = len(FINISHED)) -> None:
        self.rows: list[dict[str, Any]] = []
        self._button, self._wanted = button, rows

    def __call__(self, row: dict[str, Any]) -> None:
        """Hear of a row."""
        self.rows.append(row)
        if len(self.rows) == self._wanted:
            threading.Timer(0.1, self._button).start()


def stop_button() -> None:
    """Do what the stop button of a notebook does."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def is_whole(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> bool:
    """Tell whether nothing is left over and the manager evaluates as ever."""
    left = manager.processor.get_active_tasks()
    return not left and manager.evaluate_strategies_concurrent({"n": number}, chain)["n"].value == 7


def test_an_interrupt_keeps_what_finished(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """After Ctrl-C `last` has every finished score, the rest as cancelled, and the manager serves on."""
    press, started = Press(stop_button), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        manager.evaluate_strategies_concurrent(IDEAS, chain, timeout=300, on_result=press)
    assert time.monotonic() - started < SOON_S
    kept = manager.last
    assert isinstance(kept, Results)
    assert set(kept.completed) == FINISHED == {row["strategy"] for row in press.rows}
    assert kept.table().loc["sleeper", "status"] == "cancelled"
    assert kept.best().name == kept.table().index[0]
    assert is_whole(manager, chain)


def test_an_interrupt_of_many_chains_keeps_what_finished(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """After Ctrl-C the table of what `evaluate_many` had found is in `last`."""
    press = Press(stop_button, 2 * len(FINISHED))
    with pytest.raises(KeyboardInterrupt):
        manager.evaluate_many(IDEAS, [chain, chain], timeout=300, on_result=press)
    kept = manager.last
    assert isinstance(kept, pd.DataFrame)
    assert len(kept) == 2 * len(IDEAS)
    assert set(kept[kept["status"] == "completed"]["strategy"]) == FINISHED
    assert is_whole(manager, chain)


def test_cancel_ends_a_run_and_returns_what_finished(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """`cancel` from another thread stops a stuck strategy; the run returns the finished ones' scores."""
    press, started = Press(manager.cancel), time.monotonic()
    results = manager.evaluate_strategies_concurrent(IDEAS, chain, timeout=300, on_result=press)
    assert time.monotonic() - started < SOON_S
    assert set(results.completed) == FINISHED == {row["strategy"] for row in press.rows}
    assert results.table().loc["sleeper", "status"] == "cancelled"
    assert not manager.cancel()
    assert is_whole(manager, chain)


def test_cancel_leaves_other_work_alone(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """`cancel` ends the manager's own runs and no other task of the processor."""
    manager.processor.submit_strategy_evaluation(nap, chain, task_id="mine")
    manager.evaluate_strategies_concurrent(
        {"number": number, "sleeper": sleep}, chain, timeout=300, on_result=Press(manager.cancel, 1)
    )
    assert manager.processor.get_result("mine", timeout=60) == 8


def test_a_callback_that_raises_ends_the_run_and_loses_nothing(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """An error in `on_result` is the caller's; the rows are in `last` all the same."""

    def broken(_: dict[str, Any]) -> None:
        raise ValueError("the disk is full")

    with pytest.raises(ValueError, match="disk is full"):
        manager.evaluate_strategies_concurrent({"number": number}, chain, on_result=broken)
    kept = manager.last
    assert isinstance(kept, Results)
    assert kept["number"].value == 7
    assert is_whole(manager, chain)


def test_what_ended_while_a_callback_was_busy_is_kept(chain: ChainSnapshot) -> None:
    """An error in `on_result` costs no strategy that had ended, and brings back nothing of an earlier run."""
    ideas: dict[str, Any] = {f"first {n}": number for n in range(6)} | {f"sleeper {n}": sleep for n in "ab"}
    ideas |= {f"last {n}": number for n in range(30)}

    def slow(_: dict[str, Any]) -> None:
        time.sleep(1)
        raise ValueError("the disk is full")

    with ConcurrentProcessor(max_workers=2, queue_size=4) as processor:
        manager = StrategyEvaluationManager(processor)
        earlier = manager.evaluate_strategies_concurrent({name: lambda _: 3 for name in ideas}, chain)
        assert set(earlier.completed.values()) == {3}
        with pytest.raises(ValueError, match="disk is full"):
            manager.evaluate_strategies_concurrent(ideas, chain, on_result=slow)
        kept = manager.last
        assert isinstance(kept, Results)
        assert kept.completed == {f"first {n}": 7 for n in range(6)}
        assert len(kept) == len(ideas)
        assert is_whole(manager, chain)


def test_dying_workers_cost_no_built_in_strategy(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """Where a worker is killed with many strategies in one task, those are scored all the same."""
    ideas = {f"{kind().name} {lots}": kind(lots=lots) for kind in ALL for lots in range(1, 200)}
    before = manager.evaluate_strategies_concurrent({f"n{n}": number for n in range(20)}, chain)
    workers = {psutil.Process(int(one.worker.removeprefix("pid "))) for one in before.values()}
    deaths = []

    def kill(_: dict[str, Any]) -> None:
        if workers:
            deaths.append(workers.pop().kill())

    found = manager.evaluate_strategies_concurrent(ideas, chain, on_result=kill)
    assert deaths
    assert found.failures == {}
    assert len(found) == len(ideas)


def test_an_endless_source_streams_and_can_be_cancelled(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """Rows of a source that never ends come while it is read, no more than a few chains ahead."""
    given, ahead = [0], []

    def days() -> Iterator[ChainSnapshot]:
        while True:
            given[0] += 1
            yield chain.arriving_from("file")

    seen: list[Any] = []

    def note(row: dict[str, Any]) -> None:
        seen.append(row["strategy"])
        ahead.append(given[0] - len(seen) // 2)
        if len(seen) == 2 * 5 * READ_AHEAD:
            threading.Thread(target=manager.cancel).start()

    ideas: dict[str, Any] = {"condor": IronCondor(), "straddle": ShortStraddle()}
    table = manager.evaluate_many(ideas, days(), on_result=note)
    assert max(ahead) <= READ_AHEAD
    assert len(table) >= len(seen) >= 2 * 5 * READ_AHEAD
    assert len(table) <= 2 * given[0]


def test_memory_stays_as_it_is_without_keeping(
    manager: StrategyEvaluationManager, make_chain: MakeChain
) -> None:
    """Thousands of chains that are not kept leave no more behind than a few do."""
    one, process, sizes = make_chain(strikes=201), psutil.Process(), []

    def days() -> Iterator[ChainSnapshot]:
        for day in range(12 * READ_AHEAD):
            if day % READ_AHEAD == 1:
                sizes.append(process.memory_info().rss)
            yield replace(one, frame=one.frame.copy())

    rows: list[int] = []
    ideas: dict[str, Any] = {"condor": IronCondor(), "straddle": ShortStraddle()}
    table = manager.evaluate_many(ideas, days(), on_result=lambda _: rows.append(1), keep=False)
    assert table.empty
    assert len(rows) == 2 * 12 * READ_AHEAD
    assert sizes[-1] - sizes[4] < 60e6


def test_a_slow_source_is_not_waited_for(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """The rows of a chain come before a source that takes its time is asked for the next."""
    rows: list[Any] = []
    found = []

    def live() -> Iterator[ChainSnapshot]:
        for _ in range(3):
            found.append(len(rows))
            time.sleep(0.3)
            yield chain

    manager.evaluate_many({"condor": IronCondor(), "number": number}, live(), on_result=rows.append)
    assert found == [0, 2, 4]


def test_rows_can_be_looked_at_while_they_come(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """`last` is what the run under way has found so far."""
    seen: list[int] = []

    def look(_: dict[str, Any]) -> None:
        assert isinstance(manager.last, Results)
        seen.append(len(manager.last.table()))

    ideas = {str(place): number for place in range(5)}
    manager.evaluate_strategies_concurrent(ideas, chain, on_result=look)
    assert seen == [1, 2, 3, 4, 5]
