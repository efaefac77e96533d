"""Bars and interest history: complete, bounded by the calendar, and in agreement with quotes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.clock import IST, last_session, session, sessions
from kit.simulator.history import INTERVALS, History
from kit.simulator.market import Market

MIDDAY = datetime(2026, 11, 20, 12, 34, 56, tzinfo=IST)
MORNING = datetime(2026, 11, 20, 9, 15, tzinfo=IST)


@pytest.fixture(scope="module")
def history(market):
    """Build the past of the shared market once."""
    return History(market)


def contracts(market, now):
    """Pick an index, a volatility index, a share, a future and options."""
    listing = market.listing(now)
    rows = listing.rows
    near = min(expiry for name, expiry in listing.series if name == "BANKNIFTY")
    options = listing.series["BANKNIFTY", near].contracts
    cash = [rows["NSE", token] for token in ("99926009", "99926017", "3045")]
    return [*cash, listing.futures[0], options[len(options) // 2], options[3]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 385 * 60), st.sampled_from(["ONE_MINUTE", "FIVE_MINUTE", "ONE_HOUR", "ONE_DAY"]))
def test_bars_agree_with_the_quote(market, history, seconds, interval):
    """The last close is the last price, and the day's bars span and sum to the quote's day."""
    now = MORNING + timedelta(seconds=seconds)
    for contract in contracts(market, now):
        quote = market.quotes([contract], now)[0]
        bars = history.bars(contract, INTERVALS[interval], MORNING, now, now)
        assert bars.prices[-1, 3] == quote.ltp
        assert bars.prices[0, 0] == quote.open
        assert bars.prices[:, 1].max() == quote.high
        assert bars.prices[:, 2].min() == quote.low
        assert bars.volume.sum() == quote.volume
        assert bars.interest[-1] == quote.interest


def test_bar_of_a_minute_is_the_quote_at_its_end(market, history):
    """The close of every finished minute is what a quote showed at the end of that minute."""
    contract = contracts(market, MIDDAY)[4]
    bars = history.bars(contract, INTERVALS["ONE_MINUTE"], MORNING, MIDDAY, MIDDAY)
    for number in (0, 1, 60, 150, 198):
        then = MORNING + timedelta(minutes=number + 1)
        assert market.quotes([contract], then)[0].ltp == bars.prices[number, 3]


@pytest.mark.parametrize("interval", [name for name in INTERVALS if name != "ONE_DAY"])
def test_longer_bars_are_made_of_minutes(market, history, interval):
    """Every longer bar has the open, extremes, close and volume of its minutes."""
    contract = contracts(market, MIDDAY)[4]
    minutes = history.bars(contract, INTERVALS["ONE_MINUTE"], MORNING, MIDDAY, MIDDAY)
    bars = history.bars(contract, INTERVALS[interval], MORNING, MIDDAY, MIDDAY)
    step = INTERVALS[interval].minutes
    starts = np.arange(0, len(minutes.stamps), step)
    assert bars.stamps == [minutes.stamps[start] for start in starts]
    assert (bars.prices[:, 0] == minutes.prices[starts, 0]).all()
    assert (bars.prices[:, 1] == np.maximum.reduceat(minutes.prices[:, 1], starts)).all()
    assert (bars.prices[:, 2] == np.minimum.reduceat(minutes.prices[:, 2], starts)).all()
    assert (bars.volume == np.add.reduceat(minutes.volume, starts)).all()


def test_whole_session_has_every_minute(market, history):
    """A full session of a contract has 385 one-minute bars, the last one stamped 15:39, all in order."""
    day = date(2026, 11, 19)
    now = datetime(2026, 11, 20, 12, tzinfo=IST)
    contract = contracts(market, now)[3]
    start, end = session(day).open, session(day).close
    bars = history.bars(contract, INTERVALS["ONE_MINUTE"], start, end, now)
    assert len(bars.stamps) == 385
    assert bars.stamps[-1] == "2026-11-19T15:39:00+05:30"
    assert bars.stamps == sorted(set(bars.stamps))
    opens, highs, lows, closes = bars.prices.T
    assert (highs >= np.maximum(opens, closes)).all()
    assert (lows <= np.minimum(opens, closes)).all()


def test_both_ends_are_included(market, history):
    """From 09:15 to 09:19 are five one-minute bars."""
    bars = history.bars(
        contracts(market, MIDDAY)[0],
        INTERVALS["ONE_MINUTE"],
        MORNING,
        MORNING + timedelta(minutes=4),
        MIDDAY,
    )
    assert len(bars.stamps) == 5


def test_no_bars_without_a_session(market, history):
    """A weekend and a holiday have no bars, and the future has none either."""
    contract = contracts(market, MIDDAY)[0]
    saturday = datetime(2026, 11, 14, tzinfo=IST)
    for start, end in (
        (saturday, saturday + timedelta(hours=47)),
        (datetime(2026, 1, 26, tzinfo=IST), datetime(2026, 1, 26, 23, 59, tzinfo=IST)),
        (MIDDAY + timedelta(minutes=1), MIDDAY + timedelta(days=3)),
    ):
        assert history.bars(contract, INTERVALS["FIVE_MINUTE"], start, end, MIDDAY).stamps == []


@pytest.mark.parametrize("interval", ["ONE_MINUTE", "FIVE_MINUTE", "ONE_DAY"])
def test_long_span_is_cut_to_its_most_recent_days(market, history, interval):
    """A span longer than the interval allows loses its beginning, silently."""
    most = INTERVALS[interval].max_days
    contract = contracts(market, MIDDAY)[0]
    start = MIDDAY - timedelta(most + 400)
    bars = history.bars(contract, INTERVALS[interval], start, MIDDAY, MIDDAY)
    days = sessions((MIDDAY - timedelta(most)).date(), MIDDAY.date())
    assert bars.stamps[0][:10] == days[0].isoformat()
    assert bars.stamps[-1][:10] == "2026-11-20"
    assert len({stamp[:10] for stamp in bars.stamps}) == len(days)


def test_daily_bars_are_continuous_with_quotes(market, history):
    """The previous close of a quote is the close of the day before, and daily bars are at midnight."""
    contract = contracts(market, MIDDAY)[3]
    bars = history.bars(contract, INTERVALS["ONE_DAY"], MIDDAY - timedelta(20), MIDDAY, MIDDAY)
    assert bars.stamps[-1] == "2026-11-20T00:00:00+05:30"
    assert market.quotes([contract], MIDDAY)[0].previous == bars.prices[-2, 3]


def test_option_has_no_bars_before_its_listing(market, history):
    """A series that began in late October has nothing before, and nothing for a later history either."""
    listing = market.listing(MIDDAY)
    contract = listing.series["BANKNIFTY", date(2027, 1, 25)].contracts[100]
    bars = history.bars(contract, INTERVALS["ONE_DAY"], MIDDAY - timedelta(200), MIDDAY, MIDDAY)
    assert bars.stamps[0][:10] == "2026-10-28"


def test_remembered_days_do_not_change_the_answer(market):
    """Daily bars asked for in the middle of a day are made again when the day is over."""
    fresh = History(Market(7))
    contract = contracts(market, MIDDAY)[0]
    interval = INTERVALS["ONE_DAY"]
    running = fresh.bars(contract, interval, MORNING, MIDDAY, MIDDAY)
    evening = session(MIDDAY.date()).close + timedelta(hours=2)
    final = fresh.bars(contract, interval, MORNING, evening, evening)
    assert running.prices[-1, 3] == market.quotes([contract], MIDDAY)[0].ltp
    assert final.prices[-1, 3] == market.quotes([contract], last_session(evening).close)[0].ltp
    assert final.prices[-1, 3] != running.prices[-1, 3]


def bars_of(history, contract, day, interval="ONE_MINUTE"):
    """Return a whole day's bars."""
    start = datetime(day.year, day.month, day.day, tzinfo=IST)
    end = start + timedelta(hours=23, minutes=59)
    return history.bars(contract, INTERVALS[interval], start, end, end)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_index_and_shares_print_twice_in_the_auction(market, history, place):
    """Bars run to 15:14, one flat bar stands at 15:15, and one at 15:29 is the close; nothing else."""
    day, row = date(2026, 11, 19), contracts(market, MIDDAY)[place]
    bars = bars_of(history, row, day)
    clocks = [stamp[11:16] for stamp in bars.stamps]
    assert len(clocks) == 362
    assert clocks[-3:] == ["15:14", "15:15", "15:29"]
    assert (bars.prices[-2:] == bars.prices[-2:, :1]).all()
    assert bars.prices[-1, 3] == bars_of(history, row, day, "ONE_DAY").prices[0, 3]


def test_before_august_2026_an_index_trades_to_the_close(market, history):
    """On 31 July 2026 the index has 375 bars to 15:29."""
    bars = bars_of(history, contracts(market, MIDDAY)[0], date(2026, 7, 31))
    assert len(bars.stamps) == 375
    assert bars.stamps[-1][11:16] == "15:29"


@pytest.mark.parametrize(
    ("day", "bars", "hourly"),
    [
        (date(2024, 3, 2), 105, ["09:15", "11:15", "12:15"]),
        (date(2021, 2, 24), 220, ["09:15", "10:15", "11:15", "15:15", "16:15"]),
        (date(2023, 11, 12), 60, ["18:15"]),
    ],
)
def test_pauses_have_no_bars(market, history, day, bars, hourly):
    """A drill, an outage and a Muhurat evening have the bars of their trading minutes."""
    index = contracts(market, MIDDAY)[0]
    assert len(bars_of(history, index, day).stamps) == bars
    assert [stamp[11:16] for stamp in bars_of(history, index, day, "ONE_HOUR").stamps] == hourly
