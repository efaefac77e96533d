"""One script of orders at the exchange, through the client, and on a paper account: the same comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from inspect import signature
from math import inf, isnan, nan
from typing import Any

import pytest

from kit.broker import auth
from kit.broker.client import AngelAPIClient
from kit.broker.gtt import GTTBook
from kit.broker.orders import Orders
from kit.clock import IST
from kit.errors import DataError, InvalidOrder, KitError, Rejected, SettingsError
from kit.market.instruments import instrument
from kit.model import GTTRule, Instrument, OpenPosition, OrderRequest, PlacedOrder
from kit.model.tick import DepthLevel, Tick
from kit.settings import Settings
from kit.simulator.quote_routes import rows_of
from kit.simulator.server import SimulatedExchange
from kit.trading import PaperAccount
from kit.trading.rules import PaperGTTBook

FRIDAY = datetime(2026, 11, 20, 11, 15, tzinfo=IST)
CALL, FUTURE, SHARE = "BANKNIFTY29DEC2657000CE", "BANKNIFTY29DEC26FUT", "SBIN-EQ"
# names are each account's own, prices of what was held or made differ by who quoted when; a market order is a
# limit with protection at the broker, and the words of a rejection are whoever's rejects
OWN = {"order_id", "unique_id", "fill_id", "rule_id", "exchange_order_id", "reason", "isin"}


class Both:
    """The client's orders and a paper account's at one exchange and one moment."""

    def __init__(self, exchange: SimulatedExchange, client: AngelAPIClient, paper: PaperAccount) -> None:
        self.exchange, self.accounts = exchange, (client.orders, paper)
        master = client.instruments()
        self.contracts = {name: instrument(master.symbol(name)[0]) for name in (CALL, FUTURE, SHARE)}
        self.placed: dict[tuple[int, str], PlacedOrder] = {}
        self.steps = 0

    def __getitem__(self, symbol: str) -> Instrument:
        return self.contracts[symbol]

    def quote(self, symbol: str) -> Any:
        """Return what a contract shows now."""
        state = self.exchange.app.state
        contract = state.contract(self[symbol].exchange, self[symbol].token)
        return state.market.quotes([contract], state.clock.now())[0]

    def at(self, moment: datetime | None = None) -> None:
        """Move the exchange's clock, and show the paper account what is quoted then."""
        if moment is not None:
            self.steps += moment.date() != self.exchange.clock.now().date()
            self.exchange.clock.jump(moment)
        paper, state = self.accounts[1], self.exchange.app.state
        quotes = [self.quote(symbol) for symbol in self.contracts]
        now = state.clock.now()
        ticks = [
            tick(row, self[name], now)
            for name, row in zip(self.contracts, rows_of(state, "FULL", quotes, now), strict=True)
        ]
        paper.see(*ticks, levels={"BANKNIFTY": state.market.spot(now)})
        state.dealings.present()

    def named(self, account: Any, name: str) -> PlacedOrder:
        """Return an account's names of an order."""
        return self.placed[id(account), name]

    def do(self, act: Callable[[Any], Any]) -> list[Any]:
        """Do the same with both and return what came of it, or the kind of its error."""
        found = []
        self.at()
        for account in self.accounts:
            try:
                found.append(act(account))
            except KitError as error:
                found.append(type(error))
        assert shape(found[0]) == shape(found[1])
        return found

    def place(
        self, name: str, symbol: str, side: str, quantity: int, *price: float, **rest: Any
    ) -> list[Any]:
        """Place an order with both under a name, and return what the book says of it."""
        wanted = OrderRequest(self[symbol], side, quantity, *price, **rest)

        def act(account: Any) -> Any:
            self.placed[id(account), name] = names = account.place(wanted)
            assert account.place(wanted) == names
            return account.details(names)

        return self.do(act)

    def look(self, name: str) -> list[Any]:
        """Return what the book says of a named order."""
        return self.do(lambda account: account.details(self.named(account, name)))


