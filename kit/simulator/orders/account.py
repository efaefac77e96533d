"""The account's orders, fills, positions and money at the simulated exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from kit.clock import Clock
from kit.simulator.answers import Refused, application_error
from kit.simulator.contracts import ListedContract
from kit.simulator.depth import closes, limits
from kit.simulator.market import Market
from kit.simulator.orders import checks
from kit.simulator.orders.margin import MarginNeed, needed
from kit.simulator.orders.matching import Matcher, at_second
from kit.simulator.orders.order import AMO, CANCELLED, OPEN, PENDING, REJECTED, ExchangeOrder, Execution
from kit.simulator.orders.positions import HeldContract, Key
from kit.simulator.orders.words import words

OPENING_CASH_INR = 1_000_000.0


class SimulatedAccount:
    """What one client has at the broker.

    Parameters
    ----------
    market : Market
        Prices and books.
    clock : Clock
        The market's present.

    Attributes
    ----------
    cash : float
        Rupees; what is tied up is not taken off.
    orders, fills : list
        Of the running day, oldest first.
    held : dict
        `HeldContract` by token and product.
    shares : dict
        What was delivered, by token.
    seen : datetime
        Up to when everything has happened.
    """

    def __init__(self, market: Market, clock: Clock) -> None:
        self.market = market
        self.matcher = Matcher(market)
        self.cash = OPENING_CASH_INR
        self.orders: list[ExchangeOrder] = []
        self.fills: list[Execution] = []
        self.held: dict[Key, HeldContract] = {}
        self.shares: dict[str, HeldContract] = {}
        self.seen = clock.now()
        self._serial = count(1)

    def place(self, contract: ListedContract, asked: Mapping[str, Any], now: datetime) -> ExchangeOrder:
        """Take an order; where a check fails it is in the book as rejected, with the reason.

        Parameters
        ----------
        contract : ListedContract
            What is traded.
        asked : mapping
            The request's fields, their words checked.
        now : datetime
            The market's present.
        """
        if len(self.orders) >= _MOST_ORDERS:
            raise checks.unfit("AB1004")
        variety = str(asked["variety"])
        trading = checks.is_trading(contract, now)
        if not trading and asked["duration"] == "DAY":
            variety = AMO_VARIETY  # the broker's page: after market hours every order is one
        order = ExchangeOrder(
            f"{now:%y%m%d}{next(self._serial):09d}" + ("AO" if variety == AMO_VARIETY else ""),
            contract,
            str(asked["transactiontype"]),
            str(asked["ordertype"]),
            str(asked["producttype"]),
            str(asked["duration"]),
            variety,
            *prices_of(asked),
            str(asked.get("ordertag") or ""),
            now,
        )
        self.orders.append(order)
        why = self._market_refuses(order, trading) or self._refuses(order, now)
        if why:
            order.end(REJECTED, why, now)
        elif variety == AMO_VARIETY:
            order.status, order.updated = AMO, now
        else:
            self.release(order, now)
        return order

    def enter(
        self, contract: ListedContract, side: str, product: str, units: int, at: datetime, text: str
    ) -> None:
        """Send a market order of the broker's own, which asks for no funds."""
        number = f"{at:%y%m%d}{next(self._serial):09d}"
        words = (side, "MARKET", product, "DAY", "NORMAL")
        order = ExchangeOrder(number, contract, *words, units, 0.0, 0.0, "", at, text=text)
        self.orders.append(order)
        self.release(order, at)

    def deliver(self, held: HeldContract) -> None:
        """Put shares that were bought into the holdings, or take those that were sold out of them."""
        token, units = held.contract.token, held.carried
        kept = self.shares.setdefault(token, HeldContract(held.contract, "DELIVERY"))
        if units > 0:
            value = kept.carried * kept.carried_price + units * held.carried_price
            kept.carried_price = value / (kept.carried + units)
        kept.carried += units
        if not kept.carried:
            del self.shares[token]

    def release(self, order: ExchangeOrder, now: datetime) -> None:
        """Let an accepted order reach the book."""
        second = int(now.timestamp())
        order.updated, order.status = now, OPEN
        if order.kind == "MARKET":
            order.kind, order.price = "LIMIT", self.matcher.protected(order, second)
        if order.kind.startswith("STOPLOSS") and not order.triggered:
            order.status = PENDING
            if self.matcher.is_triggered(order, second):
                self.book(self.matcher.trigger(order, second, self.orders))
        else:
            self.book(self.matcher.arrive(order, second, self.orders))

    def modify(self, order: ExchangeOrder, asked: Mapping[str, Any], now: datetime) -> None:
        """Change kind, prices, quantity or duration; the order goes to the end of its queue.

        Raises
        ------
        Refused
            Nothing can come of the order any more, or the change does not fit.
        """
        asked = {name: value for name, value in asked.items() if value not in ("", None)}
        kind = str(asked.get("ordertype", order.kind))
        checks.kind_fits(order.variety, kind)
        before = (order.kind, order.duration, order.quantity, order.price, order.trigger)
        asked = {**dict(zip(_CHANGED, map(str, before), strict=True)), **asked}
        quantity, price, trigger = prices_of({**asked, "ordertype": "LIMIT"} if order.triggered else asked)
        if order.triggered:
            kind, trigger = order.kind, order.trigger
        if not order.is_working or quantity <= order.filled:
            raise checks.unfit("AB1013")
        order.kind, order.duration = kind, str(asked["duration"])
        order.quantity, order.price, order.trigger = quantity, price, trigger
        order.blocked, blocked = 0.0, order.blocked
        if why := self._refuses(order, now):
            order.kind, order.duration, order.quantity, order.price, order.trigger = before
            order.blocked = blocked
            raise Refused(application_error("AB1007", why))
        order.updated = now
        if order.status != AMO:
            self.release(order, now)

    def book(self, fills: Iterable[Execution]) -> None:
        """Enter executions into fills, positions and money, in the order in which they happened."""
        for fill in sorted(fills, key=lambda one: one.at_s):
            fill.order.updated = at_second(fill.at_s)
            self.fills.append(fill)
            self.cash += self.position(fill.order.contract, fill.order.product).apply(fill)

    def position(self, contract: ListedContract, product: str) -> HeldContract:
        """Return what is held of a contract under a product, nothing included."""
        key = (contract.token, product)
        return self.held.setdefault(key, HeldContract(contract, product))

    def convert(self, contract: ListedContract, old: str, new: str, units: int, now: datetime) -> None:
        """Move units of today, positive bought and negative sold, from one product to another.

        Raises
        ------
        Refused
            AB1017: not so many are held, a part is no whole lots, funds are missing, or INTRADAY is over.
        """
        here, there = self.position(contract, old), self.position(contract, new)
        today = here.bought if units > 0 else -here.sold
        is_part = units % contract.lot and units != here.net
        if is_part or abs(units) > min(abs(today), abs(here.net)) or units * here.net <= 0:
            raise checks.unfit("AB1017")
        if new == "INTRADAY" and not checks.takes_intraday(contract, now):
            raise checks.unfit("AB1017")
        before = here.moved + there.moved
        here.move(units, there)
        cash = here.moved + there.moved - before  # what was paid for comes back, and the reverse
        self.cash += cash
        if self.free(now) < self.blocked():
            there.move(units, here)
            self.cash -= cash
            raise checks.unfit("AB1017")

    def cancel(self, orders: Iterable[ExchangeOrder], at: datetime, text: str = "") -> None:
        """Cancel what still works of orders."""
        for order in orders:
            if order.is_working:
                order.end(CANCELLED, text, at)

    def margin(self, now: datetime, orders: Sequence[ExchangeOrder] = ()) -> MarginNeed:
        """Return what the positions need, with orders as if they were filled."""
        rows = [(held.contract, held.product, held.net) for held in self.held.values()]
        rows += [(order.contract, order.product, order.sign * order.left) for order in orders]
        return needed(self.market, rows, now)

    def free(self, now: datetime, order: ExchangeOrder | None = None) -> float:
        """Return the rupees that nothing ties up, orders that wait left out; `order` as if it were filled."""
        cash = self.cash + sum(min(0.0, profit) for profit in self._open_profits(now))
        if order is None:
            return cash - self.margin(now).total
        held = HeldContract(order.contract, order.product)
        price = order.price or order.trigger or self.market.quotes([order.contract], now)[0].ltp
        paid = order.sign * order.left * price if held.is_paid else 0.0
        return cash - paid - self.margin(now, [order]).total

    def blocked(self) -> float:
        """Return the rupees set aside for orders that wait."""
        return sum(order.blocked for order in self.orders if order.is_working)

    def _open_profits(self, now: datetime) -> list[float]:
        """Return the open profit of what is not paid for: a loss of it has to be had in cash."""
        rows = [held for held in self.held.values() if not held.is_paid and held.net]
        quotes = self.market.quotes([held.contract for held in rows], now)
        return [held.unrealised(quote.ltp) for held, quote in zip(rows, quotes, strict=True)]

    def _market_refuses(self, order: ExchangeOrder, trading: bool) -> str:
        if order.variety == AMO_VARIETY and trading:
            return words("amo_while_open")
        if order.variety != AMO_VARIETY and not trading:
            return words("closed")
        intraday = checks.takes_intraday(order.contract, order.placed)
        if trading and order.product == "INTRADAY" and not intraday:
            return words("after_square_off")
        return ""

    def _refuses(self, order: ExchangeOrder, now: datetime) -> str:
        """Return why an order is rejected, else set its funds aside and return nothing."""
        contract = order.contract
        (quote,) = self.market.quotes([contract], now)
        prices = {"order price": order.price, "trigger price": order.trigger}
        why = checks.rejection(contract, order.quantity, prices, limits(quote, closes(now), now), now)
        if not why and order.status == OPEN and order.updated:  # a change of what is in the book
            why = self.matcher.refuses(order, int(now.timestamp()))
        if not why and contract.kind == "SHARE" and order.product == "DELIVERY" and not order.is_buy:
            why = self._lacks_shares(order)
        if why:
            return why
        need = max(0.0, self.free(now) - self.free(now, order))
        available = self.free(now) - self.blocked() + order.blocked
        if need > available:
            return words("funds", available=available, needed=need)
        order.blocked = need
        return ""

    def _lacks_shares(self, order: ExchangeOrder) -> str:
        delivered = self.shares.get(order.contract.token)
        has = self.position(order.contract, order.product).net + (delivered.carried if delivered else 0)
        has -= sum(
            one.left for one in self.orders
            if one is not order and one.is_working and not one.is_buy
            and (one.contract.token, one.product) == (order.contract.token, order.product)
        )  # fmt: skip
        return "" if has >= order.left else words("holdings", has=has, asked=order.left)


AMO_VARIETY = "AMO"
_MOST_ORDERS = 10_000  # of a day: nobody fills the memory
_CHANGED = ("ordertype", "duration", "quantity", "price", "triggerprice")


def prices_of(asked: Mapping[str, Any]) -> tuple[int, float, float]:
    """Return quantity, price and trigger of a request; a price that its kind does not have is 0.

    Raises
    ------
    Refused
        The quantity is no positive whole number, or a price that its kind needs is none.
    """
    kind = str(asked["ordertype"])
    quantity = checks.number(asked.get("quantity"))
    price = checks.number(asked.get("price")) if kind.endswith("LIMIT") else 0.0
    trigger = checks.number(asked.get("triggerprice")) if kind.startswith("STOPLOSS") else 0.0
    missing = (kind.endswith("LIMIT") and price <= 0) or (kind.startswith("STOPLOSS") and trigger <= 0)
    if quantity <= 0 or quantity != int(quantity) or missing:
        raise checks.unfit()
    return int(quantity), price, trigger
