"""The disk tier: bounded, private, and sound whatever happens to its file or its processes."""

from __future__ import annotations

import contextlib
import math
import os
import random
import sqlite3
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from requests_cache.models.request import CachedRequest
from requests_cache.models.response import CachedResponse

from kit.errors import CacheUnavailable
from kit.settings import CacheConfig
from kit.transport.store import BoundedCache, BoundedStorage

KILLS = int(os.environ.get("KIT_REQUIRE_KILLS", "8"))  # 50 for the full measure
HAMMER_S = float(os.environ.get("KIT_REQUIRE_HAMMER_S", "4"))  # 30 for the full measure
REQUEST = CachedRequest(method="POST", url="http://host/x")


def answer(body: bytes = b"{}", life_s: float = 3600, age_s: float = 0) -> CachedResponse:
    """Return an answer as requests-cache would store it."""
    created = datetime.now(UTC) - timedelta(seconds=age_s)
    return CachedResponse(
        content=body,
        created_at=created,
        expires=None if life_s == math.inf else created + timedelta(seconds=life_s),
        request=REQUEST,
        status_code=200,
        url=REQUEST.url,
    )


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., BoundedStorage]]:
    """Return a maker of stores on one file."""
    made: list[BoundedStorage] = []

    def make(**config: object) -> BoundedStorage:
        made.append(BoundedCache(tmp_path / "private" / "replies.sqlite", CacheConfig(**config)).responses)
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_what_was_stored_comes_back(opened: Callable[..., BoundedStorage]) -> None:
    """Body, status, times and an endless life survive the file, also into another process's store."""
    body = bytes(range(256)) * 200
    opened()["key"] = answer(body, life_s=math.inf)
    found = opened()["key"]
    assert (found.content, found.status_code, found.expires) == (body, 200, None)
    assert found.from_cache
    assert list(opened()) == ["key"]
    with pytest.raises(KeyError):
        opened()["other"]


def test_the_least_recently_used_leaves_first(opened: Callable[..., BoundedStorage]) -> None:
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


def test_the_bytes_are_bounded(opened: Callable[..., BoundedStorage], tmp_path: Path) -> None:
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


def test_the_total_is_the_sum(opened: Callable[..., BoundedStorage]) -> None:
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


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE answers_total SET entries = 1 << 62",
        "UPDATE answers_total SET bytes = 1 << 62",
        "UPDATE answers_total SET entries = -5",
        "UPDATE answers_total SET bytes = -1",
        "UPDATE answers_total SET bytes = 1e300",
        "UPDATE answers_total SET entries = 0, bytes = 0",
        "DROP TRIGGER answers_added",
    ],
)
def test_a_spoilt_total_neither_hangs_nor_empties_nor_unbounds(
    opened: Callable[..., BoundedStorage], tmp_path: Path, spoil: str
) -> None:
    """The next process counts anew: answers stay, the bounds hold."""
    first = opened(disk_max_entries=5)
    first.update({str(n): answer() for n in range(4)})
    first.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "private" / "replies.sqlite")) as file, file:
        file.execute(spoil)
    again = opened(disk_max_entries=5)
    assert len(again) >= 0
    again["4"] = answer()
    assert set(again) == set("01234")
    for n in range(5, 12):
        BoundedStorage.tidy(again)  # as a minute later
        again[str(n)] = answer()
    assert len(list(again)) <= 6


def test_a_bound_that_cannot_be_kept_is_damage(opened: Callable[..., BoundedStorage], tmp_path: Path) -> None:
    """Where removing rows lowers no total, the file is set aside: no writer turns in a circle."""
    opened(disk_max_entries=3).update({str(n): answer() for n in range(3)})
    with contextlib.closing(sqlite3.connect(tmp_path / "private" / "replies.sqlite")) as file, file:
        file.execute("DROP TRIGGER answers_removed")
    again = opened(disk_max_entries=3)
    with pytest.warns(CacheUnavailable, match="total of the rows is wrong"):
        again["3"] = answer()
    again["4"] = answer()
    assert "4" in again


def test_what_has_expired_is_removed(opened: Callable[..., BoundedStorage]) -> None:
    """Tidying removes expired answers, keeps endless ones, and counts."""
    store = opened()
    store["old"], store["new"] = answer(life_s=5, age_s=10), answer()
    store["endless"] = answer(life_s=math.inf, age_s=10**6)
    store.tidy()
    assert sorted(store) == ["endless", "new"]
    assert store.expirations >= 1


