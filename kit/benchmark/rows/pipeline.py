"""What the user waits for: the main operations through each tier, and the chain's own arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import sleep
from typing import Literal

from kit.benchmark.machine import peak_mib
from kit.benchmark.measure import Arms, Figures
from kit.benchmark.registry import row
from kit.benchmark.run import Run, Unmeasured
from kit.benchmark.targets import at_most
from kit.chains.quotes import QuoteRow, from_quotes
from kit.chains.snapshot import snapshot
from kit.clock import previous_session
from kit.desk import Desk
from kit.model import ChainSnapshot, Instrument, Right
from kit.settings import Settings
from kit.simulator.distance import ROUND_TRIP_S, at_distance
from kit.strategies import ALL

UNDERLYING = "BANKNIFTY"
Tier = Literal["cold", "warm", "hot"]
TIERS: tuple[Tier, ...] = ("cold", "warm", "hot")
OPERATIONS = {  # what an analyst asks again and again, and the setting that says how long an answer lives
    "chain": "options_chain_ttl",
    "candles": "historical_data_ttl",
    "ltp": "ltp_ttl",
    "atm": "atm_ttl",
}
_BUDGETS = {("chain", "cold"): "options_chain_processing", ("atm", "cold"): "atm_calculation"}
# Where the settings have no budget, references of our own, see docs/benchmark.md: cold, warm and hot.
_TARGETS_MS = {
    "chain": (None, 25, 0.1),
    "candles": (200, 20, 5),
    "ltp": (80, 5, 0.05),
    "atm": (None, 10, 0.1),
}
_WORDS = {
    "chain": "an option chain",
    "candles": "a day of candles",
    "ltp": "a price",
    "atm": "the ATM strike",
}
_PAUSE_S = {"chain": 1.05, "candles": 0.4, "ltp": 0.12, "atm": 0.12}  # no sample waits for a rate limit


def _through(operation: str, tier: Tier) -> Callable[[Run], Arms]:
    """Return the measurement of one operation through one tier."""

    def measure(run: Run) -> Arms:
        _need_tier(run.settings, operation, tier)
        desk = run.cold_desk() if tier == "cold" else run.desk()
        ask = _asking(desk, operation)
        ask()
        if tier == "cold":
            assert desk.exchange is not None  # a run's desks have one
            run.enter(at_distance(desk.exchange.url, desk.exchange.admin_token))

        def prepare() -> None:
            if tier == "cold":
                sleep(_PAUSE_S[operation])
            desk.cache.clear()

        rounds = {"cold": 3 if run.quick else 15}.get(tier)
        return Arms(ask, before=None if tier == "hot" else prepare, rounds=rounds, warm=1)

    network = f"over a network of {1e3 * ROUND_TRIP_S:g} ms a round trip"
    where = {"cold": network, "warm": "from SQLite", "hot": "from the in-process tier"}[tier]
    measure.__doc__ = f"Ask the data manager for {_WORDS[operation]}, answered {where}."
    return measure


def _need_tier(settings: Settings, operation: str, tier: Tier) -> None:
    """Raise `Unmeasured` for a tier that these settings have turned off."""
    on = {"cold": True, "warm": settings.cache_config.disk, "hot": settings.data_manager.enable_caching}
    lives = tier == "cold" or getattr(settings.cache_config, OPERATIONS[operation]) > 0
    if not (on[tier] and lives):
        raise Unmeasured("these settings keep no such answer there")


def _asking(desk: Desk, operation: str) -> Callable[[], object]:
    day = previous_session(desk.clock.now().date())
    asks: dict[str, Callable[[], object]] = {
        "chain": lambda: desk.data.option_chain(UNDERLYING),
        "candles": lambda: desk.data.candles(UNDERLYING, "FIVE_MINUTE", day, day),
        "ltp": lambda: desk.data.spot(UNDERLYING),
        "atm": lambda: desk.data.atm_strike(UNDERLYING),
    }
    return asks[operation]


for _operation, _limits in _TARGETS_MS.items():
    for _tier, _limit in zip(TIERS, _limits, strict=True):
        _target = None if _limit is None else at_most(_limit)
        _budget = _BUDGETS.get((_operation, _tier))
        _register = row("pipeline", "ms", _target, name=f"{_operation}_{_tier}", quick=True, budget=_budget)
        _register(_through(_operation, _tier))


@row("pipeline", "ms", at_most(10), quick=True)
def chain_processing(run: Run) -> Arms:
    """From 241 decoded quotes to a chain with forward, volatilities and Greeks; no network, no cache."""
    desk = run.desk()
    chain = desk.data.option_chain(UNDERLYING)
    options = [_instrument(chain, *cells) for cells in chain.table[_IDENTITY].itertuples(index=False)]
    quotes = desk.client.quotes((option.exchange, option.token) for option in options).data.fetched
    rows = [quotes.get((option.exchange, option.token)) for option in options]
    return Arms(lambda: _processed(chain, options, rows))


def _processed(
    chain: ChainSnapshot, options: Sequence[Instrument], rows: Sequence[QuoteRow | None]
) -> ChainSnapshot:
    return snapshot(
        from_quotes(options, rows),
        underlying=chain.underlying,
        expiry=chain.expiry,
        taken_at=chain.taken_at,
        spot=chain.spot,
        lot_size=chain.lot_size,
        source="network",
    )


_IDENTITY = ["token", "symbol", "strike", "right"]


def _instrument(chain: ChainSnapshot, token: str, symbol: str, strike: float, right: Right) -> Instrument:
    return Instrument(
        token, symbol, chain.underlying, "NFO", "OPTIDX", chain.expiry, strike, right, chain.lot_size, 0.05
    )


@row("pipeline", "ms", budget="strategy_evaluation", quick=True)
def evaluation_run(run: Run) -> Arms:
    """Evaluate every built-in strategy on one chain with the desk's warm workers, to a ranked table."""
    desk = run.desk()
    chain = desk.data.option_chain(UNDERLYING)
    strategies = {strategy().name: strategy() for strategy in ALL}
    return Arms(lambda: desk.evaluation.evaluate_strategies_concurrent(strategies, chain).table())


@row("pipeline", "MiB", at_most(300), quick=True)
def main_job_memory(run: Run) -> Figures:
    """Peak memory of a fresh process that opens a desk, asks for a chain and scores every strategy.

    Pandas, SciPy and LLVM take three quarters of it, and on Python 3.13 some 50 MiB more than on 3.11.
    """
    return Figures([peak_mib(_MAIN_JOB) for _ in range(1 if run.quick else 3)])


_MAIN_JOB = """
from kit.desk import open_desk
from kit.evaluation.worker import evaluate
from kit.settings import Settings
from kit.strategies import ALL
with open_desk(Settings(workers={"backend": "serial"})) as desk:  # the memory of workers is their own
    chain = desk.data.option_chain("BANKNIFTY")
    for strategy in ALL:
        evaluate(strategy(), chain)
"""
