"""What is ranked can be traded: entries, spreads, verdicts, and the two bases of charges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.chains.readers import read_chain
from kit.errors import DataError
from kit.evaluation.costs import opening_inr, round_trip_inr
from kit.evaluation.exercise import exercise_inr
from kit.evaluation.liquidity import contradicting, has_future, liquidity
from kit.evaluation.metrics import score
from kit.evaluation.scan import scan
from kit.evaluation.views import lognormal, market
from kit.model import ChainSnapshot, Leg
from kit.strategies import ALL, IronCondor, ShortStraddle

MakeChain = Callable[..., ChainSnapshot]
JSON = "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz"


def spread_out(chain: ChainSnapshot, half: float, **columns: Any) -> ChainSnapshot:
    """Return the chain with a spread of twice `half` rupees on every quote."""
    table = chain.table
    table = table.assign(bid=np.maximum(table["bid"] - half, 0.05), ask=table["ask"] + half, **columns)
    return replace(chain, frame=table)


def test_a_position_is_entered_at_the_touch(make_chain: MakeChain) -> None:
    """Sold at the bid and bought at the ask; both premiums and their difference are shown."""
    chain = spread_out(make_chain(), 2.0)
    legs = IronCondor().legs(chain)
    touch, mid = score(legs, chain), score(legs, chain, entry="mid")
    assert [leg.price for leg in touch.legs] == [
        chain.quote(leg.strike, leg.right)["ask" if leg.lots > 0 else "bid"] for leg in legs
    ]
    assert mid.legs == legs
    assert touch.premium_mid_inr == mid.premium_inr
    assert touch.spread_inr == mid.spread_inr == pytest.approx(4 * 2.0 * 30)
    assert mid.premium_inr - touch.premium_inr == pytest.approx(touch.spread_inr)
    assert touch.edge_inr == pytest.approx(mid.edge_inr)
    assert touch.cost_inr == pytest.approx(touch.charges_inr + touch.spread_inr)
    assert mid.cost_inr == mid.charges_inr
    assert touch.expected_profit_inr < mid.expected_profit_inr - 0.9 * touch.spread_inr


def test_the_future_is_entered_through_a_call_and_its_put(make_chain: MakeChain) -> None:
    """It is had at the best synthetic, for no chain quotes it; where a side is missing, at its forward."""
    chain = spread_out(make_chain(), 2.0)
    future = chain.contracts["FUT"][0.0]
    calls, puts = chain.contracts["CE"], chain.contracts["PE"]
    sold = [k + (calls[k].bid - puts[k].ask) / chain.discount for k in calls]
    bought = [k + (calls[k].ask - puts[k].bid) / chain.discount for k in calls]
    assert (future.bid, future.ask) == (max(sold), min(bought))
    assert future.bid < chain.forward < future.ask
    long, short = (score([chain.leg("FUT", 0.0, lots)], chain) for lots in (1, -1))
    assert (long.legs[0].price, short.legs[0].price) == (future.ask, future.bid)
    assert long.spread_inr == pytest.approx(chain.lot_size * (future.ask - chain.forward))
    unquoted = replace(chain, frame=chain.table.assign(bid=np.nan))
    assert score([unquoted.leg("FUT", 0.0, 1)], unquoted).legs[0].price == unquoted.forward


def test_a_price_of_ones_own_stays(make_chain: MakeChain) -> None:
    """A leg that was dealt at another price than the chain's is scored at that."""
    chain = spread_out(make_chain(), 2.0)
    scored = score([Leg("CE", 55_000.0, -1, 812.5)], chain)
    assert scored.premium_inr == 30 * 812.5
    assert scored.spread_inr == 0


def test_each_leg_has_its_liquidity(make_chain: MakeChain) -> None:
    """Spread in percent, lots at the side that is hit, lots traded and quality; a score has the thinnest."""
    chain = spread_out(make_chain(), 2.0, bid_qty=300.0, ask_qty=60.0, volume=1_500.0, iv_quality=0.8)
    legs = IronCondor().legs(chain)
    found = liquidity(legs, chain)
    for leg, one in zip(legs, found, strict=True):
        quote = chain.quote(leg.strike, leg.right)
        assert one.leg == f"{leg.strike:g}{leg.right}"
        assert one.spread_pct == pytest.approx(
            200 * (quote["ask"] - quote["bid"]) / (quote["ask"] + quote["bid"])
        )
        assert one.size_lots == (2 if leg.lots > 0 else 10)
        assert (one.traded_lots, one.iv_quality) == (50, 0.8)
    scored = score(legs, chain)
    assert scored.spread_pct == max(one.spread_pct for one in found)
    assert (scored.size_lots, scored.traded_lots, scored.iv_quality) == (2, 50, 0.8)


