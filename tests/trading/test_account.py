"""A paper account: orders, books, money, and what it refuses."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf, isnan, nan
from threading import Event

import pytest

from kit.backtest.plan import FillRules
from kit.broker.orders import Orders
from kit.clock import IST
from kit.errors import DataError, InvalidOrder, Rejected, SettingsError, UnreadableFile, UnwritableFile
from kit.evaluation.costs import order_charges
from kit.evaluation.margin import estimate
from kit.evaluation.margin_rules import risk_parameters
from kit.model import Leg, OrderRequest
from kit.model.tick import DepthLevel
from kit.trading import PaperAccount

WEDNESDAY = datetime(2026, 11, 25, 10, 0, tzinfo=IST)


def test_a_limit_order_takes_the_touch_with_its_size_and_waits_with_the_rest(opened, contract, quote):
    """An order beyond the size at the touch gets whole lots up to it; the next quote gives the rest."""
    paper = opened()
    paper.see(quote(100.0, 100.5, size=100))
    placed = paper.place(OrderRequest(contract(), "BUY", 150, 101.0))
    row = paper.details(placed)
    assert (row.status, row.filled, row.unfilled, row.average_price_inr) == ("open", 90, 60, 100.5)
    paper.clock.advance(1)
    paper.see(quote(100.0, 100.8, size=100))
    row = paper.details(placed)
    assert (row.status, row.filled) == ("complete", 150)
    assert [(fill.quantity, fill.price_inr) for fill in paper.fills()] == [(90, 100.5), (60, 101.0)]


def test_a_quote_is_taken_from_once(opened, contract, quote):
    """Two orders against one quote share its size, and a restart does not show it anew."""
    paper = opened()
    shown = quote(100.0, 100.5, size=60)
    paper.see(shown)
    first = paper.place(OrderRequest(contract(), "BUY", 30, 100.5))
    second = paper.place(OrderRequest(contract(), "BUY", 60, 100.5))
    assert [paper.details(order).filled for order in (first, second)] == [30, 30]
    paper = opened()
    paper.see(shown)
    assert paper.details(second).filled == 30


def test_the_same_request_is_placed_once(opened, contract, quote):
    """A tag names one order, over a restart too; another order under it is refused."""
    paper = opened()
    paper.see(quote(100.0, 100.5))
    order = OrderRequest(contract(), "BUY", 30, 101.0, tag="once")
    first = paper.place(order)
    paper = opened()
    assert paper.place(order) == first
    assert len(paper.book()) == len(paper.fills()) == 1
    with pytest.raises(InvalidOrder, match="another order"):
        paper.place(OrderRequest(contract(), "BUY", 60, 101.0, tag="once"))


def test_profit_is_marked_to_market_after_charges(opened, contract, quote):
    """Bought at 100.5 and quoted 110 / 111 the position is worth the mid, less the charges of its order."""
    paper = opened(capital_inr=500_000)
    paper.see(quote(100.0, 100.5))
    paper.place(OrderRequest(contract(), "BUY", 30, 101.0))
    paper.see(quote(110.0, 111.0, sequence=1))
    paid = order_charges(100.5 * 30, "buy", WEDNESDAY.date()).total
    (held,) = paper.positions()
    assert (held.net, held.net_lots, held.ltp_inr) == (30, 1.0, 110.5)
    assert held.unrealised_inr == pytest.approx(300.0)
    assert paper.charges_inr == pytest.approx(paid)
    assert paper.day_pnl_inr == pytest.approx(300.0 - paid)
    assert paper.equity_inr == pytest.approx(500_300.0 - paid)
    assert paper.funds().cash_inr == pytest.approx(500_000 - 100.5 * 30 - paid)


def test_brokerage_is_of_the_order_not_of_its_fills(opened, contract, quote):
    """An order that is filled in two parts costs what it costs in one."""
    paper = opened()
    paper.see(quote(100.0, 100.5, size=30))
    paper.place(OrderRequest(contract(), "BUY", 60, 100.5))
    paper.see(quote(100.0, 100.5, size=30, sequence=1))
    assert len(paper.fills()) == 2
    assert paper.charges_inr == pytest.approx(order_charges(100.5 * 60, "buy", WEDNESDAY.date()).total)


def test_sold_options_tie_up_the_margin_of_the_evaluation(opened, contract, quote):
    """What is used is the margin of part 5 at the marks; a hedge lowers it."""
    paper = opened()
    paper.see(quote(500.0, 500.5), quote(200, 201, token="102"), levels={"BANKNIFTY": 55_000.0})
    paper.place(OrderRequest(contract(), "SELL", 30, 500.0))
    used = paper.funds().used_inr
    legs = [Leg("CE", 55_000.0, -30, 500.25, contract().expiry)]
    expected = estimate(legs, 1, risk_parameters("BANKNIFTY", WEDNESDAY.date(), close=55_000.0))
    assert used == pytest.approx(expected.total_inr)
    hedge = OrderRequest(contract(56_000.0, token="102"), "BUY", 30, 201.0)
    asked = paper.margin([hedge])
    assert (asked.span_inr, asked.total_inr, asked.premium_inr) == (0, 30 * 201, 30 * 201)
    paper.place(hedge)
    assert paper.funds().used_inr < 0.7 * used


def test_what_cannot_be_paid_is_rejected_with_the_missing_sum(opened, contract, quote):
    """An order beyond the funds is rejected in the book, says how much is missing, and costs nothing."""
    paper = opened(capital_inr=10_000)
    paper.see(quote(500.0, 500.5), levels={"BANKNIFTY": 55_000.0})
    for order in (OrderRequest(contract(), "SELL", 30, 500.0), OrderRequest(contract(), "BUY", 30, 500.5)):
        row = paper.details(paper.place(order))
        assert row.status == "rejected"
        assert row.reason.startswith("Insufficient funds:")
    assert (paper.charges_inr, paper.positions()) == (0.0, ())


def test_a_position_can_always_be_closed(opened, contract, quote):
    """Closing needs no money, not even after a loss of all of it."""
    paper = opened(capital_inr=20_000)
    paper.see(quote(500.0, 500.5))
    paper.place(OrderRequest(contract(), "BUY", 30, 500.5))
    paper.see(quote(1.0, 1.05, sequence=1))
    placed = paper.place(OrderRequest(contract(), "SELL", 30, order_type="MARKET"))
    assert paper.details(placed).status == "complete"


def test_a_stop_waits_for_its_trigger(opened, contract, quote):
    """A stop order is pending until a trade reaches its trigger, then it is an order like any other."""
    paper = opened()
    paper.see(quote(100.0, 100.5, ltp=100.0))
    placed = paper.place(OrderRequest(contract(), "BUY", 30, 112.0, "STOPLOSS_LIMIT", 110.0))
    assert paper.details(placed).status == "trigger pending"
    paper.see(quote(109.0, 109.5, ltp=109.0, sequence=1))
    assert paper.details(placed).status == "trigger pending"
    paper.see(quote(110.0, 110.5, ltp=110.0, sequence=2))
    row = paper.details(placed)
    assert (row.status, row.average_price_inr) == ("complete", 110.5)


def test_what_ioc_does_not_get_at_once_is_cancelled(opened, contract, quote):
    """An IOC order takes what is there and its rest is over."""
    paper = opened()
    paper.see(quote(100.0, 100.5, size=30))
    row = paper.details(paper.place(OrderRequest(contract(), "BUY", 90, 100.5, validity="IOC")))
    assert (row.status, row.filled, row.unfilled) == ("cancelled", 30, 60)


def test_an_order_is_changed_and_cancelled_while_it_waits(opened, contract, quote):
    """A change of price lets it meet the quote again; what is over is refused in the broker's way."""
    paper = opened()
    paper.see(quote(100.0, 100.5))
    waits, other = (paper.place(OrderRequest(contract(), "BUY", 30, 99.0)) for _ in range(2))
    paper.modify(waits, price_inr=100.5, quantity=60)
    assert paper.details(waits).status == "complete"
    paper.cancel(other)
    assert paper.details(other).status == "cancelled"
    for change in (lambda: paper.cancel(other), lambda: paper.modify(waits, price_inr=99.0)):
        with pytest.raises(Rejected, match="No part of this order is open"):
            change()
    third = paper.place(OrderRequest(contract(), "BUY", 30, 99.0))
    with pytest.raises(InvalidOrder, match="tick"):
        paper.modify(third, price_inr=99.01)