def test_an_expired_answer_is_kept_a_day_for_bad_times(opened: Callable[..., BoundedStorage]) -> None:
    """With `stale_if_error` expired answers stay for a day, no longer."""
    store = opened(stale_if_error=True)
    store["hour"], store["days"] = answer(life_s=5, age_s=3600), answer(life_s=5, age_s=2 * 86_400)
    store.tidy()
    assert list(store) == ["hour"]


def test_the_file_is_private(opened: Callable[..., BoundedStorage], tmp_path: Path) -> None:
    """Folder 0700; file, log and index 0600, also when the file was made with a looser mode."""
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "private" / "replies.sqlite").touch(mode=0o644)
    opened()["key"] = answer()
    files = list((tmp_path / "private").iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("harm", ["garbage", "middle", "short", "wrong-table"])
def test_a_damaged_file_is_set_aside_and_rebuilt(
    opened: Callable[..., BoundedStorage], tmp_path: Path, harm: str
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
            rows.execute("DROP TABLE answers_total")
        rows.close()
    else:
        middle = content[:4096] + os.urandom(len(content) - 8192) + content[-4096:]
        spoilt = {"garbage": os.urandom(9000), "middle": middle, "short": content[: len(content) // 2]}[harm]
        file.write_bytes(spoilt)

    def use() -> BoundedStorage:
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


def test_damage_while_it_is_open_is_survived(opened: Callable[..., BoundedStorage], tmp_path: Path) -> None:
    """A file spoilt under an open store costs its answers, not the program."""
    store = opened()
    store["key"] = answer(os.urandom(20_000))
    store.close()
    assert store["key"]
    with (tmp_path / "private" / "replies.sqlite").open("r+b") as file:
        file.write(os.urandom(50_000))
    with pytest.warns(CacheUnavailable, match="set aside"):
        store.close()
    assert store.get("key") is None
    store["key"] = answer(b"again")
    assert store["key"].content == b"again"


def test_a_deleted_file_is_made_anew(opened: Callable[..., BoundedStorage], tmp_path: Path) -> None:
    """Somebody who removes the file while kernels run empties the cache, and nothing worse."""
    store = opened()
    store["key"] = answer()
    for file in (tmp_path / "private").iterdir():
        file.unlink()
    assert store.get("key") is None
    store["key"] = answer(b"new")
    assert opened()["key"].content == b"new"


def test_a_tampered_row_is_no_answer_and_runs_nothing(
    opened: Callable[..., BoundedStorage], tmp_path: Path
) -> None:
    """Rows somebody else wrote are ignored: the form is JSON, nothing in it can be executed."""
    store = opened()
    for key, about in (("a", "not json"), ("b", "[]"), ("c", '{"status": 200}'), ("d", "[" * 90_000)):
        store[key] = answer()
        store._database.read("UPDATE answers SET about=? WHERE key=?", (about, key))
    assert [store.get(key) for key in "abcd"] == [None] * 4
    assert len(store) == 0  # asked for again, not looked at for ever
    assert b"pickle" not in (tmp_path / "private" / "replies.sqlite").read_bytes()


@pytest.mark.parametrize("change", ["body = 'other'", "created = created - 60", "expires = expires + 60"])
def test_a_row_that_reads_well_and_was_changed_is_no_answer(
    opened: Callable[..., BoundedStorage], change: str
) -> None:
    """Another process's change of a body or a time shows in the checksum: the row is dropped."""
    opened()["key"] = answer()
    opened()._database.read(f"UPDATE answers SET {change}", ())
    store = opened()
    assert store.get("key") is None
    assert len(store) == 0


def test_an_older_schema_is_emptied_and_a_newer_one_refused(
    opened: Callable[..., BoundedStorage], tmp_path: Path
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
                assert BoundedCache(file, CacheConfig()).get_response("key") is None


def test_a_full_disk_costs_no_call(opened: Callable[..., BoundedStorage]) -> None:
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
from datetime import UTC, datetime, timedelta
from kit.transport.store import BoundedCache
from requests_cache.models.request import CachedRequest
from requests_cache.models.response import CachedResponse
REQUEST = CachedRequest(method="POST", url="http://host/x")

def answer(body):
    end = datetime.now(UTC) + timedelta(hours=1)
    return CachedResponse(content=body, expires=end, request=REQUEST, status_code=200, url=REQUEST.url)
file, seconds = Path(sys.argv[1]), float(sys.argv[2])
store = BoundedCache(file, CacheConfig(disk_max_entries=200)).responses

def work(number):
    luck, until, done = random.Random(number), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        key = f"k{luck.randrange(300)}"
        if luck.random() < 0.4:
            store[key] = answer(key.encode() * luck.randrange(1, 4000))
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


def test_processes_and_threads_hammer_one_file(opened: Callable[..., BoundedStorage], tmp_path: Path) -> None:
    """Two processes of eight threads each: no error, no mixed answers, no warning, a sound file."""
    store = opened(disk_max_entries=200)
    file = tmp_path / "private" / "replies.sqlite"
    command = [sys.executable, "-W", "error", "-c", _HAMMER, str(file), str(HAMMER_S)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for each in running:
        done, failures = each.communicate(timeout=HAMMER_S + 60)[0].split()
        assert each.returncode == 0
        assert int(done) > 100
        assert failures == "0"
    assert store._database.read("PRAGMA integrity_check") == [("ok",)]
    assert store.total() == store._database.read("SELECT count(*), sum(size) FROM answers")[0]
    assert store.total()[0] <= 200


def test_a_killed_writer_loses_nothing_it_had_committed(
    opened: Callable[..., BoundedStorage], tmp_path: Path, killed_at_work: Callable[..., list[str]]
) -> None:
    """SIGKILL in the middle of writing, many times: no damage, and every committed answer is there."""
    file, committed = tmp_path / "private" / "replies.sqlite", 0
    store, writer = opened(disk_max_bytes=2**30), Path(__file__).with_name("writes_answers.py")
    for round_ in range(KILLS):
        how = {"lines": 5 + round_ % 7, "pause_s": 0.001 * (round_ % 5)}
        committed = int(killed_at_work(writer, file, committed + 1, **how)[-1])
        assert store[f"k{committed}"].content == str(committed).encode() * 3000
    assert all(f"k{number}" in store for number in range(1, committed + 1))
    assert store._database.read("PRAGMA integrity_check") == [("ok",)]
    assert store.failures == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_child_opens_its_own_connection(opened: Callable[..., BoundedStorage]) -> None:
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


def test_threads_read_while_others_write(opened: Callable[..., BoundedStorage]) -> None:
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


@pytest.mark.parametrize("column", ["about", "body", "created", "expires", "sum", "size"])
@pytest.mark.parametrize("value", [None, "text", b"\xff\xfe", 1e308, -(2**62), ""])
def test_a_row_that_does_not_fit_its_checksum_is_dropped(
    opened: Callable[..., BoundedStorage], tmp_path: Path, column: str, value: object
) -> None:
    """Whatever stands in a column instead of what was written, no answer comes of it, and no error."""
    opened()["key"] = answer(b"0123456789")
    rows = sqlite3.connect(tmp_path / "private" / "replies.sqlite")
    try:
        with rows:
            rows.execute(f"UPDATE answers SET {column}=?", (value,))
    except sqlite3.IntegrityError:
        pytest.skip("the schema refuses it")
    finally:
        rows.close()
    other = opened()
    found = other.get("key")
    assert found is None or (column == "size" and found.content == b"0123456789")
    other["key"] = answer(b"again")
    assert other["key"].content == b"again"


def test_a_cut_body_is_dropped(opened: Callable[..., BoundedStorage]) -> None:
    """Half an answer, as a crash may leave it, is asked for again, by whoever reads it first or later."""
    writer = opened()
    writer["key"] = answer(b"0123456789")
    assert writer["key"].content == b"0123456789"
    writer._database.read("UPDATE answers SET body=?", (b"01234",))
    assert opened().get("key") is None
    assert writer.get("key") is None


@pytest.mark.parametrize("seed", range(40))
def test_random_damage_costs_answers_and_nothing_else(
    opened: Callable[..., BoundedStorage], tmp_path: Path, seed: int
) -> None:
    """A file with random bytes anywhere gives right answers or none, and goes on being written."""
    luck, store = random.Random(seed), opened()
    bodies = {f"k{number}": bytes([number]) * luck.randrange(10, 9000) for number in range(30)}
    for key, body in bodies.items():
        store[key] = answer(body)
    store.close()
    file = tmp_path / "private" / "replies.sqlite"
    content = bytearray(file.read_bytes())
    for _ in range(luck.randrange(1, 40)):
        at = luck.choice([luck.randrange(200), luck.randrange(len(content))])
        content[at] = luck.randrange(256)
    file.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheUnavailable)
        store = opened()
        for key, body in bodies.items():
            found = store.get(key)
            assert found is None or found.content == body
        list(store)
        for number in range(3):  # where the damage shows only now, the file is set aside
            store["after"] = answer(b"%d" % number)
        assert store.get("after") is None or store["after"].content == b"2"


def test_a_locked_file_is_done_without_for_a_while(
    opened: Callable[..., BoundedStorage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that holds the file costs two seconds once, is told of, and the tier comes back."""
    monkeypatch.setattr("kit.transport.database._RETRY_S", 0.5)
    store = opened()
    store["key"] = answer(b"kept")
    store.close()
    rows = sqlite3.connect(tmp_path / "private" / "replies.sqlite", isolation_level=None)
    rows.execute("PRAGMA locking_mode=EXCLUSIVE")
    rows.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    with pytest.warns(CacheUnavailable, match="locked"):
        assert store.get("key") is None
    for _ in range(100):
        store["other"] = answer()
    assert time.monotonic() - started < 60  # a hundred times two seconds, if each waited
    rows.execute("ROLLBACK")
    rows.close()
    time.sleep(0.6)
    assert store["key"].content == b"kept"


def test_a_clock_set_back_lets_no_answer_live_longer(
    opened: Callable[..., BoundedStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By less than its age or by an hour: no answer is served past the seconds it was given."""
    store = opened()
    store["key"] = answer(life_s=10, age_s=5)
    wall = time.time
    for step, left_s in ((0.5, 5.0), (3.0, 5.0), (3600, 0.0)):
        monkeypatch.setattr(time, "time", lambda step=step: wall() - step)
        left = store["key"].expires.timestamp() - (wall() - step)
        assert left_s - 1.0 < left <= left_s if left_s else left < 0
    assert "key" not in opened()  # from the future, for who knows nothing else


def test_a_clock_set_back_between_processes(
    opened: Callable[..., BoundedStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was used later than now tells no ages: a new process keeps only what never expires."""
    store, wall = opened(), time.time
    store.update({"old": answer(life_s=600, age_s=300), "for ever": answer(life_s=math.inf, age_s=300)})
    monkeypatch.setattr(time, "time", lambda: wall() - 200)
    assert set(opened()) == {"for ever"}


class TestContract:
    """What requests-cache asks of every storage, for answers and redirects alike."""

    @pytest.fixture(params=["responses", "redirects"])
    def stores(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[BoundedStorage]]:
        """Open several storages of one kind, each on a file of its own."""
        made = [BoundedCache(tmp_path / f"{number}.sqlite", CacheConfig()) for number in range(5)]
        yield [getattr(cache, request.param) for cache in made]
        for cache in made:
            cache.close()

    def test_items(self, stores: list[BoundedStorage]) -> None:
        """Set, get, contains, length and deletion concern one storage alone."""
        for number, store in enumerate(stores):
            store[f"key_{number}"], store[f"key_{number + 1}"] = f"value_{number}", "more"
        for number, store in enumerate(stores):
            assert store[f"key_{number}"] == f"value_{number}"
            assert len(store) == 2
            del store[f"key_{number}"]
            assert f"key_{number}" not in store
            assert f"key_{number + 1}" in store

    def test_iteration(self, stores: list[BoundedStorage]) -> None:
        """Keys, values, items and `dict` agree."""
        store = stores[0]
        store["key"] = "value"
        assert (list(store), list(store.keys()), list(store.values())) == (["key"], ["key"], ["value"])
        assert list(store.items()) == [("key", "value")]
        assert dict(store) == {"key": "value"}

    def test_deleting(self, stores: list[BoundedStorage]) -> None:
        """One or several go, unknown ones do no harm in bulk and are a KeyError alone."""
        store = stores[0]
        for number in range(20):
            store[f"key_{number}"] = f"value_{number}"
        for number in range(5):
            del store[f"key_{number}"]
        store.bulk_delete([*(f"key_{number}" for number in range(5, 10)), "nonexistent"])
        assert set(store.values()) == {f"value_{number}" for number in range(10, 20)}
        with pytest.raises(KeyError):
            del store["key_0"]
        with pytest.raises(KeyError):
            store["key_0"]

    def test_clearing(self, stores: list[BoundedStorage]) -> None:
        """Cleared, a storage is empty and works on; closed, it opens again."""
        store = stores[0]
        for _ in range(2):
            for number in range(5):
                store[str(number)] = str(number)
            assert len(store) == 5
            store.close()
            store.clear()
            assert len(store) == 0

    def test_equality_and_text(self, stores: list[BoundedStorage]) -> None:
        """Storages of the same content are equal, and their text names the keys."""
        stores[0]["key_1"] = stores[1]["key_1"] = "value"
        assert stores[0] == stores[1]
        assert "key_1" in str(stores[0])

    def test_update(self, stores: list[BoundedStorage]) -> None:
        """One storage takes over what another holds, as `cache.update` does."""
        stores[0]["a"] = "1"
        stores[1].update(stores[0])
        assert stores[1].pop("a") == "1"
        assert stores[1].get("a") is None