@pytest.mark.parametrize(
    ("file", "strike", "right", "bid_qty", "ask_qty"),
    [
        (JSON, 43_300.0, "CE", None, None),
        ("chain/option-chain-ED-BANKNIFTY-28-Apr-2026.csv", 43_500.0, "PE", 60.0, 540.0),
        ("chain/option-chain-v3_made_up_specimen.json", 54_600.0, "CE", 60.0, 30.0),
    ],
)
def test_files_that_state_sizes_give_them(
    shared_data: Path, file: str, strike: float, right: Any, bid_qty: Any, ask_qty: Any
) -> None:
    """The units at the touch come with the chain, in units, and make the size of a score."""
    chain = read_chain(shared_data / file)[0]
    quote = chain.quote(strike, right)
    assert quote["bid_qty"] % chain.lot_size == quote["ask_qty"] % chain.lot_size == 0
    if bid_qty is not None:
        assert (quote["bid_qty"], quote["ask_qty"]) == (bid_qty, ask_qty)
    sold = score([chain.leg(right, strike, -1)], chain)
    assert sold.size_lots == quote["bid_qty"] / chain.lot_size


def test_a_profit_at_middles_nobody_trades_is_bad_quotes(shared_data: Path) -> None:
    """Among wide middles of a web page no spread that is called tradable earns whatever happens."""
    (chain,) = read_chain(shared_data / "chain/option-chain-ED-BANKNIFTY-26-May-2026.csv")
    priced = [strike for strike, row in chain.contracts["CE"].items() if row.price > 0]
    seen = 0
    for near, far in combinations(priced[::6], 2):
        for lots in (1, -1):
            legs = [chain.leg("CE", near, lots), chain.leg("CE", far, -lots)]
            for entry in ("mid", "touch"):
                scored = score(legs, chain, entry=entry)
                seen += scored.max_loss_inr < 0
                assert not (scored.tradable and scored.max_loss_inr < 0)
    assert seen > 20


@pytest.mark.parametrize("basis", ["held", "closed"])
def test_what_cannot_earn_its_charges_stands_behind(shared_data: Path, basis: Any) -> None:
    """On the eve of expiry spreads for a few rupees say that charges take all, and a scan leaves them out."""
    chain = read_chain(shared_data / JSON)[0]
    legs = [
        Leg("PE", strike, lots, chain.price(strike, "PE")) for strike, lots in ((33_500.0, 1), (34_500.0, -1))
    ]
    far = score(legs, chain, basis=basis)
    assert (far.tradable, far.verdict.split(";")[0]) == (False, "cannot earn its charges")
    families = ["bull_put_spread", "bear_call_spread", "iron_condor"]
    kept, every = (
        scan(chain, families, basis=basis, tradable=only, top=40_000).table for only in (True, False)
    )
    assert (kept["max_profit_inr"] > kept["charges_inr"]).all()
    left_out = every[every["max_profit_inr"] <= every["charges_inr"]]
    assert len(left_out) > 1_000
    assert not left_out["tradable"].any()


def test_a_side_that_nobody_quotes_is_said(make_chain: MakeChain) -> None:
    """What cannot be bought, or sold, is scored at the chain's price and stands behind."""
    chain = spread_out(make_chain(), 2.0)
    table = chain.table
    table.loc[(table["strike"] == 55_000) & (table["right"] == "CE"), "bid"] = np.nan
    chain = replace(chain, frame=table)
    scored = score(ShortStraddle().legs(chain), chain)
    assert (scored.verdict, scored.tradable) == ("nobody bids for 55000CE", False)
    bought = score([chain.leg("CE", 55_000.0, 1)], chain)
    assert bought.tradable


def test_quotes_that_contradict_each_other_are_named(make_chain: MakeChain) -> None:
    """A butterfly that somebody pays for taking marks its three strikes, and rows that use them say so."""
    chain = spread_out(make_chain(), 0.5)
    assert contradicting(chain) == frozenset()
    table = chain.table
    bent = (table["strike"] == 55_500) & (table["right"] == "CE")
    table.loc[bent, ["bid", "ask", "ltp"]] += 30.0
    bad = replace(chain, frame=table)
    assert {("CE", strike) for strike in (55_400.0, 55_500.0, 55_600.0)} <= contradicting(bad)
    assert "arbitrage at 55500CE" in score([bad.leg("CE", 55_500.0, 1)], bad).verdict
    assert score([bad.leg("CE", 57_500.0, 1)], bad).verdict == "ok"


def test_a_leg_without_a_market_is_named(shared_data: Path) -> None:
    """A theoretical settlement may be scored, not had; at an own price only the figures are doubted."""
    chain = read_chain(shared_data / "eod/fo_udiff_20260826_BANKNIFTY_rows.csv")[0]
    theory = chain.leg("CE", 61_800.0, -1)
    scored, own = score([theory], chain), score([replace(theory, price=310.0)], chain)
    assert (scored.verdict.split("; ")[0], scored.tradable) == ("nobody traded 61800CE", False)
    assert (own.verdict, own.tradable) == ("no market in 61800CE", True)
    assert not liquidity([theory], chain)[0].traded_lots
    near, week, _, untraded = read_chain(shared_data / "eod/fo01JAN2020bhav.csv.zip")[:4]
    for series in (chain, near, week):
        assert (scan(series, ["short_strangle", "bear_put_spread"], top=None).table["traded_lots"] > 0).all()
    with pytest.raises(DataError, match="tradable=False"):
        scan(untraded, ["short_strangle"])


