"""The disk tier: bounded, private, and sound whatever happens to its file or its processes."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kit.errors import CacheUnavailable
from kit.settings import CacheConfig
from kit.transport.answers import StoredAnswer, decoded
from kit.transport.disk import AnswerCache, AnswerStore

KILLS = int(os.environ.get("KIT_REQUIRE_KILLS", "8"))  # 50 for the full measure
HAMMER_S = float(os.environ.get("KIT_REQUIRE_HAMMER_S", "4"))  # 30 for the full measure
ABOUT = '{"method":"POST","url":"http://host/x","status":200,"reason":"OK","encoding":"utf-8","headers":{}}'


def answer(body: bytes = b"{}", life_s: float = 3600, age_s: float = 0) -> StoredAnswer:
    """Return an answer as the session would store it."""
    created = time.time() - age_s
    return decoded("", ABOUT, body, created, None if life_s == math.inf else created + life_s)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., AnswerStore]]:
    """Return a maker of stores on one file."""
    made: list[AnswerStore] = []

    def make(**config: object) -> AnswerStore:
        made.append(AnswerStore(tmp_path / "private" / "replies.sqlite", CacheConfig(**config)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_what_was_stored_comes_back(opened: Callable[..., AnswerStore]) -> None:
    """Body, status, times and an endless life survive the file, also into another process's store."""
    body = bytes(range(256)) * 200
    opened()["key"] = answer(body, life_s=math.inf)
    found = opened()["key"]
    assert (found.content, found.status_code, found.lapses, found.expires) == (body, 200, math.inf, None)
    assert found.from_cache
    assert list(opened()) == ["key"]
    with pytest.raises(KeyError):
        opened()["other"]


def test_the_least_recently_used_leaves_first(opened: Callable[..., AnswerStore]) -> None:
    """At the bound of entries the one that was neither written nor read for longest is gone."""
    store = opened(disk_max_entries=3)
    for key in "abc":
        store[key] = answer()
        time.sleep(0.002)
    assert store["a"]
    store["d"] = answer()
    assert sorted(store) == ["a", "c", "d"]
    store["a"] = answer(b"newer")  # replacing evicts nobody
    assert sorted(store) == ["a", "c", "d"]
    assert store.evictions == 1


def test_the_bytes_are_bounded(opened: Callable[..., AnswerStore], tmp_path: Path) -> None:
    """However much is written, the answers stay within their bytes and the file near them."""
    bound = 2 * 2**20
    store = opened(disk_max_bytes=bound)
    for number in range(300):
        store[f"k{number % 150}"] = answer(os.urandom(50_000))
        assert store.total()[1] <= bound
    store["huge"] = answer(bytes(bound + 1))  # larger than all of it: not kept, nothing thrown out for it
    assert "huge" not in store
    assert store.total()[0] >= 35
    store.close()
    assert (tmp_path / "private" / "replies.sqlite").stat().st_size < 2 * bound


def test_the_total_is_the_sum(opened: Callable[..., AnswerStore]) -> None:
    """The running total agrees with the rows after writes, replacements and deletions."""
    store = opened()
    for number in range(20):
        store[f"k{number % 7}"] = answer(bytes(number * 10))
    del store["k3"]
    with pytest.raises(KeyError):
        del store["k3"]
    rows = store._database.read("SELECT count(*), sum(size) FROM answers")[0]
    assert store.total() == rows
    store.clear()
    assert store.total() == (0, 0)


def test_what_has_expired_is_removed(opened: Callable[..., AnswerStore]) -> None:
    """Tidying removes expired answers, keeps endless ones, and counts."""
    store = opened()
    store["old"], store["new"] = answer(life_s=5, age_s=10), answer()
    store["endless"] = answer(life_s=math.inf, age_s=10**6)
    store.tidy()
    assert sorted(store) == ["endless", "new"]
    assert store.expirations >= 1


def test_an_expired_answer_is_kept_a_day_for_bad_times(opened: Callable[..., AnswerStore]) -> None:
    """With `stale_if_error` expired answers stay for a day, no longer."""
    store = opened(stale_if_error=True)
    store["hour"], store["days"] = answer(life_s=5, age_s=3600), answer(life_s=5, age_s=2 * 86_400)
    store.tidy()
    assert list(store) == ["hour"]


