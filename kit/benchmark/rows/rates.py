"""The permitted rate: 200 candle requests under the documented limits, by two processes that share them."""

from __future__ import annotations

import json
import os
import subprocess
from time import monotonic, time

from kit.benchmark.machine import heard, interpreter, told
from kit.benchmark.measure import Figures
from kit.benchmark.registry import row
from kit.benchmark.run import Run, Unmeasured
from kit.benchmark.targets import at_least
from kit.broker.endpoints import CANDLES, windows
from kit.errors import SimulatorError
from kit.simulator.process import ExchangeProcess, launch

_CALLS = 200
_PATIENCE_S = 150  # twice what the limits ask for
_CALLER = """
import json, sys, time
from datetime import datetime, timedelta
from kit.broker.client import AngelAPIClient
from kit.settings import Credentials, Settings
from kit.simulator.market_clock import MarketClock
told = json.loads(sys.stdin.readline())
settings = Settings(cache_config={"disk": False})
client = AngelAPIClient(
    Credentials(**told["credentials"]), settings, base_url=told["url"], master_url=told["master_url"],
    clock=MarketClock(datetime.fromisoformat(told["now"])),
).login()
print("ready", flush=True)
sys.stdin.readline()
start = datetime.fromisoformat(told["now"]) - timedelta(days=3)
began = time.monotonic()
for number in range(told["calls"]):
    begin = start - timedelta(minutes=number)
    client.candles("NSE", "99926009", "ONE_MINUTE", begin, begin + timedelta(minutes=30))
print(json.dumps([began, time.monotonic(), client.get_performance_stats()["connections"]["retries"]]))
"""


@row("candle_rate", part="transport", unit="% of permitted", target=at_least(95))
def candle_rate(run: Run) -> Figures:
    """Fetch 200 candle requests by two processes under one limit; a refusal or a retry counts as nothing."""
    processes = 2
    exchange, offset = run.enter(launch(limits=True)), time() - monotonic()
    environment = {**os.environ, "KIT_CACHE_DIR": str(run.folder())}
    callers = [_caller(exchange, _CALLS // processes, environment) for _ in range(processes)]
    for caller in callers:
        run.enter(caller)
        run.after_row(caller.kill)
    lines = [caller.stdout.readline() for caller in callers if caller.stdout]
    if any(line.strip() != "ready" for line in lines):
        raise SimulatorError("A caller of the benchmark did not start", lines, "Run the row alone.")
    ended = [json.loads(heard(caller, "", _PATIENCE_S)[0]) for caller in _started(callers)]
    if abs(time() - monotonic() - offset) > 1:
        raise Unmeasured("the clock was set meanwhile, and the limits are kept by it: not judged")
    took_s = max(end for _, end, _ in ended) - min(began for began, _, _ in ended)
    if retries := sum(retries for *_, retries in ended):
        run.notes.append(f"{retries} calls had to be repeated")
        return Figures([0.0])
    windows_ = windows(CANDLES.budget, exchange.clock.now().date())
    shortest_s = max((_CALLS - window.calls) / window.calls * window.seconds for window in windows_)
    return Figures([100 * shortest_s / took_s])


def _started(callers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Let all callers go at once."""
    for caller in callers:
        assert caller.stdin is not None
        caller.stdin.write("go\n")
        caller.stdin.flush()
    return callers


def _caller(exchange: ExchangeProcess, calls: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    caller = interpreter(_CALLER, env=environment, stderr=subprocess.DEVNULL)
    assert caller.stdin is not None
    caller.stdin.write(told(exchange, calls=calls) + "\n")
    caller.stdin.flush()
    return caller
