"""Recommends lifetimes, pool size and workers from measurements, explains, and writes on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd
from joblib import cpu_count

from kit.broker.endpoints import PROFILE
from kit.clock import previous_session, session
from kit.desk import Desk, open_desk
from kit.market.questions import Question
from kit.monitor.progress import Progress, Stopped
from kit.section import Section
from kit.settings import Settings
from kit.shown import Showable, sentence, table
from kit.simulator.process import launch
from kit.tuning.halving import Tried, successive_halving
from kit.tuning.lifetimes import Lifetime, advise_lifetimes, checked_tolerance
from kit.tuning.trace import PricePath, Trace, analyst_requests, fill_between
from kit.tuning.workload import WorkerPlan, Workload, ideas_from

UNDERLYING = "BANKNIFTY"


@dataclass(frozen=True, repr=False)
class Advice(Showable):
    """What the tuner recommends and why.

    Parameters
    ----------
    settings : Settings
        The user's settings with every recommended value in place.
    lifetimes : sequence of Lifetime
        One per data type, with its curve.
    pools : sequence of Tried
        Pool sizes, best first; empty when not searched.
    worker_plans : sequence of Tried
        Workers and batch size, best first; empty when not searched.
    """

    settings: Settings
    lifetimes: Sequence[Lifetime]
    pools: Sequence[Tried[int]] = ()
    worker_plans: Sequence[Tried[WorkerPlan]] = ()

    def under(self, tolerance_bps: float) -> Advice:
        """Return the same measurements' advice under another tolerance, basis points."""
        lifetimes = [one.under(tolerance_bps) for one in self.lifetimes]
        settings = _recommended(self.settings, lifetimes, self.pools, self.worker_plans)
        return replace(self, settings=settings, lifetimes=lifetimes)

    def _figures(self) -> dict[str, object]:
        chosen: dict[str, object] = {
            one.setting: one.chosen.lifetime_s if one.chosen else "no cache" for one in self.lifetimes
        }
        pool = {"pool_size": self.pools[0].candidate} if self.pools else {}
        return chosen | pool | ({"workers": str(self.worker_plans[0].candidate)} if self.worker_plans else {})

    def _details(self) -> list[str]:
        told = [sentence(str(one)) for one in self.lifetimes]
        pools, plans = _tried("Connection pool", self.pools), _tried("Workers", self.worker_plans)
        return [*told, table(pools, "Connection pool"), table(plans, "Workers")]

    def __str__(self) -> str:
        lines = ["Lifetimes", *(f"  {lifetime}" for lifetime in self.lifetimes)]
        if self.pools:
            lines += ["Connection pool", *(f"  {line}" for line in _explained(self.pools, "pool_size "))]
        if self.worker_plans:
            lines += ["Workers", *(f"  {line}" for line in _explained(self.worker_plans)), f"  {_BATCHES}"]
        return "\n".join(lines)


def _tried(name: str, found: Sequence[Tried[Any]]) -> list[dict[str, object]]:
    return [
        {
            name: str(one.candidate),
            "ms": one.seconds.figure * 1e3,
            "interval": f"{one.seconds.low * 1e3:.1f} … {one.seconds.high * 1e3:.1f}",
            "samples": one.samples,
        }
        for one in found
    ]


_BATCHES = "No setting holds a batch size: hand that many evaluations to one task of your own processor."


def _explained(tried: Sequence[Tried[Any]], name: str = "") -> list[str]:
    best, others = tried[0], tried[1:]
    spread = f"{best.seconds.low * 1e3:.1f} … {best.seconds.high * 1e3:.1f} ms"
    lines = [
        f"{name}{best.candidate}: {best.seconds.figure * 1e3:.1f} ms ({spread}, {best.samples} samples), "
        f"best of {len(tried)}"
    ]
    for other in others[:2]:
        slower = other.seconds.figure / best.seconds.figure - 1
        lines.append(f"{name}{other.candidate}: {slower:+.0%} time, {other.samples} samples")
    return lines


POOL_SIZES = (1, 2, 4, 8, 16)  # small ones first: of equals the leaner is kept


def worker_plans(most_workers: int) -> list[WorkerPlan]:
    """Return the candidates: few workers first, so that of equals the leaner is kept."""
    workers = [number for number in (1, 2, 4, 8, 16, 32) if number <= most_workers]
    return [WorkerPlan(count, batch) for count in workers for batch in (1, 4, 12)]