def by_symbol(account: Any) -> tuple[OpenPosition, ...]:
    """Return the positions in the order of their symbols."""
    return tuple(sorted(account.positions(), key=lambda one: one.symbol))


def by_product(account: Any) -> tuple[OpenPosition, ...]:
    """Return the positions in the order of their products."""
    return tuple(sorted(account.positions(), key=lambda one: one.product))


def tick(row: dict[str, Any], contract: Instrument, now: datetime) -> Tick:
    """Return a quote as a tick."""
    levels = (
        tuple(DepthLevel(**one) for one in row["depth"][side] if one["price"]) for side in ("buy", "sell")
    )
    bids, asks = levels
    at_ms = round(now.timestamp() * 1000)
    return Tick(
        "SNAPQUOTE", contract.exchange, contract.token, 0, at_ms, row["ltp"],
        volume=row["tradeVolume"], bids=bids, asks=asks,
    )  # fmt: skip


def shape(value: Any) -> Any:
    """Return kinds and outcomes of a value: of its own names and of prices only whether they are there."""
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, {part.name: _field(value, part.name) for part in fields(value)}
    if isinstance(value, tuple | list):
        return type(value).__name__, [shape(one) for one in value]
    return value if isinstance(value, type) else type(value).__name__


def _field(row: Any, name: str) -> Any:
    value = getattr(row, name)
    if name == "exchange_order_id" or (name == "reason" and row.status == "rejected"):
        return bool(value)
    if name in OWN or isinstance(value, datetime):
        return type(value).__name__
    if getattr(row, "quantity", 1) and name in ("order_type", "price_inr") and hasattr(row, "validity"):
        return type(value).__name__  # of a market order the broker's differ
    if isinstance(value, float):
        return "nan" if isnan(value) else "float"
    return tuple(value) if isinstance(value, dict) else value


@pytest.fixture
def both(tmp_path, monkeypatch) -> Iterator[Both]:
    """Open an exchange whose clock stands, a client there, and a paper account with as much money.

    The exchange accepts a one-time password of one step either way: each day that begins takes the next.
    """
    wall_s, made = auth.wall_s, None
    monkeypatch.setattr(auth, "wall_s", lambda: wall_s() + auth.STEP_S * ((made.steps if made else 0) - 1))
    with ExitStack() as stack:
        exchange = stack.enter_context(SimulatedExchange(seed=7, at=FRIDAY, limits=False, speed=1e-6))
        client = stack.enter_context(
            AngelAPIClient(
                exchange.credentials, Settings(), base_url=exchange.url, master_url=exchange.master_url,
                clock=exchange.clock,
            )
        )  # fmt: skip
        paper = stack.enter_context(PaperAccount(tmp_path / "paper.sqlite", clock=exchange.clock))
        made = Both(exchange, client, paper)
        made.at()
        yield made


def test_the_doors_are_the_same():
    """Every method of the client's orders and rules is a paper account's, with the same arguments."""
    for ours, theirs in ((PaperAccount, Orders), (PaperGTTBook, GTTBook)):
        for name in (name for name in vars(theirs) if not name.startswith("_")):
            wanted = signature(getattr(theirs, name)).parameters
            found = dict(signature(getattr(ours, name)).parameters)
            extra = {one: found.pop(one) for one in list(found) if one not in wanted}
            assert list(found) == list(wanted), name
            assert all(one.default is not one.empty for one in extra.values()), name
            assert [one.kind for one in found.values()] == [one.kind for one in wanted.values()], name


def test_the_books_begin_empty(both):
    """Nothing is an empty tuple in every book, and the money is there."""
    for name in ("book", "fills", "positions", "holdings"):
        assert both.do(lambda account, name=name: getattr(account, name)()) == [(), ()]
    assert both.do(lambda account: account.gtt.rules()) == [(), ()]
    assert [one.cash_inr for one in both.do(lambda account: account.funds())] == [1e6, 1e6]
    assert both.do(lambda account: account.find("nothing")) == [None, None]