def test_what_is_filled_cannot_be_changed_away(opened, contract, quote):
    """An order that is filled in part is made no smaller than that and a lot."""
    paper = opened()
    paper.see(quote(100.0, 101.0, size=60), levels={"BANKNIFTY": 55_000.0})
    placed = paper.place(OrderRequest(contract(), "BUY", 120, 101.0))
    for units in (30, 60):
        with pytest.raises(InvalidOrder, match="filled already"):
            paper.modify(placed, quantity=units)
    assert (paper.details(placed).status, paper.details(placed).unfilled) == ("open", 60)


def test_the_kill_switch_closes_everything_and_opens_nothing(opened, contract, quote):
    """What waits is cancelled, what is held is sold, new orders are rejected until trading is resumed."""
    paper = opened()
    paper.see(quote(100.0, 100.5))
    paper.place(OrderRequest(contract(), "BUY", 60, 100.5))
    waits = paper.place(OrderRequest(contract(), "BUY", 30, 90.0))
    paper.kill("enough")
    assert paper.details(waits).status == "cancelled"
    assert [one.net for one in paper.positions()] == [0]
    paper = opened()
    assert paper.stopped == "enough"
    order = OrderRequest(contract(), "BUY", 30, 100.5, tag="after")
    assert "Trading is stopped: enough" in paper.details(paper.place(order)).reason
    paper.resume()
    paper.see(quote(100.0, 100.5, sequence=5))
    assert paper.details(paper.place(OrderRequest(contract(), "BUY", 30, 100.5))).status == "complete"


