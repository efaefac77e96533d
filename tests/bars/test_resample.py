"""Longer bars: none spans a pause, an auction or a night, and nothing is lost but what is counted."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.bars import candles
from kit.bars.hours import inside
from kit.bars.resample import resample
from kit.clock import IST, session, sessions
from kit.errors import DataError, KitError, UnknownInterval
from kit.simulator import history
from kit.simulator.market import Market

FRIDAY = date(2024, 1, 5)
DRILL = date(2024, 3, 2)  # 09:15 to 10:00 and 11:30 to 12:30
AUCTION = date(2026, 9, 2)  # cash trades to 15:15, prints its auction's price at 15:28 or 15:29


def minutes(*spans: tuple[str, str], day: date = FRIDAY, seed: int = 1) -> pd.DataFrame:
    """Return one-minute bars of a day from one time to another, the end left out."""
    starts = [
        datetime.combine(day, datetime.strptime(first, "%H:%M").time(), IST) + timedelta(minutes=number)
        for first, last in spans
        for number in range(
            int((datetime.strptime(last, "%H:%M") - datetime.strptime(first, "%H:%M")).seconds / 60)
        )
    ]
    close = 48_000 + np.random.default_rng(seed).normal(size=len(starts)).cumsum()
    opened = np.roll(close, 1)
    table = {"open": opened, "high": np.maximum(opened, close) + 1, "low": np.minimum(opened, close) - 1}
    volume = np.arange(1.0, len(starts) + 1)
    return pd.DataFrame(
        table | {"close": close, "volume": volume}, index=pd.DatetimeIndex(starts, name="time")
    )


def clock(bars: pd.DataFrame) -> list[str]:
    """Return the bars' starts as times of day."""
    return [f"{at:%H:%M}" for at in bars.index]


def test_a_plain_day():
    """Hours count from the opening, the last one ends with the session, and nothing is lost."""
    bars = minutes(("09:15", "15:30"))
    hours = resample(bars, "ONE_HOUR")
    assert clock(hours) == ["09:15", "10:15", "11:15", "12:15", "13:15", "14:15", "15:15"]
    first = bars.iloc[:60]
    assert hours.iloc[0].tolist() == [
        first["open"].iloc[0], first["high"].max(), first["low"].min(), first["close"].iloc[-1],
        first["volume"].sum(),
    ]  # fmt: skip
    assert hours["volume"].sum() == bars["volume"].sum()
    assert str(hours.index.tz) == "Asia/Kolkata"
    assert (hours.index.name, hours.attrs) == ("time", {"broken_bars": 0, "outside_bars": 0})


def test_a_pause():
    """A bar never spans a pause: the count goes on over it, and what stands within it is set aside."""
    bars = minutes(("09:15", "10:00"), ("10:30", "10:32"), ("11:30", "12:30"), day=DRILL)
    assert clock(resample(bars, 180)) == ["09:15", "11:30", "12:15"]
    assert clock(resample(bars, "THIRTY_MINUTE")) == ["09:15", "09:45", "11:15", "11:45", "12:15"]
    assert resample(bars, 180).attrs["outside_bars"] == 2


def test_an_auction():
    """The closing auction is never mixed with free trading; derivatives trade through it."""
    bars = minutes(("09:15", "15:15"), ("15:15", "15:16"), ("15:28", "15:29"), day=AUCTION)
    found = resample(bars, "FIFTEEN_MINUTE", segment="cash")
    assert clock(found)[-3:] == ["14:45", "15:00", "15:15"]
    assert found["close"].iloc[-2] == bars["close"].iloc[-3]
    assert found["close"].iloc[-1] == bars["close"].iloc[-1]
    assert len(resample(bars, 45, segment="cash")) == 8 + 1
    assert clock(resample(bars, 7, segment="cash"))[-3:] == ["15:12", "15:15", "15:26"]
    day = resample(bars, "ONE_DAY", segment="cash")
    assert day["close"].tolist() == [bars["close"].iloc[-1]]
    traded = resample(minutes(("09:15", "15:40"), day=AUCTION), "FIFTEEN_MINUTE")
    assert clock(traded)[-3:] == ["15:00", "15:15", "15:30"]


