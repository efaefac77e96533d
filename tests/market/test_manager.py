"""The data manager against the simulated exchange: the main job, cold, warm and hot."""

from __future__ import annotations

import math
import pickle
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from kit.bars import candles
from kit.bars.coverage import Coverage
from kit.cache import CacheManager
from kit.clock import IST, ManualClock, monthly_expiry
from kit.errors import (
    DataError,
    FarStrike,
    KitError,
    SettingsError,
    StaleData,
    UnknownExpiry,
    UnknownInterval,
    UnknownSymbol,
)
from kit.market.manager import DataManager
from kit.market.smart import SmartCache
from kit.monitor import PerformanceMonitor
from kit.simulator.server import SimulatedExchange

EXPIRY, FAR = date(2026, 11, 23), date(2026, 12, 29)


def test_option_chain(data: DataManager, exchange: SimulatedExchange):
    """The nearest expiry must come with every contract around the money, its forward, and all Greeks."""
    began = exchange.clock.now()
    found = data.option_chain("BANKNIFTY")
    assert (found.underlying, found.expiry, found.lot_size) == ("BANKNIFTY", EXPIRY, 30)
    assert len(found.frame) == 242
    assert abs(found.spot / found.forward - 1) < 0.01
    assert found.forward_from == "parity"
    assert (found.frame["iv_reason"] == "ok").mean() > 0.9
    assert (found.frame["oi"] % 30 == 0).all()
    assert began - timedelta(seconds=5) < found.taken_at <= exchange.clock.now()
    table = found.frame
    assert table["strike"].is_monotonic_increasing
    assert table["right"].tolist() == ["CE", "PE"] * 121


def test_parity_holds_in_the_chain(data: DataManager):
    """Call and put of one strike must imply one volatility, since both hang on the same forward."""
    wide = data.option_chain().frame.pivot(index="strike", columns="right", values="iv")
    near = wide.loc[55_000:57_500]
    assert (near["CE"] - near["PE"]).abs().max() < 0.002


def test_cold_warm_hot(exchange: SimulatedExchange, open_data):
    """The first chain must come from the network, the next from memory, a restart's from disk."""
    data = open_data()
    before = exchange.stats.requests["quote"]
    first = data.option_chain()
    assert first.source == "network"
    assert exchange.stats.requests["quote"] == before + 6  # the spot, and five batches of 50
    assert data.option_chain().source == "hot"
    asked = exchange.stats.requests.total()
    again = open_data().option_chain()
    assert again.source == "sqlite"
    assert again.taken_at == first.taken_at
    assert exchange.stats.requests.total() == asked


def test_one_flight_for_eight_threads(data: DataManager, exchange: SimulatedExchange):
    """Eight threads that ask for one cold chain must cost one chain."""
    before = exchange.stats.requests["quote"]
    start = threading.Barrier(8)

    def ask(_: int) -> int:
        start.wait()
        return len(data.option_chain().frame)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {242}
    assert exchange.stats.requests["quote"] == before + 6


def test_a_hot_entry_inherits_what_is_left(exchange: SimulatedExchange, open_data):
    """No chain may be served longer than its quotes may live, whichever tiers it passed."""
    short = {"cache_config": {"options_chain_ttl": 5.0}}
    first = open_data(**short).option_chain()
    time.sleep(2.7)
    data = open_data(**short)
    from_disk = data.option_chain()
    assert (from_disk.source, from_disk.taken_at) == ("sqlite", first.taken_at)
    assert data.option_chain().source == "hot"
    time.sleep(2.7)
    fresh = data.option_chain()
    assert fresh.source == "network"
    assert fresh.taken_at > first.taken_at


def test_callers_cannot_harm_the_cache(data: DataManager):
    """A table changed by its owner must not change what the next caller gets."""
    mine = data.option_chain().table
    mine["ltp"] = -1.0
    assert (data.option_chain().frame["ltp"] != -1.0).all()
    bars = data.candles("BANKNIFTY", "ONE_HOUR", "2026-11-18", "2026-11-19")
    bars["close"] = -1.0
    assert (data.candles("BANKNIFTY", "ONE_HOUR", "2026-11-18", "2026-11-19")["close"] > 0).all()