def test_the_daily_loss_stops_trading_until_the_next_day(opened, contract, quote):
    """A loss beyond the limit throws the switch by itself; the next session begins open."""
    paper = opened(daily_loss_inr=1_000)
    paper.see(quote(100.0, 100.5))
    paper.place(OrderRequest(contract(), "BUY", 60, 100.5))
    paper.see(quote(80.0, 80.5, sequence=1))
    assert "daily loss" in paper.stopped
    assert [one.net for one in paper.positions()] == [0]
    paper.clock.at += timedelta(days=1)
    paper.see(quote(80.0, 80.5))
    assert paper.stopped == ""
    assert (paper.positions(), paper.book(), paper.day_pnl_inr) == ((), (), 0.0)
    assert paper.pnl_inr < -1_000


def test_a_contract_that_expired_is_settled_at_the_index(opened, contract, quote):
    """The day after its expiry a bought call has paid what it was in the money, less the tax on exercise."""
    paper = opened()
    paper.clock.at = datetime(2026, 12, 29, 15, 0, tzinfo=IST)
    paper.see(quote(100.0, 100.5), levels={"BANKNIFTY": 55_100.0})
    paper.place(OrderRequest(contract(), "BUY", 30, 100.5))
    before = paper.charges_inr
    paper.see(levels={"BANKNIFTY": 55_120.0})
    paper.clock.at += timedelta(days=1)
    paper.see(levels={"BANKNIFTY": 54_000.0})
    assert paper.positions() == ()
    assert paper.charges_inr > before
    assert paper.pnl_inr == pytest.approx((120 - 100.5) * 30 - paper.charges_inr)


