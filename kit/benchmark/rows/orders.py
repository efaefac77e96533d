"""Orders and positions over the stated distance: what the budgets of these names are about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import sleep
from typing import Any

from kit.benchmark.measure import Arms
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most
from kit.broker.client import AngelAPIClient
from kit.clock import IST
from kit.desk import open_desk
from kit.market.instruments import options
from kit.model import Instrument, OrderRequest
from kit.simulator.distance import at_distance
from kit.simulator.process import launch

_MORNING = datetime(2026, 11, 20, 11, 15, tzinfo=IST)  # an open market, whatever the hour of the run
_EXPIRY, _POSITIONS = "29DEC2026", 20
_ORDER_PAUSE_S, _BOOK_PAUSE_S = 0.13, 1.05  # no sample waits for a rate limit


def _account(run: Run) -> tuple[AngelAPIClient, list[Instrument], Callable[[], Any]]:
    """Return a client that is logged in, calls to trade, and what moves it far from its exchange."""
    exchange = run.keep(launch(at=_MORNING))
    client = run.keep(open_desk(run.settings, exchange=exchange, start_workers=False)).client
    listed = options(client.instruments().rows("BANKNIFTY", "OPTIDX", _EXPIRY))
    calls = sorted((one for one in listed if one.right == "CE"), key=lambda one: abs(one.strike - 58_000))
    client.orders.funds()  # logged in, connected
    return client, calls, lambda: at_distance(exchange.url, exchange.admin_token)


@row("pipeline", "ms", at_most(150), quick=True)
def order_placement(run: Run) -> Arms:
    """Place a limit order, from the request to the broker's id, over a network of 40 ms a round trip."""
    client, (call, *_), far = run.once(_account)
    run.enter(far())
    return Arms(
        lambda: client.orders.place(OrderRequest.in_lots(call, "BUY", 1, 5.0)),
        before=lambda: sleep(_ORDER_PAUSE_S),
        rounds=10 if run.quick else 30,
        warm=1,
    )


@row("pipeline", "ms", at_most(100), quick=True)
def position_monitoring(run: Run) -> Arms:
    """Look at 20 positions with their profits, never cached, over a network of 40 ms a round trip."""
    client, calls, far = run.once(_account)
    for call in calls[:_POSITIONS]:
        client.orders.place(OrderRequest.in_lots(call, "BUY", 1, order_type="MARKET"))
    run.enter(far())
    assert len(client.orders.positions()) == _POSITIONS
    return Arms(
        client.orders.positions,
        before=lambda: sleep(_BOOK_PAUSE_S),
        rounds=3 if run.quick else 15,
        warm=1,
    )