def test_the_typed_cache_sees_the_same(exchange: SimulatedExchange, data: DataManager):
    """What the manager keeps must be found through the typed cache, and foreign values be replaced."""
    cache = data._cache
    smart = SmartCache(cache)
    smart.cache_options_chain("BANKNIFTY", "23NOV2026", {"not": "a chain"})
    chain = data.option_chain()
    assert smart.get_options_chain("BANKNIFTY", EXPIRY).taken_at == chain.taken_at


def test_caching_off(exchange: SimulatedExchange, open_data):
    """With both tiers off every chain must come from the network."""
    data = open_data(data_manager={"enable_caching": False}, cache_config={"disk": False})
    assert [data.option_chain().source for _ in range(2)] == ["network", "network"]


def test_memory_alone(exchange: SimulatedExchange, open_data):
    """Without the disk tier the memory must still keep a chain for its lifetime."""
    data = open_data(cache_config={"disk": False})
    assert [data.option_chain().source for _ in range(2)] == ["network", "hot"]


def test_strikes_around(open_data):
    """The setting must bound the strikes on either side."""
    assert len(open_data(data_manager={"strikes_around": 5}).option_chain().strikes) == 11


@pytest.mark.parametrize("written", ["2026-12-29", "29DEC2026", "29-Dec-2026", date(2026, 12, 29)])
def test_expiry_however_written(data: DataManager, written):
    """An expiry must be understood in every spelling."""
    assert data.option_chain("banknifty", written).expiry == date(2026, 12, 29)


def test_bad_questions(data: DataManager):
    """Unknown symbols, expiries that are holidays and intervals that do not exist must say what does."""
    with pytest.raises(UnknownSymbol, match="BANKNIFTY"):
        data.option_chain("BANKNIFY")
    with pytest.raises(UnknownExpiry, match=r"no trading day.*2026-11-23"):
        data.option_chain("BANKNIFTY", "2026-11-24")  # a holiday
    for nonsense in ("soon", 5):
        with pytest.raises(UnknownExpiry, match="2026-11-23"):
            data.option_chain("BANKNIFTY", nonsense)
    with pytest.raises(UnknownInterval, match="ONE_MINUTE"):
        data.candles("BANKNIFTY", "1m", "2026-11-18", "2026-11-19")
    with pytest.raises(DataError, match="2026-11-20"):
        data.candles("BANKNIFTY", "ONE_MINUTE", "last week", "2026-11-19")
    with pytest.raises(DataError, match="Not a date: 20"):
        data.candles("BANKNIFTY", "ONE_MINUTE", 20, "2026-11-19")


def test_no_broker():
    """Without a client every question must say what to do."""
    data = DataManager()
    with pytest.raises(SettingsError, match="api_client"):
        data.option_chain()
    assert data.get_performance_stats()["cache"]["entries"] == 0


@pytest.mark.parametrize(
    ("interval", "per_day"),
    [
        ("ONE_MINUTE", 362), ("THREE_MINUTE", 122), ("FIVE_MINUTE", 74), ("TEN_MINUTE", 38),
        ("FIFTEEN_MINUTE", 25), ("THIRTY_MINUTE", 13), ("ONE_HOUR", 7), ("ONE_DAY", 1),
    ],
)  # fmt: skip
def test_candles_of_every_interval(data: DataManager, interval, per_day):
    """Every interval must give whole days, the auction's two prints included, with nothing missing."""
    bars = data.candles("BANKNIFTY", interval, "2026-11-18", "2026-11-19")
    assert len(bars) == 2 * per_day
    assert isinstance(bars.attrs["coverage"], Coverage)
    assert bars.attrs["coverage"].missing_bars == ()
    assert str(bars.index.tz) == "Asia/Kolkata"


def test_candles_travel_through_a_file(data: DataManager, tmp_path):
    """Bars and every table made of them can be written as Parquet, and one read back knows its coverage."""
    bars = data.candles("BANKNIFTY", "FIVE_MINUTE", "2026-11-18", "2026-11-19")
    hourly = bars.resample("1h").last()
    for number, table in enumerate((bars, bars[bars["close"] > 0], bars.assign(x=1.0), bars.copy(), hourly)):
        table.to_parquet(tmp_path / f"{number}.parquet")
        again = pd.read_parquet(tmp_path / f"{number}.parquet")
        assert Coverage.of(again) == bars.attrs["coverage"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "0.parquet"), bars)
    assert pickle.loads(pickle.dumps(bars)).attrs["coverage"] == bars.attrs["coverage"]
    with pytest.raises(DataError, match="no coverage"):
        Coverage.of(pd.DataFrame())


