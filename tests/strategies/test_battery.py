"""One battery for every family: what each strategy must do on any chain."""

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from datetime import date
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import DataError, SettingsError, UnknownExpiry
from kit.evaluation.payoff import extremes, knots
from kit.model import ChainSnapshot
from kit.strategies import ALL, CALENDARS, COVERED, FAMILIES, Box, OwnLegs
from kit.strategies.base import Strategy

MakeChain = Callable[..., ChainSnapshot]
every = pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
one_expiry = pytest.mark.parametrize("kind", [*ALL, *COVERED], ids=lambda kind: kind.__name__)
chains = st.fixed_dictionaries(
    {
        "forward": st.floats(30_000, 90_000),
        "atm_iv": st.floats(0.08, 0.35),
        "skew": st.floats(-1.0, 1.0),
        "days": st.floats(1.0, 45.0),
        "step": st.sampled_from([100.0, 250.0, 500.0]),
    }
).map(lambda chain: chain | {"strikes": int(1.4 * chain["forward"] / chain["step"])})
UNBOUNDED_LOSS = {
    "CallRatioSpread", "CoveredPut", "ReverseJadeLizard", "ShortStraddle", "ShortStrangle", "ShortSynthetic",
}  # fmt: skip
UNBOUNDED_PROFIT = {
    "CallBackSpread", "LongStraddle", "LongStrangle", "LongSynthetic", "ProtectivePut", "RiskReversal",
}  # fmt: skip
CREDIT = {
    "BearCallSpread", "BullPutSpread", "CoveredCall", "CoveredPut", "IronButterfly", "IronCondor",
    "JadeLizard", "ReverseJadeLizard", "ShortStraddle", "ShortStrangle",
}  # fmt: skip
DEBIT = {
    "BearPutSpread", "Box", "BullCallSpread", "CallButterfly", "CallCalendar", "CallCondor", "CallDiagonal",
    "DoubleCalendar", "LongStraddle", "LongStrangle", "ProtectiveCall", "ProtectivePut", "PutButterfly",
    "PutCalendar", "PutCondor", "PutDiagonal",
}  # fmt: skip


def _two_expiries(make_chain: MakeChain, **chain: float) -> ChainSnapshot:
    """Return a chain with a later one beside it."""
    far = make_chain(**chain | {"days": chain.get("days", 14.0) + 28})
    return make_chain(**chain).beside(replace(far, expiry=date(2026, 12, 29)))


@every
@settings(max_examples=15, deadline=None)
@given(chain=chains)
def test_legs_are_listed_priced_and_repeatable(
    kind: type[Strategy], chain: dict[str, float], make_chain: MakeChain
) -> None:
    """On any chain a strategy gives the same legs twice, each a listed contract at the chain's price."""
    snapshot = _two_expiries(make_chain, **chain)
    legs = kind().legs(snapshot)
    assert legs == kind().legs(snapshot) == kind()(snapshot)
    assert len(legs) in (2, 3, 4)
    for leg in legs:
        assert leg.lots != 0
        assert leg.price == snapshot.at(leg.expiry).price(leg.strike, leg.right)
    assert len({leg.expiry for leg in legs}) == 1 + (kind in CALENDARS)
    assert any(leg.right == "FUT" for leg in legs) == (kind in COVERED)


@one_expiry
@settings(max_examples=15, deadline=None)
@given(chain=chains)
def test_bounds_are_those_of_the_idea(
    kind: type[Strategy], chain: dict[str, float], make_chain: MakeChain
) -> None:
    """Only what is sold uncovered above can lose, and only what is bought there earn, without bound."""
    best, worst = extremes(knots(kind().legs(make_chain(**chain))))
    assert (worst == -inf) == (kind.__name__ in UNBOUNDED_LOSS)
    assert (best == inf) == (kind.__name__ in UNBOUNDED_PROFIT)
    assert worst <= best


@every
def test_premium_is_received_or_paid_by_kind(kind: type[Strategy], make_chain: MakeChain) -> None:
    """A strategy that sells what is worth more takes a premium, one that buys it pays; the rest depends."""
    legs = kind().legs(_two_expiries(make_chain))
    premium = -sum(leg.lots * leg.price for leg in legs if leg.is_option)
    assert premium > 0 or kind.__name__ not in CREDIT
    assert premium < 0 or kind.__name__ not in DEBIT


