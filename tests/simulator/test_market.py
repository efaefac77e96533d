"""Properties of the simulated market: pure, free of arbitrage, and the same in quotes and bars."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import facts
from kit.clock import (
    IST,
    contracts,
    expiries,
    last_session,
    lot_size,
    risk_free_rate,
    session,
    sessions,
    tick_inr,
)
from kit.errors import DataError
from kit.simulator.market import Market, years_left
from kit.simulator.smile import QuotedSmile
from kit.simulator.underlyings import BANKNIFTY, NIFTY

TICK = tick_inr()
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=IST)
FIRST = datetime(2025, 9, 1, 9, 15, tzinfo=IST)
moments = st.integers(0, 460 * 24 * 3600).map(lambda seconds: FIRST + timedelta(seconds=seconds))

PRINT_QUOTES = """
from datetime import datetime
from kit.clock import IST
from kit.simulator.market import Market
market, now = Market(7), datetime(2026, 11, 20, 12, 0, tzinfo=IST)
rows = list(market.listing(now).rows.values())[::97]
print([(q.contract.symbol, q.ltp, q.bid, q.ask, q.volume, q.interest) for q in market.quotes(rows, now)])
"""


def series_of(market, now, place):
    """Return calls and puts of one Bank Nifty expiry, by strike, with their quotes."""
    listing = market.listing(now)
    dates = sorted(expiry for name, expiry in listing.series if name == "BANKNIFTY")
    expiry = dates[place % len(dates)]
    quotes = market.quotes(listing.series["BANKNIFTY", expiry].contracts, now)
    return expiry, quotes[::2], quotes[1::2]


def test_same_seed_gives_the_same_market_in_another_process():
    """Quotes depend on seed and time alone, not on the process or on what was asked before."""
    runs = [
        subprocess.run([sys.executable, "-c", PRINT_QUOTES], capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    fresh = Market(7)
    rows = list(fresh.listing(NOON).rows.values())[::97]
    for contract in reversed(rows):  # another order of questions
        fresh.quotes([contract], NOON - timedelta(1))
    here = [(q.contract.symbol, q.ltp, q.bid, q.ask, q.volume, q.interest) for q in fresh.quotes(rows, NOON)]
    assert runs[0].decode().strip() == runs[1].decode().strip() == str(here)


def test_another_seed_gives_another_market(market):
    """Two seeds differ, both about where Bank Nifty was in November 2026."""
    levels = [Market(seed).spot(NOON) for seed in range(5)]
    assert len(set(levels)) == 5
    assert all(50_000 < level < 64_000 for level in levels)
    assert Market(7).spot(NOON) == market.spot(NOON)


def test_level_and_volatility_are_plausible(market):
    """Realised volatility over ten years is between ten and twenty per cent a year."""
    moves = np.diff(np.log(market.paths.closes(BANKNIFTY)[:2500]))
    assert 0.10 < moves.std() * np.sqrt(252) < 0.20
    assert np.corrcoef(moves, np.diff(np.log(market.paths.closes(NIFTY)[:2500])))[0, 1] > 0.7


@settings(max_examples=25, deadline=None)
@given(moments, st.integers(0, 6))
def test_executable_prices_leave_no_arbitrage(market, now, place):
    """No vertical, butterfly or parity trade at bid and ask makes money for sure, at any time and expiry."""
    expiry, calls, puts = series_of(market, now, place)
    years = max(years_left(expiry, min(now, last_session(now).close).timestamp()), 0)
    discount = np.exp(-risk_free_rate(last_session(now).day) * years)
    strikes = np.array([float(call.contract.strike) for call in calls])
    for quotes, sign in ((calls, 1), (puts, -1)):
        fair_bid = np.array([quote.bid for quote in quotes])
        fair_ask = np.array([quote.ask or np.inf for quote in quotes])
        widths = np.diff(strikes)
        low, high = (slice(None, -1), slice(1, None))
        cheap, dear = (high, low) if sign > 0 else (low, high)  # which of two strikes must cost less
        assert (fair_bid[cheap] <= fair_ask[dear]).all()
        assert (fair_bid[dear] - fair_ask[cheap] <= discount * widths + 1e-9).all()
        share = widths[1:] / (widths[1:] + widths[:-1])
        wings = share * fair_ask[:-2] + (1 - share) * fair_ask[2:]
        assert (fair_bid[1:-1] <= wings + 1e-9).all()
    quoted = [i for i in range(strikes.size) if calls[i].bid and calls[i].ask and puts[i].bid and puts[i].ask]
    buy = [(calls[i].ask - puts[i].bid) / discount + strikes[i] for i in quoted]
    sell = [(calls[i].bid - puts[i].ask) / discount + strikes[i] for i in quoted]
    if quoted:
        assert max(sell) <= min(buy) + 1e-9  # every strike agrees on one forward


@settings(max_examples=25, deadline=None)
@given(moments, st.integers(0, 6))
def test_last_prices_are_ordered_and_obey_parity_to_the_tick(market, now, place):
    """Last prices fall (calls) and rise (puts) with the strike, and call less put is the forward's line."""
    expiry, calls, puts = series_of(market, now, place)
    strikes = np.array([float(call.contract.strike) for call in calls])
    call, put = (np.array([quote.ltp for quote in quotes]) for quotes in (calls, puts))
    assert (np.diff(call) <= 0).all()
    assert (np.diff(put) >= 0).all()
    assert (np.abs(np.rint(call / TICK) * TICK - call) < 1e-6).all()
    share = (strikes[2:] - strikes[1:-1]) / (strikes[2:] - strikes[:-2])
    for prices in (call, put):
        wings = share * prices[:-2] + (1 - share) * prices[2:]
        assert (prices[1:-1] <= wings + TICK + 1e-9).all()  # half a tick of rounding on either side
    priced = (call > TICK) & (put > TICK)
    years = max(years_left(expiry, min(now, last_session(now).close).timestamp()), 0)
    discount = np.exp(-risk_free_rate(last_session(now).day) * years)
    forwards = ((call - put) / discount + strikes)[priced]
    if forwards.size:
        assert np.ptp(forwards) <= 2 * TICK / discount