def test_prices_off_the_smile_are_said(shared_data: Path) -> None:
    """A call settled 40 rupees under its exercise is doubted under the market's view, at its price."""
    chain = read_chain(shared_data / "eod/fo01JAN2020bhav.csv.zip")[0]
    call = chain.leg("CE", 31_100.0, 1)
    assert call.price < chain.forward - call.strike - 39
    assert score([call], chain).verdict == "prices off the smile"
    assert score([call], chain, view="lognormal").verdict == "ok"
    assert score([replace(call, price=900.0)], chain).verdict == "ok"
    assert score([chain.leg("CE", 32_200.0, 1)], chain).verdict == "ok"


def test_held_and_closed_are_two_bases(shared_data: Path) -> None:
    """The condor of 4 May 2023 costs 97.56 held to expiry, with the mean exercise tax, and 193.71 closed."""
    chain = read_chain(shared_data / JSON)[0]
    legs = IronCondor().legs(chain)
    held = score(legs, chain, entry="mid", view=lognormal())
    closed = score(legs, chain, entry="mid", basis="closed")
    assert (held.basis, closed.basis) == ("held", "closed")
    assert held.charges_inr == pytest.approx(97.56, abs=0.02)
    assert closed.charges_inr == pytest.approx(193.71, abs=0.005)
    touch = score(legs, chain, basis="closed")
    assert touch.cost_inr == pytest.approx(touch.charges_inr + 2 * touch.spread_inr)


@pytest.mark.parametrize("on", ["2019-05-20", "2023-05-03", "2026-11-20"])
def test_the_mean_exercise_tax_is_that_of_every_settlement(make_chain: MakeChain, on: str) -> None:
    """Held charges are the opening's and the mean of `exercise_inr` over the distribution."""
    chain = replace(make_chain(), taken_at=datetime.fromisoformat(f"{on}T11:15:00+05:30"))
    chain = replace(chain, expiry=chain.taken_at.date())
    legs = [chain.leg("CE", 55_000.0, 2), chain.leg("PE", 54_000.0, 1), chain.leg("PE", 53_000.0, -1)]
    likely = market.on(chain)
    grid = np.linspace(35_000, 80_000, 90_001)
    taxed = np.array([exercise_inr(legs, 30, level, chain.expiry) for level in grid[::30]])
    mean = np.trapezoid(taxed * likely.pdf(grid[::30]), grid[::30])
    found = score(legs, chain, entry="mid").charges_inr
    assert found == pytest.approx(opening_inr(legs, 30, chain.expiry) + mean, rel=3e-3)
    assert round_trip_inr(legs, 30, chain.expiry) > opening_inr(legs, 30, chain.expiry)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_wider_spread_costs_and_never_helps(kind: Any, make_chain: MakeChain) -> None:
    """Whatever the strategy, entering across a wider spread lowers premium, profit and expectation."""
    narrow, wide = (spread_out(make_chain(ticks=False), half) for half in (0.05, 1.0))
    first, second = (score(kind().legs(chain), chain) for chain in (narrow, wide))
    assert second.spread_inr > first.spread_inr > 0
    assert second.premium_inr < first.premium_inr
    assert second.expected_profit_inr < first.expected_profit_inr
    assert second.probability_of_profit <= first.probability_of_profit + 1e-9


@pytest.mark.parametrize(
    ("expiry", "on", "listed"),
    [
        ("2023-05-04", "2023-05-03", False),
        ("2023-05-25", "2023-05-03", True),
        ("2023-06-28", "2023-05-03", True),
        ("2023-07-27", "2023-05-03", True),
        ("2023-09-28", "2023-05-03", False),
        ("2026-09-29", "2026-08-26", True),
        ("2026-11-23", "2026-08-26", True),
        ("2026-11-23", "2026-08-25", False),
        ("2027-03-30", "2026-12-24", False),
        ("2027-03-30", "2026-12-30", True),
    ],
)
def test_which_futures_are_listed(expiry: str, on: str, listed: bool) -> None:
    """A future ends with the monthly options of the three nearest months, and with no other."""
    assert has_future("BANKNIFTY", date.fromisoformat(expiry), date.fromisoformat(on)) is listed
    assert has_future("SENSEX", date.fromisoformat(expiry), date.fromisoformat(on))


def test_a_future_that_is_not_listed_cannot_be_had(shared_data: Path) -> None:
    """On a weekly expiry a covered call ranks behind what can be had, says why, and a scan leaves it out."""
    weekly, monthly = (read_chain(shared_data / JSON)[at] for at in (0, 3))
    strike = weekly.atmf_strike
    legs = [[chain.leg("FUT", 0.0, 1), chain.leg("CE", strike, -1)] for chain in (weekly, monthly)]
    first, second = score(legs[0], weekly), score(legs[1], monthly)
    assert first.verdict.startswith("no future ends on 04 May 2023")
    assert not first.tradable
    assert second.tradable
    assert not scan(weekly, ["covered_call", "iron_condor"]).table["legs"].str.contains("FUT").any()
    assert scan(monthly, "covered_call").table["tradable"].all()
