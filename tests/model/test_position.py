"""A position is a line of text and back, whatever it holds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import DataError, UnknownExpiry
from kit.model import ChainSnapshot, Leg, Position

MakeChain = Callable[..., ChainSnapshot]
DEC, MAR = date(2026, 12, 29), date(2027, 3, 30)
lots = st.integers(-50, 50).filter(bool)
prices = st.one_of(st.just(nan), st.floats(0.05, 5000).map(lambda price: round(price, 2)))
expiries = st.sampled_from([DEC, MAR])
options = st.builds(
    Leg,
    st.sampled_from(["CE", "PE"]),
    st.integers(1, 200_000).map(lambda twice: twice / 2),
    lots,
    prices,
    expiries,
)
futures = st.builds(Leg, st.just("FUT"), st.just(0.0), lots, prices, expiries)
index = st.builds(Leg, st.just("INDEX"), st.just(0.0), lots, prices)


def _same(one: Position, other: Position) -> bool:
    return repr(one) == repr(other)  # NaN equals itself in writing


@given(
    st.lists(st.one_of(options, futures, index), min_size=1, max_size=8),
    st.sampled_from(["BANKNIFTY", "NIFTY"]),
)
def test_text_and_back(legs: list[Leg], underlying: str) -> None:
    """Whatever a position holds, reading what it writes gives it again."""
    position = Position(tuple(legs), underlying)
    assert _same(Position.parse(str(position)), position)


@given(st.lists(options.map(lambda leg: replace(leg, expiry=None)), min_size=1, max_size=8))
def test_text_and_back_without_expiry(legs: list[Leg]) -> None:
    """A position that names no expiry stays without one."""
    position = Position(tuple(legs))
    assert _same(Position.parse(str(position)), position)


def test_an_expiry_holds_for_the_legs_before_it() -> None:
    """A date at the end is that of every leg; a date between legs is that of those before it."""
    assert [leg.expiry for leg in Position.parse("-1 54900CE +1 55400CE 29DEC2026")] == [DEC, DEC]
    calendar = Position.parse("-1 55000CE 2026-12-29 +1 55000CE 30-Mar-2027")
    assert [leg.expiry for leg in calendar] == [DEC, MAR]
    assert str(calendar) == "-1 55000CE 29DEC2026 +1 55000CE 30MAR2027"


@pytest.mark.parametrize(
    "written",
    ["-2 54900 ce@312.50", "- 2 54,900CE@312.5", "−2 54900.0CE@312.5", "banknifty -2 54900CE@312.5"],
)
def test_blanks_commas_and_case_mean_nothing(written: str) -> None:
    """However a leg is typed, it is the same leg."""
    assert Position.parse(written) == Position((Leg("CE", 54_900.0, -2, 312.5),))


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("", "ends before a contract"),
        ("+1", "ends before a contract"),
        ("+1 54900", "Not a contract"),
        ("+1 CE", "Not understood"),
        ("+1 0CE", "Not a contract"),
        (None, "written as text"),
        ("+1 55000FUT", "Not a contract"),
        ("54900CE", "Not understood"),
        ("+1 54900CE 31FEB2026", "Not understood"),
        ("0 54900CE", "needs lots"),
        ("+1 54900CE 29DEC2026 -1 55000CE", "not the last"),
        ("NIFTY +1 24000CE -1 BANKNIFTY 54900CE", "Not a contract"),
        ("NIFTY +1 24000CE BANKNIFTY -1 54900CE", "different underlyings"),
        ("SELL 1 54900CE", "-1 to sell one.*BANKNIFTY"),
        ("buy 1 NIFTY 24000CE", "Not a contract"),
        ("+1 54900CE lots", "Not understood"),
    ],
)
def test_what_cannot_be_read_is_named(written: str, named: str) -> None:
    """A text that is no position is refused with the word that is wrong and how to write it."""
    with pytest.raises(DataError, match=named):
        Position.parse(written)


def test_a_position_without_legs_is_none() -> None:
    """There is no empty position."""
    with pytest.raises(DataError, match="at least one leg"):
        Position(())


def test_a_position_is_its_legs(make_chain: MakeChain) -> None:
    """A position stands where a sequence of legs is asked for."""
    position = Position.parse("-1 54900CE +1 55400CE")
    assert len(position) == 2
    assert [*position] == [position[0], position[1]] == [*position[:]]


def test_a_chain_fills_in_what_is_open(make_chain: MakeChain) -> None:
    """A chain gives every leg its expiry and its price, a future its forward and the index the spot."""
    chain = make_chain()
    priced = chain.priced(Position.parse("-1 55000CE +1 FUT +1 INDEX"))
    assert [leg.price for leg in priced] == [chain.price(55_000, "CE"), chain.forward, chain.spot]
    assert [leg.expiry for leg in priced] == [chain.expiry, chain.expiry, None]
    assert chain.priced(Position.parse("-1 55000CE@99")).legs[0].price == 99
    assert chain.priced(priced) == priced


def test_legs_of_several_expiries_find_their_chains(make_chain: MakeChain) -> None:
    """With a chain beside it, a position over both expiries is priced on each leg's own."""
    near = make_chain()
    far = replace(make_chain(days=40.0, forward=55_300.0), expiry=DEC)
    both = near.beside(far)
    assert both.expiries == [near.expiry, DEC]
    priced = both.priced(Position.parse("-1 55000CE 23NOV2026 +1 55000CE 29DEC2026"))
    assert [leg.price for leg in priced] == [near.price(55_000, "CE"), far.price(55_000, "CE")]
    assert both.at(DEC).forward == far.forward
    assert not isnan(both.at(None).forward)


def test_what_does_not_belong_together_is_refused(make_chain: MakeChain) -> None:
    """Another underlying, another day, an expiry twice or one that is not at hand is named."""
    near = make_chain()
    far = replace(make_chain(days=40.0), expiry=DEC)
    with pytest.raises(DataError, match="different underlyings"):
        near.beside(replace(far, underlying="NIFTY"))
    with pytest.raises(DataError, match="different days"):
        near.beside(replace(far, taken_at=far.taken_at + timedelta(1)))
    with pytest.raises(DataError, match="comes twice"):
        near.beside(far).beside(far)
    with pytest.raises(UnknownExpiry, match=r"2026-12-29.*beside"):
        near.priced(Position.parse("+1 55000CE 29DEC2026"))
    with pytest.raises(DataError, match="there is no"):
        near.priced(Position.parse("NIFTY +1 24000CE"))
    with pytest.raises(DataError, match="no CE at this strike"):
        near.priced(Position.parse("+1 12345CE"))


@pytest.mark.parametrize(
    "price", [0.1 + 0.2, (1055.05 + 1055.0) / 2, 33.333333333333336, 55_124.975000000006, 0.05]
)
def test_a_price_between_two_ticks_reads_back_to_the_last_digit(price):
    """A mid with all the digits of a float is the same number after it was written and read."""
    leg = Leg("CE", 54_900.0, -1, price, date(2026, 12, 29))
    (read,) = Position.parse(str(Position((leg,), "BANKNIFTY"))).legs
    assert read.price == price
