"""Candles: fixed pieces, sound bars, coverage by the calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.bars import candles
from kit.bars.coverage import Coverage
from kit.clock import IST, is_session, sessions
from kit.errors import DataError, ProtocolError, UnknownInterval

NOW = datetime(2026, 11, 20, 11, 15, tzinfo=IST)
LONGEST_DAYS = {  # the broker's longest spans, SmartAPI documentation of 2026-08
    "ONE_MINUTE": 30, "THREE_MINUTE": 60, "FIVE_MINUTE": 100, "TEN_MINUTE": 100,
    "FIFTEEN_MINUTE": 200, "THIRTY_MINUTE": 200, "ONE_HOUR": 400, "ONE_DAY": 2000,
}  # fmt: skip
DAYS = st.dates(date(2024, 1, 1), date(2026, 12, 31))
LENGTHS = st.sampled_from(list(candles.INTERVALS.values()))


def test_the_eight_intervals():
    """The eight intervals of the broker must be known, and another one must list them."""
    assert set(candles.INTERVALS) == set(LONGEST_DAYS)
    with pytest.raises(UnknownInterval, match="FIFTEEN_MINUTE"):
        candles.interval("TWO_MINUTE")


@given(LENGTHS, DAYS, st.integers(0, 900))
def test_pieces_cover_and_fit(length, first, days):
    """Every session asked for must be in exactly one piece, and no piece may exceed the broker's span."""
    last, today = first + timedelta(days), NOW.date()
    found = candles.pieces(length, first, last, today)
    for day in sessions(first, min(last, today)):
        assert sum(piece.first <= day <= piece.last for piece in found) == 1
    assert all((piece.last - piece.first).days < LONGEST_DAYS[length.name] for piece in found)
    assert all(piece.last <= today for piece in found)
    assert found == sorted(found, key=lambda piece: piece.first)


@given(LENGTHS, DAYS, DAYS, st.integers(0, 300))
def test_pieces_are_shared(length, first, other, days):
    """Two overlapping questions must ask for the same pieces wherever they overlap."""
    today = NOW.date()
    one = candles.pieces(length, first, first + timedelta(days), today)
    two = candles.pieces(length, other, other + timedelta(days), today)
    for piece in one:
        for match in two:
            overlap = piece.first <= match.last and match.first <= piece.last
            assert not overlap or piece == match


def test_today_is_a_piece_of_its_own():
    """The running day must be asked for alone, and the piece before it must end with a closed session."""
    closed, today = candles.pieces(
        candles.INTERVALS["ONE_MINUTE"], date(2026, 11, 18), NOW.date(), NOW.date()
    )
    assert (today.first, today.last) == (date(2026, 11, 20), date(2026, 11, 20))
    assert closed.last == date(2026, 11, 19)
    assert closed.first.weekday() == 0


def test_no_piece_without_a_session():
    """A weekend and the future must not be asked for."""
    length = candles.INTERVALS["ONE_MINUTE"]
    assert candles.pieces(length, date(2026, 11, 23), date(2026, 12, 24), NOW.date()) == []
    saturday = date(2026, 11, 21)
    assert not is_session(saturday)
    assert candles.pieces(length, saturday, saturday, saturday) == []


ROW = ["2026-11-20T09:15:00+05:30", 100.0, 102.0, 99.0, 101.0, 30]


def test_frame_keeps_exchange_time():
    """Bars must be sorted, each once, and stay in Asia/Kolkata: a day's bar keeps its date."""
    day = ["2026-11-19T00:00:00+05:30", 1, 1, 1, 1, 0]
    bars = candles.frame([ROW, day, ROW])
    assert list(bars.index) == [datetime(2026, 11, 19, tzinfo=IST), datetime(2026, 11, 20, 9, 15, tzinfo=IST)]
    assert str(bars.index.tz) == "Asia/Kolkata"
    assert bars.index[0].date() == date(2026, 11, 19)
    assert list(bars.columns) == list(candles.COLUMNS)
    assert candles.frame([]).index.tz is not None


@pytest.mark.parametrize(
    "row", [["then", 1, 1, 1, 1, 1], ["2026-11-20T09:15:00+05:30", "x", 1, 1, 1, 1], [1, 2]]
)
def test_frame_refuses_what_it_cannot_read(row):
    """A row with no time or no numbers must be a typed error."""
    with pytest.raises(ProtocolError):
        candles.frame([row])


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, False),
        ({"high": 98.0}, True),
        ({"high": 100.5}, True),
        ({"low": 100.5}, True),
        ({"volume": -1.0}, True),
        ({"open": 0.0, "low": 0.0}, True),
        ({"close": float("nan")}, True),
        ({"volume": 0.0}, False),
    ],
)
def test_broken_bars(change, wrong):
    """A bar that contradicts itself must be found, and a quiet one must not."""
    bars = candles.frame([ROW]).assign(**change)
    assert candles.broken(bars).tolist() == [wrong]


def test_coverage_of_a_whole_week():
    """A complete range must have everything that the calendar expects up to now, and nothing missing."""
    length = candles.INTERVALS["FIVE_MINUTE"]
    expected = candles.starts(length, date(2026, 11, 16), date(2026, 11, 20), NOW)
    bars = pd.DataFrame(1.0, index=expected, columns=list(candles.COLUMNS))
    found = candles.coverage(bars, length, date(2026, 11, 16), date(2026, 11, 20), NOW)
    assert found.expected == found.found == len(expected) == 4 * 77 + 24
    assert (found.missing_sessions, found.missing_bars, found.broken_bars) == ((), (), 0)


