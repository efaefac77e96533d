"""Downloads: resumable, whole or absent, honest about what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from datetime import date, datetime, time
from pathlib import Path

import pandas as pd
import pytest

from kit.bars import candles, store
from kit.bars.candles import Piece
from kit.clock import IST
from kit.errors import KitError, UnknownInterval, UnknownSymbol, UnreadableFile
from kit.simulator.server import SimulatedExchange

FIRST, LAST = date(2026, 8, 3), date(2026, 11, 18)


def candle_requests(exchange: SimulatedExchange) -> int:
    """Return how many candle requests the exchange has seen."""
    return exchange.stats.requests["getCandleData"]


def test_download_and_again(exchange: SimulatedExchange, open_data, tmp_path: Path):
    """A download must keep everything, say so, and the second time ask for nothing."""
    before = candle_requests(exchange)
    done = open_data().download("BANKNIFTY", "FIVE_MINUTE", FIRST, LAST, store=tmp_path, quiet=True)
    assert candle_requests(exchange) == before + done.requests
    assert done.coverage.found == done.coverage.expected
    prints = done.frame().between_time(time(15, 15), time(15, 35))  # an auction promises no bar
    assert done.coverage.found == len(done.frame()) - len(prints)
    assert (done.coverage.missing_sessions, done.coverage.missing_bars) == ((), ())
    again = open_data().download("BANKNIFTY", "FIVE_MINUTE", FIRST, LAST, store=tmp_path, quiet=True)
    assert (again.requests, again.already) == (0, done.requests)
    assert candle_requests(exchange) == before + done.requests
    pd.testing.assert_frame_equal(again.frame(), done.frame())


def test_stored_bars_are_the_brokers(exchange: SimulatedExchange, open_data, tmp_path: Path):
    """What is read back must equal what the broker says, times included."""
    data = open_data()
    done = data.download("BANKNIFTY", "ONE_HOUR", FIRST, LAST, store=tmp_path, quiet=True)
    asked = data.candles("BANKNIFTY", "ONE_HOUR", FIRST, LAST)
    pd.testing.assert_frame_equal(done.frame(), asked, check_freq=False)


def test_a_killed_download_goes_on(exchange: SimulatedExchange, tmp_path: Path):
    """After SIGKILL in the middle, the next download must fetch the rest only and nothing be half written."""
    before = candle_requests(exchange)
    program = """
        import os, signal, sys
        from datetime import date, datetime
        from pathlib import Path
        from kit.broker.client import AngelAPIClient
        from kit.clock import IST, ManualClock
        from kit.bars import store
        from kit.market.manager import DataManager
        from kit.settings import Credentials
        url, master_url, folder, kill_at, *secrets = sys.argv[1:]
        names = ("api_key", "client_code", "pin", "totp_secret")
        clock = ManualClock(datetime(2026, 11, 20, 11, 15, tzinfo=IST))
        client = AngelAPIClient(
            Credentials(**dict(zip(names, secrets))), base_url=url, master_url=master_url, clock=clock
        )
        keep, kept = store.keep, []
        def counted(*arguments):
            if len(kept) == int(kill_at):
                os.kill(os.getpid(), signal.SIGKILL)
            kept.append(keep(*arguments))
        store.keep = counted
        done = DataManager(client).download(
            "BANKNIFTY", "ONE_MINUTE", date(2026, 8, 3), date(2026, 11, 18), store=Path(folder)
        )
        print(done.requests, done.coverage.found, done.coverage.expected)
    """
    secrets = [
        getattr(exchange.credentials, name).get_secret_value()
        for name in ("api_key", "client_code", "pin", "totp_secret")
    ]

    def run(kill_at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", textwrap.dedent(program), exchange.url, exchange.master_url]
        arguments = [str(tmp_path / "store"), str(kill_at), *secrets]
        return subprocess.run(
            [*command, *arguments], check=False, capture_output=True, text=True, env=os.environ, timeout=60
        )

    killed = run(kill_at=2)
    assert killed.returncode == -9, killed.stderr
    parts = list((tmp_path / "store").rglob("*.parquet"))
    assert len(parts) == 2
    assert all(len(pd.read_parquet(part)) for part in parts)
    finished = run(kill_at=-1)
    assert finished.returncode == 0, finished.stderr
    requests, found, expected = (int(number) for number in finished.stdout.split())
    assert found == expected
    total = len(list((tmp_path / "store").rglob("*.parquet")))
    assert requests == total - 2
    assert candle_requests(exchange) == before + total  # the piece in flight came from the cache file
    assert "requests left" in finished.stderr
    assert "by the limits" in finished.stderr


def test_faults_are_reported(exchange: SimulatedExchange, open_data, tmp_path: Path):
    """Missing last bars and broken bars must be counted and named, and left out of what is read."""
    exchange.faults.add("getCandleData", "missing-last-bars:15")
    done = open_data().download(
        "BANKNIFTY", "ONE_MINUTE", "2026-11-16", "2026-11-18", store=tmp_path, quiet=True
    )
    assert all(count == 13 for _, count in done.coverage.missing_bars)  # two were the auction's prints
    assert len(done.coverage.missing_bars) == 3
    whole = candles.pieces(candles.INTERVALS["ONE_MINUTE"], FIRST, FIRST, exchange.clock.now().date())[0]
    exchange.faults.add("getCandleData", "high-below-low:3")
    broken = open_data().download("NIFTY", "ONE_MINUTE", whole.first, whole.last, store=tmp_path, quiet=True)
    assert broken.coverage.broken_bars == 3
    assert not candles.broken(broken.frame()).any()
    assert "3 broken" in str(broken)


def test_a_failure_keeps_what_is_there(exchange: SimulatedExchange, open_data, tmp_path: Path):
    """A download that fails in the middle must keep the finished parts and go on from them."""
    data = open_data(connection_pool={"max_retries": 0})
    data.download("BANKNIFTY", "FIVE_MINUTE", "2026-08-03", "2026-08-04", store=tmp_path, quiet=True)
    exchange.faults.add("getCandleData", "denied-html")
    with pytest.raises(KitError):
        data.download("BANKNIFTY", "FIVE_MINUTE", FIRST, LAST, store=tmp_path, quiet=True)
    done = data.download("BANKNIFTY", "FIVE_MINUTE", FIRST, LAST, store=tmp_path, quiet=True)
    assert done.already >= 1
    assert done.coverage.found == done.coverage.expected


def test_a_killed_writers_draft_is_swept(open_data, tmp_path: Path):
    """The draft of a writer that was killed must go with the next download, a living writer's must stay."""
    data = open_data()
    folder = data.download("BANKNIFTY", "ONE_DAY", LAST, LAST, store=tmp_path, quiet=True).folder
    dead, living = folder / "dead.1.new", folder / "living.2.new"
    dead.touch()
    living.touch()
    os.utime(dead, (0, 0))
    data.download("BANKNIFTY", "ONE_DAY", LAST, LAST, store=tmp_path, quiet=True)
    assert (dead.exists(), living.exists()) == (False, True)