@pytest.mark.parametrize("at", [datetime(2026, 11, 25, 20, 0), datetime(2026, 11, 28, 11, 0)])
def test_outside_the_session_orders_wait_for_the_open(opened, contract, quote, at):
    """An order of a closed market is an after-market order, asked or not; IOC is rejected with the hour."""
    paper = opened()
    paper.clock.at = at.replace(tzinfo=IST)
    paper.see(quote(100.0, 100.5))
    row = paper.details(paper.place(OrderRequest(contract(), "BUY", 30, 100.5, validity="IOC")))
    assert row.status == "rejected"
    assert "09:15" in row.reason
    asked = OrderRequest(contract(), "BUY", 30, 100.5)
    waits = paper.place(asked)
    assert paper.place(asked) == waits
    named = paper.place(OrderRequest(contract(), "BUY", 30, 100.5, after_market=True))
    for placed in (waits, named):
        row = paper.details(placed)
        assert (row.status, row.variety) == ("after market order req received", "AMO")
    paper.clock.at = datetime(2026, 11, 30, 9, 16, tzinfo=IST)
    paper.see(quote(100.0, 100.5))
    assert paper.details(waits).status == "complete"


def test_an_old_quote_fills_nothing(opened, contract, quote):
    """A quote of two minutes ago values a position and fills no order."""
    paper = opened()
    paper.see(quote(100.0, 100.5))
    paper.clock.advance(120)
    assert paper.details(paper.place(OrderRequest(contract(), "BUY", 30, 101.0))).status == "open"


def test_a_margin_needs_the_level_of_the_index(opened, contract, quote):
    """A sale without a known level is rejected with the remedy, and `funds` never guesses one."""
    paper = opened()
    paper.see(quote(100.0, 100.5))
    row = paper.details(paper.place(OrderRequest(contract(), "SELL", 30, 100.0)))
    assert "see(levels={'BANKNIFTY': ...})" in row.reason
    with pytest.raises(DataError, match="above zero"):
        paper.see(levels={"BANKNIFTY": float("nan")})


def test_it_has_the_methods_of_the_brokers_orders():
    """Whatever reads or changes the orders of a real account does so on a paper account."""
    wanted = {name for name in dir(Orders) if not name.startswith("_")}
    assert wanted <= set(dir(PaperAccount))


def test_terms_of_an_account_are_checked(opened, tmp_path, clock):
    """Numbers that are none, another capital for a journal, and unknown brokerages are refused by name."""
    opened(capital_inr=100_000)
    for wrong in (
        {"capital_inr": 0},
        {"daily_loss_inr": float("nan")},
        {"brokerage": "free"},
        {"capital_inr": 5},
    ):
        with pytest.raises(SettingsError):
            opened(**wrong)
    assert opened().equity_inr == 100_000


def test_a_journal_is_held_by_one_account(opened, tmp_path, clock):
    """A second account on an open journal is refused; so are another database, a folder, a closed account."""
    paper = opened()
    with pytest.raises(UnwritableFile, match="open elsewhere"):
        PaperAccount(tmp_path / "paper.sqlite", clock=clock)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("create table things (name text)")
    other.close()
    (tmp_path / "text").write_text("not a database, but long enough to look at " * 20)
    for name in ("other.sqlite", "text"):
        with pytest.raises(UnreadableFile, match="no journal"):
            PaperAccount(tmp_path / name, clock=clock)
    with pytest.raises(UnwritableFile):
        PaperAccount(tmp_path, clock=clock)
    paper.close()
    paper.close()
    with pytest.raises(UnwritableFile, match="closed"):
        paper.kill()


def test_the_account_goes_forward_only(opened, quote):
    """A clock that went back to an earlier day is refused: the journal is a sequence."""
    paper = opened()
    paper.see(quote(1.0, 1.05))
    paper.clock.at -= timedelta(days=1)
    with pytest.raises(DataError, match="already at 2026-11-25"):
        paper.see(quote(1.0, 1.05))


def test_charges_and_margin_of_orders_that_are_not_placed(opened, contract, quote):
    """An estimate is of the day's tables; without a price there is none."""
    paper = opened()
    order = OrderRequest(contract(), "BUY", 30, 100.0)
    told = paper.charges([order])
    assert told.total_inr == pytest.approx(order_charges(3_000, "buy", WEDNESDAY.date()).total)
    assert told.value_inr == 3_000
    market = OrderRequest(contract(), "SELL", 30, order_type="MARKET")
    with pytest.raises(InvalidOrder, match="need a price"):
        paper.charges([market])
    with pytest.raises(DataError, match="No price"):
        paper.margin([market])
    assert isnan(market.price_inr)


