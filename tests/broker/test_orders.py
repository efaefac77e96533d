"""Orders of an account, against the simulated exchange over HTTP: typed, once, and resolved when in doubt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from math import isnan

import pytest

from kit.broker import order_rows, orders
from kit.errors import (
    AddressRefused,
    Ambiguous,
    InvalidOrder,
    NeverSent,
    ProtocolError,
    RateLimited,
    Rejected,
    Transient,
)
from kit.market.instruments import instrument
from kit.model import GTTRule, OrderRequest
from kit.monitor import LatencyRequirement, PerformanceMonitor

CALL, SHARE = "BANKNIFTY29DEC2657000CE", "SBIN-EQ"


@pytest.fixture
def client(open_client, dealing, monkeypatch, wide_limits):
    """Open a client of the shared exchange for a test that trades, which does not wait long between looks."""
    monkeypatch.setattr(orders, "_LOOK_AGAIN_S", 0.01)
    return open_client()


@pytest.fixture
def call(client):
    """Return a call near the money."""
    return instrument(client.instruments().symbol(CALL)[0])


@pytest.fixture
def far(call):
    """Write a purchase that waits: far below the price."""
    return OrderRequest.in_lots(call, "BUY", 2, 500.0)


def placed_at(dealing):
    """Count what the exchange has of orders."""
    return len(dealing.app.state.dealings.account.orders)


def test_an_instrument_knows_its_freeze_quantity(call):
    """The master's first frozen quantity makes the most that one order may have."""
    assert call.freeze_quantity == 600
    with pytest.raises(InvalidOrder, match="600"):
        OrderRequest.in_lots(call, "BUY", 21, 500.0)


def test_an_order_from_request_to_position(client, call):
    """A crossing order is filled; book, trade book, positions and funds tell of it with numbers and times."""
    before = client.orders.funds()
    placed = client.orders.place(OrderRequest.in_lots(call, "BUY", 2, 1100.0, product="INTRADAY", tag="one"))
    row = client.orders.details(placed)
    assert asdict(row) == asdict(client.orders.find("one")) == asdict(client.orders.book()[-1])
    assert (row.status, row.filled, row.unfilled, row.is_final) == ("complete", 60, 0, True)
    assert (row.token, row.lot_size, row.price_inr) == (call.token, 30, 1100.0)
    assert isnan(row.trigger_price_inr)
    assert row.placed_at is not None
    assert row.placed_at.date() == client.clock.now().date()
    fills = client.orders.fills()
    assert sum(fill.quantity for fill in fills) == 60
    assert sum(fill.value_inr for fill in fills) == pytest.approx(60 * row.average_price_inr, abs=0.5)
    (held,) = client.orders.positions()
    assert (held.net, held.net_lots, held.product) == (60, 2.0, "INTRADAY")
    assert held.pnl_inr == pytest.approx(60 * (held.ltp_inr - held.buy_average_inr), abs=1)
    spent = before.cash_inr - client.orders.funds().cash_inr
    assert spent == pytest.approx(sum(fill.value_inr for fill in fills))
    client.orders.convert(held, "CARRYFORWARD", 30)
    assert {(one.product, one.net) for one in client.orders.positions()} == {
        ("INTRADAY", 30),
        ("CARRYFORWARD", 30),
    }


def test_empty_books_are_empty(client):
    """Null is an empty book, whichever book it is."""
    for ask in ("book", "fills", "positions", "holdings"):
        assert getattr(client.orders, ask)() == ()
    assert client.orders.gtt.rules() == ()
    assert client.orders.find("nothing") is None


def test_a_waiting_order_is_changed_and_cancelled(client, far):
    """A change moves what it names only; a cancel ends the order, and a second one is declined."""
    placed = client.orders.place(far)
    client.orders.modify(client.orders.details(placed), price_inr=510.05)
    row = client.orders.details(placed)
    assert (row.price_inr, row.quantity, row.status) == (510.05, 60, "open")
    client.orders.modify(row, quantity=30)
    assert client.orders.details(placed).quantity == 30
    with pytest.raises(InvalidOrder, match="31"):
        client.orders.modify(row, quantity=31)
    with pytest.raises(InvalidOrder, match="-1"):
        client.orders.modify(row, price_inr=-1.0)
    client.orders.cancel(placed)
    assert client.orders.details(placed).status == "cancelled"
    with pytest.raises(Rejected, match="AB1013"):
        client.orders.cancel(placed)


def test_what_is_rejected_stands_in_the_book_with_its_reason(client, call):
    """An order that the exchange rejects has names like any other, and a reason."""
    placed = client.orders.place(OrderRequest.in_lots(call, "SELL", 20, 700.0))
    row = client.orders.details(placed)
    assert (row.status, row.is_final) == ("rejected", True)
    assert "Insufficient Funds" in row.reason


