"""The paper account against a slow one that was written from its documents alone."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan, nan
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kit.backtest.plan import FillRules, QuoteFills, Slippage
from kit.clock import ManualClock
from kit.errors import InvalidOrder
from kit.model import OrderRequest, PlacedOrder
from kit.model.tick import DepthLevel, Tick
from kit.trading import PaperAccount
from tests.trading.slow_account import SlowAccount, SlowOrder, average


class Pair:
    """One account twice: every deed is done to both."""

    def __init__(self, seed: int, path: Path, clock: ManualClock, contracts: dict[str, Any]) -> None:
        self.random, self.path, self.clock, self.contracts = Random(seed), path, clock, contracts
        slip, ahead = self.random.choice([0, 0, 1]), self.random.choice([0.0, 0.5, 1.0, 2.0])
        self.loss_inr = self.random.choice([1e9, 3_000.0])
        self.rules = FillRules(
            slippage=Slippage(ticks=slip) if slip else None, quotes=QuoteFills(model="touch", ahead=ahead)
        )
        self.account = self.opened()
        self.slow = SlowAccount(clock.now().date(), ahead, slip, self.loss_inr)
        self.middle, self.volume = dict.fromkeys(contracts, 100.0), dict.fromkeys(contracts, 0.0)
        self.placed: list[tuple[PlacedOrder, SlowOrder]] = []

    def opened(self) -> PaperAccount:
        """Return the account of the journal."""
        return PaperAccount(
            self.path, fills=self.rules, capital_inr=1e9, clock=self.clock, daily_loss_inr=self.loss_inr
        )

    def quote(self, token: str) -> None:
        """Show a quote of a second later."""
        draw, mid = self.random, round(self.middle[token] + self.random.randint(-10, 10) * 0.05, 2)
        self.middle[token], self.volume[token] = mid, self.volume[token] + 30 * draw.randint(0, 6)
        self.clock.advance(1)
        bid, ask = (
            DepthLevel(round(mid + sign * 0.05 * draw.randint(1, 2), 2), 30.0 * draw.randint(1, 5), 1)
            for sign in (-1, 1)
        )
        last = draw.choice([bid.price, ask.price, mid, round(bid.price - 0.1, 2), round(ask.price + 0.1, 2)])
        at_ms = round(self.clock.now().timestamp() * 1000)
        volume = self.volume[token]
        tick = Tick("SNAPQUOTE", "NFO", token, 0, at_ms, last, volume=volume, bids=(bid,), asks=(ask,))
        self.account.see(tick, levels={"BANKNIFTY": 55_000.0})
        self.slow.see(tick)

    def place(self) -> None:
        """Place an order near the market."""
        draw, contract = self.random, self.random.choice(list(self.contracts.values()))
        side, near = draw.choice(["BUY", "SELL"]), self.middle[contract.token]
        kind = draw.choice(["LIMIT"] * 3 + ["MARKET", "STOPLOSS_LIMIT", "STOPLOSS_MARKET"])
        price = round(near + 0.05 * draw.randint(-5, 5), 2)
        worse = round(price + (0.05 if side == "BUY" else -0.05) * draw.randint(0, 4), 2)
        order = OrderRequest(
            contract, side, 30 * draw.randint(1, 6), order_type=kind,
            price_inr=(worse if "STOP" in kind else price) if "LIMIT" in kind else nan,
            trigger_price_inr=price if "STOP" in kind else nan,
            validity="DAY" if "STOP" in kind else draw.choice(["DAY", "DAY", "IOC"]),
            product=draw.choice(["CARRYFORWARD", "INTRADAY"]),
        )  # fmt: skip
        self.placed.append((self.account.place(order), self.slow.place(order)))

    def change(self) -> None:
        """Change or cancel an order that waits."""
        waiting = [pair for pair in self.placed if pair[1].waits]
        if not waiting:
            return
        names, order = self.random.choice(waiting)
        if self.random.random() < 0.3:
            self.account.cancel(names)
            order.status = "cancelled"
            return
        units = order.filled + 30 * self.random.randint(1, 4)
        price = round(order.price + 0.05 * self.random.randint(-3, 3), 2)
        try:
            self.account.modify(names, quantity=units, price_inr=None if isnan(price) else price)
        except InvalidOrder:  # a stop whose limit would lie before its trigger
            return
        self.slow.modify(order, units, price)

    def reopen(self) -> None:
        """Open the journal again; it knows no quotes any more."""
        self.account.close()
        self.account = self.opened()
        self.slow.restart()
        for token in self.contracts:
            self.quote(token)

    def compare(self) -> None:
        """Compare every order, position and rupee."""
        account, slow = self.account, self.slow
        assert bool(account.stopped) == slow.is_stopped
        for names, order in self.placed:
            row = account.details(names)
            mean = average(order.filled, order.value)
            assert (row.status, row.filled, row.average_price_inr) == (
                order.status, order.filled, pytest.approx(mean, nan_ok=True)
            )  # fmt: skip
        assert account.charges_inr == pytest.approx(slow.charges_inr)
        assert account.day_pnl_inr == pytest.approx(slow.pnl_inr, abs=1e-5)
        held = {(one.token, one.product): one for one in account.positions()}
        for token, product, sides in slow.held():
            (bought, paid), (sold, got) = sides[1], sides[-1]
            row, closed = held.pop((token, product)), min(bought, sold)
            earned = closed * (got / sold - paid / bought) if closed else 0.0
            worth = got - paid + (bought - sold) * slow.marks[token]
            assert (row.bought, row.sold, row.realised_inr) == (bought, sold, pytest.approx(earned, abs=1e-6))
            assert row.pnl_inr == pytest.approx(worth, abs=1e-6)
        assert not held


@pytest.mark.parametrize("seed", range(40))
def test_every_order_and_rupee_is_that_of_the_slow_account(
    seed: int, tmp_path: Path, clock: ManualClock, contract: Callable[..., Any]
) -> None:
    """Orders of all kinds, changes, restarts and a thrown switch come to the same, unit by unit."""
    pair = Pair(
        seed, tmp_path / "paper.sqlite", clock, {"101": contract(), "102": contract(right="PE", token="102")}
    )
    try:
        for token in pair.contracts:
            pair.quote(token)
        for _ in range(40):
            deeds = [
                lambda: pair.quote("101"),
                lambda: pair.quote("102"),
                pair.place,
                pair.change,
                pair.reopen,
            ]
            pair.random.choices(deeds, [20, 20, 40, 17, 3])[0]()
            if pair.slow.is_stopped:
                assert pair.account.stopped
                break
            pair.compare()
    finally:
        pair.account.close()
