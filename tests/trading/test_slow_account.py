"""The paper account against a slow one that was written from its documents alone."""

from __future__ import annotations

from datetime import date, datetime
from math import isnan, nan
from pathlib import Path
from random import Random

import pytest

from kit.backtest.plan import FillRules, QuoteFills, Slippage
from kit.clock import IST, ManualClock, square_off
from kit.errors import InvalidOrder, Rejected
from kit.model import Instrument, OrderRequest, PlacedOrder
from kit.model.tick import DepthLevel, Tick
from kit.trading import PaperAccount
from tests.trading.slow_account import SlowAccount, SlowOrder, average

LAST = date(2024, 10, 1)  # an expiry, the first day of a higher transaction tax
BEGIN = datetime(2024, 9, 30, 15, 0, tzinfo=IST)
DAYS = [datetime(2024, 10, day, hour, 0, tzinfo=IST) for day, hour in ((1, 15), (3, 10))]


def listed(token: str, expiry: date, strike: float, right: str | None) -> Instrument:
    """Return a contract of lots of 15, frozen beyond 45."""
    symbol, kind = f"BANKNIFTY{expiry:%d%b%y}{right}{strike:.0f}".upper(), "OPTIDX" if right else "FUTIDX"
    return Instrument(
        token, symbol, "BANKNIFTY", "NFO", kind, expiry, strike, right, 15, 0.05, 45 if right else 0
    )


CONTRACTS = {
    "101": listed("101", LAST, 53_000.0, "CE"),
    "102": listed("102", LAST, 53_000.0, "PE"),
    "103": listed("103", date(2024, 10, 30), -1.0, None),
}


