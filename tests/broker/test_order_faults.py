"""Every fault of the exchange on the routes of orders: a typed error or success, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit.broker import orders
from kit.broker.client import AngelAPIClient
from kit.errors import KitError
from kit.market.instruments import instrument
from kit.model import GTTRule, OrderRequest
from kit.simulator.faults import NAMES

CALL, SHARE = "BANKNIFTY29DEC2657000CE", "SBIN-EQ"
SHORT = {"stall": "stall:2.2", "slow-body": "slow-body:0.2"}
FAULTS = [
    SHORT.get(name, name) for name in NAMES if name != "expired-token"
]  # a login each: a test of its own
READS: dict[str, Callable[[AngelAPIClient], object]] = {
    "getTradeBook": lambda client: client.orders.fills(),
    "getPosition": lambda client: client.orders.positions(),
    "getHolding": lambda client: client.orders.holdings(),
    "getRMS": lambda client: client.orders.funds(),
    "batch": lambda client: client.orders.margin([_order(client)]),
    "estimateCharges": lambda client: client.orders.charges([_order(client)]),
    "ruleList": lambda client: client.orders.gtt.rules(),
}


def _order(client: AngelAPIClient) -> OrderRequest:
    return OrderRequest.in_lots(instrument(client.instruments().symbol(CALL)[0]), "BUY", 2, 500.0)


def _tried(act: Callable[[], object]) -> bool:
    """Tell whether something succeeded; what fails otherwise than by a typed error fails the test."""
    try:
        act()
    except KitError:
        return False
    return True


@pytest.fixture
def client(open_client, dealing, monkeypatch, next_password, wide_limits):
    """Open a client that tries once and waits little, at an exchange that is as new afterwards."""
    monkeypatch.setattr(orders, "_LOOK_AGAIN_S", 0.01)
    made = open_client(connection_pool={"max_retries": 0, "timeout": 2, "circuit_failures": 1000})
    made.login()
    made.instruments()
    next_password()
    yield made
    dealing.faults.clear()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_an_order_route_doubles_nothing(client, dealing, fault, monkeypatch):
    """Placed and changed through the fault, and again until it succeeds: one order, as it was to be."""
    if "stall" in fault:  # it arrives after its time-out: the looks into the book outlast it, as they do
        monkeypatch.setattr(orders, "_LOOK_AGAIN_S", 0.5)
    account, wanted = dealing.app.state.dealings.account, _order(client)
    dealing.faults.add("placeOrder", fault)
    _tried(lambda: client.orders.place(wanted))
    dealing.faults.clear()
    placed = client.orders.place(wanted)
    assert [order.tag for order in account.orders] == [wanted.tag]
    assert placed.order_id == account.orders[0].number
    row = client.orders.details(placed)
    dealing.faults.add("modifyOrder", fault)
    _tried(lambda: client.orders.modify(row, price_inr=501.0))
    dealing.faults.clear()
    assert _tried(lambda: client.orders.modify(row, price_inr=501.0))
    assert [(order.price, order.quantity) for order in account.orders] == [(501.0, 60)]
    dealing.faults.add("cancelOrder", fault)
    ended = _tried(lambda: client.orders.cancel(placed))
    dealing.faults.clear()
    assert account.orders[0].status == "cancelled" if ended else _tried(lambda: client.orders.cancel(placed))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_look_is_a_typed_error(client, dealing, fault):
    """Books, funds, estimates and rules are told through a fault or refused by name, and told afterwards."""
    for route in READS:
        dealing.faults.add(route, fault)
    with ThreadPoolExecutor(
        len(READS) if "stall" in fault else 1
    ) as threads:  # stalls are waited for at once
        list(threads.map(lambda look: _tried(lambda: look(client)), READS.values()))
    dealing.faults.clear()
    assert all(_tried(lambda route=route: READS[route](client)) for route in ("batch", "estimateCharges"))


@pytest.mark.parametrize(
    "fault", ["drop-before", "drop-after", "html-502", "expired-token", "rate-text", "data-null"]
)
def test_a_rule_in_doubt_is_seen_in_the_list(client, dealing, fault):
    """A rule whose answer is lost is not sent again by itself: there is one or none, and the list tells."""
    share = instrument(client.instruments().symbol(SHARE)[0])
    dealing.faults.add("createRule", fault)
    made = _tried(lambda: client.orders.gtt.create(GTTRule(share, "BUY", 3, 500.0, 501.0)))
    dealing.faults.clear()
    kept = len(dealing.app.state.dealings.rules.listed(["FORALL"], 1, 10))
    assert len(client.orders.gtt.rules()) == kept <= 1
    assert kept == 1 or not made
