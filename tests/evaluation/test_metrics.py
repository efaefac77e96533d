"""The score of a position, against quadrature, by hand and by symmetry."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from math import inf, isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from kit.clock import IST
from kit.errors import DataError, UnknownExpiry
from kit.evaluation.metrics import score
from kit.evaluation.payoff import profit_at_expiry
from kit.evaluation.through_time import profit_before_expiry
from kit.evaluation.views import lognormal, market
from kit.model import ChainSnapshot, Leg
from kit.strategies import ALL, IronCondor, LongStraddle, ShortStraddle
from kit.strategies.base import Strategy

MakeChain = Callable[..., ChainSnapshot]
every = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)


def _density(chain: ChainSnapshot, sigma: float, level: float) -> float:
    sd = sigma * sqrt(chain.t_years)
    return float(norm.pdf((np.log(level / chain.forward) + sd * sd / 2) / sd) / (level * sd))


@every
def test_probability_and_mean_agree_with_quadrature(kind: type[Strategy], make_chain: MakeChain) -> None:
    """Chance of profit and mean profit are those of integrating the lognormal density numerically."""
    chain, sigma = make_chain(), 0.17
    legs = kind().legs(chain)
    scored = score(legs, chain, view=lognormal(sigma))
    cuts = [10_000.0, *sorted({*(leg.strike for leg in legs), *scored.breakevens}), 200_000.0]

    def over_pieces(what: Callable[[float], float]) -> float:
        def weighted(level: float) -> float:
            return what(level) * _density(chain, sigma, level)

        return sum(quad(weighted, *ends, limit=200)[0] for ends in pairwise(cuts))

    chance = over_pieces(lambda level: float(profit_at_expiry(legs, level) > 0))
    carried = sum(leg.lots * leg.price for leg in legs) * (1 - 1 / chain.discount)
    mean = over_pieces(lambda level: float(profit_at_expiry(legs, level))) + carried
    assert scored.probability_of_profit == pytest.approx(chance, abs=1e-6)
    assert scored.expected_profit_inr + scored.charges_inr == pytest.approx(mean * chain.lot_size, abs=0.05)


def test_a_fair_position_is_expected_to_earn_only_its_charges_away(make_chain: MakeChain) -> None:
    """On a flat smile with exact prices the mean profit is minus the charges, for every strategy."""
    chain = make_chain(skew=0.0, ticks=False)
    flat = make_flat(chain, 0.14)
    for kind in ALL:
        scored = score(kind().legs(flat), flat)
        assert scored.expected_profit_inr == pytest.approx(-scored.charges_inr, abs=0.2)


def make_flat(chain: ChainSnapshot, sigma: float) -> ChainSnapshot:
    """Return the chain with every price at one volatility."""
    from kit.pricing.black76 import price

    table = chain.table
    calls = (table["right"] == "CE").to_numpy()
    exact = price(chain.forward, table["strike"].to_numpy(), chain.t_years, sigma, chain.discount, calls)
    return replace(chain, frame=table.assign(ltp=exact, bid=exact, ask=exact, iv=sigma))


@every
def test_amounts_are_points_times_lots_times_lot_size(kind: type[Strategy], make_chain: MakeChain) -> None:
    """Four lots are worth four times one lot in every amount except the charges per order."""
    chain = make_chain()
    one, four = score(kind().legs(chain), chain), score(kind(lots=4).legs(chain), chain)
    for name in ("premium_inr", "max_profit_inr", "max_loss_inr", "risk_inr", "delta_inr", "vega_inr"):
        assert getattr(four, name) == pytest.approx(4 * getattr(one, name))
    assert four.breakevens == pytest.approx(one.breakevens)
    assert four.probability_of_profit == pytest.approx(one.probability_of_profit)
    assert one.charges_inr < four.charges_inr < 4 * one.charges_inr


def test_a_condor_by_hand(make_chain: MakeChain) -> None:
    """A condor's figures follow from its four prices and the lot."""
    chain = make_chain()
    legs = IronCondor().legs(chain)
    scored = score(legs, chain, name="mine")
    points = -sum(leg.lots * leg.price for leg in legs)
    assert scored.name == "mine"
    assert scored.premium_inr == pytest.approx(30 * points)
    assert scored.max_profit_inr == pytest.approx(30 * points)
    assert scored.max_loss_inr == pytest.approx(30 * (500 - points))
    assert scored.breakevens == pytest.approx((legs[1].strike - points, legs[2].strike + points))
    assert scored.return_on_risk == pytest.approx(scored.expected_profit_inr / scored.risk_inr)