@settings(max_examples=10, deadline=None)
@given(moments)
def test_later_expiries_cost_more_time_value(market, now):
    """At one strike a later call at the ask is never cheaper than an earlier one at the bid."""
    listing = market.listing(now)
    dates = sorted(expiry for name, expiry in listing.series if name == "BANKNIFTY")
    for early, late in pairwise(dates):
        first, second = (listing.series["BANKNIFTY", expiry].contracts[::2] for expiry in (early, late))
        bids = {quote.contract.strike: quote.bid for quote in market.quotes(first, now)}
        for quote in market.quotes(second, now):
            if quote.ask and quote.contract.strike in bids:
                assert quote.ask >= bids[quote.contract.strike]


@settings(max_examples=40, deadline=None)
@given(moments, st.integers(0, 10_000))
def test_quotes_are_whole_and_consistent(market, now, pick):
    """Low, last, high, bid and ask stand in order; volume and interest are whole lots."""
    rows = list(market.listing(now).rows.values())
    for quote in market.quotes([rows[(pick + step) % len(rows)] for step in range(12)], now):
        lot = quote.contract.lot
        assert quote.low <= quote.ltp <= quote.high
        assert quote.low <= quote.open <= quote.high
        assert quote.volume % lot == 0
        assert quote.interest % lot == 0
        assert quote.volume >= 0
        assert not quote.bid or quote.bid < quote.ltp + TICK / 2
        assert not quote.ask or quote.ltp - TICK / 2 < quote.ask
        assert quote.average == 0 or quote.low <= quote.average <= quote.high


