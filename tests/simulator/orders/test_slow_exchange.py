"""The simulated exchange against a slow one that was written from its documents alone."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from math import isnan, nan
from random import Random
from typing import Any

import pytest

from kit.clock import IST, next_open
from kit.simulator.quote_routes import rows_of
from tests.simulator.orders.slow_book import NIGHT, OPEN, PENDING, SlowOrder
from tests.simulator.orders.slow_exchange import SlowExchange, SlowRule

CALL, FUTURE, SHARE = "BANKNIFTY29DEC2657000CE", "BANKNIFTY29DEC26FUT", "SBIN-EQ"
EXPIRING = "BANKNIFTY23NOV2657000CE"
EXPIRY = datetime(2026, 11, 23, 15, 40, tzinfo=IST)
KINDS = {"LIMIT": 6, "MARKET": 2, "STOPLOSS_LIMIT": 2, "STOPLOSS_MARKET": 1}


class Pair:
    """One account twice: every deed is done to both."""

    def __init__(self, seed: int, floor: Any) -> None:
        self.random, self.floor = Random(seed), floor
        self.slow = SlowExchange(floor.state.market, floor.clock.now())
        self.names: dict[str, SlowOrder] = {}
        self.rules: list[tuple[str, SlowRule]] = []
        self.begin = self.worth()

    def near(self, symbol: str) -> tuple[float, Any, tuple[float, float]]:
        """Return a price about the market's, the quote, and the day's range as the quote shows it."""
        quote, tick = self.floor.quote(symbol), self.floor.contract(symbol).tick
        (row,) = rows_of(self.floor.state, "FULL", [quote], self.floor.clock.now())
        price = round(round(quote.ltp / tick + self.random.randint(-8, 8)) * tick, 2)
        draw = self.random.random()
        price = 3 * quote.ltp // tick * tick if draw < 0.02 else price + 0.01 if draw < 0.04 else price
        return max(tick, round(price, 2)), quote, (row["lowerCircuit"], row["upperCircuit"])

    def place(self) -> None:
        """Place an order near the market."""
        draw = self.random
        known = [CALL, CALL, CALL, FUTURE, SHARE]
        symbol = draw.choice(known + [EXPIRING] * (self.floor.clock.now() < EXPIRY))
        contract, (price, _, band) = self.floor.contract(symbol), self.near(symbol)
        kind, sign = draw.choices(list(KINDS), list(KINDS.values()))[0], draw.choice([1, -1])
        is_stop, is_amo = kind.startswith("STOP"), draw.random() < 0.04
        product = draw.choice(["DELIVERY" if symbol == SHARE else "CARRYFORWARD", "INTRADAY"])
        lots = draw.randint(1, 21 if draw.random() < 0.2 else 8) * (50 if symbol == SHARE else 1)
        units = contract.lot * lots + (draw.random() < 0.03)
        trigger = price if is_stop else 0.0
        limit = nan if kind.endswith("MARKET") else price
        if is_stop and kind.endswith("LIMIT"):
            limit = max(contract.tick, round(price + sign * contract.tick * draw.randint(0, 5), 2))
        order = SlowOrder(contract, sign, units, limit, trigger, product, draw.random() < 0.1)
        self.slow.place(order, is_amo=is_amo, band=band)
        row = self.floor.place(
            symbol, "BUY" if sign > 0 else "SELL", units, 0.0 if isnan(limit) else limit,
            ordertype=kind, producttype=product, duration="IOC" if order.is_ioc else "DAY",
            variety="AMO" if is_amo else "STOPLOSS" if is_stop else "NORMAL", triggerprice=f"{trigger:.2f}",
        )  # fmt: skip
        self.names[row["orderid"]] = order

    def change(self) -> None:
        """Change or cancel an order that waits."""
        waiting = [pair for pair in self.names.items() if pair[1].status in (OPEN, PENDING, NIGHT)]
        if not waiting:
            return
        number, order = self.random.choice(waiting)
        row = self.floor.row(number)
        named = {"variety": row["variety"], "orderid": number}
        if self.random.random() < 0.25:
            order.status = "cancelled"
            assert self.floor.ask("cancelOrder", **named)["status"] is True
            return
        price, _, band = self.near(order.contract.symbol)
        units = order.quantity - order.left + order.contract.lot * self.random.randint(1, 8)
        limit = nan if isnan(order.limit) else price
        changed = {} if isnan(limit) else {"price": f"{price:.2f}"}
        self.slow.modify(order, units, limit, band)
        self.floor.ask("modifyOrder", **named, **changed, quantity=str(units))

    def rule(self) -> None:
        """Ask for a rule of the share near its price."""
        quote = self.near(SHARE)[1]
        trigger = round(quote.ltp + 0.05 * self.random.randint(-20, 20), 2)
        sign = 1 if self.random.random() < 0.7 else -1
        price = round(quote.ltp + 0.05 * self.random.randint(-20, 20), 2)
        order = SlowOrder(self.floor.contract(SHARE), sign, 10, price, 0.0, "DELIVERY")
        number = self.floor.ask(
            "createRule", tradingsymbol=SHARE, symboltoken="3045", exchange="NSE", producttype="DELIVERY",
            transactiontype="BUY" if sign > 0 else "SELL", price=price, qty=10, triggerprice=trigger,
            disclosedqty=0,
        )["data"]["id"]  # fmt: skip
        made = SlowRule(order, trigger, trigger > quote.ltp)
        self.slow.rules.append(made)
        self.rules.append((number, made))

    def convert(self) -> None:
        """Move a lot of what today's trades hold to the other product."""
        held = [key for key in self.slow.held if self.slow.net(key)]
        if not held:
            return
        token, product = self.random.choice(held)
        contract, sign = self.slow.contracts[token], 1 if self.slow.net((token, product)) > 0 else -1
        kept = "CARRYFORWARD" if contract.expiry else "DELIVERY"
        other, lot = kept if product == "INTRADAY" else "INTRADAY", contract.lot
        answer = self.floor.ask(
            "convertPosition", exchange=contract.exchange, symboltoken=token, oldproducttype=product,
            type="DAY", newproducttype=other, transactiontype="BUY" if sign > 0 else "SELL",
            quantity=str(lot),
        )  # fmt: skip
        carried = self.slow.carried[token, product] if sign > 0 else 0
        today = min(self.slow.held[token, product][sign] - carried, abs(self.slow.net((token, product))))
        assert answer["status"] is (
            today >= lot and (other != "INTRADAY" or self.slow.takes_intraday(contract))
        )
        if answer["status"]:
            self.slow.move(token, product, other, sign * lot)

    def wait(self) -> None:
        """Let time pass: seconds, minutes, to an hour of the day, to the next session."""
        now = self.floor.clock.now().replace(microsecond=0)
        gap = self.random.choice([1, 2, 5, 30, 120, 400, 1200, 0])
        to = now + timedelta(seconds=gap)
        if not gap:
            hours = [
                now.replace(hour=h, minute=m, second=self.random.choice([0, 58]))
                for h, m in ((14, 59), (15, 14), (15, 24), (15, 39))
            ]
            to = next((one for one in hours if one > now), next_open(now) - timedelta(seconds=3))
        self.floor.clock.jump(to)
        self.slow.until(to)

    def worth(self) -> float:
        """Return cash and what is held at its last price."""
        account = self.floor.account
        total = account.cash
        for one in [*account.held.values(), *account.shares.values()]:
            ltp = self.floor.quote(one.contract.symbol).ltp if one.net else 0.0
            total += one.net * ltp if one.is_paid else one.unrealised(ltp)
        return total

    def compare(self) -> None:
        """Compare every order, execution, position, rule and rupee."""
        rows, trades, slow = self.floor.ask("getOrderBook")["data"] or [], self.floor.trades(), self.slow
        fills: dict[str, list[tuple[float, int]]] = {row["orderid"]: [] for row in rows}
        for one in trades:
            fills[one["orderid"]].append((float(one["fillprice"]), int(one["fillsize"])))
        book = [(r["tradingsymbol"], r["status"], int(r["quantity"]), fills[r["orderid"]]) for r in rows]
        mine = [(one.contract.symbol, one.status, one.quantity, one.fills) for one in slow.orders]
        assert sorted(book) == sorted(mine)
        account = self.floor.account
        held = {key: one.net for key, one in account.held.items() if one.net}
        assert held == {key: slow.net(key) for key in slow.held if slow.net(key)}
        listed = self.floor.ask("ruleList", status=["FORALL"], page=1, count=99)["data"] or []
        assert {str(row["id"]): row["status"] for row in listed} == {
            name: rule.status for name, rule in self.rules
        }
        units = Counter({token: net for token, net in slow.shares.items() if net})
        for (token, _), net in held.items():
            units[token] += net
        worth = sum(net * self.floor.quote(slow.contracts[token].symbol).ltp for token, net in units.items())
        assert self.worth() - self.begin == pytest.approx(worth - slow.spent, abs=0.01)


@pytest.mark.parametrize("seed", [3, 6, 24, 33, 227])
def test_every_order_is_that_of_the_slow_exchange(open_floor, seed):
    """Orders of all kinds, changes, rules and conversions over sessions and nights come to the same."""
    pair = Pair(seed, open_floor(datetime(2026, 11, 20, 11, 15, tzinfo=IST), 1e9))
    for _ in range(60):
        pair.random.choices(
            [pair.place, pair.change, pair.rule, pair.convert, pair.wait], [35, 18, 3, 4, 40]
        )[0]()
        pair.compare()
