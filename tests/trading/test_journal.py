"""The journal: what was acknowledged survives, and replay gives the same account."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.clock import ManualClock
from kit.errors import UnreadableFile, UnwritableFile
from kit.model import OrderRequest
from kit.trading import PaperAccount, events

KILLS = int(os.environ.get("KIT_REQUIRE_KILLS", "3"))  # 50 for the full measure
CHILD = Path(__file__).with_name("places_orders.py")
spec = spec_from_file_location("places_orders", CHILD)
child = module_from_spec(spec)
spec.loader.exec_module(child)


def everything(paper: PaperAccount) -> object:
    """Return all that an account says of itself."""
    told = [asdict(one) for one in (*paper.book(), *paper.fills(), *paper.positions(), paper.funds())]
    return repr((told, paper.equity_inr, paper.day_pnl_inr, paper.charges_inr, paper.stopped))


@pytest.mark.timeout(900)
def test_killed_in_the_middle_of_orders_nothing_is_lost_or_doubled(tmp_path: Path, killed_at_work):
    """What was told is there once, what is placed again is one order, and each unit is filled once."""
    journal, chance, last = tmp_path / "paper.sqlite", random.Random(16), 0
    for _ in range(KILLS):
        again = max(0, last - 3)  # whoever does not know what arrived places it again
        lines, pause_s = chance.randint(4, 12), chance.random() * 0.02
        last = int(killed_at_work(CHILD, journal, again, lines=lines, pause_s=pause_s)[-1])
        tags = Counter(tag for tag, _ in orders_of(journal))
        assert set(tags.values()) == {1}
        assert {f"order-{number}" for number in range(last + 1)} <= set(tags)
    with PaperAccount(journal, clock=ManualClock(child.AT)) as paper:
        for number in range(last + 2):
            paper.place(child.order(number))
        for number in range(10):  # a kill between an order and its fill leaves it waiting
            paper.see(child.quote(10**6 + number))
        assert {row.status for row in paper.book()} == {"complete"}
        placed = len(paper.book())
        assert placed in (last + 2, last + 3)
        assert sum(fill.quantity for fill in paper.fills()) == 30 * placed
        assert Counter(fill.order_id for fill in paper.fills()).most_common(1)[0][1] == 1


def orders_of(journal: Path) -> list[tuple[str, str]]:
    """Return tag and id of every order that a journal holds."""
    database = sqlite3.connect(journal)
    rows = database.execute("select kind, body from events order by number").fetchall()
    database.close()
    read = [events.read(kind, body) for kind, body in rows]
    return [(one.order.tag, one.order_id) for one in read if isinstance(one, events.OrderTaken)]


def test_replay_gives_the_same_account(opened, contract, quote):
    """After orders of every fate the account that is opened again says the same of everything."""
    paper = opened()
    paper.see(quote(100.0, 100.5, size=90), levels={"BANKNIFTY": 55_000.0})
    paper.place(OrderRequest(contract(), "BUY", 120, 101.0))
    paper.place(OrderRequest(contract(), "SELL", 30, 130.0, "STOPLOSS_LIMIT", 135.0))
    waits = paper.place(OrderRequest(contract(), "BUY", 30, 90.0))
    paper.modify(waits, price_inr=91.0)
    paper.cancel(paper.place(OrderRequest(contract(), "BUY", 30, 80.0)))
    paper.place(OrderRequest(contract(strike=56_000.0, token="7"), "SELL", 600, 99.0))
    paper.see(quote(104.0, 104.5, sequence=1))
    before = everything(paper)
    assert everything(opened()) == before


@given(st.floats(), st.floats(min_value=0.05, max_value=1e5), st.text(max_size=20))
def test_an_event_reads_as_it_was_written(price, other, words):
    """Whatever numbers and words an event holds, NaN among them, it comes back the same."""
    for event in (
        events.OrderChanged(child.AT, words, 30, price, other),
        events.OrderFilled(child.AT, words, 30, other),
        events.OrderTaken(child.AT, "1", OrderRequest(child.CALL, "BUY", 30, order_type="MARKET"), words),
        events.PricesMarked(child.AT, {words: price}),
    ):
        assert repr(events.read(*events.written(event))) == repr(event)


def test_a_full_disk_places_nothing(opened, contract, quote, tmp_path):
    """When the journal cannot grow the order is refused by name and has not happened."""
    paper = opened()
    paper.see(quote(100.0, 100.5))
    pages = paper._dealing.journal._database.execute("pragma page_count").fetchone()[0]
    paper._dealing.journal._database.execute(f"pragma max_page_count = {pages}")

    def place_many() -> None:
        for number in range(200):
            paper.place(OrderRequest(contract(), "BUY", 30, 90.0, tag=f"t{number}"))

    with pytest.raises(UnwritableFile, match="full"):
        place_many()
    assert paper.find(f"t{len(paper.book())}") is None
    paper._dealing.journal._database.execute("pragma max_page_count = 100000")
    late = paper.place(OrderRequest(contract(), "BUY", 30, 90.0, tag="room-again"))
    assert paper.details(late).status == "open"
    before = everything(paper)
    assert everything(opened()) == before


def test_another_process_keeps_its_journal_to_itself(tmp_path):
    """While one process holds a journal another is refused by name, and has it once the first was killed."""
    journal = tmp_path / "paper.sqlite"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from places_orders import work; work(sys.argv[2], '0')"
    )
    call = [sys.executable, "-c", code, str(CHILD.parent), str(journal)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "0\n"
        with pytest.raises(UnwritableFile, match="open elsewhere"):
            PaperAccount(journal, clock=ManualClock(child.AT))
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    with PaperAccount(journal, clock=ManualClock(child.AT)) as paper:
        assert paper.find("order-0").filled == 30


def test_a_row_that_is_no_event_is_named(opened, tmp_path):
    """A journal with a damaged row is not opened as if nothing were wrong."""
    opened().close()
    database = sqlite3.connect(tmp_path / "paper.sqlite")
    with database:
        database.execute("insert into events (kind, body) values ('OrderFilled', '{}')")
    database.close()
    with pytest.raises(UnreadableFile, match="unknown event"):
        opened()


@pytest.mark.parametrize("how", ["cut", "flip", "zero"])
def test_a_damaged_file_is_refused_by_name_or_harmless(opened, contract, quote, tmp_path, how):
    """Whatever bytes are lost, turned or emptied, the journal is unreadable or the account what it was."""
    paper = opened()
    for number in range(30):
        paper.see(quote(100.0, 100.5, sequence=number))
        paper.place(OrderRequest(contract(), "BUY", 30, order_type="MARKET"))
    before = len(paper.book()), len(paper.fills()), paper.positions()
    paper.close()
    whole, random, refused = (tmp_path / "paper.sqlite").read_bytes(), Random(how), 0
    for number in range(30):
        damaged, at = bytearray(whole), random.randrange(1, len(whole))
        if how == "cut":
            del damaged[at:]
        elif how == "zero":
            damaged[at - 1 : at + 200] = bytes(len(damaged[at - 1 : at + 200]))
        else:
            damaged[at] ^= 128  # no byte of a journal's own text has this bit
        file = tmp_path / f"{number}.sqlite"
        file.write_bytes(damaged)
        try:
            with PaperAccount(file, clock=ManualClock(child.AT)) as again:
                assert (len(again.book()), len(again.fills()), again.positions()) == before
        except UnreadableFile:
            refused += 1
    assert refused


def test_every_event_is_synced(opened):
    """The journal is kept with SQLite's full synchronisation, in a file that is the owner's alone."""
    paper = opened()
    assert paper._dealing.journal._database.execute("pragma synchronous").fetchone()[0] == 2
    assert paper._dealing.journal.path.stat().st_mode & 0o077 == 0
