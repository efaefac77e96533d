"""Calls with what no caller means: every public door takes it or refuses it with an error of the kit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kit import (
    AngelAPIClient,
    CacheConfig,
    CacheManager,
    ConcurrentProcessor,
    ConnectionConfig,
    ConnectionPoolManager,
    Credentials,
    DataManager,
    LatencyRequirement,
    PerformanceMonitor,
    Position,
    Settings,
    SmartCache,
    StrategyEvaluationManager,
)
from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore
from kit.chains.atm import atm_strike
from kit.chains.readers import read_chain
from kit.clock import IST
from kit.demo import run_on_file
from kit.desk import open_desk
from kit.errors import KitError, SettingsError
from kit.strategies import FAMILIES, IronCondor, ShortStraddle
from kit.strategies.strikes import Delta, Distance, Offset, Percent, Premium, Width
from kit.transport.limits import RateLimiter, Window, binding
from kit.tuning.trace import read_trace

WRONG: list[Any] = [
    *(None, True, 0, -5, 1.5, float("nan"), float("inf"), -float("inf"), 10**400, complex(1, 2)),
    *("", " ", "\x00", "\ud800", "x" * 100_000, "2026-13-45", "nan", b"BANKNIFTY"),
    *([], {}, {1}, ["BANKNIFTY"], [[]], {"a": 1}, object(), lambda: 1, int),
    *(pd.NaT, pd.NA, np.array([1, 2]), np.float64("nan"), pd.DataFrame({"a": [1]}), pd.Timestamp.max),
    *(date.min, date.max, datetime.min, datetime.max, timedelta(1), pd.Timestamp("1700-01-01")),
]
DAY, TIME = date(2026, 11, 19), datetime(2026, 11, 19, 9, 15, tzinfo=IST)
Door = Callable[[DataManager, Path, Any], Any]
DOORS: dict[str, Door] = {
    "option_chain": lambda data, _, x: data.option_chain(x),
    "option_chain expiry": lambda data, _, x: data.option_chain("BANKNIFTY", x),
    "spot": lambda data, _, x: data.spot(x),
    "ltp": lambda data, _, x: data.ltp(x),
    "expiries": lambda data, _, x: data.expiries(x),
    "atm_strike": lambda data, _, x: data.atm_strike(x),
    "atm_strike expiry": lambda data, _, x: data.atm_strike("BANKNIFTY", x),
    "atm_strike spot": lambda data, _, x: data.atm_strike(spot=x),
    "atm_strike tie": lambda data, _, x: data.atm_strike(tie=x),
    "atm_strike of strikes": lambda *them: atm_strike(them[2], [100.0, 200.0]),
    "candles symbol": lambda data, _, x: data.candles(x, "ONE_DAY", DAY, DAY),
    "candles interval": lambda data, _, x: data.candles("BANKNIFTY", x, DAY, DAY),
    "candles start": lambda data, _, x: data.candles("BANKNIFTY", "ONE_DAY", x, DAY),
    "candles end": lambda data, _, x: data.candles("BANKNIFTY", "ONE_DAY", DAY, x),
    "download symbol": lambda data, at, x: data.download(x, "ONE_DAY", DAY, DAY, store=at, quiet=True),
    "download end": lambda data, at, x: data.download(
        "BANKNIFTY", "ONE_DAY", DAY, x, store=at, quiet=True
    ),
    "download store": lambda data, _, x: data.download(
        "BANKNIFTY", "ONE_DAY", DAY, DAY, store=x, quiet=True
    ),
    "client.quotes": lambda data, _, x: data._present().client.quotes(x),
    "client.quotes token": lambda data, _, x: data._present().client.quotes([("NSE", x)]),
    "client.quotes mode": lambda data, _, x: data._present().client.quotes([("NSE", "99926009")], x),
    "client.ltp": lambda data, _, x: data._present().client.ltp("NSE", "Nifty Bank", x),
    "client.candles": lambda data, _, x: data._present().client.candles(x, "99926009", "ONE_DAY", TIME, TIME),
    "client.candles start": lambda data, _, x: data._present().client.candles("NSE", "9", "ONE_DAY", x, TIME),
    "client.candles day": lambda data, _, x: data._present().client.candles("NSE", "9", "ONE_DAY", x, x),
    "client.candles end": lambda data, _, x: data._present().client.candles("NSE", "9", "ONE_DAY", TIME, x),
    "client.option_greeks": lambda data, _, x: data._present().client.option_greeks(x, date(2026, 11, 23)),
    "client.option_greeks expiry": lambda data, _, x: data._present().client.option_greeks("BANKNIFTY", x),
    "client.search": lambda data, _, x: data._present().client.search("NFO", x),
    "DataManager": lambda *them: DataManager(api_client=them[2]).option_chain(),
    "DataManager cache": lambda data, _, x: DataManager(data._present().client, x),
    "DataManager monitor": lambda data, _, x: DataManager(data._present().client, None, x),
    "DataManager settings": lambda data, _, x: DataManager(data._present().client, settings=x),
    "AngelAPIClient": lambda *them: AngelAPIClient(them[2]),
    "AngelAPIClient settings": lambda data, _, x: AngelAPIClient(
        data._present().client.session._credentials, x
    ).close(),
    "AngelAPIClient base_url": lambda data, _, x: AngelAPIClient(
        data._present().client.session._credentials, base_url=x
    ).close(),
    "SmartCache": lambda *them: SmartCache(them[2]),
    "SmartCache chain": lambda *them: SmartCache(CacheManager()).cache_options_chain(them[2], DAY, 1),
    "SmartCache chain expiry": lambda *them: SmartCache(CacheManager()).get_options_chain("NIFTY", them[2]),
    "SmartCache chain value": lambda *them: SmartCache(CacheManager()).cache_options_chain("A", DAY, them[2]),
    "SmartCache ltp": lambda *them: SmartCache(CacheManager()).get_ltp(them[2], them[2], them[2]),
    "SmartCache ttl": lambda *them: SmartCache(CacheManager()).cache_ltp("NSE", "a", "1", 1.0, them[2]),
    "SmartCache search": lambda *them: SmartCache(CacheManager()).get_instrument_search("NSE", them[2]),
    "CacheManager": lambda *them: CacheManager(them[2]),
    "CacheManager.get": lambda *them: CacheManager().get(them[2]),
    "CacheManager.set": lambda *them: CacheManager().set(them[2], 1),
    "CacheManager.set value": lambda *them: CacheManager().set("a", them[2]),
    "CacheManager.set ttl": lambda *them: CacheManager().set("a", 1, them[2]),
    "CacheManager.delete": lambda *them: CacheManager().delete(them[2]),
    "CacheManager.get_or_set": lambda *them: CacheManager().get_or_set(them[2], lambda: 1),
    "CacheManager.get_or_set factory": lambda *them: CacheManager().get_or_set("a", them[2]),
    "Settings.load": lambda *them: Settings.load(them[2]),
    "Settings": lambda *them: Settings(cache_config=them[2]),
    "CacheConfig": lambda *them: CacheConfig(max_size=them[2]),
    "CacheConfig ttl": lambda *them: CacheConfig(ltp_ttl=them[2]),
    "ConnectionConfig": lambda *them: ConnectionConfig(timeout=them[2]),
    "Credentials": lambda *them: Credentials(api_key=them[2], client_code="a", pin="1", totp_secret="b"),
    "ConnectionPoolManager": lambda *them: ConnectionPoolManager(them[2]),
    "get_connection": lambda *them: ConnectionPoolManager().get_connection(them[2]).__enter__(),
    "open_desk": lambda *them: them[2] is None or open_desk(them[2]),
    "read_chain": lambda *them: read_chain(them[2]),
    "read_chain spot": lambda *them: read_chain("nowhere.json", spot=them[2]),
    "run_on_file": lambda *them: run_on_file(them[2], Settings()),
    "PerformanceMonitor": lambda *them: PerformanceMonitor(them[2]),
    "get_metrics": lambda *them: PerformanceMonitor().get_metrics(them[2]),
    "set_requirement": lambda *them: PerformanceMonitor().set_requirement(them[2]),
    "LatencyRequirement": lambda *them: LatencyRequirement("a", them[2]),
    "ConcurrentProcessor": lambda *them: ConcurrentProcessor(them[2], backend="serial").shutdown(),
    "StrategyEvaluationManager": lambda *them: StrategyEvaluationManager(them[2]),
    "Position": lambda *them: Position(them[2]),
    "wide": lambda data, _, x: data.option_chain().wide(x),
    "RateLimiter": lambda *them: RateLimiter(them[2]).close(),
    "RateLimiter account": lambda *them: RateLimiter(None, account=them[2]),
    "Window": lambda *them: binding([Window(them[2], 1), Window(3, 60)]),
    "Window seconds": lambda *them: binding([Window(1, them[2]), Window(3, 60)]),
    "read_trace": lambda *them: read_trace(them[2]),
    "import_files": lambda _, at, x: import_files(x, MinuteStore(at)),
}  # fmt: skip


PICKS = (Offset, Distance, Percent, Width, Delta, Premium)
DOORS |= {
    f"{kind.__name__} {one.name}": lambda *them, kind=kind, name=one.name: kind(**{name: them[2]})
    for kind in (*FAMILIES, *PICKS)
    for one in fields(kind)
    if one.name != "bound"
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_call_is_taken_or_refused_in_words(
    door: str, data: DataManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a public door is handed, it answers or raises an error of the kit that can be printed."""
    monkeypatch.chdir(tmp_path)  # a text may be a relative path
    refused = []
    for value in WRONG:
        try:
            DOORS[door](data, tmp_path, value)
        except KitError as error:
            refused.append(error)
    assert all(10 < len(str(error)) < 6000 for error in refused)
    assert all(repr(error).startswith(type(error).__name__) for error in refused)


WRONG_IDEAS = [
    *(lambda: IronCondor(None), lambda: IronCondor(Delta), lambda: IronCondor(width="500")),
    *(lambda: ShortStraddle(lots=True), lambda: ShortStraddle(lots=1.5), lambda: Offset(0.5)),
    *(lambda: Distance(10**400), lambda: Width(float("nan")), lambda: Window(0, 1), lambda: Window(3, 0)),
]  # fmt: skip


@pytest.mark.parametrize("make", WRONG_IDEAS)
def test_what_cannot_work_is_refused_when_it_is_made(make: Callable[[], Any]) -> None:
    """A strategy, a way to choose a strike and a limit say at their construction what does not fit."""
    with pytest.raises(SettingsError, match=r"(Pass|Give|Choose) "):
        make()