def test_stale_data_are_marked(open_data, exchange: SimulatedExchange):
    """What outlived its lifetime because the network failed must say so, however late it is asked for."""
    brief = {"ltp_ttl": 0.01, "options_chain_ttl": 0.01, "historical_data_ttl": 0.01, "stale_if_error": True}
    clock = ManualClock(exchange.clock.now())
    data = open_data(clock=clock, cache_config=brief, connection_pool={"max_retries": 0, "timeout": 2})
    today = exchange.clock.now().date()
    asks = (data.spot, data.option_chain, lambda: data.candles("BANKNIFTY", "FIVE_MINUTE", today, today))
    fresh = [ask() for ask in asks]
    for route in ("getLtpData", "quote", "getCandleData"):
        exchange.faults.add(route, "html-502", times=20)  # so many that the circuit opens
    time.sleep(0.05)
    clock.at += timedelta(minutes=3)
    with pytest.warns(StaleData):
        price, chain, bars = (ask() for ask in asks)
    assert [fresh[0].source, fresh[1].source, fresh[2].attrs["source"]] == ["network"] * 3
    assert [price.source, chain.source, bars.attrs["source"]] == ["stale"] * 3
    assert price.age_s > 0


def test_todays_candles_are_one_question(open_data, exchange: SimulatedExchange):
    """Minutes later, another process must find today's candles on the disk: nobody asks the broker again."""
    clock = ManualClock(exchange.clock.now())
    today = clock.at.date()
    open_data(clock=clock).candles("BANKNIFTY", "ONE_MINUTE", today, today)
    before = exchange.stats.requests["getCandleData"]
    clock.at += timedelta(minutes=7)
    bars = open_data(clock=clock).candles("BANKNIFTY", "ONE_MINUTE", today, today)
    assert (bars.attrs["source"], exchange.stats.requests["getCandleData"]) == ("sqlite", before)


def test_candles_of_a_range_that_ends_before_it_begins(data: DataManager):
    """A range turned round must be refused by name, for candles and downloads, before anybody is asked."""
    for ask in (data.candles, data.download):
        with pytest.raises(DataError, match="2026-11-19 to 2026-11-18"):
            ask("BANKNIFTY", "ONE_MINUTE", "2026-11-19", "2026-11-18")


def test_candles_share_their_pieces(data: DataManager, exchange: SimulatedExchange, open_data):
    """Overlapping ranges must share what is stored, in this process and the next."""
    today = exchange.clock.now().date()
    older, newer = candles.pieces(
        candles.INTERVALS["ONE_MINUTE"], date(2026, 8, 24), date(2026, 10, 18), today
    )[:2]
    days = [newer.first + timedelta(number) for number in range(28)]
    before = exchange.stats.requests["getCandleData"]
    data.candles("BANKNIFTY", "ONE_MINUTE", days[2], days[6])
    assert exchange.stats.requests["getCandleData"] == before + 1
    data.candles("BANKNIFTY", "ONE_MINUTE", days[5], days[20])
    later = open_data()
    later.candles("BANKNIFTY", "ONE_MINUTE", f"{days[3]} 10:00", f"{days[9]} 11:30")
    assert exchange.stats.requests["getCandleData"] == before + 1
    later.candles("BANKNIFTY", "ONE_MINUTE", older.last - timedelta(3), days[4])
    assert exchange.stats.requests["getCandleData"] == before + 2


def test_todays_candles_expire(exchange: SimulatedExchange, open_data):
    """Today's bars must be asked for again after their lifetime, closed days' never."""
    data = open_data(cache_config={"historical_data_ttl": 0.2})
    before = exchange.stats.requests["getCandleData"]
    for _ in range(2):
        data.candles("BANKNIFTY", "FIVE_MINUTE", "2026-11-18", "2026-11-20")
        time.sleep(0.25)
    assert exchange.stats.requests["getCandleData"] == before + 3