def test_what_lies_outside_is_counted():
    """Bars of a closed day, before the opening and at the close are set aside and counted, as broken ones."""
    late, holiday = (
        minutes(("09:10", "09:20"), ("15:25", "15:32")),
        minutes(("09:15", "09:20"), day=date(2024, 1, 26)),
    )
    late.iloc[6, late.columns.get_loc("high")] = 0.0
    found = resample(pd.concat([late, holiday]), 5)
    assert clock(found) == ["09:15", "15:25"]
    assert found.attrs == {"broken_bars": 1, "outside_bars": 5 + 2 + 5}


def test_real_days(shared_data: Path):
    """On real minutes of the index the day's bar holds the extremes, and coverage finds every longer bar."""
    file = shared_data / "intraday" / "BNF_spot_1min_20240101_20240110.csv.gz"
    raw = pd.read_csv(file)
    raw.columns = [name.strip().lower() for name in raw.columns]
    at = pd.to_datetime(raw["date"].astype(str) + " " + raw["time"].astype(str)).dt.tz_localize(IST)
    bars = (
        raw[["open", "high", "low", "close"]].assign(volume=0.0).set_index(pd.DatetimeIndex(at, name="time"))
    )
    days = resample(bars, "ONE_DAY", segment="cash")
    assert len(days) == len(sessions(days.index[0].date(), days.index[-1].date()))
    assert days["high"].max() == bars["high"].max()
    for name in ("FIVE_MINUTE", "ONE_HOUR"):
        longer, length = resample(bars, name, segment="cash"), candles.INTERVALS[name]
        first, last = longer.index[0].date(), longer.index[-1].date()
        told = candles.coverage(
            longer, length, first, last, longer.index[-1] + timedelta(days=1), segment="cash"
        )
        assert told.missing_bars == told.missing_sessions == ()


@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_nothing_is_lost_or_mixed(length, seed):
    """Whatever the length, volume and extremes are kept, and each bar is of one interval."""
    bars = minutes(("09:15", "10:00"), ("11:30", "12:30"), day=DRILL, seed=seed)
    found = resample(bars, length)
    assert found["volume"].sum() == bars["volume"].sum()
    assert (found["high"].max(), found["low"].min()) == (bars["high"].max(), bars["low"].min())
    apart = [resample(bars.loc[part.open : part.close], length) for part in session(DRILL).intervals]
    assert found["volume"].tolist() == [volume for part in apart for volume in part["volume"]]
    assert not candles.broken(found).any()


@pytest.mark.parametrize("day", [date(2021, 2, 24), date(2023, 11, 12), DRILL, FRIDAY, AUCTION])
@pytest.mark.parametrize("kind", ["INDEX", "FUTURE"])
def test_the_exchange_counts_alike(day, kind):
    """Halted, evening, two parts or an auction: the exchange's longer bars are those made of its minutes."""
    market, segment = Market(7), "cash" if kind == "INDEX" else "derivatives"
    rows = market.listing(session(day).open).rows.values()
    contract = next(row for row in rows if row.kind == kind and row.name == "BANKNIFTY")
    end, tables = datetime.combine(day, time(23), IST), {}
    for name, length in history.INTERVALS.items():
        told = history.History(market).bars(contract, length, datetime.combine(day, time(), IST), end, end)
        cells = zip(told.stamps, *told.prices.T.tolist(), told.volume.tolist(), strict=True)
        tables[name] = candles.frame(cells)
        made = resample(tables["ONE_MINUTE"], name, segment=segment)
        pd.testing.assert_frame_equal(made, tables[name], check_freq=False)
        wanted = candles.starts(candles.INTERVALS[name], day, day, end, segment)
        assert wanted.isin(made.index).all()  # what the auction prints comes on top


@pytest.mark.parametrize(
    ("length", "same"),
    [("75min", 75), ("2h", 120), ("1 hour", 60), ("1D", "ONE_DAY"), ("FIVE_MINUTE", 5), ("90s", None),
     ("1W", None), ("week", None), ("60", None), ("", None), ("-5min", None), ("NaT", None), ("W", None)],
)  # fmt: skip
def test_lengths_as_pandas_writes_them(length, same):
    """A text is the broker's name or a length of whole minutes with its unit; any other is refused."""
    bars = minutes(("09:15", "12:30"))
    if same is None:
        with pytest.raises(KitError, match="length"):
            resample(bars, length)
    else:
        pd.testing.assert_frame_equal(resample(bars, length), resample(bars, same))