def test_smile_has_skew_and_term_structure(market):
    """Puts below the money cost more volatility than calls above, more so near expiry."""
    steep = []
    for years in (5 / 365, 30 / 365, 90 / 365):
        smile = QuotedSmile(57_000.0, years, 0.14, 0.055)
        below, at, above = smile.greeks(smile.forward * np.exp([-0.04, 0.0, 0.04]), True).iv_percent
        steep.append(below - at)
        assert below > at
        assert below > above
    assert steep == sorted(steep, reverse=True)


def test_prices_move_in_sessions_only(market):
    """Overnight, over the weekend and on a holiday the quotes are those of the last close."""
    contract = market.listing(NOON).rows["NSE", "99926009"]
    close = session(date(2026, 11, 20)).close
    last = market.quotes([contract], close)[0]
    for later in (close + timedelta(hours=1), close + timedelta(days=1), close + timedelta(days=2, hours=16)):
        assert market.quotes([contract], later)[0] == last
    monday = market.quotes([contract], session(date(2026, 11, 23)).open)[0]
    assert monday.previous == last.ltp
    assert monday.open != last.ltp  # it opens with a gap


def test_session_ends_at_the_dated_hour(market):
    """A day before August 2026 has 375 minutes, one after has 385, a Muhurat evening 60."""
    days = {date(2026, 7, 31): 375, date(2026, 8, 3): 385, date(2026, 11, 8): 60}
    assert {day: market.paths.day(BANKNIFTY, day).minutes for day in days} == days


def test_listing_follows_the_calendar(market):
    """Every expiry of the calendar is listed with its dated lot, and near strikes are 100 apart."""
    listing = market.listing(NOON)
    dates = sorted(expiry for name, expiry in listing.series if name == "BANKNIFTY")
    assert dates == expiries(NOON.date())
    for expiry in dates:
        assert {c.lot for c in listing.series["BANKNIFTY", expiry].contracts} == {
            lot_size("BANKNIFTY", expiry, NOON.date())
        }
    near = sorted({c.strike for c in listing.series["BANKNIFTY", dates[0]].contracts})
    assert set(range(54_000, 59_000, 100)) <= set(near)
    assert len({row.token for row in listing.rows.values()}) == len(listing.rows)


def test_old_market_has_weekly_expiries_and_other_lots():
    """In January 2024 the market lists weeklies in lots of 15; at the turn of 2025 two lots are listed."""
    market = Market(3)
    old = market.listing(datetime(2024, 1, 3, 12, tzinfo=IST))
    assert ("BANKNIFTY", date(2024, 1, 10)) in old.series
    assert old.series["BANKNIFTY", date(2024, 1, 10)].contracts[0].lot == 15
    turn = market.listing(datetime(2025, 11, 14, 12, tzinfo=IST))
    lots = {
        expiry: rows.contracts[0].lot for (name, expiry), rows in turn.series.items() if name == "BANKNIFTY"
    }
    assert lots[date(2025, 12, 30)] == 35
    assert lots[date(2026, 1, 27)] == 30


def test_contracts_stay_listed_until_they_expire(market):
    """What is listed today is listed under the same token tomorrow, unless its expiry has passed."""
    days = sessions(date(2026, 11, 2), date(2026, 11, 27))
    for today, tomorrow in pairwise(days):
        before, after = (market.listings.on(day).rows for day in (today, tomorrow))
        for key, contract in before.items():
            assert (contract.expiry == today) or after[key] == contract


def test_expiring_option_ends_at_its_intrinsic_value(market):
    """At the closing bell of the expiry day an option is worth what it pays."""
    bell = session(date(2026, 11, 23)).close
    spot = market.spot(bell)
    rows = market.listing(bell).series["BANKNIFTY", date(2026, 11, 23)].contracts
    for quote in market.quotes(rows, bell):
        sign = 1 if quote.contract.right == "CE" else -1
        paid = max(sign * (spot - quote.contract.strike), TICK)
        assert quote.ltp == pytest.approx(paid, abs=2 * TICK)


