"""One session's minutes as arrays."""

from datetime import date, time

import numpy as np
import pandas as pd
import pytest

from kit.bars.minutes import DayMinutes
from kit.errors import DataError

APRIL, DECEMBER = date(2023, 4, 10), date(2022, 12, 30)


def _bars(**changes):
    row = {"expiry": date(2024, 1, 10), "strike": 47400, "option_type": "CE", "minute": 555, "traded": True}
    return pd.DataFrame([{**row, "open": 100.0, "high": 101.0, "low": 99.0, "close": 100.05, **changes}])


def test_a_bar_outside_the_session_is_left_out_and_noted(real_days):
    """The extra bars of 15:30 are no part of the session, and the day says how many there were."""
    december = real_days[DECEMBER]
    assert len(december.minutes) == 375
    assert any("outside the session" in note for note in december.notes)


def test_cumulative_volume_shows_no_trade(real_days):
    """A bar of 10 Apr 2023 is traded only where its cumulative volume grew."""
    april = real_days[APRIL]
    assert 0.2 < april.traded.sum() / (april.close > 0).sum() < 0.8
    assert not april.has_index


def test_carried_opens_tell_the_two_kinds_of_data_apart(real_days):
    """Opens are carried on in January 2024 and April 2023, and mostly real on 30 Dec 2022."""
    shares = {day: minutes.carried_opens for day, minutes in real_days.items()}
    assert shares[DECEMBER] < 0.4
    assert shares[APRIL] > 0.6
    assert shares[date(2024, 1, 8)] > 0.6


def test_columns_and_starts_are_inverse(real_days):
    """The column of 09:20 starts at 09:20, with its time zone."""
    day = real_days[DECEMBER]
    start = day.start(day.column(time(9, 20)))
    assert start.isoformat() == "2022-12-30T09:20:00+05:30"


def test_two_bars_of_one_minute_are_refused():
    """Two bars that claim one contract and minute are named, not chosen between."""
    table = pd.concat([_bars(), _bars(close=100.1)], ignore_index=True)
    with pytest.raises(DataError, match="one contract and minute"):
        DayMinutes.from_table("BANKNIFTY", date(2024, 1, 8), table)


@pytest.mark.parametrize("price", [100.02, np.nan])
def test_a_price_off_the_tick_is_refused(price):
    """A price that is no multiple of 0.05 is no price of the exchange."""
    with pytest.raises(DataError, match="no multiple of"):
        DayMinutes.from_table("BANKNIFTY", date(2024, 1, 8), _bars(close=price))


def test_bars_of_a_pause_are_left_out_and_noted() -> None:
    """On the drill of 2 March 2024 a bar between the two parts must not become a price."""
    rows = [
        [date(2024, 3, 27), 47_000, "CE", minute, 10.0, 10.0, 10.0, 10.0, True] for minute in (560, 630, 700)
    ]
    names = ["expiry", "strike", "option_type", "minute", "open", "high", "low", "close", "traded"]
    day = DayMinutes.from_table("Nifty Bank", date(2024, 3, 2), pd.DataFrame(rows, columns=names))
    assert day.underlying == "BANKNIFTY"
    assert int(day.traded.sum()) == 2
    assert "1 bar outside the session" in day.notes[0]