def test_seconds_add_up():
    """Bars of five seconds add up to minutes exactly, whatever a fraction of a minute is as a float."""
    bars = minutes(("09:15", "10:00"))
    short = bars.set_axis(pd.date_range(bars.index[0], periods=len(bars), freq="5s"))
    assert resample(short, 3)["volume"].sum() == bars["volume"].sum()


@pytest.mark.parametrize(
    ("change", "length", "error"),
    [
        (lambda bars: bars, "HOURLY", UnknownInterval),
        (lambda bars: bars, 0, DataError),
        (lambda bars: bars.iloc[::5], 7, DataError),
        (lambda bars: bars.iloc[::5], "ONE_MINUTE", DataError),
        (lambda bars: bars.iloc[::-1], 5, DataError),
        (lambda bars: pd.concat([bars, bars]).sort_index(), 5, DataError),
        (lambda bars: bars.tz_localize(None), 5, DataError),
        (lambda bars: bars.reset_index(), 5, DataError),
        (lambda bars: bars.drop(columns="low"), 5, DataError),
    ],
)
def test_what_cannot_be_resampled(change, length, error):
    """Bars without order, zone or column, and a length that is no multiple, are refused in words."""
    with pytest.raises(error):
        resample(change(minutes(("09:15", "10:00"))), length)


def test_no_bars():
    """No bars make no bars."""
    assert resample(candles.frame([]), 5).empty


@pytest.mark.parametrize("name", ["ONE_MINUTE", "FIVE_MINUTE", "ONE_HOUR", "ONE_DAY"])
def test_hours(name):
    """What lies within the hours is what the calendar expects: no pause, no closed day, no night."""
    length = candles.INTERVALS[name]
    first, last = date(2024, 2, 26), date(2024, 3, 8)  # holds the drill of 2 March and a holiday
    now = datetime(2024, 3, 9, tzinfo=IST)
    wanted = candles.starts(length, first, last, now)
    assert inside(wanted, length, "derivatives").all()
    every = pd.date_range(wanted[0], wanted[-1], freq=length.step)
    assert inside(every, length, "derivatives").sum() == every.isin(wanted).sum()
    assert not inside(pd.DatetimeIndex(["2024-03-08 11:00"]).tz_localize(IST), length, "cash").any()
    assert inside(candles.frame([]).index, length, "cash").size == 0


def test_the_auctions_price_is_inside():
    """The auction's one bar is within the index's hours, and the minute after the auction is not."""
    at = pd.DatetimeIndex(["2026-09-02 15:15", "2026-09-02 15:28", "2026-09-02 15:36"]).tz_localize(IST)
    assert inside(at, candles.INTERVALS["ONE_MINUTE"], "cash").tolist() == [True, True, False]
    assert inside(at, candles.INTERVALS["ONE_MINUTE"], "derivatives").all()


@pytest.mark.parametrize("name", ["THREE_MINUTE", "FIVE_MINUTE", "TEN_MINUTE", "FIFTEEN_MINUTE", "ONE_HOUR"])
@pytest.mark.parametrize("day", [date(2020, 3, 13), date(2020, 3, 23), date(2021, 2, 24), DRILL])
def test_bars_that_begin_in_a_pause(day, name):
    """The broker's bars count from the opening: one that begins in a pause keeps what traded behind it."""
    length, opening = candles.INTERVALS[name], session(day).open
    starts = candles.starts(candles.INTERVALS["ONE_MINUTE"], day, day, opening + timedelta(hours=12))
    bars = pd.DataFrame(dict.fromkeys(candles.COLUMNS, 1.0), index=pd.DatetimeIndex(starts, name="time"))
    labels = opening + (bars.index - opening) // length.step * length.step
    broker = bars.groupby(labels).agg({**dict.fromkeys(candles.COLUMNS[:4], "first"), "volume": "sum"})
    for longer in (2 * length.minutes, "ONE_DAY"):
        found = resample(broker, longer)
        assert found["volume"].sum() == len(bars)
        assert found.attrs == {"broken_bars": 0, "outside_bars": 0}