def tune(
    settings: Settings | None = None,
    trace: Trace | None = None,
    tolerance_bps: float = 5.0,
    tolerance_inr: float | None = None,
    progress: Progress = lambda share, word: None,  # noqa: ARG005 - says what a callback gets
    should_stop: Callable[[], bool] = lambda: False,
    workload: Any = None,
    snapshots: Sequence[Any] = (),
) -> Advice:
    """Measure on this machine and recommend.

    Parameters
    ----------
    settings : Settings, optional
        Start from these; default ``kit.yaml`` and the environment.
    trace : Trace, optional
        Recorded requests and price moves; default the requests of a typical session over the latest
        session's one-minute candles of the index and an option at the money.
    tolerance_bps, tolerance_inr : float
        See `advise_lifetimes`.
    progress : callable
        Called with the share done (0 to 1) and a word.
    should_stop : callable
        Asked between samples.
    workload : strategy, callable, or a sequence or mapping of those, optional
        What the workers shall evaluate; default an idea of about 10 ms of plain Python, again and again.
    snapshots : sequence, optional
        What it is evaluated on; default the present chain.

    Returns
    -------
    Advice
        Recommended settings and their reasons; cancelled, it recommends from what was finished.

    Raises
    ------
    SettingsError
        A tolerance is negative or no number.
    """
    checked_tolerance(tolerance_bps if tolerance_inr is None else tolerance_inr)
    settings = settings or Settings.load()
    ideas = ideas_from(workload)
    with open_desk(settings) as desk:
        progress(0.0, "prices")
        lifetimes = advise_lifetimes(trace or record(desk), tolerance_bps, tolerance_inr)
        progress(0.1, "pool and workers")
        chains = snapshots or [desk.data.option_chain(UNDERLYING)]
        # On a simulated exchange of its own: a live broker's limits are not spent on a search.
        with (
            launch(limits=False) as exchange,
            Workload(settings, exchange.url + PROFILE.path, ideas, chains) as work,
        ):
            pools, workers = _search(work, progress, should_stop)
    return Advice(_recommended(settings, lifetimes, pools, workers), lifetimes, pools, workers)


def record(desk: Desk, requests: Sequence[Question] = ()) -> Trace:
    """Return requests over the latest closed session's price moves.

    The prices are one-minute candles, with the seconds between two closes filled in as `fill_between`
    describes.

    Parameters
    ----------
    desk : Desk
        Has the candles.
    requests : sequence of Question, optional
        What ``desk.data.questions`` noted; default a typical session's requests for the
        index and the call at the money.
    """
    day = previous_session(desk.clock.now().date())
    if requests:
        asked = {request.key: _symbol(request) for request in requests}
        return Trace(requests, {key: _path(desk, symbol, day) for key, symbol in asked.items()})
    chain = desk.data.option_chain(UNDERLYING)
    symbols = {UNDERLYING: UNDERLYING, "ATM option": str(chain.quote(chain.atmf_strike, "CE")["symbol"])}
    paths = {key: _path(desk, symbol, day) for key, symbol in symbols.items()}
    until_s = min(float(path.at_s[-1]) for path in paths.values())
    return Trace(analyst_requests(until_s), paths)


def _symbol(request: Question) -> str:
    """Return whose prices tell how stale an answer was; a chain's key is its underlying and expiry."""
    return request.key.partition(" ")[0] if request.kind == "options_chain" else request.key


def _path(desk: Desk, symbol: str, day: date) -> PricePath:
    bars = desk.data.candles(symbol, "ONE_MINUTE", day, day)
    at_s = (pd.DatetimeIndex(bars.index) - session(day).open).total_seconds().to_numpy(float)
    return fill_between(at_s, bars["close"].to_numpy(float))


def _search(
    work: Workload, progress: Progress, should_stop: Callable[[], bool]
) -> tuple[list[Tried[int]], list[Tried[WorkerPlan]]]:
    """Search both: sockets wait and workers compute, so that neither choice depends on the other."""
    candidates = worker_plans(2 * cpu_count())
    done, most = 0, 6 * (len(POOL_SIZES) + len(candidates))
    pools: list[Tried[int]] = []
    workers: list[Tried[WorkerPlan]] = []

    def checkpoint() -> None:
        nonlocal done
        done += 1
        progress(min(0.99, 0.1 + 0.9 * done / most), "workers" if pools else "pool")
        if should_stop():
            raise Stopped

    with suppress(Stopped):
        pools = successive_halving(POOL_SIZES, work.fetch_seconds, checkpoint=checkpoint)
        workers = successive_halving(candidates, work.run_seconds, checkpoint=checkpoint)
    return pools, workers


def _recommended(
    settings: Settings,
    lifetimes: Sequence[Lifetime],
    pools: Sequence[Tried[int]],
    workers: Sequence[Tried[WorkerPlan]],
) -> Settings:
    ttls = {one.setting: float(one.chosen.lifetime_s) if one.chosen else 0.0 for one in lifetimes}
    changed: dict[str, Section] = {"cache_config": settings.cache_config.model_copy(update=ttls)}
    if pools:
        size = {"pool_size": pools[0].candidate}
        changed["connection_pool"] = settings.connection_pool.model_copy(update=size)
    if workers:
        most = {"max_workers": workers[0].candidate.workers}
        changed["workers"] = settings.workers.model_copy(update=most)
    return settings.model_copy(update=changed)
