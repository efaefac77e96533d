"""`SmartCache`: the market's own things under typed keys, each with its lifetime."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from kit.broker.lifetimes import quote_ttl_s
from kit.cache import CacheConfig, CacheManager
from kit.clock import IST, ManualClock
from kit.errors import DataError
from kit.market.smart import SmartCache


def test_smart_cache_knows_the_market_own_things() -> None:
    """Each kind has its key and its lifetime, and a date may be written in any known way."""
    now = [1000.0]
    smart = SmartCache(CacheManager(timer=lambda: now[0]))
    smart.cache_options_chain("BANKNIFTY", "2024-01-25", {"rows": [1]})
    smart.cache_ltp("NSE", "Nifty Bank", "99926009", 51_234.5)
    smart.cache_historical_data("NSE", "99926009", "ONE_MINUTE", "2024-01-01", "2024-01-02", [[1]])
    smart.cache_instrument_search("NFO", "banknifty", ["X"])
    smart.cache_atm_strike("BANKNIFTY", date(2024, 1, 25), 51_200.0)
    assert smart.get_options_chain("banknifty", date(2024, 1, 25)) == {"rows": [1]}
    assert smart.get_options_chain("BANKNIFTY", "25JAN2024") == {"rows": [1]}
    assert smart.get_ltp("NSE", "Nifty Bank", "99926009") == 51_234.5
    assert smart.get_historical_data("NSE", "99926009", "ONE_MINUTE", "2024-01-01", "2024-01-02") == [[1]]
    assert smart.get_instrument_search("NFO", "BANKNIFTY") == ["X"]
    assert smart.get_atm_strike("BANKNIFTY", "2024-01-25") == 51_200.0
    now[0] += 5
    assert (
        smart.get_ltp("NSE", "Nifty Bank", "99926009"),
        smart.get_atm_strike("BANKNIFTY", "2024-01-25"),
    ) == (
        None,
        None,
    )
    now[0] += 55
    assert smart.get_options_chain("BANKNIFTY", "2024-01-25") is None
    assert smart.get_historical_data("NSE", "99926009", "ONE_MINUTE", "2024-01-01", "2024-01-02") == [[1]]
    with pytest.raises(DataError):
        smart.get_options_chain("BANKNIFTY", "soon")


@pytest.mark.parametrize(
    ("moment", "hold", "expected_s"),
    [
        (datetime(2026, 11, 20, 11, 0, tzinfo=IST), True, 5),
        (datetime(2026, 11, 20, 16, 0, tzinfo=IST), False, 5),
        (datetime(2026, 11, 20, 16, 0, tzinfo=IST), True, timedelta(days=2, hours=17.25).total_seconds()),
        (datetime(2026, 11, 23, 9, 14, 58, tzinfo=IST), True, 5),
    ],
    ids=["open", "closed", "closed and held over the weekend", "just before the open"],
)
def test_a_quote_of_a_closed_market_may_be_held(moment: datetime, hold: bool, expected_s: float) -> None:
    """With `hold_after_hours` a quote lives until the next open, else its usual seconds."""
    assert quote_ttl_s(5, CacheConfig(hold_after_hours=hold), moment) == expected_s


def test_smart_cache_holds_quotes_and_not_candles() -> None:
    """Holding concerns quotes: candles keep their own lifetime."""
    clock = ManualClock(datetime(2026, 11, 20, 16, 0, tzinfo=IST))
    now = [1000.0]
    cache = CacheManager(CacheConfig(hold_after_hours=True), timer=lambda: now[0])
    smart = SmartCache(cache, clock=clock)
    smart.cache_ltp("NSE", "X", "1", 10.0)
    smart.cache_ltp("NSE", "Y", "2", 10.0, ttl=3)
    smart.cache_historical_data("NSE", "1", "ONE_DAY", "a", "b", [])
    now[0] += 3600
    assert smart.get_ltp("NSE", "X", "1") == 10.0
    assert smart.get_ltp("NSE", "Y", "2") is None
    assert smart.get_historical_data("NSE", "1", "ONE_DAY", "a", "b") is None


@pytest.mark.parametrize(
    "expiry",
    ["2026-13-01", "23-13-2026", "2026/11/23", "31FEB2026", "soon", "", None, 20261123, 1.5],
)
def test_smart_cache_takes_no_day_that_is_none(expiry: object) -> None:
    """What is no day makes no key: a chain under it could be found by nobody, or by the wrong one."""
    smart = SmartCache(CacheManager())
    for ask in (
        lambda: smart.cache_options_chain("BANKNIFTY", expiry, 1),  # type: ignore[arg-type]
        lambda: smart.get_options_chain("BANKNIFTY", expiry),  # type: ignore[arg-type]
        lambda: smart.cache_atm_strike("BANKNIFTY", expiry, 55_000.0),  # type: ignore[arg-type]
        lambda: smart.get_atm_strike("BANKNIFTY", expiry),  # type: ignore[arg-type]
    ):
        with pytest.raises(DataError):
            ask()
