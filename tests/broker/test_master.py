"""The instrument master: streamed, whole or absent, one download a day."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.broker.master import Master, fill, rows_of
from kit.errors import CacheUnavailable, KitError, ProtocolError, StaleData
from kit.settings import cache_folder
from kit.simulator.market_clock import MarketClock
from kit.simulator.server import SimulatedExchange

pytestmark = pytest.mark.usefixtures("wide_limits")
INDEX = {"token": "99926009", "symbol": "Nifty Bank", "name": "BANKNIFTY", "instrumenttype": "AMXIDX"}
ROWS = [
    INDEX,
    {"token": "26009", "symbol": "BANKNIFTY", "name": "BANKNIFTY", "instrumenttype": ""},
    {"token": "36697", "symbol": "051NSETEST27NOV36FUT", "name": "051NSETEST", "instrumenttype": "FUTSTK"},
    {"token": "1", "symbol": "Übertrag [1], {2}", "name": 'with "quotes"', "new_key": {"nested": [1, 2]}},
]


def cut(body: bytes, size: int) -> list[bytes]:
    """Cut a body into pieces."""
    return [body[at : at + size] for at in range(0, len(body), size)]


@given(st.integers(1, 400), st.sampled_from([None, 2]))
def test_rows_arrive_whole_however_the_body_is_cut(size, indent):
    """The same rows must come out whatever the pieces and the white space are, inside letters too."""
    body = json.dumps(ROWS, ensure_ascii=False, indent=indent).encode()
    assert list(rows_of(cut(body, size))) == ROWS


@given(st.integers(0, 300))
def test_half_a_body_is_refused(length):
    """A body that ends early must be an error, wherever it ends."""
    body = json.dumps(ROWS).encode()[:length]
    with pytest.raises(ProtocolError):
        list(rows_of(cut(body, 64)))


@pytest.mark.parametrize(
    "body", [b"", b"   ", b'{"status": false}', b"<html></html>", b"[1, 2]", b"[{}] more"]
)
def test_something_else_is_refused(body):
    """Anything but one JSON array of objects must be an error."""
    with pytest.raises(ProtocolError):
        list(rows_of([body]))


def test_an_empty_list_lacks_bank_nifty(exchange: SimulatedExchange):
    """A master without the Bank Nifty index must not replace a good one."""
    with closing(sqlite3.connect(":memory:")) as database, pytest.raises(ProtocolError, match="Bank Nifty"):
        fill(database, [], exchange.clock.now())


def test_look_ups(exchange: SimulatedExchange):
    """Rows must be found by name, kind, expiry and symbol, and test contracts must be gone."""
    database = sqlite3.connect(":memory:")
    fill(database, ROWS, exchange.clock.now())
    with closing(Master(database, exchange.clock.now())) as master:
        assert [row["token"] for row in master.rows("BANKNIFTY")] == ["99926009", "26009"]
        assert master.rows("BANKNIFTY", "AMXIDX") == [INDEX]
        assert master.symbol("Nifty Bank") == [INDEX]
        assert master.rows("bank nifty") == []
        assert master.names() == ["BANKNIFTY", 'with "quotes"']


def test_one_download_for_eight_threads(exchange: SimulatedExchange, open_client):
    """Eight threads of two clients of one client each must share one download, and a restart needs none."""
    before = exchange.stats.requests["instrumentMaster"]
    client = open_client()
    with ThreadPoolExecutor(8) as threads:
        masters = list(threads.map(lambda _: client.instruments(), range(8)))
    assert all(master is masters[0] for master in masters)
    assert open_client().instruments().rows("BANKNIFTY", "AMXIDX")[0]["token"] == "99926009"
    assert exchange.stats.requests["instrumentMaster"] == before + 1


def test_a_master_that_another_program_holds_is_fetched_again(exchange: SimulatedExchange, open_client):
    """A stored master under somebody's exclusive lock costs a download, not SQLite's five seconds."""
    open_client().instruments()
    (file,) = cache_folder().glob("instruments-*.sqlite")
    before, began = exchange.stats.requests["instrumentMaster"], time.monotonic()
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert open_client().instruments().symbol("Nifty Bank")
    assert exchange.stats.requests["instrumentMaster"] == before + 1
    assert time.monotonic() - began < 5


def test_a_new_day_downloads_anew(exchange: SimulatedExchange, open_client):
    """The next day's first question must download the day's master, before 08:30 it must not."""
    before = exchange.stats.requests["instrumentMaster"]
    clock = MarketClock(exchange.clock.now())
    client = open_client(clock=clock)
    first = client.instruments()
    clock.advance(20 * 3600)  # 07:15 of the next day
    assert client.instruments() is first
    clock.advance(2 * 3600)
    assert client.instruments() is not first
    assert exchange.stats.requests["instrumentMaster"] == before + 2


@pytest.mark.parametrize("fault", ["truncated-json", "drop-midway", "html-502", "empty-body"])
def test_yesterdays_serves_when_todays_fails(exchange: SimulatedExchange, open_client, fault):
    """A download that breaks must leave yesterday's copy in use, with a warning, and no draft behind."""
    clock = MarketClock(exchange.clock.now())
    client = open_client(clock=clock, connection_pool={"max_retries": 0, "backoff_factor": 0})
    client.instruments()
    clock.jump(clock.now() + timedelta(days=1))
    exchange.faults.add("instrumentMaster", fault)
    with pytest.warns(StaleData, match="20 Nov"):
        master = client.instruments()
    assert master.rows("BANKNIFTY", "AMXIDX")
    assert not list(cache_folder().glob("*.new"))


def test_a_broken_download_is_tried_again(exchange: SimulatedExchange, open_client):
    """A download that broke off must be tried again by itself."""
    exchange.faults.add("instrumentMaster", "truncated-json")
    assert open_client(connection_pool={"backoff_factor": 0}).instruments().names()


def test_no_copy_and_no_download(exchange: SimulatedExchange, open_client):
    """Without an earlier copy a failed download must be a typed error."""
    exchange.faults.add("instrumentMaster", "html-502")
    with pytest.raises(KitError):
        open_client(connection_pool={"max_retries": 0}).instruments()


def test_a_damaged_copy_is_replaced(exchange: SimulatedExchange, open_client):
    """A stored master that is no longer readable must be downloaded again."""
    open_client().instruments()
    (stored,) = cache_folder().glob("instruments-*.sqlite")
    stored.write_bytes(b"not a database, but long enough to look at" * 100)
    assert open_client().instruments().names()


def test_copies_do_not_pile_up(exchange: SimulatedExchange, open_client):
    """Masters of addresses long gone must be removed, the newest kept; nobody else may read one."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    for number in range(9):
        old = cache_folder() / f"instruments-0000000{number}.sqlite"
        old.touch()
        os.utime(old, (number, number))
    open_client().instruments()
    left = sorted(path.name for path in cache_folder().glob("instruments-*.sqlite"))
    old = [f"instruments-0000000{number}.sqlite" for number in (6, 7, 8)]
    (new,) = set(left) - set(old)
    assert set(left) == {*old, new}
    assert (cache_folder() / new).stat().st_mode & 0o077 == 0


def test_no_place_on_disk(exchange: SimulatedExchange, open_client, monkeypatch, tmp_path: Path):
    """Where the folder cannot be written, the master must be kept in memory, with a warning."""
    occupied = tmp_path / "a file, not a folder"
    occupied.write_text("")
    monkeypatch.setenv("KIT_CACHE_DIR", str(occupied))
    with pytest.warns(CacheUnavailable):
        names = open_client().instruments().names()
    assert "BANKNIFTY" in names
