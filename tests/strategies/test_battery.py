"""One battery for every member of `ALL`: what each strategy must do on any chain."""

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import DataError, SettingsError
from kit.evaluation.payoff import extremes, knots
from kit.model import ChainSnapshot
from kit.strategies import ALL
from kit.strategies.base import Strategy

MakeChain = Callable[..., ChainSnapshot]
every = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
chains = st.fixed_dictionaries(
    {
        "forward": st.floats(30_000, 90_000),
        "atm_iv": st.floats(0.08, 0.35),
        "skew": st.floats(-1.0, 1.0),
        "days": st.floats(1.0, 45.0),
        "step": st.sampled_from([100.0, 250.0, 500.0]),
    }
).map(lambda chain: chain | {"strikes": int(1.4 * chain["forward"] / chain["step"])})
UNBOUNDED_LOSS = {"ShortStraddle", "ShortStrangle"}
UNBOUNDED_PROFIT = {"LongStraddle", "LongStrangle"}
CREDIT = {"ShortStraddle", "ShortStrangle", "IronCondor", "IronButterfly", "BearCallSpread", "BullPutSpread"}


@every
@settings(max_examples=15, deadline=None)
@given(chain=chains)
def test_legs_are_listed_priced_and_repeatable(
    kind: type[Strategy], chain: dict[str, float], make_chain: MakeChain
) -> None:
    """On any chain a strategy gives the same legs twice, each a listed contract at the chain's price."""
    snapshot = make_chain(**chain)
    legs = kind().legs(snapshot)
    assert legs == kind().legs(snapshot) == kind()(snapshot)
    assert len(legs) in (2, 4)
    for leg in legs:
        assert leg.lots != 0
        assert leg.price == snapshot.price(leg.strike, leg.right)


@every
@settings(max_examples=15, deadline=None)
@given(chain=chains)
def test_bounds_are_those_of_the_idea(
    kind: type[Strategy], chain: dict[str, float], make_chain: MakeChain
) -> None:
    """Only short straddle and strangle can lose, and only the long ones earn, without bound."""
    best, worst = extremes(knots(kind().legs(make_chain(**chain))))
    assert (worst == -inf) == (kind.__name__ in UNBOUNDED_LOSS)
    assert (best == inf) == (kind.__name__ in UNBOUNDED_PROFIT)
    assert worst <= best


@every
def test_premium_is_received_or_paid_by_kind(kind: type[Strategy], make_chain: MakeChain) -> None:
    """A strategy that sells what is worth more takes a premium, every other pays one."""
    premium = -sum(leg.lots * leg.price for leg in kind().legs(make_chain()))
    assert (premium > 0) == (kind.__name__ in CREDIT)


@every
def test_lots_scale_every_leg(kind: type[Strategy], make_chain: MakeChain) -> None:
    """Three lots are three times one lot, leg by leg."""
    snapshot = make_chain()
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
    assert sum(other().name == kind().name for other in ALL) == 1
    assert kind.__doc__


@every
@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), "500"])
def test_bad_parameters_are_named(kind: type[Strategy], bad: object) -> None:
    """A size or width that makes no position is refused by name, with its value and the remedy."""
    sizes = {"lots", "width"} & {part.name for part in fields(kind)}
    for parameter in sizes:
        with pytest.raises(SettingsError, match=f"{kind.__name__} needs a positive {parameter}") as caught:
            kind(**{parameter: bad})
        assert caught.value.value is bad
        assert parameter in caught.value.remedy


@pytest.mark.parametrize("kind", [kind for kind in ALL if "width" in kind.__dataclass_fields__])
def test_a_missing_strike_is_named(kind: type[Strategy], make_chain: MakeChain) -> None:
    """A chain that lacks the strike a strategy asks for gives a DataError that names it."""
    with pytest.raises(DataError, match=r"The chain has no (CE|PE) at this strike: .*nearest are"):
        kind(width=550).legs(make_chain())
