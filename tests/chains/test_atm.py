"""The strike at the money."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.chains.atm import atm_strike
from kit.errors import DataError, FarStrike

STRIKES = [56_900.0, 57_000.0, 57_100.0]


@pytest.mark.parametrize(
    ("spot", "tie", "forward", "strike"),
    [
        (57_010, "lower", None, 57_000),
        (57_010, "higher", None, 57_000),
        (57_050, "lower", None, 57_000),
        (57_050, "higher", None, 57_100),
        (57_050, "nearest", None, 57_000),
        (57_050, "nearest", 57_080, 57_100),
        (57_050, "nearest", 57_020, 57_000),
        (57_010, "nearest", 57_090, 57_000),
    ],
)
def test_ties(spot, tie, forward, strike):
    """The nearest strike must win, and only a tie may ask the tie-breaker."""
    assert atm_strike(spot, STRIKES, tie, forward=forward) == strike


@given(st.floats(55_000, 59_000), st.sampled_from(["lower", "higher", "nearest"]))
def test_nothing_is_nearer(spot, tie):
    """No listed strike may be nearer to the spot than the one chosen, in any order of the list."""
    chosen = atm_strike(spot, reversed(STRIKES), tie)
    assert abs(chosen - spot) == min(abs(strike - spot) for strike in STRIKES)


def test_absurdly_far():
    """A spot far from every strike must be an error that says how far."""
    with pytest.raises(FarStrike, match="56900"):
        atm_strike(50_000, STRIKES)
    assert atm_strike(50_000, STRIKES, farthest=0.2) == 56_900


@pytest.mark.parametrize(
    "arguments", [(57_000, []), (float("nan"), STRIKES), (0, STRIKES), (57_000, STRIKES, "up")]
)
def test_nothing_to_choose(arguments):
    """No strikes, no spot or no such tie-breaker must be a typed error."""
    with pytest.raises(DataError):
        atm_strike(*arguments)