def test_greeks_add_up(make_chain: MakeChain) -> None:
    """Each net Greek is the sum over legs of lots times lot size times the chain's Greek."""
    chain = make_chain()
    legs = IronCondor(lots=2).legs(chain)
    scored = score(legs, chain)
    for name in ("delta", "gamma", "theta", "vega", "rho"):
        rows = [leg.lots * 30 * float(chain.quote(leg.strike, leg.right)[name]) for leg in legs]
        assert getattr(scored, f"{name}_inr") == pytest.approx(sum(rows))


def test_buyer_and_seller_are_mirror_images(make_chain: MakeChain) -> None:
    """What a long straddle can earn, a short one can lose, and their chances add up to one."""
    chain = make_chain()
    long, short = score(LongStraddle().legs(chain), chain), score(ShortStraddle().legs(chain), chain)
    assert long.max_profit_inr == short.max_loss_inr == inf
    assert long.max_loss_inr == short.max_profit_inr
    assert long.probability_of_profit + short.probability_of_profit == pytest.approx(1)
    assert short.risk_inr < inf


@settings(max_examples=30, deadline=None)
@given(sigma=st.floats(0.01, 3.0), kind=st.sampled_from(ALL))
def test_chances_stay_chances(sigma: float, kind: type[Strategy], make_chain: MakeChain) -> None:
    """Whatever the volatility, a chance lies within 0 and 1 and the risk within the maximum loss."""
    chain = make_chain()
    scored = score(kind().legs(chain), chain, view=lognormal(sigma))
    assert -1e-12 <= scored.probability_of_profit <= 1 + 1e-12
    assert scored.risk_inr <= scored.max_loss_inr + 1e-6


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3])
@every
def test_who_can_lose_risks_something(kind: type[Strategy], sigma: float, make_chain: MakeChain) -> None:
    """A loss beyond all likely outcomes is a risk all the same: what is tied up, or all that can be lost."""
    chain = make_chain()
    scored = score(kind().legs(chain), chain, view=lognormal(sigma))
    assert scored.risk_inr >= min(scored.max_loss_inr, scored.margin_inr)
    if scored.max_loss_inr > 0:
        assert abs(scored.return_on_risk) < inf
        assert abs(scored.cost_on_risk) < inf


@every
def test_without_a_margin_no_return_is_infinite(kind: type[Strategy], make_chain: MakeChain) -> None:
    """Where no margin is known, what can lose, but in no likely outcome, has an unknown risk and no rank."""
    chain = replace(make_chain(), underlying="SENSEX")
    scored = score(kind().legs(chain), chain, view=lognormal(0.02))
    assert isnan(scored.margin_inr) or scored.margin_inr == 0
    if scored.max_loss_inr > 0:
        for figure in (scored.return_on_risk, scored.reward_to_risk, scored.cost_on_risk):
            assert abs(figure) < inf or isnan(figure)


def test_a_chain_without_volatility_gives_nan(make_chain: MakeChain) -> None:
    """Where no volatility is known, chances and Greeks are NaN and the exact figures stay."""
    chain = make_chain()
    greeks = dict.fromkeys(("iv", "delta", "gamma", "theta", "vega", "rho"), np.nan)
    blank = replace(chain, frame=chain.table.assign(**greeks))
    scored = score(ShortStraddle().legs(blank), blank)
    for name in ("probability_of_profit", "expected_profit_inr", "risk_inr", "cost_on_risk", "delta_inr"):
        assert isnan(getattr(scored, name))
    assert scored.max_profit_inr > 0


@pytest.mark.parametrize("years", [0.0, -0.01])
def test_an_expired_chain_is_certain(years: float, make_chain: MakeChain) -> None:
    """At and after expiry the index stands at the forward, so chances are 0 or 1."""
    chain = replace(make_chain(), t_years=years)
    short, long = ShortStraddle().legs(chain), LongStraddle().legs(chain)
    assert score(short, chain).probability_of_profit == 1
    assert score(long, chain).probability_of_profit == 0
    assert score(long, chain).expected_profit_inr < 0


def test_a_sure_profit_is_bad_quotes(make_chain: MakeChain) -> None:
    """A profit that cannot be missed is infinite on no risk, and bad quotes."""
    chain = make_chain()
    legs = [Leg("CE", 55_000.0, 1, 10.0), Leg("CE", 55_100.0, -1, 90.0)]
    scored = score(legs, chain)
    assert (scored.return_on_risk, scored.probability_of_profit) == (inf, 1)
    assert scored.max_loss_inr == -30 * 80
    assert (scored.tradable, scored.verdict) == (False, "bad quotes: a profit that cannot be missed")


