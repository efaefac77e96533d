"""A process that places numbered orders on a paper account and says which it has placed; to be killed."""

from __future__ import annotations

from datetime import date, datetime
from itertools import count

from kit.clock import IST, ManualClock
from kit.model import Instrument, OrderRequest
from kit.model.tick import DepthLevel, Tick
from kit.trading import PaperAccount

AT = datetime(2026, 11, 25, 10, 0, tzinfo=IST)
CALL = Instrument(
    "101",
    "BANKNIFTY29DEC2655000CE",
    "BANKNIFTY",
    "NFO",
    "OPTIDX",
    date(2026, 12, 29),
    55_000.0,
    "CE",
    30,
    0.05,
)


def quote(number: int) -> Tick:
    """Return the quote of an order: so many units as it asks for, at a price of its own."""
    price = 100 + 0.05 * (number % 50)
    ask = (DepthLevel(price, 30.0, 1),)
    return Tick("SNAPQUOTE", "NFO", "101", number, round(AT.timestamp() * 1000), price, asks=ask)


def order(number: int) -> OrderRequest:
    """Return an order by its number: always the same."""
    return OrderRequest(CALL, "BUY", 30, order_type="MARKET", tag=f"order-{number}")


def work(journal: str, first: str) -> None:
    """Place orders from a number on, telling of each, until somebody ends this process."""
    with PaperAccount(journal, clock=ManualClock(AT), capital_inr=1e9) as paper:
        for number in count(int(first)):
            paper.see(quote(number))
            paper.place(order(number))
            print(number, flush=True)  # noqa: T201  to whoever may kill this process
