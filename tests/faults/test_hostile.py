"""Objects that are not what they seem: exceptions that cannot be printed, clocks and times without a zone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest
import requests

from kit import (
    AngelAPIClient,
    CacheConfig,
    CacheManager,
    ConcurrentProcessor,
    DataManager,
    PerformanceMonitor,
    ProcessingTask,
    SmartCache,
    StrategyEvaluationManager,
)
from kit.clock import is_open, last_session, next_open, spot_is_frozen, years_to_expiry
from kit.errors import DataError, KitError, TaskFailed
from kit.simulator.app import ROUTES
from kit.simulator.server import SimulatedExchange
from tests.conftest import MARKET_TIME

ENDS = [ValueError, SystemExit, GeneratorExit, RecursionError, MemoryError, OSError, StopIteration, KeyError]


class Unspeakable:
    """Raises when it is shown."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        raise self.kind

    __str__ = __repr__


@pytest.mark.parametrize("kind", ENDS)
def test_an_error_about_what_cannot_be_shown(kind: type[BaseException]) -> None:
    """An error of the kit can be printed, whatever its value does when it is shown."""
    bad = Unspeakable(kind)
    for value in (bad, [bad], (bad,), {bad}, {1: bad}, {bad: 1}, {"a": [bad]}, [[[bad]]]):
        error = KitError("It failed", value, "Go on.")
        assert "It failed" in str(error)
        assert "Go on." in repr(error)


def _raises(kind: type[BaseException]) -> Callable[..., Any]:
    def operation(*_: Any) -> Any:
        class BadError(Exception):
            def __str__(self) -> str:
                raise kind

            __repr__ = __str__

        raise BadError

    return operation


@pytest.mark.parametrize("backend", ["serial", "threads", "processes"])
def test_a_task_whose_error_cannot_be_shown(backend: Any) -> None:
    """Its task failed, and the others did not."""
    with ConcurrentProcessor(2, backend=backend) as processor:
        tasks = [ProcessingTask(kind.__name__, _raises(kind)) for kind in ENDS]
        *failed, good = processor.run([*tasks, ProcessingTask("good", lambda: 5)])
        assert all(isinstance(result.error, TaskFailed) and str(result.error) for result in failed)
        assert good.value == 5


def _nested(kind: type, depth: int = 50_000) -> Any:
    value: Any = kind()
    for _ in range(depth):
        value = kind([value]) if kind is not dict else {"a": value}
    return value


@pytest.mark.parametrize("kind", [list, tuple, dict, frozenset])
def test_a_value_nested_without_end(kind: type) -> None:
    """A value too deep to be copied is refused by the cache, and no key of it is remembered."""
    cache = CacheManager()
    value = _nested(kind)
    with pytest.raises(KitError, match="nested so deep"):
        cache.set("deep", value)
    with pytest.raises(KitError, match="nested so deep"):
        cache.get_or_set("deep", lambda: value)
    assert cache.get("deep", "none") == "none"


@pytest.mark.parametrize("kind", [ValueError, TypeError, NotImplementedError, AttributeError])
def test_a_value_that_does_not_let_itself_be_copied(kind: type[Exception]) -> None:
    """Whatever a value raises when it is copied, the cache says that it cannot keep it."""

    class Stubborn:
        def __reduce__(self) -> Any:
            raise kind

    with pytest.raises(KitError, match="cannot protect"):
        CacheManager().set("key", Stubborn())


@pytest.mark.parametrize("kind", ENDS)
def test_doors_that_pass_such_an_error_on(kind: type[BaseException], make_chain: Any) -> None:
    """Cache and monitor let it through; an evaluation makes it a row."""
    cache, monitor = CacheManager(), PerformanceMonitor()
    with pytest.raises(Exception) as caught, monitor.measure("op"):  # noqa: PT011 - its class is local
        cache.get_or_set("key", _raises(kind))
    assert type(caught.value).__name__ == "BadError"
    assert cache.get_or_set("key", lambda: 1) == 1
    with ConcurrentProcessor(1, backend="serial") as processor:
        found = StrategyEvaluationManager(processor).evaluate_strategies_concurrent(
            {"bad": _raises(kind), "good": lambda chain: [chain.leg("CE", chain.atmf_strike, 1)]},
            make_chain(),
        )
        assert "BadError" in str(found["bad"].error)
        assert found["good"].error is None


class _Told:
    def __init__(self, at: Any) -> None:
        self.at = at

    def now(self) -> Any:
        """Return what it was told."""
        return self.at