def test_an_order_lives_and_ends_alike(both):
    """Placed, changed, cancelled, cancelled again: status, units, types and errors are the same."""
    bid = both.quote(CALL).bid
    both.place("waits", CALL, "BUY", 60, bid - 50, tag="waits")
    both.do(lambda account: account.find("waits"))
    both.do(
        lambda account: account.modify(
            account.details(both.named(account, "waits")), quantity=30, price_inr=bid - 40
        )
    )
    assert [row.quantity for row in both.look("waits")] == [30, 30]
    both.do(lambda account: account.modify(account.details(both.named(account, "waits")), quantity=31))
    both.do(lambda account: account.cancel(both.named(account, "waits")))
    assert {row.status for row in both.look("waits")} == {"cancelled"}
    both.do(lambda account: account.cancel(both.named(account, "waits")))
    both.place("stop", CALL, "SELL", 30, bid - 20, order_type="STOPLOSS_LIMIT", trigger_price_inr=bid - 10)
    assert {row.status for row in both.look("stop")} == {"trigger pending"}
    both.place("ioc", CALL, "BUY", 30, bid - 1, validity="IOC")
    assert {row.status for row in both.look("ioc")} == {"cancelled"}
    assert len(both.do(lambda account: account.book())[0]) == 3


def test_fills_positions_and_products_are_alike(both):
    """A market order is filled at the touch, is a position, and its units move to another product."""
    row, _ = both.place("bought", CALL, "BUY", 60, order_type="MARKET", product="INTRADAY")
    assert row.status == "complete"
    ours, theirs = both.do(lambda account: account.fills())
    assert [(one.price_inr, one.quantity) for one in ours] == [
        (one.price_inr, one.quantity) for one in theirs
    ]
    assert [one.net for (one,) in both.do(lambda account: account.positions())] == [60, 60]
    held = [account.positions()[0] for account in both.accounts]
    for to, units, kind in (
        ("CARRYFORWARD", 90, type),
        ("DELIVERY", 30, type),
        ("CARRYFORWARD", 30, type(None)),
    ):
        now = dict(zip(map(id, both.accounts), held, strict=True))
        done = both.do(
            lambda account, to=to, units=units, now=now: account.convert(now[id(account)], to, units)
        )
        assert isinstance(done[0], kind)
    for rows in both.do(by_product):
        assert [(one.product, one.net) for one in rows] == [("CARRYFORWARD", 30), ("INTRADAY", 30)]
    both.do(lambda account: account.funds())


def test_what_cannot_be_is_refused_alike(both):
    """Missing funds stand in the book; a product that does not fit and a tag used twice are errors."""
    assert {row.status for row in both.place("dear", FUTURE, "BUY", 600, order_type="MARKET")} == {"rejected"}
    assert isinstance(both.place("misfit", CALL, "BUY", 30, 500.0, product="DELIVERY")[0], type)
    assert isinstance(both.place("lent", SHARE, "BUY", 1, 900.0, product="CARRYFORWARD")[0], type)
    assert {row.status for row in both.place("short", SHARE, "SELL", 5, 900.0, product="DELIVERY")} == {
        "rejected"
    }
    both.place("first", CALL, "BUY", 30, 500.0, tag="again")
    other = OrderRequest(both[CALL], "BUY", 60, 500.0, tag="again")
    assert isinstance(both.do(lambda account: account.place(other))[0], type)
    early = both.place("early", CALL, "BUY", 30, 500.0, after_market=True)
    assert {row.status for row in early} == {"rejected"}