@every
def test_lots_scale_every_leg(kind: type[Strategy], make_chain: MakeChain) -> None:
    """Three lots are three times one lot, leg by leg."""
    snapshot = _two_expiries(make_chain)
    one, three = kind().legs(snapshot), kind(lots=3).legs(snapshot)
    assert [replace(leg, lots=3 * leg.lots) for leg in one] == list(three)


@every
def test_a_strategy_is_a_value(kind: type[Strategy]) -> None:
    """A strategy equals, hashes and pickles by its parameters and cannot be changed."""
    strategy = kind(lots=2)
    assert pickle.loads(pickle.dumps(strategy)) == strategy
    assert len({strategy, kind(lots=2), kind(lots=3)}) == 2
    with pytest.raises(FrozenInstanceError):
        strategy.lots = 1  # type: ignore[misc]


@every
def test_names_are_words_and_differ(kind: type[Strategy]) -> None:
    """Every strategy has its own name in lower-case words, and says in its docstring what it is for."""
    assert kind().name.replace("_", "") == kind.__name__.lower()
    assert sum(other().name == kind().name for other in FAMILIES) == 1
    assert kind.__doc__


@every
@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), "500"])
def test_bad_parameters_are_named(kind: type[Strategy], bad: object) -> None:
    """A size or width that makes no position is refused by name, with its value and the remedy."""
    sizes = {part.name for part in fields(kind) if isinstance(part.default, int | float)}
    for parameter in sizes:
        what = f"{kind.__name__} (needs a positive {parameter}|cannot take .* for {parameter})"
        with pytest.raises(SettingsError, match=what) as caught:
            kind(**{parameter: bad})
        assert caught.value.value is bad
        assert caught.value.remedy


@pytest.mark.parametrize("kind", [kind for kind in FAMILIES if "width" in kind.__dataclass_fields__])
def test_a_missing_strike_is_named(kind: type[Strategy], make_chain: MakeChain) -> None:
    """A chain that lacks the strike a strategy asks for gives a DataError that names it."""
    told = r"The chain has no (CE|PE) at this strike: .*nearest are \d+, \d+, \d+\."
    with pytest.raises(DataError, match=told):
        kind(width=550).legs(_two_expiries(make_chain))


@pytest.mark.parametrize("kind", CALENDARS, ids=lambda kind: kind.__name__)
def test_a_calendar_needs_a_later_chain(kind: type[Strategy], make_chain: MakeChain) -> None:
    """Without a later chain beside it, and past the last one, a calendar says what to add."""
    with pytest.raises(UnknownExpiry, match=r"later expiries.*beside"):
        kind().legs(make_chain())
    with pytest.raises(UnknownExpiry, match="There are 1"):
        kind(later=2).legs(_two_expiries(make_chain))  # type: ignore[call-arg]


@settings(max_examples=30, deadline=None)
@given(chain=chains)
def test_a_box_is_worth_its_width(chain: dict[str, float], make_chain: MakeChain) -> None:
    """On prices without arbitrage a box costs its discounted width and pays it whatever happens."""
    snapshot = make_chain(**chain, ticks=False)
    legs = Box().legs(snapshot)
    assert sum(leg.lots * leg.price for leg in legs) == pytest.approx(500 * snapshot.discount, rel=1e-6)
    best, worst = extremes(knots(legs))
    assert best == pytest.approx(worst)


def test_own_legs_follow_the_chain(make_chain: MakeChain) -> None:
    """Your own legs take the prices of the chain they meet, and a bad text is refused at once."""
    chain = _two_expiries(make_chain)
    own = OwnLegs("-1 55000CE 23NOV2026 +2 55000CE 29DEC2026", lots=2)
    assert own.legs(chain) == (chain.leg("CE", 55_000, -2), chain.others[0].leg("CE", 55_000, 4))
    assert own.name == "own_legs"
    assert pickle.loads(pickle.dumps(own)) == own
    with pytest.raises(DataError, match="Not understood"):
        OwnLegs("sell 54900CE")
    with pytest.raises(DataError, match="at this strike"):
        OwnLegs("-1 54901CE").legs(chain)


def test_a_ratio_of_one_is_a_spread() -> None:
    """A ratio spread of one to one, or of a part of an option, is refused."""
    ratio = next(kind for kind in ALL if kind.__name__ == "CallRatioSpread")
    for bad in (1, 1.5, 2.5):
        with pytest.raises(SettingsError, match=r"whole (ratio of 2 or more|number)"):
            ratio(ratio=bad)  # type: ignore[call-arg]
