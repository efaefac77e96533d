"""The book as everybody sees it: the seeded levels less what was taken, with the own orders that wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any

from kit.simulator.contracts import ListedContract
from kit.simulator.depth import LEVELS, NO_LEVEL
from kit.simulator.orders.account import SimulatedAccount
from kit.simulator.orders.order import OPEN, ExchangeOrder
from kit.simulator.orders.taken import TakenSizes

Levels = list[dict[str, Any]]
ShownBook = Callable[[ListedContract, Levels, Levels], tuple[Levels, Levels]]


def unchanged(_contract: ListedContract, buys: Levels, sells: Levels) -> tuple[Levels, Levels]:
    """Return the seeded levels as they are."""
    return buys, sells


def shown_at(account: SimulatedAccount, second: int) -> ShownBook:
    """Return what turns the seeded levels of a contract, to buy and to sell, into those that are shown.

    Parameters
    ----------
    account : SimulatedAccount
        Whose orders wait, and whose executions took.
    second : int
        When, epoch seconds.
    """
    own: dict[str, list[ExchangeOrder]] = {}
    for order in account.orders:
        if order.status == OPEN:
            own.setdefault(order.contract.token, []).append(order)
    return partial(_shown, account.matcher.taken, own, second)


def _shown(
    taken: TakenSizes,
    waiting: Mapping[str, Sequence[ExchangeOrder]],
    second: int,
    contract: ListedContract,
    buys: Levels,
    sells: Levels,
) -> tuple[Levels, Levels]:
    own = waiting.get(contract.token, ())
    best_sell = min((order.price for order in own if not order.is_buy), default=inf)
    best_buy = max((order.price for order in own if order.is_buy), default=0.0)
    shown = []
    for is_bid, levels, limit in ((True, buys, best_sell), (False, sells, best_buy)):
        gone = taken.of(contract, is_bid, second)
        book = {
            level["price"]: {**level, "quantity": left}
            for level in levels
            if (left := level["quantity"] - gone.get(level["price"], 0)) > 0
            and (
                level["price"] < limit if is_bid else level["price"] > limit
            )  # else it trades in this second
        }
        for order in own:
            if order.is_buy == is_bid:
                level = book.get(order.price, {**NO_LEVEL, "price": order.price})
                more = {"quantity": level["quantity"] + order.left, "orders": level["orders"] + 1}
                book[order.price] = {**level, **more}
        best_first = sorted(book.values(), key=lambda level: float(level["price"]), reverse=is_bid)
        shown.append([*best_first[:LEVELS], *[NO_LEVEL] * (LEVELS - len(best_first))])
    return shown[0], shown[1]