def test_the_forming_bar(data: DataManager, exchange: SimulatedExchange):
    """The bar that is still being made must be there, and left out on request."""
    today = exchange.clock.now().date()
    every = data.candles("BANKNIFTY", "FIVE_MINUTE", today, today)
    closed = data.candles("BANKNIFTY", "FIVE_MINUTE", today, today, drop_forming=True)
    assert len(every) == len(closed) + 1
    assert closed.index[-1] + timedelta(minutes=5) <= exchange.clock.now()


def test_candles_of_a_contract(data: DataManager):
    """A trading symbol must do as well as an underlying, and bars cut to the minute."""
    symbol = data.option_chain().quote(56_000, "CE")["symbol"]
    start = datetime(2026, 11, 19, 10, 0, tzinfo=IST)
    bars = data.candles(symbol, "FIFTEEN_MINUTE", start, start + timedelta(hours=1))
    assert bars.index[0] == start
    assert len(bars) == 5


def test_broken_bars_are_set_aside(exchange: SimulatedExchange, data: DataManager):
    """Broken bars must be left out and counted."""
    exchange.faults.add("getCandleData", "negative-volume:4")
    symbol = data.option_chain().quote(56_000, "PE")["symbol"]
    bars = data.candles(symbol, "ONE_DAY", "2026-06-01", "2026-11-19")
    assert bars.attrs["coverage"].broken_bars == 4
    assert (bars["volume"] >= 0).all()


def test_a_weekend_has_no_bars(data: DataManager, exchange: SimulatedExchange):
    """A range without a session must be empty without a call."""
    before = exchange.stats.requests["getCandleData"]
    bars = data.candles("BANKNIFTY", "ONE_MINUTE", "2026-11-21", "2026-11-22")
    assert bars.empty
    assert bars.attrs["coverage"].expected == 0
    assert exchange.stats.requests["getCandleData"] <= before + 1


def test_prices_know_their_age(data: DataManager):
    """A price must be a number that tells where it came from and how old it is."""
    first, again = data.spot(), data.spot()
    assert (first.source, again.source) == ("network", "hot")
    assert again.age_s >= first.age_s
    assert first == again
    assert "hot" in repr(again)
    assert data.ltp("BANKNIFTY23NOV26FUT") == pytest.approx(first, rel=0.01)


def test_expiries(data: DataManager):
    """The expiries that still trade must be listed, nearest first."""
    found = data.expiries()
    assert found[:2] == [EXPIRY, date(2026, 12, 29)]
    assert found == sorted(found)


def test_strike_at_the_money(data: DataManager):
    """The strike at the money must be the listed one nearest the spot, with the tie-breaker asked for."""
    spot = data.spot()
    assert abs(data.atm_strike() - spot) <= 50
    assert data.atm_strike(spot=56_050) == 56_000
    assert data.atm_strike(spot=56_050, tie="higher") == 56_100
    assert data.atm_strike(spot=56_050, tie="nearest") in (56_000, 56_100)
    with pytest.raises(FarStrike):
        data.atm_strike(spot=20_000)


def test_a_frozen_spot_gives_way_to_the_forward(open_data):
    """In the closing auction the strike must be nearest the forward and say so; before it, the spot."""
    with SimulatedExchange(at=datetime(2026, 11, 20, 15, 14, 30, tzinfo=IST), speed=1e-6) as exchange:
        data = open_data(exchange, cache_config={"atm_ttl": 0, "ltp_ttl": 0, "options_chain_ttl": 0})
        assert data.atm_strike(expiry=FAR).nearest_to == "spot"
        exchange.clock.advance(600)
        strike, chain = data.atm_strike(expiry=FAR), data.option_chain(expiry=FAR)
        assert strike.nearest_to == "forward"
        assert strike == chain.atmf_strike
        assert "stands still" in repr(strike)
        assert data.atm_strike(expiry=FAR, spot=56_000).nearest_to == "spot"


def test_operations_are_timed(exchange: SimulatedExchange, open_data):
    """Chain and strike must be timed under the names that have budgets."""
    data = open_data()
    data.option_chain()
    data.atm_strike()
    told = str(data.get_performance_stats()["performance"])
    assert "options_chain_processing" in told
    assert "atm_calculation" in told


