"""Files of the cache that somebody spoilt: the next client answers as if they were not there."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kit.broker.client import AngelAPIClient
from kit.errors import CacheUnavailable
from kit.market.manager import DataManager
from kit.settings import Settings
from kit.simulator.server import SimulatedExchange

Spoil = Callable[[Path], None]
LONG = Settings(cache_config={"ltp_ttl": 3600, "options_chain_ttl": 3600})


def _bytes(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda file: file.write_bytes(change(file.read_bytes())) and None  # type: ignore[func-returns-value]


def _noise(start: float, size: int, seed: int = 7) -> Spoil:
    luck = random.Random(seed)

    def spoil(content: bytes) -> bytes:
        at = int(start * len(content))
        return content[:at] + luck.randbytes(size) + content[at + size :]

    return _bytes(spoil)


def _sql(*statements: str) -> Spoil:
    def spoil(file: Path) -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute("PRAGMA writable_schema=ON")
            for statement in statements:
                try:
                    database.execute(statement)
                except sqlite3.OperationalError as error:  # a file of another kind has no such table
                    if "no such table" not in str(error):
                        raise

    return spoil


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "inside").touch()


def _beside(end: str) -> Spoil:
    return lambda file: Path(f"{file}{end}").write_bytes(os.urandom(9000)) and None  # type: ignore[func-returns-value]


def _link(target: str) -> Spoil:
    def spoil(file: Path) -> None:
        file.unlink()
        file.symlink_to(target)

    return spoil


def _another(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE answers (a, b)")
        database.execute("CREATE TABLE calls (a, b)")
        database.execute("CREATE TABLE rows (a, b)")
        database.execute("PRAGMA user_version=2")
        database.commit()


WAYS: dict[str, Spoil] = {
    "empty": _bytes(lambda _content: b""),
    "one byte": _bytes(lambda _content: b"S"),
    "text": _bytes(lambda _content: b"hello\n" * 500),
    "zeros": _bytes(lambda content: bytes(len(content))),
    "the head alone": _bytes(lambda content: content[:100]),
    "half": _bytes(lambda content: content[: len(content) // 2]),
    "a page less": _bytes(lambda content: content[:-4096]),
    "a byte more": _bytes(lambda content: content + b"x"),
    "twice": _bytes(lambda content: content * 2),
    "noise at the head": _noise(0.0, 60),
    "noise in the head's counts": _bytes(lambda content: content[:28] + b"\xff" * 12 + content[40:]),
    "another coding": _bytes(lambda content: content[:56] + b"\x00\x00\x00\x02" + content[60:]),
    "another page size": _bytes(lambda content: content[:16] + b"\x02\x00" + content[18:]),
    **{f"noise {seed}": _noise(0.1 * seed, 3000, seed) for seed in range(1, 10)},
    "a folder": _folder,
    "a link to nowhere": _link("/nonexistent/nowhere"),
    "a link to itself": lambda file: _link(file.name)(file),
    "a link to a device": _link("/dev/null"),
    "another database": _another,
    "a log of noise": _beside("-wal"),
    "shared memory of noise": _beside("-shm"),
    "a journal of noise": _beside("-journal"),
    "of the future": _sql("PRAGMA user_version=99"),
    "of the past": _sql("PRAGMA user_version=1"),
    "below all versions": _sql("PRAGMA user_version=-5"),
    "without its tables": _sql("DROP TABLE answers", "DROP TABLE calls", "DROP TABLE rows"),
    "without its totals": _sql("DELETE FROM answers_total"),
    "totals of text": _sql("UPDATE answers_total SET entries='many', bytes='x'"),
    "totals below nothing": _sql("UPDATE answers_total SET entries=-5, bytes=-9"),
    "totals beyond": _sql("UPDATE answers_total SET entries=9e18, bytes=9e18"),
    "a body that was cut": _sql("UPDATE answers SET body=substr(body, 1, 20), size=length(about)+20"),
    "a body of text": _sql("UPDATE answers SET body='text'"),
    "no body": _sql("PRAGMA ignore_check_constraints=ON", "UPDATE answers SET body=x''"),
    "nothing about it": _sql("UPDATE answers SET about=''"),
    "a list about it": _sql("UPDATE answers SET about='[]'"),
    "nests about it": _sql("UPDATE answers SET about=replace(hex(zeroblob(50000)), '0', '[')"),
    "bytes about it": _sql("UPDATE answers SET about=x'ff00fe'"),
    "made at no time": _sql("UPDATE answers SET created='soon'"),
    "made at the end of time": _sql("UPDATE answers SET created=9e99"),
    "made before time": _sql("UPDATE answers SET created=-9e99"),
    "never ending": _sql("UPDATE answers SET expires=9e999"),
    "a longer life": _sql("UPDATE answers SET expires=expires+86400"),
    "another sum": _sql("UPDATE answers SET sum=sum+1"),
    "a sum of text": _sql("UPDATE answers SET sum='x'"),
    "another price": _sql("UPDATE answers SET body=replace(body, '5', '6')"),
    "another's answer": _sql("UPDATE answers SET key='x' || key"),
    "calls of no time": _sql("UPDATE calls SET at='soon', seen='x'"),
    "calls at the end of time": _sql("UPDATE calls SET at=9e99, seen=9e99"),
    "a refusal for ever": _sql("INSERT INTO blocked SELECT budget, 9e99, 9e99 FROM calls LIMIT 1"),
    "rows that are no JSON": _sql("UPDATE rows SET row='{'"),
    "rows of another kind": _sql("UPDATE rows SET row='[]'"),
    "rows of bytes": _sql("UPDATE rows SET row=x'ff'"),
    "no rows": _sql("DELETE FROM rows", "DELETE FROM answers", "DELETE FROM calls"),
    "another strike": _sql("UPDATE rows SET row=replace(row, '5', '6')"),
    "fetched at no time": _sql("UPDATE fetched SET at='soon'"),
    "never fetched": _sql("DELETE FROM fetched"),
    "fetched by nobody": _sql("DROP TABLE fetched"),
}


@pytest.fixture(scope="module")
def warm(
    exchange: SimulatedExchange, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, float]]:
    """Fill a folder with what a client keeps, and return it with a strike count."""
    folder = tmp_path_factory.mktemp("warm")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KIT_CACHE_DIR", str(folder))
        yield folder, _asked(exchange)


def _asked(exchange: SimulatedExchange) -> float:
    """Ask a new client for a chain and a price, and return the number of strikes."""
    roots = {"base_url": exchange.url, "master_url": exchange.master_url}
    with AngelAPIClient(exchange.credentials, LONG, clock=exchange.clock, **roots) as client:
        data = DataManager(api_client=client)
        chain, spot = data.option_chain(), data.spot()
    assert 0.9 < chain.forward / spot < 1.1
    return len(chain.strikes)


@pytest.mark.parametrize("way", WAYS)
def test_a_spoilt_file(
    way: str, warm: tuple[Path, float], exchange: SimulatedExchange, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """In whichever way the files are spoilt, the next two clients answer, and warn at most."""
    folder, strikes = warm
    files = [file.name for file in folder.glob("*.sqlite")]
    assert {name[:6] for name in files} == {"instru", "limits", "replie"}
    shutil.copytree(folder, tmp_path / "spoilt")
    for name in files:
        WAYS[way](tmp_path / "spoilt" / name)
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "spoilt"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheUnavailable)
        assert [_asked(exchange), _asked(exchange)] == [strikes] * 2


def test_a_folder_that_is_a_file(exchange: SimulatedExchange, tmp_path: Path, monkeypatch) -> None:
    """Where no folder can be, the kit goes on without its files."""
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "file"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheUnavailable)
        assert _asked(exchange) > 50