def test_open_interest_joins_the_closes(market):
    """Interest at the close is where the next morning starts."""
    contract = market.listing(NOON).series["BANKNIFTY", date(2026, 12, 29)].contracts[150]
    close = market.quotes([contract], session(date(2026, 11, 19)).close)[0]
    morning = market.quotes([contract], session(date(2026, 11, 20)).open)[0]
    assert morning.interest_before == close.interest
    assert morning.interest == close.interest


def test_market_outside_its_years_says_so(market):
    """A day the simulated market does not cover is a typed error that names the range."""
    with pytest.raises(DataError, match="2015-01-01"):
        market.listing(datetime(2014, 6, 2, 12, tzinfo=IST))


def test_the_spot_stands_still_in_the_auction(market):
    """From 15:15 to the print the index shows one level while futures go on; the print is the settlement."""
    day = date(2026, 11, 23)
    moments = [datetime(2026, 11, 23, 15, minute, 30, tzinfo=IST) for minute in (15, 20, 28, 29, 35)]
    spots = [market.spot(moment) for moment in moments]
    assert spots[0] == spots[1] == spots[2]
    assert spots[3] == spots[4] == market.spot(session(day).close)
    future = next(row for row in market.listing(moments[0]).futures if row.expiry == date(2026, 12, 29))
    assert len({market.quotes([future], moment)[0].ltp for moment in moments[:3]}) > 1


def test_nothing_moves_while_trading_pauses(market):
    """In the pause of a drill every price is that of its beginning."""
    one, other = (datetime(2024, 3, 2, *clock, tzinfo=IST) for clock in ((10, 5), (11, 25)))
    rows = list(market.listing(one).rows.values())[::211]
    assert market.quotes(rows, one) == market.quotes(rows, other)


def test_nifty_lists_its_own_weeklies(market):
    """NIFTY is listed by its own dated rules: with weeklies that Bank Nifty has lost, in lots of 65."""
    listed = {expiry for name, expiry in market.listing(NOON).series if name == "NIFTY"}
    assert {date(2026, 12, 1), date(2026, 12, 8)} <= listed
    assert {row.lot for row in market.listing(NOON).futures if row.name == "NIFTY"} == {65}


def test_futures_are_monthly(market):
    """Futures expire with the three serial months, never with a weekly."""
    for now in (NOON, datetime(2024, 1, 3, 12, tzinfo=IST)):
        found = sorted(row.expiry for row in market.listing(now).futures if row.name == "BANKNIFTY")
        assert len(found) == 3
        assert len({(day.year, day.month) for day in found}) == 3


def test_prices_follow_the_dated_tick(monkeypatch):
    """From the day that the table says every price is a multiple of the new tick, before it of the old."""
    rows, known = (
        [*facts.table("ticks"), {**facts.table("ticks")[0], "from": "2026-11-20", "tick_inr": "0.20"}],
        facts.table,
    )
    monkeypatch.setattr(facts, "table", lambda name: rows if name == "ticks" else known(name))
    contracts._tick_inr.cache_clear()
    try:
        for now, tick in ((NOON - timedelta(1), 0.05), (NOON, 0.20)):
            market = Market(7)
            _, calls, _ = series_of(market, now, 0)
            prices = [price for quote in calls for price in (quote.ltp, quote.bid, quote.ask, quote.high)]
            assert {quote.contract.tick for quote in calls} == {tick}
            assert np.abs(np.array(prices) / tick - np.rint(np.array(prices) / tick)).max() < 1e-6
            course = market.course(calls[9].contract, now.date(), np.arange(1, 600, 7) + int(now.timestamp()))
            assert np.abs(course.bid / tick - np.rint(course.bid / tick)).max() < 1e-6
    finally:
        contracts._tick_inr.cache_clear()