class Pair:
    """One account twice: every deed is done to both."""

    def __init__(self, seed: int, path: Path) -> None:
        self.random, self.path, self.clock = Random(seed), path, ManualClock(BEGIN)
        draw = self.random
        slip = draw.choice([("ticks", 0.0), ("ticks", 1.0), ("percent", 0.3), ("bar_range", 0.4)])
        how = QuoteFills(
            model=("touch", "mid", "through")[seed % 3], ahead=draw.choice([0.0, 0.5, 1.0, 2.0]), seed=seed
        )
        self.loss_inr = draw.choice([1e9, 3_000.0])
        self.rules = FillRules(slippage=Slippage(**{slip[0]: slip[1]}) if slip[1] else None, quotes=how)
        self.account = self.opened()
        self.slow = SlowAccount(BEGIN, how, slip, self.loss_inr)
        self.middle, self.volume = dict.fromkeys(CONTRACTS, 100.0), dict.fromkeys(CONTRACTS, 0.0)
        self.placed: list[tuple[PlacedOrder, SlowOrder]] = []
        self.level, self.days = 53_000.0, [*DAYS]

    def opened(self) -> PaperAccount:
        """Return the account of the journal."""
        return PaperAccount(
            self.path, fills=self.rules, capital_inr=1e9, clock=self.clock, daily_loss_inr=self.loss_inr
        )

    def quote(self, token: str = "") -> None:
        """Show a quote of some seconds later."""
        draw, token = self.random, token or self.random.choice([*self.tokens()])
        mid = max(1.0, round(self.middle[token] + draw.randint(-10, 10) * 0.05, 2))
        self.middle[token], self.volume[token] = mid, self.volume[token] + 15 * draw.randint(0, 6)
        self.clock.advance(draw.choice([1, 1, 20]))
        self.slow.now, self.level = self.clock.now(), self.level + draw.randint(-20, 20)
        bid, ask = (
            DepthLevel(round(mid + sign * 0.05 * draw.randint(1, 2), 2), 15.0 * draw.randint(1, 5), 1)
            for sign in (-1, 1)
        )
        last = draw.choice([bid.price, ask.price, mid, round(bid.price - 0.1, 2), round(ask.price + 0.1, 2)])
        at_ms = round(self.clock.now().timestamp() * 1000)
        volume = self.volume[token]
        tick = Tick("SNAPQUOTE", "NFO", token, 0, at_ms, last, volume=volume, bids=(bid,), asks=(ask,))
        self.account.see(tick, levels={"BANKNIFTY": self.level})
        self.slow.see(tick)

    def tokens(self) -> list[str]:
        """Return what still trades."""
        return [token for token, one in CONTRACTS.items() if one.expiry >= self.clock.now().date()]

    def place(self) -> None:
        """Place an order near the market."""
        draw, contract = self.random, CONTRACTS[self.random.choice(self.tokens())]
        side, near = draw.choice(["BUY", "SELL"]), self.middle[contract.token]
        kind = draw.choice(["LIMIT"] * 3 + ["MARKET", "STOPLOSS_LIMIT", "STOPLOSS_MARKET"])
        price = max(0.5, round(near + 0.05 * draw.randint(-5, 5), 2))
        worse = round(price + (0.05 if side == "BUY" else -0.05) * draw.randint(0, 4), 2)
        order = OrderRequest(
            contract, side, 15 * draw.randint(1, 3), order_type=kind,
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
        units = order.filled + 15 * self.random.randint(1, 2)
        price = round(order.price + 0.05 * self.random.randint(-3, 3), 2)
        try:
            self.account.modify(names, quantity=units, price_inr=None if isnan(price) else price)
        except InvalidOrder:  # a stop whose limit would lie before its trigger, more than the freeze quantity
            return
        except Rejected:
            late = order.request.product == "INTRADAY" and self.slow.now >= square_off(self.slow.now.date())
            assert self.slow.stopped or late
            return
        self.slow.modify(order, units, price)

    def reopen(self) -> None:
        """Open the journal again; it knows no quotes any more."""
        self.account.close()
        self.account = self.opened()
        self.slow.restart()
        for token in self.tokens():
            self.quote(token)

    def switch(self) -> None:
        """Throw the kill switch, or release it."""
        if self.slow.stopped:
            self.account.resume()
            self.slow.stopped = ""
        else:
            self.account.kill("by hand")
            self.slow.stop("by hand")

    def wait(self) -> None:
        """Go to the square-off of this session, or into the next one."""
        off = self.clock.now().replace(hour=15, minute=15, second=0)
        if self.clock.now() < off:
            self.clock.at = off
            self.slow.now = off
        elif self.days:
            self.clock.at = self.days.pop(0)
            self.slow.begin_day(self.clock.now(), self.level)
            self.account.see(levels={"BANKNIFTY": self.level})

    def compare(self) -> None:
        """Compare every order, position and rupee."""
        account, slow = self.account, self.slow
        assert bool(account.stopped) == bool(slow.stopped)
        for names, order in self.placed:
            row = account.details(names)
            mean = average(order.filled, order.value)
            assert (row.status, row.filled, row.average_price_inr) == (
                order.status, order.filled, pytest.approx(mean, nan_ok=True)
            )  # fmt: skip
        assert account.charges_inr == pytest.approx(slow.charges_inr)
        assert account.pnl_inr == pytest.approx(slow.pnl_inr, abs=1e-5)
        assert account.day_pnl_inr == pytest.approx(slow.pnl_inr - slow.dawn_inr, abs=1e-5)
        held = {(one.token, one.product): one for one in account.positions()}
        for token, product, sides in slow.held():
            over = slow.over.get((token, product), {1: (0, 0.0), -1: (0, 0.0)})
            bought, paid, sold, got = (
                sides[way][part] - over[way][part] for way in (1, -1) for part in (0, 1)
            )
            row, closed = held.pop((token, product), None), min(bought, sold)
            if row is None:  # closed on an earlier day
                assert bought == sold == 0
                continue
            earned = closed * (got / sold - paid / bought) if closed else 0.0
            worth = got - paid + (bought - sold) * slow.marks[token]
            assert (row.bought, row.sold) == (bought, sold)
            assert (row.realised_inr, row.pnl_inr) == (pytest.approx(earned, abs=1e-6), pytest.approx(worth))
        assert not held


@pytest.mark.parametrize("seed", range(30))
def test_every_order_and_rupee_is_that_of_the_slow_account(seed: int, tmp_path: Path) -> None:
    """Orders, changes, restarts, switches and nights come to the same under every model, unit by unit."""
    pair = Pair(seed, tmp_path / "paper.sqlite")
    try:
        for token in pair.tokens():
            pair.quote(token)
        for _ in range(40):
            deeds = [pair.quote, pair.place, pair.change, pair.reopen, pair.switch, pair.wait]
            pair.random.choices(deeds, [40, 40, 17, 3, 3, 5])[0]()
            pair.compare()
    finally:
        pair.account.close()