def test_the_brief_as_written(open_data):
    """The constructor must take the arguments of the brief by name, and give its statistics."""
    api_client = open_data()._api
    data_manager = DataManager(
        api_client=api_client, cache_manager=CacheManager(), performance_monitor=PerformanceMonitor()
    )
    stats = data_manager.get_performance_stats()
    assert {"cache", "performance", "connections"} <= set(stats)


@pytest.mark.parametrize(
    "fault", ["data-null", "wrong-types", "missing-keys", "empty-body", "drop-before", "rate-429", "html-502"]
)
@pytest.mark.parametrize("route", ["quote", "getCandleData", "getLtpData"])
def test_faults_reach_the_analyst_as_typed_errors(exchange: SimulatedExchange, open_data, route, fault):
    """Whatever the exchange does, a table is right, or marked incomplete, or a typed error; never wrong."""
    data = open_data(connection_pool={"max_retries": 0}, cache_config={"disk": False})
    data.expiries()
    exchange.faults.add(route, fault)
    calls = {
        "quote": lambda: data.option_chain().forward,
        "getCandleData": lambda: data.candles("BANKNIFTY", "ONE_HOUR", "2026-11-18", "2026-11-19"),
        "getLtpData": lambda: float(data.spot()),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            found = calls[route]()
        except KitError:
            return
    if route == "getCandleData":
        assert found.attrs["coverage"].found == len(found)
        assert found.attrs["coverage"].missing_sessions or len(found) == 14
    else:
        assert math.isnan(found) or found > 0


def test_quotes_hold_until_the_next_open(open_data):
    """After the close a chain must live until the next open when the setting says so."""
    evening = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
    with SimulatedExchange(seed=7, at=evening, limits=False) as closed:
        data = open_data(closed, cache_config={"hold_after_hours": True, "options_chain_ttl": 0.05})
        data.option_chain()
        time.sleep(0.1)
        assert data.option_chain().source == "hot"
        (entry,) = [row for row in data._cache.get_cache_info() if row["key"][0] == "chain"]
    until_open = (datetime(2026, 11, 23, 9, 15, tzinfo=IST) - evening).total_seconds()
    assert entry["remaining_s"] == pytest.approx(until_open, abs=30)


def test_another_market_at_the_same_address(exchange: SimulatedExchange, open_data):
    """An exchange with another seed at the port of an earlier one must not be answered from its cache."""
    port, closes, masters = 0, [], []
    for seed in (7, 8):
        with SimulatedExchange(seed=seed, port=port, at=exchange.clock.now(), limits=False) as server:
            port = int(server.url.rsplit(":", 1)[1])
            data = open_data(server)
            closes.append(data.candles("BANKNIFTY", "ONE_DAY", "2026-11-16", "2026-11-16")["close"].item())
            masters.append(server.stats.requests["instrumentMaster"])
    assert closes[0] != closes[1]
    assert masters == [1, 1]


@pytest.mark.parametrize("name", ["NIFTYBANK", "NIFTY BANK", "Nifty Bank", " nifty-bank ", "banknifty"])
def test_every_name_of_the_index(data: DataManager, name: str):
    """However the index is called, expiries, contracts, level and strike are Bank Nifty's."""
    assert data.expiries(name) == data.expiries("BANKNIFTY")
    assert monthly_expiry(2026, 11, name) == monthly_expiry(2026, 11, "BANKNIFTY")
    assert data.spot(name) == data.spot("BANKNIFTY")
    assert data.atm_strike(name) == data.atm_strike("BANKNIFTY")
    assert data.option_chain(name).underlying == "BANKNIFTY"


def test_a_strike_per_spot_is_kept(open_data):
    """A strike for a given level is remembered for `cache_ttl_seconds`: it has no other life."""
    for seconds, kept in ((300, 1), (0, 0)):
        data = open_data(data_manager={"cache_ttl_seconds": seconds})
        assert data.atm_strike(spot=55_040.0) == data.atm_strike(spot=55_040.0)
        assert data.atm_strike(spot=55_540.0) != data.atm_strike(spot=55_040.0)
        assert (data.get_performance_stats()["cache"]["hits"] > 0) == bool(kept)