SAME = {
    "naive": MARKET_TIME.replace(tzinfo=None),
    "UTC": MARKET_TIME.astimezone(UTC),
    "far east": MARKET_TIME.astimezone(timezone(timedelta(hours=14))),
    "pandas": pd.Timestamp(MARKET_TIME),
    "pandas naive": pd.Timestamp(MARKET_TIME.replace(tzinfo=None)),
    "fold": MARKET_TIME.replace(tzinfo=None, fold=1),
}


@pytest.mark.parametrize("way", SAME)
def test_a_clock_in_another_zone_or_none(way: str, exchange: SimulatedExchange) -> None:
    """A caller's clock may think in any zone; without one it is exchange time."""
    roots = {"base_url": exchange.url, "master_url": exchange.master_url}
    with AngelAPIClient(exchange.credentials, clock=_Told(SAME[way]), **roots) as client:
        for data in (DataManager(api_client=client), DataManager(api_client=client, clock=_Told(SAME[way]))):
            assert data.clock.now() == MARKET_TIME
            chain = data.option_chain()
            assert chain.expiry == data.expiries()[0] == date(2026, 11, 23)
            assert data.atm_strike() in chain.strikes
            assert len(data.candles("BANKNIFTY", "ONE_DAY", "2026-11-18", "2026-11-19")) == 2
            assert chain.age_s(SAME[way]) == (MARKET_TIME - chain.taken_at).total_seconds()
    smart = SmartCache(CacheManager(CacheConfig(hold_after_hours=True)), clock=_Told(SAME[way]))
    assert smart.cache_ltp("NSE", "a", "1", 5.0)


@pytest.mark.parametrize(
    "wrong", [pd.NaT, None, "2026-11-20", 5, float("nan"), date(2026, 11, 20), lambda: 1]
)
def test_a_clock_that_tells_no_time(wrong: Any, exchange: SimulatedExchange) -> None:
    """A clock that tells something else is refused where it is handed in."""
    with pytest.raises(DataError, match="Not a moment"):
        AngelAPIClient(exchange.credentials, base_url=exchange.url, clock=_Told(wrong))
    with pytest.raises(DataError, match="Not a moment"):
        SmartCache(CacheManager(), clock=_Told(wrong))


@pytest.mark.parametrize("way", SAME)
def test_a_time_in_another_zone_or_none(way: str, data: DataManager) -> None:
    """Doors that take a time take it in any zone; without one it is exchange time."""
    at = SAME[way]
    for ask in (is_open, next_open, last_session, spot_is_frozen):
        assert ask(at) == ask(MARKET_TIME)
    assert years_to_expiry(at, date(2026, 11, 23)) == years_to_expiry(MARKET_TIME, date(2026, 11, 23))
    start, end = at - timedelta(hours=1), at - timedelta(minutes=30)
    bars = data.candles("BANKNIFTY", "ONE_MINUTE", start, end)
    assert (bars.index[0], len(bars)) == (MARKET_TIME - timedelta(hours=1), 31)
    rows = data._present().client.candles("NSE", "99926009", "ONE_MINUTE", start, end).data
    assert (datetime.fromisoformat(rows[0][0]), len(rows)) == (MARKET_TIME - timedelta(hours=1), 31)


DEEP = [
    "[" * 100_000, '{"a":' * 50_000, "[" * 5000 + "]" * 5000, '{"mode":' * 900 + "1" + "}" * 900,
    json.dumps({"mode": "FULL", "exchangeTokens": json.loads("[" * 300 + "]" * 300)}), "null", "5", "[]",
    '"x"', '{"a": NaN}', '{"a": 1e999}', "\xff\xfe", "{" * 10, "",
]  # fmt: skip


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_nests_and_nonsense_to_the_exchange(route: tuple[str, str], exchange: SimulatedExchange) -> None:
    """Whatever body a route of the exchange gets, it answers as the broker would, never HTTP 500."""
    method, path = route
    key = {"X-PrivateKey": exchange.credentials.api_key.get_secret_value()}
    headers = {**key, "Authorization": f"Bearer {exchange.account._open()['jwtToken']}"}
    with requests.Session() as session:
        for body in DEEP:
            url = exchange.url + path.replace("*", "abc")
            answer = session.request(method, url, data=body.encode("latin-1"), headers=headers, timeout=60)
            assert answer.status_code < 500, body[:20]
