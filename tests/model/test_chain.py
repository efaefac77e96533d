"""Nouns of the market."""

import math
import pickle
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from kit.clock import IST
from kit.errors import DataError
from kit.model import GREEK_COLUMNS, ChainSnapshot, Leg

TAKEN = datetime(2026, 11, 20, 11, 15, tzinfo=IST)
STRIKES = [56_800.0, 56_900.0, 57_000.0]


@pytest.fixture
def snapshot():
    """Three strikes; the highest put has no book, the lowest call has no price at all."""
    frame = pd.DataFrame(
        {
            "strike": np.repeat(STRIKES, 2),
            "right": ["CE", "PE"] * 3,
            "ltp": [np.nan, 100.0, 210.0, 150.0, 160.0, 205.0],
            "bid": [np.nan, 99.0, 209.0, 149.0, 159.0, np.nan],
            "ask": [np.nan, 101.0, 212.0, 151.0, 161.0, np.nan],
            "volume": 30.0,
            "oi": 300.0,
            "oi_change": np.nan,
            "token": ["1", "2", "3", "4", "5", "6"],
            "symbol": "X",
            "iv_reason": "ok",
        }
        | dict.fromkeys(GREEK_COLUMNS[1:-1], 0.5)
    )
    frame["iv"] = [0.20, 0.18, 0.16, 0.15, 0.14, np.nan]
    return ChainSnapshot(
        "BANKNIFTY", date(2026, 11, 23), TAKEN, 56_905.0, 56_910.0, "parity", 0.999, 0.009, 30, frame
    )


def test_a_changed_table_does_not_change_the_snapshot(snapshot):
    """Writing into the table that was handed out leaves the snapshot as it was."""
    mine = snapshot.table
    mine.loc[:, "ltp"] = 0.0
    mine["strike"] = 1.0
    assert snapshot.table["ltp"].sum() == 825.0
    assert snapshot.strikes == STRIKES


def test_changed_strikes_do_not_change_the_snapshot(snapshot):
    """The list of strikes is the caller's own."""
    snapshot.strikes.clear()
    assert snapshot.strikes == STRIKES


def test_price_is_the_mid_else_the_last_trade(snapshot):
    """A two-sided book gives its mid, a missing one the last traded price."""
    assert snapshot.price(56_900.0, "CE") == 210.5
    assert snapshot.price(57_000.0, "PE") == 205.0


def test_a_leg_needs_a_price(snapshot):
    """A contract without any price is an error that names the strike."""
    assert snapshot.leg("CE", 56_900.0, -1) == Leg("CE", 56_900.0, -1, 210.5, snapshot.expiry)
    with pytest.raises(DataError, match="56800"):
        snapshot.leg("CE", 56_800.0, 1)


def test_an_unlisted_strike_names_the_nearest(snapshot):
    """A strike that the chain lacks is an error with the nearest ones."""
    with pytest.raises(DataError, match=r"56950.*56900, 57000"):
        snapshot.price(56_950.0, "CE")
    with pytest.raises(DataError, match="57100"):
        snapshot.quote(57_100.0, "PE")


def test_the_money_is_the_strike_nearest_the_forward(snapshot):
    """The at-the-money strike is judged by the forward."""
    assert snapshot.atmf_strike == 56_900.0


def test_volatility_between_strikes_is_linear_out_of_the_money(snapshot):
    """Puts below and calls above the forward give the smile; it is flat beyond the ends."""
    assert snapshot.iv_at(56_800.0) == 0.18
    assert snapshot.iv_at(56_850.0) == pytest.approx((0.18 + 0.15) / 2)
    assert snapshot.iv_at(57_000.0) == 0.14
    assert snapshot.iv_at(70_000.0) == 0.14


def test_wide_has_calls_left_and_puts_right(snapshot):
    """The wide table mirrors the exchange's page and keeps strikes around the money."""
    wide = snapshot.wide()
    assert list(wide.columns.get_level_values(0)) == ["CE"] * 7 + ["PE"] * 7
    assert list(wide["PE"].columns) == list(reversed(wide["CE"].columns))
    assert list(snapshot.wide(around=0).index) == [56_900.0]


def test_age_and_source_are_told(snapshot):
    """A snapshot says how old it is and where it came from."""
    assert snapshot.age_s(TAKEN + timedelta(seconds=5)) == 5
    assert snapshot.arriving_from("hot").source == "hot"
    assert snapshot.source == "network"


def test_missing_columns_are_named(snapshot):
    """A table that lacks a column is refused by name."""
    with pytest.raises(DataError, match="oi_change"):
        ChainSnapshot(
            "X",
            date(2026, 11, 23),
            TAKEN,
            1.0,
            1.0,
            "spot",
            1.0,
            0.1,
            1,
            snapshot.table.drop(columns="oi_change"),
        )


def test_snapshot_travels_without_what_it_derived(snapshot):
    """A pickled snapshot carries its fields only and derives the rest anew."""
    bare = len(pickle.dumps(snapshot))
    assert not math.isnan(snapshot.contracts["CE"][56_900.0].price)
    assert len(pickle.dumps(snapshot)) == bare
    arrived = pickle.loads(pickle.dumps(snapshot))
    assert arrived.price(56_900.0, "CE") == 210.5


def test_html_names_the_chain(snapshot):
    """The notebook view starts with what chain it is, when, and from where."""
    html = snapshot._repr_html_()
    assert "BANKNIFTY 23 Nov 2026" in html
    assert "from the network" in html
