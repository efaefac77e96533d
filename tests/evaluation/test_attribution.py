"""What each Greek contributed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.chains.readers import read_chain
from kit.errors import DataError, UnknownExpiry
from kit.evaluation.attribution import attribute, attribution_by_leg
from kit.model import ChainSnapshot, Leg
from kit.strategies import FAMILIES, DoubleCalendar, LongStraddle
from kit.strategies.base import Strategy

MakeChain = Callable[..., ChainSnapshot]
PARTS = (
    "delta_inr",
    "gamma_inr",
    "theta_inr",
    "vega_inr",
    "vanna_inr",
    "volga_inr",
    "rho_inr",
    "remainder_inr",
)


def _pair(make_chain: MakeChain, days: float = 14.0, **chain: float) -> ChainSnapshot:
    far = make_chain(days=days + 28, **chain)
    return make_chain(days=days, **chain).beside(replace(far, expiry=date(2026, 12, 29)))


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
@settings(max_examples=8, deadline=None)
@given(move=st.floats(-0.006, 0.006), rise=st.floats(-0.01, 0.01), passed=st.floats(0, 1.5))
def test_the_parts_sum_to_the_change(
    kind: type[Strategy], move: float, rise: float, passed: float, make_chain: MakeChain
) -> None:
    """For every family the parts with the remainder are the change, and what remains of a day is small."""
    before = _pair(make_chain, strikes=161, ticks=False)
    legs = kind().legs(before)
    after = _pair(
        make_chain, 14.0 - passed, forward=55_040 * (1 + move), atm_iv=0.14 + rise, strikes=161, ticks=False
    )
    found = attribute(legs, before, after)
    change = 30 * sum(
        leg.lots
        * (
            after.at(leg.expiry).price(leg.strike, leg.right)
            - before.at(leg.expiry).price(leg.strike, leg.right)
        )
        for leg in legs
    )
    assert found.change_inr == pytest.approx(change, abs=1e-6)
    assert sum(getattr(found, part) for part in PARTS) == pytest.approx(found.change_inr, abs=1e-6)
    gross = sum(
        abs(value)
        for row in attribution_by_leg(legs, before, after)[[*PARTS[:-1]]].to_numpy()
        for value in row
    )
    assert abs(found.remainder_inr) <= 0.06 * gross + 1


def test_each_cause_alone_is_its_own_part(make_chain: MakeChain) -> None:
    """Where only the index, only time or only volatility moved, its Greeks explain the change."""
    before = make_chain(skew=0.0, ticks=False)
    legs = LongStraddle().legs(before)
    moved = attribute(legs, before, make_chain(skew=0.0, ticks=False, forward=55_090))
    assert moved.delta_inr + moved.gamma_inr == pytest.approx(moved.change_inr, rel=0.02)
    risen = attribute(legs, before, make_chain(skew=0.0, ticks=False, atm_iv=0.15))
    assert risen.vega_inr + risen.volga_inr == pytest.approx(risen.change_inr, rel=1e-3)
    later = attribute(legs, before, make_chain(skew=0.0, ticks=False, days=13.9))
    assert later.theta_inr == pytest.approx(later.change_inr, rel=0.02)


def test_a_real_day_is_explained(shared_data: Path) -> None:
    """From 1 to 2 January 2020 the parts sum to the change of a real straddle and leave little of it."""
    first, second = (
        {chain.expiry: chain for chain in read_chain(shared_data / "eod" / f"fo0{day}JAN2020bhav.csv.zip")}
        for day in (1, 2)
    )
    ended = date(2020, 1, 2)  # at its settlement on the second day
    for expiry in (ended, date(2020, 1, 9), date(2020, 1, 30)):
        before, after = first[expiry], second[expiry]
        found = attribute(LongStraddle().legs(before), before, after)
        parts = [getattr(found, part) for part in PARTS]
        assert sum(parts) == pytest.approx(found.change_inr, abs=1e-6)
        assert expiry == ended or abs(found.remainder_inr) < 0.1 * sum(abs(part) for part in parts[:-1])
        assert found.theta_inr < 0 < found.gamma_inr


def test_futures_are_delta(make_chain: MakeChain) -> None:
    """A future's whole change is delta."""
    before, after = make_chain(), make_chain(forward=55_140)
    found = attribute([before.leg("FUT", 0.0, 2)], before, after)
    assert found.delta_inr == found.change_inr == 2 * 30 * 100
    assert found.remainder_inr == 0


def test_by_leg_sums_to_the_whole(make_chain: MakeChain) -> None:
    """The rows of the legs sum to the position's."""
    before, after = _pair(make_chain), _pair(make_chain, 13.0, forward=55_200)
    legs = DoubleCalendar().legs(before)
    assert attribution_by_leg(legs, before, after).sum().to_dict() == pytest.approx(
        attribute(legs, before, after).row()
    )


def test_what_is_missing_is_nan_or_named(make_chain: MakeChain) -> None:
    """A leg without a volatility makes its parts NaN; a contract or an expiry that is gone is named."""
    before, after = make_chain(), make_chain(forward=55_100)
    blank = replace(after, frame=after.table.assign(iv=np.nan))
    assert isnan(attribute(LongStraddle().legs(before), before, blank).vega_inr)
    with pytest.raises(DataError, match="no CE at this strike"):
        attribute([Leg("CE", 55_001.0, 1, 10.0)], before, after)
    later = replace(after, expiry=after.expiry + timedelta(7))
    for legs in (LongStraddle().legs(before), [Leg("CE", 55_000.0, 1, 10.0)]):  # of an expiry, or of before's
        with pytest.raises(UnknownExpiry, match="not at hand"):
            attribute(legs, before, later)
