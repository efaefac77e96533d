"""What scoring a strategy costs, and what workers make of many."""

from __future__ import annotations

from kit.benchmark.machine import fresh
from kit.benchmark.measure import Arms, Figures
from kit.benchmark.registry import row
from kit.benchmark.rows.parallel import workers
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most, within
from kit.evaluation.manager import StrategyEvaluationManager
from kit.evaluation.metrics import score
from kit.evaluation.worker import evaluate
from kit.model import ChainSnapshot
from kit.strategies import IronCondor
from kit.strategies.strikes import Delta

_SWEEP = [IronCondor(Delta(0.1 + 0.3 * number / 250)) for number in range(250)]


def sweep(chain: ChainSnapshot) -> float:
    """Return the best return on risk of 250 condors: about ten milliseconds of plain Python."""
    return max(score(condor.legs(chain), chain).return_on_risk for condor in _SWEEP)


@row("evaluation", "us", at_most(50), quick=True)
def strategy_evaluation(run: Run) -> Arms:
    """Choose the strikes of an iron condor by delta and score it: bounds, chance, charges, Greeks."""
    chain, condor = run.desk().data.option_chain(), IronCondor()
    return Arms(ours=lambda: evaluate(condor, chain))


@row("evaluation", "ms", peer=("joblib.Parallel(n_jobs=2)", within(1.1)), cores=2)
def evaluation_beside_joblib(run: Run) -> Arms:
    """One of 100 strategies of about 10 ms: with time-outs, errors kept and a table; the peer has none."""
    from joblib import Parallel, delayed

    chain = run.desk().data.option_chain()
    strategies = {f"sweep {number}": sweep for number in range(100)}
    manager = StrategyEvaluationManager(run.once(workers))
    return Arms(
        ours=lambda: manager.evaluate_strategies_concurrent(strategies, chain),
        peer=lambda: Parallel(n_jobs=2)(delayed(evaluate)(sweep, chain) for _ in strategies),
        items=100,
        calls=1,
        rounds=3 if run.quick else 7,
    )


_FIRST_TEN = """
from time import perf_counter
from kit.desk import open_desk
from kit.settings import Settings
from kit.strategies import ALL
with open_desk(Settings()) as desk:
    chain = desk.data.option_chain("BANKNIFTY")
    ideas = {kind().name: kind() for kind in ALL[:10]}
    began = perf_counter()
    desk.evaluation.evaluate_strategies_concurrent(ideas, chain).table()
    print(1000 * (perf_counter() - began))
"""


@row("evaluation", "ms", at_most(150))
def first_evaluation(_: Run) -> Figures:
    """Evaluate ten built-in strategies with a desk that has just opened and asked for a chain."""
    return Figures([float(fresh(_FIRST_TEN)) for _ in range(5)])