def test_estimates(client, call):
    """Margin and charges of a spread come with their parts, and a hedge saves."""
    sold = OrderRequest.in_lots(call, "SELL", 1, 800.0)
    other = instrument(client.instruments().symbol("BANKNIFTY29DEC2657500CE")[0])
    bought = OrderRequest.in_lots(other, "BUY", 1, 600.0)
    alone, spread = client.orders.margin([sold]), client.orders.margin([sold, bought])
    assert spread.total_inr < alone.total_inr
    assert spread.benefit_inr > 0
    cost = client.orders.charges([sold, bought])
    assert cost.value_inr == 30 * 1400
    assert cost.total_inr == pytest.approx(sum(cost.parts_inr.values()), abs=0.01)
    with pytest.raises(InvalidOrder, match="price"):
        client.orders.charges([OrderRequest.in_lots(call, "BUY", 1, order_type="MARKET")])


def test_rules(client):
    """A rule is kept, listed, changed and cancelled."""
    share = instrument(client.instruments().symbol(SHARE)[0])
    number = client.orders.gtt.create(GTTRule(share, "BUY", 3, 900.0, 901.0))
    (rule,) = client.orders.gtt.rules("NEW")
    assert (rule.rule_id, rule.quantity, rule.trigger_price_inr) == (number, 3, 901.0)
    assert rule.expires_at > rule.created_at
    client.orders.gtt.modify(replace(rule, quantity=5))
    (rule,) = client.orders.gtt.rules()
    assert rule.quantity == 5
    client.orders.gtt.cancel(rule)
    assert client.orders.gtt.rules("NEW") == ()
    with pytest.raises(Rejected, match="AB9013"):
        client.orders.gtt.cancel(rule)


def test_the_same_request_is_placed_once(client, dealing, far):
    """Again, from several threads or under its tag with other numbers: one order, or an error."""
    with ThreadPoolExecutor(4) as threads:
        names = list(threads.map(client.orders.place, [far] * 8))
    assert len(set(names)) == 1
    assert placed_at(dealing) == 1
    again = orders.Orders(client.session, client.clock, PerformanceMonitor())
    assert again.place(far) == names[0]
    with pytest.raises(InvalidOrder, match="another order"):
        client.orders.place(replace(far, price_inr=501.0))
    assert placed_at(dealing) == 1


@pytest.mark.parametrize(
    "fault", ["drop-after", "drop-midway", "truncated-json", "data-null", "missing-keys", "wrong-types"]
)
def test_a_lost_answer_is_found_in_the_book_by_its_tag(client, dealing, far, fault):
    """Where the exchange acted and the answer was lost or spoilt, the order is found, not sent again."""
    dealing.faults.add("placeOrder", fault)
    placed = client.orders.place(far)
    assert placed_at(dealing) == 1
    assert client.orders.details(placed).tag == far.tag
    assert client.orders.place(far) == placed
    assert placed_at(dealing) == 1


@pytest.mark.parametrize("fault", ["html-502", "empty-body", "application-error:AB2001", "drop-before"])
def test_what_cannot_be_known_is_ambiguous_and_looked_for_before_another_try(client, dealing, far, fault):
    """Where the book does not show it either, that is said; the same request then looks before it sends."""
    dealing.faults.add("placeOrder", fault)
    with pytest.raises(Ambiguous, match=far.tag):
        client.orders.place(far)
    assert placed_at(dealing) == 0
    looked = dealing.stats.requests["getOrderBook"]
    placed = client.orders.place(far)
    assert dealing.stats.requests["getOrderBook"] == looked + 1
    assert placed_at(dealing) == 1
    assert client.orders.details(placed).tag == far.tag


def test_an_order_that_turns_up_late_is_not_placed_again(client, dealing, far):
    """An order whose answer and whose first looks at the book were lost is found by the next try."""
    dealing.faults.add("placeOrder", "drop-after")
    dealing.faults.add("getOrderBook", "application-error:AB1004", times=50)
    with pytest.raises(Ambiguous):
        client.orders.place(far)
    with pytest.raises(Transient):  # no look, no order
        client.orders.place(far)
    dealing.faults.clear()
    assert placed_at(dealing) == 1
    assert client.orders.details(client.orders.place(far)).tag == far.tag
    assert placed_at(dealing) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("gateway-error:AG7002", AddressRefused),
        ("rate-text", RateLimited),
        ("application-error:AB1012", Rejected),
    ],
)
def test_a_plain_no_is_no_doubt(client, dealing, far, fault, kind):
    """What the broker declines did not happen: it is raised as it is, and may be placed again."""
    dealing.faults.add("placeOrder", fault)
    looked = dealing.stats.requests["getOrderBook"]
    with pytest.raises(kind):
        client.orders.place(far)
    assert dealing.stats.requests["getOrderBook"] == looked
    assert placed_at(dealing) == 0


