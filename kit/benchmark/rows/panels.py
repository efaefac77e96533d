"""What an analyst waits for at a panel: the picture of a slider's step, and the end of what runs away."""

from __future__ import annotations

import json
from threading import Thread
from time import monotonic, sleep

from kit.benchmark.machine import fresh
from kit.benchmark.measure import Figures
from kit.benchmark.registry import row
from kit.benchmark.rows.parallel import workers
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most
from kit.errors import KitError
from kit.evaluation.manager import StrategyEvaluationManager
from kit.evaluation.worker import Idea
from kit.model import ChainSnapshot
from kit.strategies import IronCondor

_STEPS = """
import json, time
from kit.desk import open_desk
from kit.settings import Settings
from kit.widgets.panels.payoff import PayoffPanel

with open_desk(Settings(cache_config={"disk": False}, workers={"backend": "serial"})) as desk:
    panel = PayoffPanel(desk)
    slider, took = panel.inputs["strike"], []
    for step in [1, 1, 1, -1, -1, -1] * 5:
        before, began = panel.plot.value, time.perf_counter()
        slider.value += step
        took.append(1e3 * (time.perf_counter() - began))
        assert panel.plot.value != before and not panel.errors.value, "the picture stands still"
print(json.dumps(took[6:]))
"""


@row("evaluation", "ms", at_most(50))
def slider_step(run: Run) -> Figures:
    """Price, score and draw a condor after a slider's step, up to the picture that goes to the page.

    Page and kernel take about 25 ms more between them; the browser's tests time the whole, 80 ms at most.
    """
    run.need("ipywidgets", "lab")
    return Figures(json.loads(fresh(_STEPS)))


def _stuck(_: ChainSnapshot) -> float:
    while True:
        try:
            sleep(0.001)
        except BaseException:  # noqa: BLE001, S112 - that is what it is here for
            continue


@row("parallel", "s", at_most(1))
def runaway_cancelled(run: Run) -> Figures:
    """Time from Cancel to the end of an evaluation that is stuck in an idea which swallows errors.

    What finished before is kept, and the workers serve again.
    """
    run.need_signals()
    run.hush()  # what dies here dies on purpose
    manager, chain = StrategyEvaluationManager(run.once(workers)), run.desk().data.option_chain()
    samples = []
    for _ in range(1 if run.quick else 6):
        run.checkpoint()
        samples.append(_cancelled_s(manager, {"condor": IronCondor(), "stuck": _stuck}, chain))
    return Figures(samples)


def _cancelled_s(manager: StrategyEvaluationManager, ideas: dict[str, Idea], chain: ChainSnapshot) -> float:
    pressed = 0.0

    def press() -> None:
        nonlocal pressed
        sleep(0.3)  # the stuck idea has begun by then
        pressed = monotonic()
        manager.cancel()

    def came(_: object) -> None:
        if not pressed:
            Thread(target=press).start()

    found = manager.evaluate_strategies_concurrent(ideas, chain, 60, on_result=came)
    took = monotonic() - pressed
    if [*found.completed] != ["condor"] or "stuck" not in found.failures:
        raise KitError("A cancelled run lost something", str(found), "See its errors.")
    return took
