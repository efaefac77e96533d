"""Many strategies side by side: nothing lost, the best first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from math import nan
from threading import Event
from typing import Any

import pandas as pd
import pytest
from joblib import parallel_config, register_parallel_backend
from joblib.parallel import ThreadingBackend

from kit.errors import DataError, SettingsError, TaskFailed, TaskTimeout, UnknownStrategy
from kit.evaluation.manager import StrategyEvaluationManager
from kit.evaluation.metrics import FIGURES, Score, score
from kit.evaluation.results import COLUMNS, Results
from kit.evaluation.views import lognormal
from kit.evaluation.worker import evaluate
from kit.model import ChainSnapshot, Leg
from kit.monitor import PerformanceMonitor
from kit.parallel import ConcurrentProcessor, task_rng
from kit.settings import WorkersConfig
from kit.strategies import ALL, IronCondor, ShortStraddle
from kit.strategies.base import Strategy

MakeChain = Callable[..., ChainSnapshot]


@pytest.fixture(scope="module")
def chain(make_chain: MakeChain) -> ChainSnapshot:
    """Return one chain for the whole module."""
    return make_chain()


@pytest.fixture(scope="module")
def processor() -> Iterator[ConcurrentProcessor]:
    """Return two worker processes for the whole module."""
    with ConcurrentProcessor(max_workers=2) as running:
        yield running


@pytest.fixture
def manager(processor: ConcurrentProcessor) -> StrategyEvaluationManager:
    """Return a manager with a monitor of its own."""
    return StrategyEvaluationManager(processor, PerformanceMonitor())


@dataclass(frozen=True)
class FromNotebook(Strategy):
    """A strategy that no module holds, as from a notebook cell."""

    strike: float = 55_000

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return one sold call."""
        return (snapshot.leg("CE", self.strike, -self.lots),)


def divide(snapshot: ChainSnapshot) -> float:
    """Fail on purpose."""
    return snapshot.spot / 0


def roll(_: ChainSnapshot) -> float:
    """Draw one number from the task's own generator."""
    return float(task_rng().random())


def forever(snapshot: ChainSnapshot) -> None:
    """Never return, and swallow what could end it."""
    while True:
        try:
            time.sleep(0.01)
        except BaseException:  # noqa: BLE001 - an analyst's mistake that must cost its own row only
            continue


