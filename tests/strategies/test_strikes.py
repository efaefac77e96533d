"""The ways to choose a strike."""

from collections.abc import Callable

import numpy as np
import pytest

from kit.errors import DataError, SettingsError
from kit.model import ChainSnapshot, Right
from kit.strategies.strikes import Delta, Distance, Offset, Percent, Pick, Premium, Width, _nearest
from kit.strategies.volatility import IronCondor, ShortStrangle

MakeChain = Callable[..., ChainSnapshot]


@pytest.fixture(scope="module")
def chain(make_chain: MakeChain) -> ChainSnapshot:
    """Return a chain with forward 55,040 and strikes of 49,000 to 61,000, 100 apart."""
    return make_chain()


@pytest.mark.parametrize(
    ("pick", "put", "call"),
    [
        (Offset(), 55_000, 55_000),
        (Offset(4), 54_600, 55_400),
        (Offset(-2), 55_200, 54_800),
        (Distance(500), 54_500, 55_500),
        (Percent(2), 53_900, 56_100),
    ],
)
def test_away_means_out_of_the_money(chain: ChainSnapshot, pick: Pick, put: float, call: float) -> None:
    """A positive distance goes down for a put and up for a call, a negative one into the money."""
    assert (pick(chain, "PE"), pick(chain, "CE")) == (put, call)


@pytest.mark.parametrize("right", ["CE", "PE"])
@pytest.mark.parametrize("wanted", [0.1, 0.25, 0.5, 0.8])
def test_delta_is_the_nearest(chain: ChainSnapshot, right: str, wanted: float) -> None:
    """No strike of the chain has an absolute delta nearer to the one asked for."""
    side = chain.table[chain.table["right"] == right]
    chosen = Delta(wanted)(chain, right)
    gap = (side["delta"].abs() - wanted).abs()
    assert side.loc[gap.idxmin(), "strike"] == chosen


def test_premium_is_the_nearest(chain: ChainSnapshot) -> None:
    """No call of the chain has a price nearer to the one asked for."""
    side = chain.table[chain.table["right"] == "CE"]
    chosen = Premium(150.0)(chain, "CE")
    assert side.loc[(side["ltp"] - 150).abs().idxmin(), "strike"] == chosen


def test_width_is_a_multiple_of_the_straddle(chain: ChainSnapshot) -> None:
    """One straddle away is the listed strike nearest to forward plus the straddle's price."""
    straddle = chain.price(55_000, "CE") + chain.price(55_000, "PE")
    assert abs(Width()(chain, "CE") - chain.forward - straddle) <= 50
    assert abs(chain.forward - straddle - Width()(chain, "PE")) <= 50


@pytest.mark.parametrize("pick", [Offset(500), Percent(60), Delta(1e-9), Premium(1e7), Width(50)])
def test_beyond_the_chain_is_an_error(chain: ChainSnapshot, pick: Pick) -> None:
    """A strike that the chain cannot have is refused and says how far the chain reaches."""
    with pytest.raises(DataError, match=r"The chain has no .*(reach from|Known are)"):
        pick(chain, "CE")


def test_the_outermost_strikes_belong_to_the_chain(chain: ChainSnapshot) -> None:
    """A level that is exactly the lowest strike or the highest is theirs, and one beyond is refused."""
    lowest, highest, forward = chain.strikes[0], chain.strikes[-1], chain.forward
    for right, edge, beyond in (("PE", lowest, lowest - 1e-6), ("CE", highest, highest + 1e-6)):
        assert _nearest(chain, edge) == edge
        assert Percent(100 * abs(edge / forward - 1) - 1e-9)(chain, right) == edge
        with pytest.raises(DataError, match="reach from"):
            _nearest(chain, beyond)


def test_a_distance_that_is_not_listed_fails_as_a_leg(chain: ChainSnapshot) -> None:
    """A distance between two strikes is refused when the leg is made, with the nearest strikes."""
    with pytest.raises(DataError, match="no PE at this strike: 54450"):
        ShortStrangle(Distance(550)).legs(chain)


@pytest.mark.parametrize("bad", [0, 1, -0.2, float("nan")])
def test_a_delta_lies_between_zero_and_one(bad: float) -> None:
    """A delta outside its range is refused with its value."""
    with pytest.raises(SettingsError, match="between 0 and 1"):
        Delta(bad)


@pytest.mark.parametrize("bad", [0, -5, float("nan")])
def test_a_premium_is_positive(bad: float) -> None:
    """A premium that is no price is refused with its value."""
    with pytest.raises(SettingsError, match="above 0"):
        Premium(bad)


def test_unknown_greeks_are_left_out(make_chain: MakeChain) -> None:
    """A contract without a delta is never chosen; a chain without any says that none is known."""
    chain = make_chain()
    table = chain.table
    table.loc[table["delta"].abs() < 0.2, "delta"] = np.nan
    thinned = _with(chain, table)
    assert thinned.contracts["CE"][Delta(0.21)(thinned, "CE")].delta >= 0.2
    with pytest.raises(DataError, match="None is known"):
        Delta(0.2)(_with(chain, table.assign(delta=np.nan)), "CE")


def test_crossed_strikes_are_refused(chain: ChainSnapshot) -> None:
    """A condor whose put lies above its call would be another position, so it is refused."""
    with pytest.raises(DataError, match="The strikes cross"):
        IronCondor(Offset(-3)).legs(chain)


def _with(chain: ChainSnapshot, table: object) -> ChainSnapshot:
    from dataclasses import replace

    return replace(chain, frame=table)


@pytest.mark.parametrize("right", ["CE", "PE"])
def test_a_premium_has_bounds(right: Right, make_chain: MakeChain) -> None:
    """At least and at most take the nearest price on their side of the amount, and say when there is none."""
    chain = make_chain()
    prices = [contract.price for contract in chain.contracts[right].values()]
    for wanted in (40.0, 100.0, 333.3, prices[60]):
        least, most = (
            chain.price(Premium(wanted, bound)(chain, right), right) for bound in ("at_least", "at_most")
        )
        assert least == min(price for price in prices if price >= wanted)
        assert most == max(price for price in prices if price <= wanted)
    with pytest.raises(DataError, match="at least this price"):
        Premium(1.05 * max(prices), "at_least")(chain, right)
    with pytest.raises(DataError, match="at most this price"):
        Premium(0.95 * min(prices), "at_most")(chain, right)
    with pytest.raises(SettingsError, match=r"No such bound.*nearest, at_least, at_most"):
        Premium(100, "about")  # type: ignore[arg-type]
