"""A margin as a sum over a chain's contracts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.evaluation.margin import margin
from kit.evaluation.margin_sums import margin_inr
from kit.evaluation.metrics import score
from kit.model import ChainSnapshot, Leg
from kit.strategies import FAMILIES

MakeChain = Callable[..., ChainSnapshot]
LOTS = st.integers(-5, 5).filter(bool)
RIGHTS = st.sampled_from(["CE", "PE", "FUT", "INDEX"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(RIGHTS, st.integers(0, 20), LOTS), min_size=1, max_size=6))
def test_a_sum_is_the_margin(make_chain: MakeChain, drawn: list[tuple[str, int, int]]) -> None:
    """Of any position of one expiry, bought, sold and with repeats, it is the estimate's total."""
    chain = make_chain()
    middle = chain.strikes.index(chain.atmf_strike)
    near = chain.strikes[max(0, middle - 10) : middle + 11]
    legs = [
        chain.leg(right, near[place % len(near)] if right in ("CE", "PE") else 0.0, lots)  # type: ignore[arg-type]
        for right, place, lots in drawn
    ]
    assert margin_inr(legs, chain) == pytest.approx(margin(legs, chain).total_inr, abs=0.01)


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
def test_every_family_is_scored_with_its_margin(kind: type, make_chain: MakeChain) -> None:
    """A score states the margin of its position, over one expiry or two, and what is expected on it."""
    chain = make_chain().beside(replace(make_chain(days=42.0), expiry=date(2026, 12, 29)))
    legs = kind().legs(chain)
    found = score(legs, chain)
    assert found.margin_inr == pytest.approx(margin(legs, chain).total_inr, abs=0.01)
    tied_up = found.margin_inr + max(-found.premium_inr, 0)
    assert found.return_on_margin == pytest.approx(found.expected_profit_inr / tied_up)


def test_without_rules_or_price_there_is_no_margin(make_chain: MakeChain) -> None:
    """An index without rules, and a contract that the chain does not price, give NaN and no error."""
    chain = make_chain()
    legs = [chain.leg("CE", chain.atmf_strike, -1)]
    assert isnan(margin_inr(legs, replace(chain, underlying="SENSEX")))
    assert isnan(margin_inr([Leg("CE", 1.0, -1, 10.0)], chain))