def test_all_strategies_are_scored_as_alone(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """Every member of `ALL` gets the very score it gets alone, in the order of the question."""
    strategies = {kind().name: kind() for kind in ALL}
    results = manager.evaluate_strategies_concurrent(strategies, chain)
    assert list(results) == list(strategies)
    for name, strategy in strategies.items():
        assert results[name].value == score(strategy.legs(chain), chain, name=name)


def test_failures_are_present_and_raise_when_asked_for(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """A strategy that raises or overruns is a row with its error; asking for it raises that error."""
    strategies: dict[str, Any] = {
        "broken": divide,
        "condor": IronCondor(),
        "endless": forever,
        "straddle": ShortStraddle(),
        "too wide": IronCondor(width=99_999),
    }
    results = manager.evaluate_strategies_concurrent(strategies, chain, timeout=3)
    table = results.table()
    assert set(table.index[:2]) == {"condor", "straddle"}
    assert dict(table["status"][2:]) == {"broken": "failed", "endless": "timeout", "too wide": "failed"}
    assert "ZeroDivisionError" in table.loc["broken", "error"]
    assert "in divide" in table.loc["broken", "traceback"]
    assert "no PE at this strike" in table.loc["too wide", "error"]
    with pytest.raises(TaskFailed, match="ZeroDivisionError"):
        _ = results["broken"].value
    with pytest.raises(TaskTimeout):
        _ = results["endless"].value
    assert isinstance(results["condor"].value, Score)
    assert set(results.failures) == {"broken", "endless", "too wide"}
    assert set(results.completed) == {"condor", "straddle"}


def test_functions_lambdas_and_notebook_classes_work(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """Legs from a plain function are scored, any other value is kept as it is."""
    here = 55_500.0
    results = manager.evaluate_strategies_concurrent(
        {
            "closure": lambda snapshot: [snapshot.leg("PE", here, 2)],
            "class": FromNotebook(lots=3),
            "number": lambda snapshot: snapshot.lot_size,
            "nothing": lambda _: None,
            "frame": lambda snapshot: snapshot.table.head(2),
        },
        chain,
    )
    assert results["closure"].value == score([chain.leg("PE", here, 2)], chain, name="closure")
    assert results["class"].value.legs[0].lots == -3
    assert results["number"].value == 30
    assert results["nothing"].value is None
    assert len(results["frame"].value) == 2
    table = results.table()
    assert list(table.index) == [*table.index[:2], "number", "nothing", "frame"]
    assert table.loc["number", "value"] == 30


def test_functions_take_any_market_data(manager: StrategyEvaluationManager) -> None:
    """A function may be given anything; legs on what is no chain are an error that says so."""
    strategies: dict[str, Any] = {"sum": sum, "legs": lambda _: [Leg("CE", 100.0, 1, 1.0)]}
    results = manager.evaluate_strategies_concurrent(strategies, [1, 2, 3])
    assert results["sum"].value == 6
    with pytest.raises(TaskFailed, match="ChainSnapshot, not on a: 'list'"):
        _ = results["legs"].value


@pytest.mark.parametrize(
    ("view", "by", "figure", "least_first"),
    [
        ("market", None, "cost_on_risk", True),
        (lognormal(0.2), None, "return_on_risk", False),
        ("market", "cost", "cost_on_risk", True),
        ("market", "return", "return_on_risk", False),
        ("market", "probability", "probability_of_profit", False),
        ("market", "reward", "reward_to_risk", False),
        ("market", "theta", "theta_inr", False),
    ],
)
def test_what_is_ranked_by_follows_from_the_view(
    manager: StrategyEvaluationManager,
    chain: ChainSnapshot,
    view: Any,
    by: Any,
    figure: str,
    least_first: bool,
) -> None:
    """Cost on risk under the market's view, return on risk under one's own, or a word; bad quotes behind."""
    sure = [Leg("CE", 55_000.0, 1, 10.0), Leg("CE", 55_100.0, -1, 90.0)]
    ideas = {kind().name: kind() for kind in ALL} | {"sure": lambda _: sure}
    results = manager.evaluate_strategies_concurrent(ideas, chain, view=view)
    table = results.table(by)
    tradable = table[table["tradable"]]
    assert (
        tradable[figure].is_monotonic_increasing if least_first else tradable[figure].is_monotonic_decreasing
    )
    assert not table["tradable"].iloc[len(tradable) :].any()
    assert "sure" in table.index[len(tradable) :]
    assert results.best(by).name == table.index[0]
    assert list(table.columns) == list(COLUMNS)
    assert set(FIGURES) < set(COLUMNS)


def test_a_misspelt_order_view_entry_or_basis_is_refused(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """Words that name nothing raise, and say what there is."""
    results = manager.evaluate_strategies_concurrent({"condor": IronCondor()}, chain)
    with pytest.raises(SettingsError, match="Use cost"):
        results.table("profit")  # type: ignore[arg-type]
    for wrong in ({"view": "marked"}, {"entry": "middle"}, {"basis": "forever"}):
        with pytest.raises(SettingsError, match="Use"):
            manager.evaluate_strategies_concurrent({"condor": IronCondor()}, chain, **wrong)


def test_an_unknown_return_ranks_last_among_scores(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """A score whose figure is not known stands below every known one, above values and failures."""
    known = score(IronCondor().legs(chain), chain)
    results = manager.evaluate_strategies_concurrent(
        {
            "broken": divide,
            "value": lambda _: 1,
            "unknown": lambda _: replace(known, cost_on_risk=nan),
            "condor": IronCondor(),
        },
        chain,
    )
    assert list(results.table().index) == ["condor", "unknown", "value", "broken"]


def test_an_unknown_name_is_an_error_and_a_mapping_still(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """Asking for a name that was not evaluated says which there are; `in` and `get` work as in a dict."""
    results = manager.evaluate_strategies_concurrent({"condor": IronCondor()}, chain)
    with pytest.raises(UnknownStrategy, match=r"'kondor'.*condor"):
        results["kondor"]
    assert "kondor" not in results
    assert results.get("kondor") is None
    assert len(results) == 1


def test_no_strategies_give_an_empty_table(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """An empty question has an empty answer with the usual columns, and no best."""
    results = manager.evaluate_strategies_concurrent({}, chain)
    assert results.table().empty
    assert list(results.table().columns) == list(COLUMNS)
    with pytest.raises(DataError, match="No strategy was scored"):
        results.best()


def test_rows_arrive_as_they_finish(chain: ChainSnapshot) -> None:
    """The callback sees a row while another strategy still runs, and each row once."""
    seen: list[dict[str, Any]] = []
    first_row = Event()

    def note(row: dict[str, Any]) -> None:
        seen.append(row)
        first_row.set()

    strategies: dict[str, Any] = {
        "waits": lambda _: first_row.wait(60),
        "condor": IronCondor(),
        "bad": divide,
    }
    with ConcurrentProcessor(max_workers=2, backend="threads") as threads:
        manager = StrategyEvaluationManager(threads)
        results = manager.evaluate_strategies_concurrent(strategies, chain, on_result=note)
    assert results["waits"].value is True
    rows = {row["strategy"]: row for row in seen}
    assert len(seen) == len(rows) == 3
    assert rows["condor"]["max_profit_inr"] > 0
    assert "ZeroDivisionError" in rows["bad"]["error"]


def test_progress_counts_strategies(
    manager: StrategyEvaluationManager, chain: ChainSnapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    """A progress bar, when asked for, ends at the number of strategies."""
    strategies = {kind().name: kind() for kind in ALL}
    manager.evaluate_strategies_concurrent(strategies, chain, progress=True)
    assert f"{len(ALL)}/{len(ALL)}" in capsys.readouterr().err


def test_a_run_is_timed(processor: ConcurrentProcessor, chain: ChainSnapshot) -> None:
    """Each run counts once as ``strategy_evaluation`` in the monitor it was given."""
    monitor = PerformanceMonitor()
    manager = StrategyEvaluationManager(processor, monitor)
    manager.evaluate_strategies_concurrent({"condor": IronCondor(), "bad": divide}, chain)
    metrics = monitor.get_metrics("strategy_evaluation")
    assert (metrics.calls, metrics.errors) == (1, 0)


def test_workers_timings_reach_the_processors_monitor(chain: ChainSnapshot) -> None:
    """Without a monitor of its own the manager uses the processor's, which hears of every strategy."""
    monitor = PerformanceMonitor()
    with ConcurrentProcessor(max_workers=2, backend="threads", monitor=monitor) as processor:
        manager = StrategyEvaluationManager(processor)
        manager.evaluate_strategies_concurrent({"condor": IronCondor(), "bad": divide}, chain)
    assert monitor.get_metrics("strategy_evaluation").calls == 1
    assert monitor.get_metrics("strategy").calls == 2
    assert monitor.get_metrics("strategy").errors == 1


@pytest.mark.parametrize("backend", ["serial", "threads"])
def test_every_backend_gives_the_same_table(
    backend: Any, manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """In process, on threads and in processes the table is the same, bit for bit, times apart."""
    strategies: dict[str, Any] = {kind().name: kind() for kind in ALL} | {"bad": divide}
    with ConcurrentProcessor(max_workers=2, backend=backend) as other:
        mine = StrategyEvaluationManager(other).evaluate_strategies_concurrent(strategies, chain).table()
    theirs = manager.evaluate_strategies_concurrent(strategies, chain).table()
    pd.testing.assert_frame_equal(
        mine.drop(columns="seconds"), theirs.drop(columns="seconds"), check_exact=True
    )


def test_random_strategies_repeat(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """A strategy that draws random numbers draws the same ones in every run and on every backend."""
    strategies: dict[str, Any] = {f"dice {number}": roll for number in range(4)}
    first = manager.evaluate_strategies_concurrent(strategies, chain).completed
    assert len(set(first.values())) == 4
    with ConcurrentProcessor(max_workers=1, backend="serial") as other:
        again = StrategyEvaluationManager(other).evaluate_strategies_concurrent(strategies, chain)
    assert again.completed == first


def test_two_runs_share_a_processor(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """Two runs with the same names at the same time on one processor do not disturb each other."""
    strategies: dict[str, Any] = {"condor": IronCondor(), "wait": lambda _: time.sleep(0.3)}
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(manager.evaluate_strategies_concurrent, strategies, chain) for _ in range(2)]
        one, two = (run.result() for run in runs)
    assert one["condor"].value == two["condor"].value


def test_many_chains_give_one_table(manager: StrategyEvaluationManager, make_chain: MakeChain) -> None:
    """Strategies times chains give a row each, chain by chain, ranked within, failures included."""
    chains = [make_chain(forward=forward) for forward in (50_000.0, 55_000.0, 60_000.0)]
    strategies: dict[str, Any] = {"condor": IronCondor(), "straddle": ShortStraddle(), "bad": divide}
    seen: list[dict[str, Any]] = []
    table = manager.evaluate_many(strategies, iter(chains), on_result=seen.append)
    assert list(table.columns) == ["taken_at", "expiry", "strategy", *COLUMNS]
    assert len(table) == len(seen) == 9
    for number, snapshot in enumerate(chains):
        part = table.iloc[3 * number : 3 * number + 3].set_index("strategy")
        assert part.index[-1] == "bad"
        expected = score(IronCondor().legs(snapshot), snapshot)
        assert part.loc["condor", "max_profit_inr"] == expected.max_profit_inr
        assert part["cost_on_risk"].iloc[:2].is_monotonic_increasing


def test_many_of_nothing(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """No strategies or no chains give an empty table with the usual columns."""
    for table in (manager.evaluate_many({}, [chain]), manager.evaluate_many({"condor": IronCondor()}, [])):
        assert table.empty
        assert "strategy" in table.columns


def test_tables_read_as_text_and_html(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """The readable forms show figures with units, unbounded amounts and errors, and escape HTML."""
    strategies: dict[str, Any] = {"straddle": ShortStraddle(), "<b>": divide}
    results: Results = manager.evaluate_strategies_concurrent(strategies, chain)
    text, html = results.to_text(), results._repr_html_()
    assert "36,057" in text
    assert "View: market. Entered at the touch, held to expiry. Ordered by cost" in text
    assert "View: market." in html
    told = "1 of 1 can lose over 2 times what is at risk, 1 of them without limit (max loss ∞)"
    assert f"{told}; table().query('loss_to_risk < 2') has the others." in text
    assert told in html
    assert results.table().query("loss_to_risk < 2").empty
    assert "ZeroDivisionError" in text
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert repr(results) == "<Results: 1 completed, 1 failed>"


def test_evaluating_in_place_needs_no_processor(chain: ChainSnapshot) -> None:
    """`evaluate` gives one strategy's score where it is called, and lets its error through."""
    assert evaluate(ShortStraddle(), chain, "mine").name == "mine"
    with pytest.raises(ZeroDivisionError):
        evaluate(divide, chain)


def test_hundreds_share_tasks_and_nothing_changes(
    manager: StrategyEvaluationManager, chain: ChainSnapshot
) -> None:
    """Hundreds of strategies in few tasks give the scores, errors and tracebacks they get one by one."""
    strategies: dict[str, Any] = {
        f"condor {width}": IronCondor(width=width) for width in range(50, 20_000, 50)
    }
    results = manager.evaluate_strategies_concurrent(strategies, chain)
    for name, strategy in list(strategies.items())[::37]:
        one = manager.evaluate_strategies_concurrent({name: strategy}, chain)
        assert results.completed.get(name) == one.completed.get(name)
        assert str(results.failures.get(name)) == str(one.failures.get(name))
    failed = results.table().query("status == 'failed'")
    assert len(failed) + len(results.completed) == len(strategies)
    assert failed["error"].str.contains("no (?:PE|CE) at this strike").all()
    assert failed["traceback"].str.contains("DataError").all()


class RegisteredBackend(ThreadingBackend):
    """A backend that a user has registered."""


register_parallel_backend("a user's", RegisteredBackend)


@pytest.mark.parametrize("engine", ["loky", "threading", "sequential", "a user's", "dask"])
def test_an_evaluation_runs_on_the_joblib_backend_of_the_caller(
    manager: StrategyEvaluationManager, make_chain: MakeChain, engine: str, request: pytest.FixtureRequest
) -> None:
    """Under joblib's parallel_config the rows are those of the kit's own workers, failures included."""
    ideas: dict[str, Any] = {kind().name: kind() for kind in ALL}
    ideas |= {"spot": lambda snapshot: snapshot.spot, "broken": lambda _: 1 / 0, "dice": roll}
    chains = [make_chain(forward=forward) for forward in (54_000.0, 55_000.0)]
    own = manager.evaluate_many(ideas, chains)
    before = manager.evaluate_strategies_concurrent(ideas, chains[0])
    with ExitStack() as stack:
        if engine == "dask":
            address = request.getfixturevalue("cluster").scheduler_address
            stack.enter_context(pytest.importorskip("distributed").Client(address))
        stack.enter_context(parallel_config(engine, n_jobs=2))
        theirs = manager.evaluate_many(ideas, chains)
        results = manager.evaluate_strategies_concurrent(ideas, chains[0])
    assert not {one.worker for one in results.values()} & {one.worker for one in before.values()}
    told = ["traceback", "seconds"]
    pd.testing.assert_frame_equal(theirs.drop(columns=told), own.drop(columns=told), check_exact=True)
    assert all("ZeroDivisionError" in text for text in theirs["traceback"].dropna())
    assert set(results.failures) == {"broken"}


def test_the_first_few_built_in_strategies_wait_for_no_worker(chain: ChainSnapshot) -> None:
    """A fresh processor scores them before a worker could have started, as it does later."""
    ideas: dict[str, Any] = {kind().name: kind() for kind in ALL}
    with ConcurrentProcessor(1) as fresh:
        manager = StrategyEvaluationManager(fresh)
        first = manager.evaluate_strategies_concurrent(ideas, chain)
        assert {outcome.worker for outcome in first.values()} == {"caller"}
        assert manager.evaluate_strategies_concurrent({"pid": lambda _: os.getpid()}, chain)["pid"].success
        later = manager.evaluate_strategies_concurrent(ideas, chain)
    assert {outcome.worker for outcome in later.values()} != {"caller"}
    assert first.completed == later.completed


def test_the_time_out_is_the_processors_unless_stated(chain: ChainSnapshot) -> None:
    """`task_timeout_s` stops a stuck strategy; a time-out of the call comes before it."""
    with ConcurrentProcessor.from_settings(WorkersConfig(max_workers=1, task_timeout_s=0.3)) as processor:
        manager = StrategyEvaluationManager(processor)
        stuck = {"stuck": lambda _: time.sleep(60)}
        outcome = manager.evaluate_strategies_concurrent(stuck, chain)["stuck"]
        assert outcome.status == "timeout"
        assert "0.3 s" in str(outcome.error)
        longer = manager.evaluate_strategies_concurrent(stuck, chain, timeout=0.7)["stuck"]
        assert "0.7 s" in str(longer.error)


def test_reading_results_raises_nothing(manager: StrategyEvaluationManager, chain: ChainSnapshot) -> None:
    """items, values, get and dict give the outcomes of failures too; only their value raises."""
    results = manager.evaluate_strategies_concurrent({"condor": IronCondor(), "bad": lambda _: 1 / 0}, chain)
    outcomes = dict(results)
    assert list(outcomes.items()) == list(results.items())
    assert list(results.values()) == [results["condor"], results["bad"]]
    assert results.get("bad") is results["bad"]
    assert results.get("nothing") is None
    assert [outcome.status for outcome in outcomes.values()] == ["completed", "failed"]
    with pytest.raises(TaskFailed, match="ZeroDivisionError"):
        _ = outcomes["bad"].value


def test_a_worker_works_a_chain_out_once_for_all_tasks_of_a_run(chain: ChainSnapshot) -> None:
    """Strategies that leave their chain alone are given the same one; after one that writes, a fresh one."""
    week = replace(chain, expiry=chain.expiry + timedelta(7))

    def spoiled(snapshot: ChainSnapshot) -> float:
        for one in (snapshot, *snapshot.others):
            one.frame.loc[0, "bid"] = -1.0
        return 0.0

    def seen(snapshot: ChainSnapshot) -> tuple[Any, ...]:
        prices = [one.frame.loc[0, "bid"] for one in (snapshot, *snapshot.others)]
        return id(snapshot.contracts), prices, snapshot.contracts["CE"][snapshot.strikes[0]].bid

    ideas = {"first": seen, "second": seen, "spoiled": spoiled, "third": seen, "fourth": seen}
    with ConcurrentProcessor(1) as alone:
        results = StrategyEvaluationManager(alone).evaluate_strategies_concurrent(ideas, chain.beside(week))
    first, second, third, fourth = (results[name].value for name in ideas if name != "spoiled")
    assert first == second
    assert third == fourth
    assert first[1:] == third[1:]
    assert min(first[1]) >= 0