def test_a_change_that_no_order_could_be_is_refused_before_it_leaves(both):
    """Broken lots, no number of units, and prices that are none or that the order does not have."""
    placed = both.place("waits", CALL, "BUY", 60, 500.0)
    rows = dict(zip(map(id, both.accounts), placed, strict=True))
    for change in (
        {"quantity": 45}, {"quantity": 0}, {"quantity": -60}, {"quantity": "60"}, {"quantity": 60.0},
        {"quantity": True}, {"price_inr": "500"}, {"price_inr": -1.0}, {"price_inr": nan}, {"price_inr": inf},
        {"trigger_price_inr": 500.0},
    ):  # fmt: skip
        refused = both.do(lambda account, change=change: account.modify(rows[id(account)], **change))
        assert refused == [InvalidOrder, InvalidOrder], change
    assert {(row.quantity, row.price_inr) for row in both.look("waits")} == {(60, 500.0)}


@pytest.mark.parametrize("wrong", [None, "17", 17, FRIDAY])
def test_what_is_no_order_position_or_rule_is_refused_by_a_typed_error(both, wrong):
    """Every door that takes one says so, at the broker's before anything is sent."""
    for account in both.accounts:
        for door in (
            account.place, account.modify, account.cancel, account.details, account.margin, account.charges,
            account.gtt.create, account.gtt.modify, account.gtt.cancel, account.gtt.rules,
            lambda it, account=account: account.margin([it]),
            lambda it, account=account: account.charges([it]),
            lambda it, account=account: account.convert(it, "INTRADAY"),
        ):  # fmt: skip
            with pytest.raises((SettingsError, DataError, Rejected)):
                door(wrong)


def test_a_part_of_a_position_is_whole_lots(both):
    """A conversion that leaves a broken lot, or is of no number of units, is refused and moves nothing."""
    both.place("held", CALL, "BUY", 60, order_type="MARKET", product="INTRADAY")
    held = {id(account): account.positions()[0] for account in both.accounts}
    for units in (45, 1, 0, -30, "30", 30.0, True):
        refused = both.do(
            lambda account, units=units: account.convert(held[id(account)], "CARRYFORWARD", units)
        )
        assert refused == [InvalidOrder, InvalidOrder], units
    assert all(len(rows) == 1 for rows in both.do(by_product))


def test_estimates_are_alike(both):
    """Charges are the same to the paisa by the same names; margins have the same parts."""
    bid = both.quote(CALL).bid
    sold, bought = (OrderRequest(both[CALL], side, 30, bid) for side in ("SELL", "BUY"))
    orders = (
        (sold,), (bought,), (OrderRequest(both[FUTURE], "SELL", 30, 57_000.0),),
        (OrderRequest(both[SHARE], "BUY", 10, 900.0, product="DELIVERY"),),
        (OrderRequest(both[SHARE], "SELL", 10, 900.0, product="INTRADAY"),),
    )  # fmt: skip
    for asked in orders:
        theirs, ours = both.do(lambda account, asked=asked: account.charges(asked))
        assert dict(ours.parts_inr) == pytest.approx(dict(theirs.parts_inr), abs=0.001)
        assert (ours.total_inr, ours.value_inr) == pytest.approx(
            (theirs.total_inr, theirs.value_inr), abs=0.01
        )
        theirs, ours = both.do(lambda account, asked=asked: account.margin(asked))
        assert ours.premium_inr == pytest.approx(theirs.premium_inr)
        assert ours.total_inr == pytest.approx(
            theirs.total_inr, rel=0.35, abs=1
        )  # two estimates of one margin
    market = OrderRequest(both[CALL], "BUY", 30, order_type="MARKET")
    assert isinstance(both.do(lambda account: account.charges([market]))[0], type)


