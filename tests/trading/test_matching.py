"""Fills by stated rules: touch, mid, through, the queue, slippage."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.backtest.plan import FillRules
from kit.model import Instrument, OrderRequest
from kit.trading import PaperAccount
from kit.trading.matching import worse
from kit.trading.records import PaperOrder

CALL = Instrument("1", "CALL", "BANKNIFTY", "NFO", "OPTIDX", date(2026, 12, 29), 55_000.0, "CE", 30, 0.05)


def rules(**quotes: object) -> FillRules:
    """Return rules that meet quotes so."""
    return FillRules(quotes=quotes)


def test_a_resting_order_waits_behind_what_was_there(opened, contract, quote):
    """Trades at its price first take the queue that it joined, then fill it, in whole lots."""
    paper = opened(fills=rules(ahead=1.0))
    paper.see(quote(100.0, 100.5, bid_size=60, volume=0.0))
    waits = paper.place(OrderRequest(contract(), "BUY", 60, 100.0))
    paper.see(quote(100.0, 100.5, ltp=100.0, volume=45.0, sequence=1))
    assert paper.details(waits).filled == 0
    paper.see(quote(100.0, 100.5, ltp=100.0, volume=110.0, sequence=2))
    assert paper.details(waits).filled == 30
    paper.see(quote(100.0, 100.5, ltp=100.0, volume=140.0, sequence=3))
    assert (paper.details(waits).filled, paper.fills()[0].price_inr) == (60, 100.0)


def test_nobody_ahead_is_an_assumption_that_can_be_made(opened, contract, quote):
    """With `ahead` 0 the first trade at its price fills a resting order."""
    paper = opened(fills=rules(ahead=0.0))
    paper.see(quote(100.0, 100.5, bid_size=6000, volume=0.0))
    waits = paper.place(OrderRequest(contract(), "BUY", 30, 100.0))
    paper.see(quote(100.0, 100.5, ltp=100.0, volume=30.0, sequence=1))
    assert paper.details(waits).status == "complete"


def test_what_trades_through_has_taken_the_queue(opened, contract, quote):
    """A trade beyond its price fills a resting order at its price, up to what traded."""
    paper = opened()
    paper.see(quote(100.0, 100.5, volume=0.0))
    waits = paper.place(OrderRequest(contract(), "SELL", 60, 101.0))
    assert paper.details(waits).status == "rejected"  # the level of the index is not known
    paper.see(levels={"BANKNIFTY": 55_000.0})
    waits = paper.place(OrderRequest(contract(), "SELL", 60, 101.0))
    paper.see(quote(100.0, 100.5, ltp=101.5, volume=50.0, sequence=1))
    assert [(fill.quantity, fill.price_inr) for fill in paper.fills()] == [(30, 101.0)]
    assert paper.details(waits).unfilled == 30


def test_through_alone_never_takes_the_touch(opened, contract, quote):
    """The strictest model fills a limit order only when trades pass its price, even one beyond the ask."""
    paper = opened(fills=rules(model="through"))
    paper.see(quote(100.0, 100.5, volume=0.0))
    waits = paper.place(OrderRequest(contract(), "BUY", 30, 101.0))
    paper.see(quote(100.0, 100.5, ltp=101.0, volume=500.0, sequence=1))
    assert paper.details(waits).filled == 0
    paper.see(quote(100.0, 100.5, ltp=100.95, volume=600.0, sequence=2))
    assert paper.fills()[0].price_inr == 101.0


@pytest.mark.parametrize(("chance", "price"), [(1.0, 100.3), (0.0, 100.5)])
def test_the_mid_is_given_by_chance_else_the_touch(opened, contract, quote, chance, price):
    """Always the mid, to the tick against the buyer, or never: then the touch."""
    paper = opened(fills=rules(model="mid", chance=chance))
    paper.see(quote(100.05, 100.5))
    paper.place(OrderRequest(contract(), "BUY", 30, 100.5))
    assert paper.fills()[0].price_inr == price


def test_the_chance_is_seeded(tmp_path, contract, quote, clock):
    """The same quotes and orders give the same fills at the mid; about as many as the chance says."""

    def at_mid(name: str, seed: int) -> list[bool]:
        fills = rules(model="mid", chance=0.3, seed=seed)
        with PaperAccount(tmp_path / name, clock=clock, fills=fills, capital_inr=1e9) as paper:
            for number in range(200):
                paper.see(quote(100.0, 100.5, sequence=number))
                paper.place(OrderRequest(contract(), "BUY", 30, 100.5))
            return [fill.price_inr < 100.5 for fill in paper.fills()]

    first = at_mid("a", 1)
    assert first == at_mid("b", 1)
    assert first != at_mid("c", 2)
    assert 30 < sum(first) < 90


@given(
    side=st.sampled_from(["BUY", "SELL"]),
    touch=st.integers(20, 40_000),
    beyond=st.integers(0, 400),
    slip=st.sampled_from([None, {"ticks": 3}, {"percent": 1.0}, {"sqrt_lots": 0.5}, {"bar_range": 0.5}]),
)
def test_a_fill_is_never_better_than_the_touch_nor_beyond_the_limit(side, touch, beyond, slip):
    """Whatever the slippage, a price lies between the touch and the order's limit."""
    sign = 1 if side == "BUY" else -1
    limit = max(1, touch + sign * beyond)
    now = datetime(2026, 11, 25, tzinfo=UTC)
    order = OrderRequest(CALL, side, 60, round(limit * 0.05, 2))
    paid = worse(PaperOrder("1", order, order, now, now, "open"), touch * 0.05, 0.5, FillRules(slippage=slip))
    ends = sorted([round(touch * 0.05, 2), order.price_inr])
    assert ends[0] - 1e-9 <= paid <= ends[1] + 1e-9


def test_a_quote_without_depth_fills_nothing_at_the_touch(opened, contract, quote):
    """Last prices alone show no touch: an order waits for trades that pass its price."""
    nan = float("nan")
    paper = opened()
    paper.see(quote(nan, nan, ltp=100.0, volume=0.0))
    waits = paper.place(OrderRequest(contract(), "BUY", 30, 101.0))
    assert paper.details(waits).status == "open"
    paper.see(quote(nan, nan, ltp=100.5, volume=30.0, sequence=1))
    assert paper.fills()[0].price_inr == 101.0


def test_market_orders_pay_slippage_without_a_limit(opened, contract, quote):
    """A market order takes the touch and two ticks more, whatever that is."""
    paper = opened(fills=FillRules(slippage={"ticks": 2}))
    paper.see(quote(100.0, 100.5))
    paper.place(OrderRequest(contract(), "BUY", 30, order_type="MARKET"))
    assert paper.fills()[0].price_inr == 100.6