def test_it_shows_itself(opened, contract, quote):
    """Its card names equity, profit, positions and orders."""
    paper = opened(fills=FillRules(slippage={"ticks": 1}))
    paper.see(quote(100.0, 100.5))
    paper.place(OrderRequest(contract(), "BUY", 30, 101.0))
    assert paper.fills()[0].price_inr == 100.55
    assert contract().symbol in paper._repr_html_()
    assert "Equity" in repr(paper)


def test_what_is_no_order_quote_or_plan_is_refused_by_its_name(opened):
    """Each door says what it takes."""
    paper = opened()
    doors = (
        paper.place, paper.see, paper.see_chain, lambda it: paper.follow(it, {}),
        lambda it: paper.margin([it]), lambda it: opened(fills=it), lambda it: opened(capital_inr=it),
    )  # fmt: skip
    for door in doors:
        with pytest.raises(SettingsError):
            door("BANKNIFTY")
    with pytest.raises(Rejected, match="no such order"):
        paper.cancel("17")


@pytest.mark.parametrize(
    "wrong",
    [
        {"bid": -5.0}, {"bid": 0.0}, {"ask": inf}, {"ltp": -1.0}, {"ltp": inf}, {"size": -30},
        {"size": nan}, {"levels": {"BANKNIFTY": 0.0}}, {"levels": {"BANKNIFTY": nan}},
    ],
)  # fmt: skip
def test_a_quote_that_cannot_be_changes_nothing(opened, contract, quote, wrong):
    """A price or size below nothing or without end is refused by name, with all of the same call."""
    paper = opened()
    paper.see(quote(99.0, 101.0), levels={"BANKNIFTY": 55_000.0})
    paper.place(OrderRequest(contract(), "BUY", 30, 100.0))
    before = repr((paper.book(), paper.positions(), paper.funds()))  # NaN equals itself in writing alone
    levels = wrong.get("levels")
    told = {name: wrong.get(name, usual) for name, usual in (("bid", 99.0), ("ask", 100.0), ("size", 300))}
    bids, asks = ((DepthLevel(told[side], told["size"], 1),) for side in ("bid", "ask"))
    broken = replace(quote(99.0, 100.0), bids=bids, asks=asks, ltp=wrong.get("ltp", 100.0))
    with pytest.raises(DataError) as refused:
        paper.see(quote(99.0, 100.0), broken, levels=levels)
    assert refused.value.remedy
    assert repr((paper.book(), paper.positions(), paper.funds())) == before


def test_it_is_read_while_quotes_come_in(opened, contract, quote):
    """Readers of other threads always see an account between two events."""
    paper = opened(capital_inr=1e9)
    stop = Event()

    def read() -> int:
        count = 0
        while not stop.is_set():
            assert all(one.net == 30 for one in paper.positions())
            assert paper.equity_inr > 0
            count += len(paper.book())
        return count

    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        try:
            for number in range(100):
                paper.see(quote(100.0, 100.5, sequence=number, token=str(number)))
                paper.place(OrderRequest(contract(token=str(number)), "BUY", 30, 100.5))
        finally:
            stop.set()
    assert all(reader.result() >= 0 for reader in readers)
    assert len(paper.fills()) == 100


def test_a_sale_that_waits_brings_no_money_yet(opened, contract, quote):
    """What a waiting sale of a held option would bring is spent by no other order before it is filled."""
    paper, call = opened(capital_inr=10_000.0), contract()
    paper.see(quote(99.95, 100.0), levels={"BANKNIFTY": 55_000.0})
    paper.place(OrderRequest(call, "BUY", 90, 100.0))
    spendable = paper.funds().net_inr
    sale = paper.place(OrderRequest(call, "SELL", 90, 110.0))
    assert paper.funds().net_inr == spendable
    assert paper.details(paper.place(OrderRequest(call, "BUY", 30, 99.0))).status == "rejected"
    paper.see(quote(110.0, 110.05, sequence=1))
    assert paper.details(sale).status == "complete"
    assert paper.funds().net_inr > spendable + 9_000