def test_rules_are_alike(both):
    """A rule is kept, changed, listed and cancelled once; one whose trigger is reached places its order."""
    ltp = both.quote(SHARE).ltp
    rule = GTTRule(both[SHARE], "BUY", 3, round(ltp - 20, 1), round(ltp - 19, 1))
    both.do(lambda account: account.gtt.create(rule))
    (listed,), _ = both.do(lambda account: account.gtt.rules("NEW"))
    assert (listed.quantity, listed.status) == (3, "NEW")
    for wrong in ({"quantity": 0}, {"quantity": "5"}, {"price_inr": -1.0}, {"trigger_price_inr": nan}):
        changed = both.do(
            lambda account, wrong=wrong: account.gtt.modify(replace(account.gtt.rules()[0], **wrong))
        )
        assert changed == [InvalidOrder, InvalidOrder], wrong
    both.do(lambda account: account.gtt.modify(replace(account.gtt.rules()[0], quantity=5)))
    both.do(lambda account: account.gtt.cancel(account.gtt.rules()[0]))
    both.do(lambda account: account.gtt.cancel(account.gtt.rules()[0]))
    assert [rows[0].status for rows in both.do(lambda account: account.gtt.rules())] == ["CANCELLED"] * 2
    sooner = GTTRule(both[SHARE], "BUY", 3, round(ltp + 20, 1), round(ltp - 0.5, 1))
    both.do(lambda account: account.gtt.create(sooner))
    for minute in range(16, 60):
        both.at(FRIDAY.replace(minute=minute))
        found = both.do(lambda account: account.gtt.rules("SENTTOEXCHANGE"))
        if found[0]:
            break
    assert [row.status for (row,) in found] == ["SENTTOEXCHANGE"] * 2
    assert both.do(lambda account: [row.status for row in account.book()]) == [["complete"]] * 2


def test_the_day_ends_alike(both):
    """INTRADAY is squared off before the close, later orders wait for the open, shares are delivered."""
    both.place("day", CALL, "BUY", 30, order_type="MARKET", product="INTRADAY")
    both.place("left", CALL, "BUY", 30, both.quote(CALL).bid - 100, product="INTRADAY")
    both.place("night", FUTURE, "BUY", 30, order_type="MARKET")
    both.place("share", SHARE, "BUY", 10, order_type="MARKET", product="DELIVERY")
    both.at(FRIDAY.replace(hour=15, minute=26))
    held = both.do(by_symbol)
    assert [[one.net for one in rows] for rows in held] == [[0, 30, 10]] * 2
    assert {row.status for row in both.look("left")} == {"cancelled"}
    late = both.place("late", CALL, "BUY", 30, 500.0, product="INTRADAY")
    assert {row.status for row in late} == {"rejected"}
    both.at(FRIDAY.replace(hour=20))
    waits = both.place("waits", CALL, "BUY", 30, both.quote(CALL).ask + 40)
    assert {row.status for row in waits} == {"after market order req received"}
    closed = both.place("closed", CALL, "BUY", 30, 500.0, validity="IOC")
    assert {row.status for row in closed} == {"rejected"}
    both.at(datetime(2026, 11, 23, 9, 20, tzinfo=IST))
    assert [one.quantity for (one,) in both.do(lambda account: account.holdings())] == [10, 10]
    assert [[one.net for one in rows] for rows in both.do(by_symbol)] == [[30, 30]] * 2
    both.place("back", SHARE, "SELL", 4, order_type="MARKET", product="DELIVERY")
    both.at(datetime(2026, 11, 25, 9, 20, tzinfo=IST))
    assert [one.quantity for (one,) in both.do(lambda account: account.holdings())] == [6, 6]
    paper = both.accounts[1]
    both.at()
    ltp = both.quote(SHARE).ltp
    for step in (50, 60):
        paper.gtt.create(GTTRule(both[SHARE], "BUY", 3, round(ltp - step, 1), round(ltp - step, 1)))
    paper.gtt.modify(replace(paper.gtt.rules()[0], quantity=7))
    paper.gtt.cancel(paper.gtt.rules()[1])
    before = everything(paper)
    paper.close()
    with PaperAccount(paper._dealing.journal.path, clock=both.exchange.clock) as again:
        assert everything(again) == before


def everything(paper: PaperAccount) -> str:
    """Return all that an account says of itself."""
    days = {order.placed_at.date() for order in paper._dealing.ledger.orders.values()}
    books = [paper.book(day) for day in sorted(days)]
    return repr(
        (books, paper.positions(), paper.holdings(), paper.gtt.rules(), paper.funds(), paper.equity_inr)
    )
