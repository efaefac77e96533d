"""Every key of the caches, the data manager and the monitor changes what the kit does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from kit import (
    CacheManager,
    SmartCache,
)
from kit.broker.lifetimes import quote_ttl_s
from kit.clock import IST, ManualClock
from kit.desk import monitor_of
from kit.errors import KitError
from kit.settings import Settings

Seen = Callable[[Settings, Any], Any]
SUNDAY = datetime(2026, 11, 22, 12, tzinfo=IST)


def _kept(key: str, ttl_s: float | None) -> Seen:
    """Tell whether an entry of one kind still lives a second later."""

    def seen(settings: Settings, _place: Any) -> bool:
        now = [0.0]
        smart = SmartCache(
            CacheManager(settings.cache_config, timer=lambda: now[0]), clock=ManualClock(SUNDAY)
        )
        puts: dict[str, Callable[[], None]] = {
            "options_chain_ttl": lambda: smart.cache_options_chain("BANKNIFTY", "2026-11-23", 1),
            "ltp_ttl": lambda: smart.cache_ltp("NSE", "a", "1", 1.0),
            "historical_data_ttl": lambda: smart.cache_historical_data("NSE", "1", "ONE_DAY", 1, 2, 1),
            "search_ttl": lambda: smart.cache_instrument_search("NSE", "a", 1),
            "atm_ttl": lambda: smart.cache_atm_strike("BANKNIFTY", "2026-11-23", 1.0),
            "default_ttl": lambda: smart.cache_manager.set("a", 1),
        }
        puts[key]()
        now[0] = 1.0
        return bool(smart.cache_manager.get_stats()["entries"])

    return seen


def _entries(settings: Settings, _place: Any) -> int:
    cache = CacheManager(settings.cache_config)
    for number in range(5):
        cache.set(number, bytes(1000))
    return int(cache.get_stats()["entries"])


def _on_disk(settings: Settings, place: Any) -> int:
    client = place.data(settings)._present().client
    day = datetime(2026, 11, 19, 9, 15, tzinfo=IST)
    for interval in ("ONE_MINUTE", "FIVE_MINUTE", "TEN_MINUTE", "ONE_HOUR"):
        client.candles("NSE", "99926009", interval, day, day.replace(hour=15))
    return len(client.session.replies.cache.responses)


def _stale(settings: Settings, place: Any) -> str:
    data = place.data(settings)
    client = data._present().client
    client.search("NFO", "NIFTY")
    threading.Event().wait(1.2)
    place.exchange.faults.add("searchScrip", "html-502", times=50)
    try:
        return client.search("NFO", "NIFTY").source
    except KitError as error:
        return type(error).__name__
    finally:
        place.exchange.faults.clear()


def _masters(settings: Settings, place: Any) -> int:
    clock = ManualClock(datetime(2026, 11, 20, 11, 15, tzinfo=IST))
    data = place.data(settings, clock)
    before = _downloads(place)
    data.expiries()
    clock.advance(3600)
    data.expiries()
    return _downloads(place) - before


def _downloads(place: Any) -> int:
    return sum(count for route, count in place.exchange.stats.requests.items() if "aster" in route)


def _tier(settings: Settings, place: Any) -> str:
    data = place.data(settings)
    data.spot()
    return data.spot().source


def _atm_hits(settings: Settings, place: Any) -> bool:
    data = place.data(settings)
    data.atm_strike(spot=55_000.0)
    before = data.get_performance_stats()["cache"]["hits"]
    data.atm_strike(spot=55_000.0)
    return bool(data.get_performance_stats()["cache"]["hits"] > before)


def _strikes(settings: Settings, place: Any) -> int:
    return len(place.data(settings).option_chain().strikes)


def _forgets(settings: Settings, _place: Any) -> bool:
    monitor = monitor_of(settings)
    for seconds in (5.0, 0.001, 0.001):
        monitor.record_execution("work", seconds)
    return monitor.get_metrics("work").p99 < 1


def _alerts(settings: Settings, _place: Any) -> int:
    heard: list[Any] = []
    monitor = monitor_of(settings)
    monitor.add_alert_callback(heard.append)
    monitor.record_execution("atm_calculation", 60.0)
    return len(heard)


def _violates(operation: str) -> Seen:
    def seen(settings: Settings, _place: Any) -> bool:
        monitor = monitor_of(settings)
        monitor.record_execution(operation, 0.1)
        return bool(monitor.get_summary()["violations"])

    return seen


PROOFS: dict[str, tuple[Any, Any, Seen]] = {
    "cache_config.max_size": ((2, 1000), (2, 5), _entries),
    "cache_config.max_bytes": ((2500, None), (2, 5), _entries),
    **{f"cache_config.{key}": ((0.5, 2.0), (False, True), _kept(key, None)) for key in (
        "default_ttl", "options_chain_ttl", "ltp_ttl", "historical_data_ttl", "search_ttl", "atm_ttl")},
    "cache_config.instruments_ttl": ((60, 86_400), (2, 1), _masters),
    "cache_config.hold_after_hours": ((True, False), (True, False), lambda settings, _: quote_ttl_s(
        5, settings.cache_config, SUNDAY) > 3600),
    "cache_config.disk": ((False, True), (0, 4), _on_disk),
    "cache_config.disk_max_entries": ((2, 100), (2, 4), _on_disk),
    "cache_config.disk_max_bytes": ((2**20, 2**30), (2**20, 2**30), lambda settings, place: place.data(
        settings)._present().client.session.replies.cache.responses._config.disk_max_bytes),
    "cache_config.stale_if_error": ((True, False), ("stale", "Transient"), _stale),
    "data_manager.enable_caching": ((True, False), ("hot", "sqlite"), _tier),
    "data_manager.cache_atm_results": ((True, False), (True, False), _atm_hits),
    "data_manager.cache_ttl_seconds": ((300, 0), (True, False), _atm_hits),
    "data_manager.strikes_around": ((3, 10), (7, 21), _strikes),
    "performance_monitor.max_samples": ((2, 1000), (True, False), _forgets),
    "performance_monitor.enable_alerts": ((True, False), (1, 0), _alerts),
    **{f"latency_requirements.{key}": ((50, 200), (True, False), _violates(key)) for key in (
        "options_chain_processing", "strategy_evaluation", "order_placement", "position_monitoring",
        "atm_calculation")},
}  # fmt: skip
BESIDE: dict[str, dict[str, Any]] = {
    "cache_config.stale_if_error": {"cache_config": {"search_ttl": 1}, "connection_pool": {"max_retries": 0}},
}
SECTIONS = ("cache_config", "data_manager", "performance_monitor", "latency_requirements")
KEYS = [
    f"{name}.{key}"
    for name, section in Settings.model_fields.items()
    if name in SECTIONS
    for key in type(section.default).model_fields
]


@pytest.mark.filterwarnings("ignore::kit.errors.StaleData")  # which one proof is about
@pytest.mark.parametrize("key", KEYS)
def test_every_key_changes_what_the_kit_does(key: str, prove: Callable[..., None]) -> None:
    """Two values of a key make the kit do two things; a key without a proof fails here."""
    assert key in PROOFS, f"{key} has no proof"
    prove(key, PROOFS[key], BESIDE.get(key, {}))
