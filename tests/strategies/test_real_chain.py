"""Every strategy on chains that the exchange really published."""

from datetime import date
from math import inf, isfinite, isnan
from pathlib import Path

import pytest

from kit.chains.readers import read_chain
from kit.evaluation.metrics import score
from kit.model import ChainSnapshot
from kit.strategies import ALL, CALENDARS, COVERED, Box, IronCondor, ShortStraddle
from kit.strategies.base import Strategy
from kit.strategies.strikes import Delta

FILES = [
    "nse_option_chain_BANKNIFTY_20230503_1530.json.gz",
    "option-chain-ED-BANKNIFTY-28-Apr-2026.csv",
    "option-chain-ED-BANKNIFTY-26-May-2026.csv",
]


UNBOUNDED_LOSS = {"CallRatioSpread", "ReverseJadeLizard", "ShortStraddle", "ShortStrangle", "ShortSynthetic"}


@pytest.fixture(scope="module", params=FILES)
def chain(request: pytest.FixtureRequest, shared_data: Path) -> ChainSnapshot:
    """Return the nearest expiry of a saved chain."""
    return read_chain(shared_data / "chain" / request.param)[0]


@pytest.mark.parametrize("kind", sorted({*ALL} - {Box}, key=lambda kind: kind.__name__))
def test_every_strategy_has_every_figure(kind: type[Strategy], chain: ChainSnapshot) -> None:
    """On real quotes each strategy is scored with chances within 0 and 1 and no unknown figure."""
    scored = score(kind().legs(chain), chain)
    assert 0 <= scored.probability_of_profit <= 1
    assert not isnan(scored.return_on_risk)
    assert all(
        isfinite(getattr(scored, f"{name}_inr")) for name in ("delta", "gamma", "theta", "vega", "rho")
    )
    assert scored.risk_inr <= scored.max_loss_inr
    assert (scored.max_loss_inr == inf) == (kind.__name__ in UNBOUNDED_LOSS)


def test_a_straddle_of_3_may_2023_by_hand(shared_data: Path) -> None:
    """The straddle of 43,300 expiring on 4 May 2023 is the sum of its two mids, times a lot of 25."""
    chain = read_chain(shared_data / "chain" / FILES[0])[0]
    assert chain.expiry == date(2023, 5, 4)
    scored = score(ShortStraddle().legs(chain), chain, entry="mid")
    points = chain.price(43_300, "CE") + chain.price(43_300, "PE")
    assert [leg.strike for leg in scored.legs] == [43_300, 43_300]
    assert scored.premium_inr == pytest.approx(25 * points)
    assert scored.breakevens == pytest.approx((43_300 - points, 43_300 + points))
    assert scored.probability_of_profit == pytest.approx(0.60, abs=0.03)


def test_a_further_condor_earns_less_and_more_often(chain: ChainSnapshot) -> None:
    """Selling at smaller deltas lowers the greatest profit and raises the chance of one."""
    near, far = (score(IronCondor(Delta(delta)).legs(chain), chain, entry="mid") for delta in (0.35, 0.15))
    assert near.max_profit_inr > far.max_profit_inr
    assert near.probability_of_profit < far.probability_of_profit


@pytest.mark.parametrize("kind", [*COVERED, *CALENDARS], ids=lambda kind: kind.__name__)
def test_futures_and_calendars_find_their_contracts(kind: type[Strategy], shared_data: Path) -> None:
    """On a saved page with ten expiries every family over futures or two expiries finds priced legs."""
    near, _, far, *_ = read_chain(shared_data / "chain" / FILES[0])
    legs = kind().legs(near.beside(far))
    assert {leg.expiry for leg in legs} <= {near.expiry, far.expiry}
    assert all(leg.price > 0 for leg in legs)


def test_a_box_of_3_may_2023_costs_about_its_width(shared_data: Path) -> None:
    """At mids a box one day before its expiry costs its width to within the quotes' spreads."""
    chain = read_chain(shared_data / "chain" / FILES[0])[0]
    assert sum(leg.lots * leg.price for leg in Box().legs(chain)) == pytest.approx(500, abs=5)