def test_a_leg_outside_the_chain_has_no_greeks(make_chain: MakeChain) -> None:
    """A leg that the chain does not list is still scored, with Greeks that are NaN."""
    scored = score([Leg("CE", 55_050.0, -1, 500.0)], make_chain())
    assert isnan(scored.delta_inr)
    assert scored.max_profit_inr == 15_000


def test_charges_are_those_of_the_day(make_chain: MakeChain) -> None:
    """The same position on the same chain costs less in the years when the tax was lower."""
    chain = make_chain()
    earlier = replace(chain, taken_at=datetime(2022, 1, 3, 10, 0, tzinfo=IST))
    legs = ShortStraddle().legs(chain)
    assert score(legs, earlier).charges_inr < score(legs, chain).charges_inr


def test_no_legs_are_refused(make_chain: MakeChain) -> None:
    """A position without legs is an error that says what to return."""
    with pytest.raises(DataError, match="at least one leg"):
        score([], make_chain())


def test_the_curve_for_a_plot_is_exact(make_chain: MakeChain) -> None:
    """The plotted curve passes every strike and breakeven, ascending, in rupees."""
    chain = make_chain()
    scored = score(IronCondor().legs(chain), chain)
    levels, profit = scored.payoff(chain)
    assert (np.diff(levels) > 0).all()
    assert {leg.strike for leg in scored.legs} <= set(levels)
    assert np.allclose(profit[np.isin(levels, scored.breakevens)], 0, atol=1e-6)
    assert profit.max() == pytest.approx(scored.max_profit_inr)
    assert profit.min() == pytest.approx(-scored.max_loss_inr)


def test_a_calendar_is_scored_at_its_first_expiry(make_chain: MakeChain) -> None:
    """A bought calendar earns near its strike and loses about what it cost, exactly as on that day."""
    far = replace(make_chain(days=42.0), expiry=date(2026, 12, 29))
    near = make_chain().beside(far)
    legs = [near.leg("CE", 55_000.0, -1), far.leg("CE", 55_000.0, 1)]
    found = score(legs, near, entry="mid")
    below, above = found.breakevens
    assert below < 55_000 < above
    levels = np.array([below, 55_000.0, above, 1.8 * near.spot])
    exact = found.lot_size * profit_before_expiry(found.legs, near, levels, days=365 * near.t_years)
    assert exact == pytest.approx([0, found.max_profit_inr, 0, -found.max_loss_inr], abs=15)
    assert found.max_loss_inr == pytest.approx(-found.premium_inr, rel=0.2)
    inside = market.on(near).cdf(np.array([below, above]))
    assert found.probability_of_profit == pytest.approx(inside[1] - inside[0])
    assert "-1 55000CE 23NOV2026, +1 55000CE 29DEC2026" in str(found.row()["legs"])


def test_a_leg_is_scored_on_the_chain_of_its_expiry(make_chain: MakeChain) -> None:
    """Of a chain beside it comes to the same; one that is not at hand is named."""
    far = replace(make_chain(days=42.0), expiry=date(2026, 12, 29))
    near = make_chain().beside(far)
    assert score([far.leg("CE", 55_000.0, 1)], near) == score([far.leg("CE", 55_000.0, 1)], far)
    with pytest.raises(UnknownExpiry, match="beside"):
        score([far.leg("CE", 55_000.0, 1)], make_chain())


_DRAWN = st.tuples(st.integers(0, 3), st.sampled_from([-2, 1]), st.booleans())


@settings(max_examples=10, deadline=None)
@given(drawn=st.lists(_DRAWN, min_size=1, max_size=12))
def test_what_is_kept_of_a_chain_never_changes_a_score(
    drawn: list[tuple[int, int, bool]], make_chain: MakeChain
) -> None:
    """On a chain that was scored before, legs at its prices and at their own score as on a fresh one."""
    used = make_chain(strikes=11)
    for place, lots, own in drawn:
        leg = used.leg("CE", used.strikes[place], lots)
        legs = [replace(leg, price=leg.price + 5.0 if own else leg.price), used.leg("PE", leg.strike, 1)]
        for entry in ("touch", "mid"):
            assert score(legs, used, entry=entry) == score(legs, replace(used), entry=entry)