def test_a_session_that_ended_is_renewed_and_the_order_placed_once(client, dealing, far, next_password):
    """A write that met an ended session did not happen: it goes out once more after the login."""
    client.orders.funds()
    next_password()
    dealing.account.expire_all()
    client.orders.place(far)
    assert placed_at(dealing) == 1


def test_changes_in_doubt_are_looked_up_too(client, dealing, far):
    """A change or cancel whose answer is lost is done if the book says so, else ambiguous."""
    placed = client.orders.place(far)
    dealing.faults.add("modifyOrder", "drop-after")
    client.orders.modify(client.orders.details(placed), price_inr=505.0)
    assert client.orders.details(placed).price_inr == 505.0
    dealing.faults.add("modifyOrder", "html-502")
    with pytest.raises(Ambiguous, match="modify_order"):
        client.orders.modify(client.orders.details(placed), price_inr=507.0)
    dealing.faults.add("cancelOrder", "drop-after")
    client.orders.cancel(placed)
    assert client.orders.details(placed).status == "cancelled"


def test_nothing_of_an_account_is_stored(client, dealing, far):
    """Every look goes to the broker, and the disk holds no reply of an account."""
    client.orders.place(far)
    before = dealing.stats.requests["getOrderBook"]
    for _ in range(3):
        client.orders.book()
    assert dealing.stats.requests["getOrderBook"] == before + 3
    assert client.orders.details(client.orders.place(far)).status == "open"
    assert len(client.session.replies.cache.responses) == 0


def test_budgets_ring(client, far):
    """Placing and looking at positions are timed under their budgets' names, and a slow one rings."""
    monitor, rung = PerformanceMonitor(), []
    for name in ("order_placement", "position_monitoring"):
        monitor.set_requirement(
            LatencyRequirement(name, warning_ms=0.001, alert_ms=0.002, critical_ms=60_000)
        )
    monitor.add_alert_callback(lambda alert: rung.append(alert["operation"]))
    account = orders.Orders(client.session, client.clock, monitor)
    account.place(far)
    account.positions()
    assert set(rung) >= {"order_placement", "position_monitoring"}


def test_a_row_that_lacks_something_is_named():
    """A book whose rows changed is an error that names the field, not a wrong number."""
    with pytest.raises(ProtocolError, match="fillsize"):
        order_rows.rows_of(
            order_rows.filled_on(None),
            [
                {
                    "fillid": "1",
                    "orderid": "2",
                    "exchange": "NFO",
                    "tradingsymbol": "X",
                    "transactiontype": "BUY",
                    "producttype": "INTRADAY",
                }
            ],
            "the trade book",
        )
    with pytest.raises(ProtocolError, match="lotsize"):
        order_rows.rows_of(
            order_rows.position,
            [{"exchange": "NFO", "symboltoken": "1", "tradingsymbol": "X", "producttype": "INTRADAY"}],
            "the positions",
        )


def test_documented_spellings_are_read():
    """Prices as text, a space after a minus, months in any case, ids as numbers: all are read."""
    row = {
        "orderid": 201020000000080, "exchange": "NSE", "symboltoken": None, "tradingsymbol": "SBIN-EQ",
        "transactiontype": "BUY", "ordertype": "LIMIT", "producttype": "INTRADAY", "duration": "DAY",
        "variety": "NORMAL", "quantity": "1", "filledshares": "0", "lotsize": "1", "price": "194.00",
        "triggerprice": "0", "averageprice": "0", "status": "cancelled", "updatetime": "20-OCT-2026 13:10:59",
        "exchtime": "",
    }  # fmt: skip
    read = order_rows.booked(row)
    assert (read.order_id, read.price_inr, read.placed_at) == ("201020000000080", 194.0, None)
    assert read.updated_at.isoformat() == "2026-10-20T13:10:59+05:30"
    held = order_rows.position(
        {
            "exchange": "NSE", "symboltoken": "2885", "tradingsymbol": "RELIANCE-EQ",
            "producttype": "DELIVERY",
            "lotsize": "1", "buyqty": "1", "sellqty": "0", "cfbuyqty": "0", "cfsellqty": "2",
            "buyavgprice": "2235.80", "sellavgprice": "0", "unrealised": "- 2235.80",
        }
    )  # fmt: skip
    assert (held.net, held.buy_average_inr, held.unrealised_inr) == (-1, 2235.80, -2235.80)
    assert isnan(held.ltp_inr)


def test_never_sent_is_no_doubt(open_client, limited_exchange, far):
    """Where no connection could be made nothing was sent: that is said at once, and nobody looks for it."""
    client = open_client(limited_exchange, connection_pool={"connect_timeout": 0.2, "max_retries": 0})
    limited_exchange.close()
    with pytest.raises(NeverSent):
        client.orders.place(far)
    assert limited_exchange.stats.requests["getOrderBook"] == 0