def test_the_file_is_private(opened: Callable[..., AnswerStore], tmp_path: Path) -> None:
    """Folder 0700; file, log and index 0600, also when the file was made with a looser mode."""
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "private" / "replies.sqlite").touch(mode=0o644)
    opened()["key"] = answer()
    files = list((tmp_path / "private").iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("harm", ["garbage", "middle", "short", "wrong-table"])
def test_a_damaged_file_is_set_aside_and_rebuilt(
    opened: Callable[..., AnswerStore], tmp_path: Path, harm: str
) -> None:
    """Whatever the damage, the file is renamed with a warning and the cache goes on empty."""
    store = opened()
    for number in range(50):
        store[f"k{number}"] = answer(os.urandom(20_000))
    store.close()
    file = tmp_path / "private" / "replies.sqlite"
    content = file.read_bytes()
    if harm == "wrong-table":
        with sqlite3.connect(file) as rows:
            rows.execute("DROP TABLE total")
        rows.close()
    else:
        middle = content[:4096] + os.urandom(len(content) - 8192) + content[-4096:]
        spoilt = {"garbage": os.urandom(9000), "middle": middle, "short": content[: len(content) // 2]}[harm]
        file.write_bytes(spoilt)

    def use() -> AnswerStore:
        store = opened()
        for number in range(50):
            store.get(f"k{number}")
            store["after"] = answer(b"after")
        return store

    with pytest.warns(CacheUnavailable, match="set aside"):
        store = use()
    store["after"] = answer(b"after")
    assert store["after"].content == b"after"
    assert [each for each in file.parent.iterdir() if "damaged" in each.name]


def test_damage_while_it_is_open_is_survived(opened: Callable[..., AnswerStore], tmp_path: Path) -> None:
    """A file spoilt under an open store costs its answers, not the program."""
    store = opened()
    store["key"] = answer(os.urandom(20_000))
    store.close()
    assert store["key"]
    with (tmp_path / "private" / "replies.sqlite").open("r+b") as file:
        file.write(os.urandom(50_000))
    store.close()
    with pytest.warns(CacheUnavailable, match="set aside"):
        assert store.get("key") is None
    store["key"] = answer(b"again")
    assert store["key"].content == b"again"


def test_a_deleted_file_is_made_anew(opened: Callable[..., AnswerStore], tmp_path: Path) -> None:
    """Somebody who removes the file while kernels run empties the cache, and nothing worse."""
    store = opened()
    store["key"] = answer()
    for file in (tmp_path / "private").iterdir():
        file.unlink()
    assert store.get("key") is None
    store["key"] = answer(b"new")
    assert opened()["key"].content == b"new"


def test_a_tampered_row_is_no_answer_and_runs_nothing(
    opened: Callable[..., AnswerStore], tmp_path: Path
) -> None:
    """Rows somebody else wrote are ignored: the form is JSON, nothing in it can be executed."""
    store = opened()
    for key, about in (("a", "not json"), ("b", "[]"), ("c", '{"status": 200}')):
        store[key] = answer()
        with store._database.write() as rows:
            rows.execute("UPDATE answers SET about=? WHERE key=?", (about, key))
    assert [store.get(key) for key in "abc"] == [None, None, None]
    assert b"pickle" not in (tmp_path / "private" / "replies.sqlite").read_bytes()


def test_an_older_schema_is_emptied_and_a_newer_one_refused(
    opened: Callable[..., AnswerStore], tmp_path: Path
) -> None:
    """The file carries its schema's version: older is rebuilt, newer switches the tier off."""
    file = tmp_path / "private" / "replies.sqlite"
    opened()["key"] = answer()
    opened().close()
    for version, usable in ((0, True), (99, False)):
        rows = sqlite3.connect(file)
        rows.execute(f"PRAGMA user_version={version}")
        rows.close()
        if usable:
            assert list(opened()) == []
        else:
            with pytest.warns(CacheUnavailable, match="schema 99"):
                assert AnswerCache(file, CacheConfig()).find("key") is None


def test_a_full_disk_costs_no_call(opened: Callable[..., AnswerStore]) -> None:
    """When nothing more can be written, the store says so once and goes on reading."""
    store = opened()
    store["key"] = answer(b"kept")
    pages = store._database.read("PRAGMA page_count")[0][0]
    store._database.read(f"PRAGMA max_page_count={pages}")
    with pytest.warns(CacheUnavailable, match="full"):
        store["more"] = answer(bytes(500_000))
    store["more"] = answer(bytes(500_000))  # warnings are errors here: it is not said twice
    assert store["key"].content == b"kept"


_HAMMER = """
import os, random, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from kit.settings import CacheConfig
from kit.transport.answers import decoded
from kit.transport.disk import AnswerStore
ABOUT, file, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
store = AnswerStore(file, CacheConfig(disk_max_entries=200))

def work(number):
    luck, until, done = random.Random(number), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        key = f"k{luck.randrange(300)}"
        if luck.random() < 0.4:
            now = time.time()
            store[key] = decoded(key, ABOUT, key.encode() * luck.randrange(1, 4000), now, now + 60)
        else:
            found = store.get(key)
            assert found is None or not found.content.replace(key.encode(), b""), "mixed up"
        done += 1
    return done

with ThreadPoolExecutor(8) as threads:
    done = sum(threads.map(work, range(os.getpid(), os.getpid() + 8)))
store.close()
print(done, store.failures)
"""


def test_processes_and_threads_hammer_one_file(opened: Callable[..., AnswerStore], tmp_path: Path) -> None:
    """Two processes of eight threads each: no error, no mixed answers, no warning, a sound file."""
    store = opened(disk_max_entries=200)
    file = tmp_path / "private" / "replies.sqlite"
    command = [sys.executable, "-W", "error", "-c", _HAMMER, ABOUT, str(file), str(HAMMER_S)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for each in running:
        done, failures = each.communicate(timeout=HAMMER_S + 60)[0].split()
        assert each.returncode == 0
        assert int(done) > 100
        assert failures == "0"
    assert store._database.read("PRAGMA integrity_check") == [("ok",)]
    assert store.total() == store._database.read("SELECT count(*), sum(size) FROM answers")[0]
    assert store.total()[0] <= 200


_WRITER = """
import sys, time
from pathlib import Path
from kit.settings import CacheConfig
from kit.transport.answers import decoded
from kit.transport.disk import AnswerStore
ABOUT, file, start = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
store = AnswerStore(file, CacheConfig())
for number in range(start, start + 1_000_000):
    now = time.time()
    store[f"k{number}"] = decoded("", ABOUT, str(number).encode() * 3000, now, now + 3600)
    print(number, flush=True)
"""


def test_a_killed_writer_loses_nothing_it_had_committed(
    opened: Callable[..., AnswerStore], tmp_path: Path
) -> None:
    """SIGKILL in the middle of writing, many times: no damage, and every committed answer is there."""
    file, committed = tmp_path / "private" / "replies.sqlite", 0
    store = opened(disk_max_bytes=2**30)
    for round_ in range(KILLS):
        command = [sys.executable, "-c", _WRITER, ABOUT, str(file), str(committed + 1)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(5 + round_ % 7):
            writer.stdout.readline()
        time.sleep(0.001 * (round_ % 5))
        writer.send_signal(signal.SIGKILL)
        told = writer.communicate()[0].split("\n")[:-1]
        committed = max(int(line) for line in told) if told else committed + 5 + round_ % 7
        assert store[f"k{committed}"].content == str(committed).encode() * 3000
    assert all(f"k{number}" in store for number in range(1, committed + 1))
    assert store._database.read("PRAGMA integrity_check") == [("ok",)]
    assert store.failures == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_child_opens_its_own_connection(opened: Callable[..., AnswerStore]) -> None:
    """A child of a fork reads and writes without touching its parent's connection."""
    store = opened()
    store["parent"] = answer()
    child = os.fork()
    if child == 0:
        try:
            store["child"] = answer(b"born")
            os._exit(0 if store["parent"].ok else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store["child"].content == b"born"


def test_threads_read_while_others_write(opened: Callable[..., AnswerStore]) -> None:
    """Readers of one process get whole answers while writers replace them."""
    store = opened()
    store["k"] = answer(b"0" * 10_000)

    def work(number: int) -> bool:
        if number % 2:
            store["k"] = answer(str(number % 10).encode() * 10_000)
            return True
        return len(set(store["k"].content)) == 1

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(400)))
