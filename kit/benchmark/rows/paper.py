"""The paper account: an order that is on the disk before it counts, and a journal that is read again."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.backtest.plan import FillRules
from kit.benchmark.measure import Arms
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_least, at_most, within
from kit.clock import IST, ManualClock
from kit.model import Instrument, OrderRequest
from kit.model.tick import DepthLevel, Tick
from kit.trading import PaperAccount, events
from kit.trading.dealing import Dealing
from kit.trading.journal import Journal

_AT = datetime(2026, 11, 25, 10, 0, tzinfo=IST)
_EXPIRY, _NAME = date(2026, 12, 29), "BANKNIFTY"
_CALL = Instrument("101", f"{_NAME}29DEC2655000CE", _NAME, "NFO", "OPTIDX", _EXPIRY, 55e3, "CE", 30, 0.05)
_ORDERS = 2_000  # of a journal that is read again: a busy week


def _order(number: int) -> OrderRequest:
    return OrderRequest(_CALL, "BUY", 30, order_type="MARKET", tag=f"order-{number}")


def _folder(run: Run) -> Path:
    return Path(run.enter(TemporaryDirectory()))


@row("pipeline", "ms", at_most(25), peer=("two synced SQLite commits", within(2)), quick=True)
def paper_order(run: Run) -> Arms:
    """Place a market order on a paper account and have it filled, both events synced to the disk."""
    folder, numbers = _folder(run), count()
    paper = run.enter(PaperAccount(folder / "paper.sqlite", clock=ManualClock(_AT), capital_inr=1e12))
    asks = (DepthLevel(100.0, 1e9, 1),)
    paper.see(Tick("SNAPQUOTE", "NFO", "101", 1, round(_AT.timestamp() * 1000), 100.0, asks=asks))
    bare = sqlite3.connect(folder / "bare.sqlite")
    run.after_row(bare.close)
    for pragma in ("locking_mode = exclusive", "journal_mode = wal", "synchronous = full"):
        bare.execute(f"pragma {pragma}")
    bare.execute("create table events (number integer primary key, kind text, body text)")
    rows = [events.written(events.OrderTaken(_AT, "1", _order(0))), events.written(events.DayBegan(_AT))]

    def commits() -> None:
        for one in rows:
            with bare:
                bare.execute("insert into events (kind, body) values (?, ?)", one)

    return Arms(lambda: paper.place(_order(next(numbers))), commits, rounds=20 if run.quick else 60)


@row("pipeline", "k events/s", at_least(10), quick=True)
def paper_replay(run: Run) -> Arms:
    """Open a journal of 2,000 orders with their fills: read every event, and make the account of them."""
    journal = Journal(_folder(run) / "paper.sqlite")
    run.after_row(journal.close)
    happened: list[events.Event] = [events.AccountOpened(_AT, 1e12, "flat"), events.DayBegan(_AT)]
    for number in range(_ORDERS):
        taken = events.OrderTaken(_AT, str(number), _order(number))
        happened += [taken, events.OrderFilled(_AT, str(number), 30, 100.0)]
    journal.append(happened)

    def replay() -> None:
        assert len(Dealing(journal, FillRules()).ledger.executions) == _ORDERS

    return Arms(replay, items=len(happened), rounds=3 if run.quick else 10, warm=1)
