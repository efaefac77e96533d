"""A kernel restart: the first chain of a fresh interpreter over a warm cache file."""

from __future__ import annotations

import json

from kit.benchmark.machine import fresh, told
from kit.benchmark.measure import Figures
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most
from kit.errors import SimulatorError
from kit.simulator.process import launch

# Its lifetimes are long so that a slow machine measures the same thing as a fast one.
_RESTARTED = """
import json, os, sys
told = json.load(sys.stdin)
os.environ["KIT_CACHE_DIR"], sys.dont_write_bytecode = told["folder"], False
from datetime import datetime
from time import perf_counter
from kit.broker.client import AngelAPIClient
from kit.cache import CacheManager
from kit.market.manager import DataManager
from kit.settings import Credentials, Settings
from kit.simulator.market_clock import MarketClock
settings = Settings(cache_config={"ltp_ttl": 3600, "options_chain_ttl": 3600})
began = perf_counter()
clock = MarketClock(datetime.fromisoformat(told["now"]))
client = AngelAPIClient(
    Credentials(**told["credentials"]), settings,
    base_url=told["url"], master_url=told["master_url"], clock=clock,
)
data = DataManager(api_client=client, cache_manager=CacheManager(), settings=settings, clock=clock)
chain = data.option_chain("BANKNIFTY")
print(json.dumps([perf_counter() - began, len(chain.frame), chain.source]))
"""


@row("cache", "ms", at_most(25))
def restart_chain(run: Run) -> Figures:
    """Build everything and get a chain of at least 240 contracts in a fresh interpreter, from a warm file."""
    given = told(run.enter(launch(limits=False)), folder=str(run.folder()))
    fresh(_RESTARTED, given)  # fills the file
    taken_ms = []
    for _ in range(5 if run.quick else 11):
        run.checkpoint()
        seconds, contracts, source = json.loads(fresh(_RESTARTED, given))
        if source != "sqlite" or contracts < 240:
            found = f"{contracts} contracts from {source}"
            raise SimulatorError("The restarted chain is not the one to measure", found, "Run the row alone.")
        taken_ms.append(1000 * seconds)
    return Figures(taken_ms)
