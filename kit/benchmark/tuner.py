"""Recommends lifetimes, pool size and workers from measurements, explains, and writes on request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd

from kit.benchmark.halving import Tried, successive_halving
from kit.benchmark.lifetimes import Lifetime, advise_lifetimes
from kit.benchmark.progress import Bar, Progress
from kit.benchmark.run import SEED, Stopped, cores
from kit.benchmark.trace import PricePath, Request, Trace, analyst_requests, fill_between, read_trace
from kit.benchmark.workload import Choice, Workload
from kit.broker.endpoints import PROFILE
from kit.clock import previous_session, session
from kit.desk import Desk, open_desk
from kit.evaluation.worker import evaluate
from kit.settings import Section, Settings
from kit.simulator.process import launch
from kit.strategies import ALL

UNDERLYING = "BANKNIFTY"


@dataclass(frozen=True)
class Advice:
    """What the tuner recommends and why.

    Parameters
    ----------
    settings : Settings
        The user's settings with every recommended value in place.
    lifetimes : sequence of Lifetime
        One per data type, with its curve.
    tried : sequence of Tried
        The candidates of pool size, workers and batch size, best first; empty when not searched.
    """

    settings: Settings
    lifetimes: Sequence[Lifetime]
    tried: Sequence[Tried[Choice]]

    def __str__(self) -> str:
        lines = ["Lifetimes", *(f"  {lifetime}" for lifetime in self.lifetimes)]
        if self.tried:
            lines += ["Pool and workers", *(f"  {line}" for line in _explained(self.tried))]
        return "\n".join(lines)


def _explained(tried: Sequence[Tried[Choice]]) -> list[str]:
    best, others = tried[0], tried[1:]
    spread = f"{best.seconds.low * 1e3:.1f} … {best.seconds.high * 1e3:.1f} ms"
    lines = [
        f"{best.candidate}: {best.seconds.figure * 1e3:.1f} ms ({spread}, {best.samples} samples), "
        f"best of {len(tried)}"
    ]
    for other in others[:2]:
        slower = other.seconds.figure / best.seconds.figure - 1
        lines.append(f"{other.candidate}: {slower:+.0%} time, {other.samples} samples")
    return lines


def choices(most_workers: int) -> list[Choice]:
    """Return the candidates: small pools and few workers first, so that of equals the leaner is kept."""
    workers = [number for number in (1, 2, 4, 8, 16, 32) if number <= most_workers]
    return [
        Choice(pool, count, batch) for pool in (1, 2, 4, 8, 16) for count in workers for batch in (1, 5, 20)
    ]


def tune(
    settings: Settings | None = None,
    trace: Trace | None = None,
    tolerance_bps: float = 5.0,
    tolerance_inr: float | None = None,
    progress: Progress = lambda share, word: None,  # noqa: ARG005 - says what a callback gets
    should_stop: Callable[[], bool] = lambda: False,
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

    Returns
    -------
    Advice
        Recommended settings and their reasons; cancelled, it recommends from what was finished.
    """
    settings = settings or Settings.load()
    with open_desk(settings) as desk:
        progress(0.0, "prices")
        lifetimes = advise_lifetimes(trace or record(desk), tolerance_bps, tolerance_inr)
        progress(0.1, "pool and workers")
        tried = _search(settings, desk, progress, should_stop)
    return Advice(_recommended(settings, lifetimes, tried), lifetimes, tried)


def record(desk: Desk, requests: Sequence[Request] = ()) -> Trace:
    """Return requests over the latest closed session's price moves.

    The prices are one-minute candles, with the seconds between two closes filled in as `fill_between`
    describes.

    Parameters
    ----------
    desk : Desk
        Has the candles.
    requests : sequence of Request, optional
        What a `kit.benchmark.recorder.Recorder` noted; default a typical session's requests for the
        index and the call at the money.
    """
    day = previous_session(desk.clock.now().date())
    if requests:
        keys = dict.fromkeys(request.key for request in requests)
        return Trace(requests, {key: _path(desk, key, day) for key in keys})
    chain = desk.data.option_chain(UNDERLYING)
    symbols = {UNDERLYING: UNDERLYING, "ATM option": str(chain.quote(chain.atm_strike, "CE")["symbol"])}
    paths = {key: _path(desk, symbol, day) for key, symbol in symbols.items()}
    until_s = min(float(path.at_s[-1]) for path in paths.values())
    return Trace(analyst_requests(until_s, SEED), paths)


def _path(desk: Desk, symbol: str, day: date) -> PricePath:
    bars = desk.data.candles(symbol, "ONE_MINUTE", day, day)
    at_s = (pd.DatetimeIndex(bars.index) - session(day).open).total_seconds().to_numpy(float)
    return fill_between(at_s, bars["close"].to_numpy(float), SEED)


def _search(
    settings: Settings, desk: Desk, progress: Progress, should_stop: Callable[[], bool]
) -> list[Tried[Choice]]:
    """Search on a simulated exchange of its own: a live broker's limits are not spent on it."""
    candidates = choices(2 * cores())
    done = 0

    def checkpoint() -> None:
        nonlocal done
        done += 1
        progress(min(0.99, 0.1 + 0.9 * done / (6 * len(candidates))), "pool and workers")
        if should_stop():
            raise Stopped

    idea = partial(evaluate, market_data=desk.data.option_chain(UNDERLYING))
    items = [kind() for kind in ALL] * 4
    with (
        launch(limits=False) as exchange,
        Workload(settings, exchange.url + PROFILE.path, idea, items) as workload,
    ):
        try:
            return successive_halving(candidates, workload.seconds, checkpoint=checkpoint)
        except Stopped:
            return []


def _recommended(
    settings: Settings, lifetimes: Sequence[Lifetime], tried: Sequence[Tried[Choice]]
) -> Settings:
    ttls = {one.setting: float(one.chosen.lifetime_s) for one in lifetimes if one.chosen}
    changed: dict[str, Section] = {"cache_config": settings.cache_config.model_copy(update=ttls)}
    if tried:
        best = tried[0].candidate
        changed["connection_pool"] = settings.connection_pool.model_copy(update={"pool_size": best.pool_size})
        changed["workers"] = settings.workers.model_copy(update={"max_workers": best.workers})
    return settings.model_copy(update=changed)


def main(
    *,
    settings: Settings | None = None,
    write: Path | None = None,
    trace: str | Path | None = None,
    tolerance_bps: float = 5.0,
    tolerance_inr: float | None = None,
) -> int:
    """Run ``kit tune``: measure, explain, and write the settings file on request.

    Parameters
    ----------
    settings : Settings, optional
        Start from these; default ``kit.yaml`` and the environment.
    write : path, optional
        Write the recommended settings there.
    trace : path, optional
        A recorded trace, see `kit.benchmark.trace`.
    tolerance_bps, tolerance_inr : float
        Largest acceptable P95 price error.

    Returns
    -------
    int
        0.
    """
    recorded = read_trace(trace) if trace else None
    with Bar() as show:
        advice = tune(settings, recorded, tolerance_bps, tolerance_inr, show)
    sys.stdout.write(f"{advice}\n")
    if write is not None:
        sys.stdout.write(f"Written: {advice.settings.save(write)}\n")
    return 0