def test_coverage_names_what_is_missing():
    """A missing session and missing bars must be named with their day and number."""
    length = candles.INTERVALS["ONE_MINUTE"]
    expected = candles.starts(length, date(2026, 11, 17), date(2026, 11, 19), NOW)
    kept = expected[(expected.date != date(2026, 11, 17))][:-15]
    bars = pd.DataFrame(1.0, index=kept, columns=list(candles.COLUMNS))
    found = candles.coverage(bars, length, date(2026, 11, 17), date(2026, 11, 19), NOW, broken_bars=2)
    assert found.missing_sessions == (date(2026, 11, 17),)
    assert found.missing_bars == ((date(2026, 11, 19), 15),)
    assert "2 broken" in str(found)
    assert "no bar at all: 2026-11-17" in str(found)
    assert "some missing: 2026-11-19 (15)" in str(found)


def test_long_reports_stay_short():
    """A report of many missing sessions must name the first ones and count the rest."""
    days = tuple(date(2026, 11, day) for day in range(2, 12))
    assert str(Coverage(10, 0, days, (), 0)).endswith("2026-11-07 and 4 more")


def test_forming_bars():
    """Only the bar that has not ended may be forming, and a session's last bar ends with the session."""
    minutes = candles.frame([[f"2026-11-20T11:{at}:00+05:30", 1, 1, 1, 1, 0] for at in ("05", "10", "14")])
    five = candles.INTERVALS["FIVE_MINUTE"]
    assert candles.forming(minutes, five, NOW).tolist() == [False, False, True]
    hour = candles.frame([["2026-11-20T15:15:00+05:30", 1, 1, 1, 1, 0]])
    closed = NOW.replace(hour=15, minute=40)
    assert candles.forming(hour, candles.INTERVALS["ONE_HOUR"], closed).tolist() == [False]
    day = candles.frame([["2026-11-20T00:00:00+05:30", 1, 1, 1, 1, 0]])
    assert candles.forming(day, candles.INTERVALS["ONE_DAY"], NOW).tolist() == [True]
    assert candles.forming(day, candles.INTERVALS["ONE_DAY"], closed).tolist() == [False]


DAY_OF_AUCTION, DRILL, OUTAGE = date(2026, 9, 24), date(2024, 3, 2), date(2021, 2, 24)


def real_day(day, *ranges):
    """Return flat bars of one minute within ranges of the clock, as a broker sends them."""
    minutes = [minute for first, last in ranges for minute in range(first, last)]
    rows = [[f"{day}T{at // 60:02d}:{at % 60:02d}:00+05:30", 10, 10, 10, 10, 0] for at in minutes]
    return candles.frame(rows)


@pytest.mark.parametrize(
    ("day", "ranges"),
    [
        (DAY_OF_AUCTION, [(9 * 60 + 15, 15 * 60 + 16), (15 * 60 + 28, 15 * 60 + 29)]),
        (DAY_OF_AUCTION, [(9 * 60 + 15, 15 * 60 + 16), (15 * 60 + 29, 15 * 60 + 30)]),
        (DAY_OF_AUCTION, [(9 * 60 + 15, 15 * 60 + 15), (15 * 60 + 20, 15 * 60 + 26)]),
        (DRILL, [(9 * 60 + 15, 10 * 60), (11 * 60 + 30, 12 * 60 + 30)]),
        (OUTAGE, [(9 * 60 + 15, 11 * 60 + 40), (15 * 60 + 45, 17 * 60)]),
    ],
)
def test_a_whole_real_day_of_the_cash_segment_misses_nothing(day, ranges):
    """Auction, drill and outage are part of the calendar: a whole day of them must lack no bar."""
    bars = real_day(day, *ranges)
    covered = candles.coverage(bars, candles.INTERVALS["ONE_MINUTE"], day, day, NOW, segment="cash")
    assert covered.found == covered.expected
    assert covered.missing_bars == ()
    assert covered.missing_sessions == ()


def test_derivatives_are_expected_through_the_auction():
    """Contracts trade to 15:40: a day of them that ends at 15:15 must lack 25 bars."""
    bars = real_day(DAY_OF_AUCTION, (9 * 60 + 15, 15 * 60 + 15))
    covered = candles.coverage(bars, candles.INTERVALS["ONE_MINUTE"], DAY_OF_AUCTION, DAY_OF_AUCTION, NOW)
    assert covered.missing_bars == ((DAY_OF_AUCTION, 25),)


@pytest.mark.parametrize(("length", "starts"), [("FIFTEEN_MINUTE", 7), ("ONE_HOUR", 3), ("TEN_MINUTE", 12)])
def test_longer_bars_skip_the_pause(length, starts):
    """Bars of a drill must be counted from its open, and none may lie in the pause alone."""
    found = candles.starts(candles.INTERVALS[length], DRILL, DRILL, NOW)
    assert len(found) == starts


def test_candles_before_the_calendar_are_refused():
    """A question that begins before the calendar does must be refused, not answered by guess."""
    with pytest.raises(DataError, match="2015-01-01"):
        candles.pieces(candles.INTERVALS["ONE_DAY"], date(2014, 6, 2), date(2016, 1, 1), NOW.date())
    assert candles.pieces(candles.INTERVALS["ONE_DAY"], date(2015, 1, 1), date(2016, 1, 1), NOW.date())