def test_a_damaged_part_is_named(open_data, tmp_path: Path):
    """A part that somebody damaged must be named with the remedy, and the remedy must work."""
    data = open_data()
    folder = data.download("BANKNIFTY", "ONE_DAY", LAST, LAST, store=tmp_path, quiet=True).folder
    (part,) = folder.glob("*.parquet")
    part.write_bytes(part.read_bytes()[:200])
    with pytest.raises(UnreadableFile, match="Delete it"):
        data.download("BANKNIFTY", "ONE_DAY", LAST, LAST, store=tmp_path, quiet=True)
    part.unlink()
    assert len(data.download("BANKNIFTY", "ONE_DAY", LAST, LAST, store=tmp_path, quiet=True).frame()) == 1


def test_an_empty_answer_is_not_final(exchange: SimulatedExchange, open_data, tmp_path: Path):
    """A piece that came back empty must be asked for again the next time."""
    exchange.faults.add("getCandleData", "data-null")
    first = open_data().download("BANKNIFTY", "ONE_HOUR", FIRST, LAST, store=tmp_path, quiet=True)
    assert first.coverage.missing_sessions
    second = open_data().download("BANKNIFTY", "ONE_HOUR", FIRST, LAST, store=tmp_path, quiet=True)
    assert second.coverage.found == second.coverage.expected


def test_the_piece_of_the_present_grows(open_data, tmp_path: Path):
    """The next session, whole days must replace the running one, and every bar be there once and final."""
    days = ("2026-11-16", "2026-11-23")
    with SimulatedExchange(seed=7, at=datetime(2026, 11, 20, 11, 17, tzinfo=IST), limits=False) as running:
        data = open_data(running, cache_config={"historical_data_ttl": 0})
        before = data.download("BANKNIFTY", "FIVE_MINUTE", *days, store=tmp_path, quiet=True)
        assert before.coverage.found == before.coverage.expected
        forming = before.frame().iloc[-1]
        running.clock.jump(datetime(2026, 11, 23, 10, 0, tzinfo=IST))
        after = open_data(running).download("BANKNIFTY", "FIVE_MINUTE", *days, store=tmp_path, quiet=True)
    assert after.coverage.found == after.coverage.expected
    assert [part.stem[11:] for part in sorted(after.folder.glob("*.parquet"))] == ["2026-11-20", "2026-11-23"]
    assert not after.frame().index.has_duplicates
    assert not after.frame().loc[forming.name].equals(forming)


def test_wrong_questions(open_data, tmp_path: Path):
    """Unknown symbols and intervals must be refused before anything is written."""
    data = open_data()
    with pytest.raises(UnknownInterval):
        data.download("BANKNIFTY", "TWO_MINUTE", FIRST, LAST, store=tmp_path)
    with pytest.raises(UnknownSymbol):
        data.download("BANKNIFY", "ONE_MINUTE", FIRST, LAST, store=tmp_path)
    assert list(tmp_path.glob("*.parquet")) == []


def test_names_that_are_no_file_names(tmp_path: Path):
    """A symbol must not be able to leave the store."""
    length = candles.INTERVALS["ONE_DAY"]
    assert store.folder_of("../M&M", length, tmp_path).parent.parent == tmp_path


def test_a_covering_part_replaces(tmp_path: Path):
    """A part must replace the one whose days it covers."""
    at = datetime(2026, 11, 18, 9, 15, tzinfo=IST).isoformat()
    store.keep(tmp_path, Piece(date(2026, 11, 18), date(2026, 11, 18)), candles.frame([[at, 1, 1, 1, 1, 0]]))
    store.keep(tmp_path, Piece(date(2026, 11, 17), date(2026, 11, 19)), candles.frame([[at, 2, 2, 2, 2, 0]]))
    assert store.stored(tmp_path, date(2026, 11, 1), date(2026, 11, 30))["open"].tolist() == [2]
