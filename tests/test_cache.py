"""The in-process tier: exact, bounded, single-flight, and safe from its callers."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kit.cache import CacheConfig, CacheManager, Timed, flights
from kit.errors import DataError, KitError
from kit.model import ChainSnapshot


class Timer:
    """Seconds that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the present."""
        return self.now


@pytest.fixture
def timer() -> Timer:
    """Return a timer that stands still."""
    return Timer()


def make(timer: Timer, **config: Any) -> CacheManager:
    """Return a cache on a timer."""
    return CacheManager(CacheConfig(**config), timer=timer)


def test_a_value_lives_for_its_seconds_and_no_longer(timer: Timer) -> None:
    """At the end of its lifetime a value is a miss, whether or not the cleaner has passed."""
    cache = make(timer, default_ttl=300)
    cache.set("default", 1)
    cache.set("short", 2, ttl=5)
    timer.now += 4.999
    assert (cache.get("default"), cache.get("short")) == (1, 2)
    timer.now += 0.001
    assert (cache.get("default"), cache.get("short", "gone")) == (1, "gone")
    timer.now += 295
    assert cache.get("default") is None


def test_a_lifetime_of_zero_forgets(timer: Timer) -> None:
    """Setting a key with no life left removes what was there."""
    cache = make(timer)
    cache.set("k", 1)
    cache.set("k", 2, ttl=0)
    assert cache.get("k") is None
    assert cache.get_stats()["entries"] == 0


def test_an_endless_life_is_possible(timer: Timer) -> None:
    """`math.inf` never expires."""
    cache = make(timer)
    cache.set("k", 1, ttl=math.inf)
    timer.now += 1e12
    assert cache.get("k") == 1


def test_none_is_a_value(timer: Timer) -> None:
    """A cached None is a hit, and is not made twice."""
    cache, made = make(timer), []
    for _ in range(3):
        assert cache.get_or_set("k", lambda: made.append(1)) is None
    assert len(made) == 1
    assert cache.get("k", "default") is None
    assert cache.get_stats()["hits"] == 3


def test_statistics_count_everything(timer: Timer) -> None:
    """Hits, misses, rate, evictions, expirations and sizes add up."""
    cache = make(timer, max_size=2)
    for key in "abc":
        cache.set(key, key, ttl=10)
    assert [cache.get(key) for key in "abca"] == [None, "b", "c", None]
    timer.now += 10
    stats = cache.get_stats()
    assert {name: stats[name] for name in ("entries", "max_size", "hits", "misses")} == {
        "entries": 0,
        "max_size": 2,
        "hits": 2,
        "misses": 2,
    }
    assert (stats["hit_rate_percent"], stats["evictions"], stats["expirations"]) == (50.0, 1, 2)
    assert stats["size_bytes"] == 0


def test_entries_tell_their_age_and_use(timer: Timer) -> None:
    """`get_cache_info` lists what lives, oldest first, and looking does not count as use."""
    cache = make(timer, max_size=2)
    cache.set("old", 1, ttl=60)
    timer.now += 10
    cache.set("new", 2, ttl=5)
    cache.get("new")
    info = cache.get_cache_info()
    assert [(row["key"], row["age_s"], row["remaining_s"], row["hits"]) for row in info] == [
        ("old", 10, 50, 0),
        ("new", 0, 5, 1),
    ]
    cache.set("third", 3)
    assert cache.get("old") is None  # it was still the least recently used


def test_bytes_are_bounded(timer: Timer) -> None:
    """With `max_bytes` the least recently used leave until the rest fits; a giant is not kept."""
    cache = make(timer, max_bytes=10_000)
    for number in range(10):
        cache.set(number, bytes(2_000))
        assert cache.get_stats()["size_bytes"] <= 10_000
    assert [number for number in range(10) if cache.get(number)] == [6, 7, 8, 9]
    cache.set("giant", bytes(20_000))
    assert cache.get("giant") is None
    assert cache.get_stats()["entries"] == 4


def test_delete_and_clear_forget(timer: Timer) -> None:
    """Deleting tells whether there was something; clearing keeps the counts."""
    cache = make(timer)
    cache.set("k", 1)
    cache.set("other", 1)
    assert cache.delete("k")
    assert not cache.delete("k")
    cache.clear()
    assert cache.get("other") is None
    assert cache.get_stats()["size_bytes"] == 0


class Model(RuleBasedStateMachine):
    """The cache against a dictionary that does the same slowly."""

    SIZE = 4
    keys = st.integers(0, 6)

    def __init__(self) -> None:
        super().__init__()
        self.timer = Timer()
        self.cache = make(self.timer, max_size=self.SIZE)
        self.model: OrderedDict[int, tuple[int, float]] = OrderedDict()

    def _forget_expired(self) -> None:
        for key in [key for key, (_value, end) in self.model.items() if end <= self.timer.now]:
            del self.model[key]

    @rule(key=keys, value=st.integers(), ttl=st.integers(1, 20))
    def set(self, key: int, value: int, ttl: int) -> None:
        """Set in both."""
        self._forget_expired()
        self.model.pop(key, None)
        if len(self.model) == self.SIZE:
            self.model.popitem(last=False)
        self.model[key] = (value, self.timer.now + ttl)
        self.cache.set(key, value, ttl)

    @rule(key=keys)
    def get(self, key: int) -> None:
        """Both give the same."""
        self._forget_expired()
        if key in self.model:
            self.model.move_to_end(key)
        assert self.cache.get(key) == self.model.get(key, (None,))[0]

    @rule(key=keys)
    def delete(self, key: int) -> None:
        """Both forget."""
        self._forget_expired()
        assert self.cache.delete(key) == (self.model.pop(key, None) is not None)

    @rule(seconds=st.integers(1, 12))
    def wait(self, seconds: int) -> None:
        """Time passes for both."""
        self.timer.now += seconds

    @rule()
    def clean(self) -> None:
        """Let the cleaner pass, which changes nothing that can be seen."""
        self.cache.clean()

    @invariant()
    def same_entries(self) -> None:
        """Both hold the same keys."""
        self._forget_expired()
        assert {row["key"] for row in self.cache.get_cache_info()} == set(self.model)


Model.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestModel = Model.TestCase


def test_eight_threads_make_a_value_once() -> None:
    """Of many who miss one key together, one makes it and all get it."""
    cache, gate, made = CacheManager(), threading.Barrier(8), []

    def factory() -> dict[str, int]:
        time.sleep(0.05)
        made.append(1)
        return {"n": len(made)}

    def ask(_number: int) -> dict[str, int]:
        gate.wait()
        return cache.get_or_set("k", factory)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert made == [1]
    assert all(answer == {"n": 1} for answer in answers)
    assert len({id(answer) for answer in answers}) == 8


def test_an_error_reaches_every_waiter_and_is_not_kept() -> None:
    """All who waited for a flight that failed learn why; the next one flies again."""
    cache, gate = CacheManager(), threading.Barrier(4)

    def fail() -> None:
        time.sleep(0.05)
        raise DataError("No chain", "X")

    def ask(_number: int) -> BaseException | None:
        gate.wait()
        try:
            cache.get_or_set("k", fail)
        except DataError as error:
            return error
        return None

    with ThreadPoolExecutor(4) as threads:
        errors = list(threads.map(ask, range(4)))
    assert all(isinstance(error, DataError) for error in errors)
    assert cache.get_or_set("k", lambda: 42) == 42


def test_an_interrupted_flight_is_flown_by_the_next() -> None:
    """Ctrl-C in the one who fetches does not fail the others: one of them fetches instead."""
    cache, started, calls = CacheManager(), threading.Event(), []

    def factory() -> int:
        calls.append(1)
        if len(calls) == 1:
            started.set()
            time.sleep(0.05)
            raise KeyboardInterrupt
        return 7

    def first() -> str:
        with pytest.raises(KeyboardInterrupt):
            cache.get_or_set("k", factory)
        return "interrupted"

    with ThreadPoolExecutor(2) as threads:
        broken = threads.submit(first)
        started.wait()
        assert threads.submit(cache.get_or_set, "k", factory).result() == 7
        assert broken.result() == "interrupted"


def test_a_factory_may_not_ask_for_its_own_key() -> None:
    """Instead of waiting for itself for ever it is told."""
    cache = CacheManager()
    with pytest.raises(KitError, match="asks for the key it is making"):
        cache.get_or_set("k", lambda: cache.get_or_set("k", lambda: 1))
    assert cache.get_or_set("outer", lambda: cache.get_or_set("inner", lambda: 1)) == 1


def test_a_hot_entry_inherits_what_is_left_of_its_response(timer: Timer) -> None:
    """A `Timed` value overrules the lifetime of its kind, so no tier adds to another's."""
    cache = make(timer)
    cache.get_or_set("k", lambda: Timed(1, 1.5), ttl=60)
    timer.now += 1.4
    assert cache.get("k") == 1
    timer.now += 0.1
    assert cache.get("k") is None
    assert cache.get_or_set("spent", lambda: Timed(2, 0)) == 2
    assert cache.get("spent") is None


def test_what_is_deleted_while_it_is_made_is_not_kept() -> None:
    """A delete during a flight wins over what the flight brings."""
    cache = CacheManager()

    def factory() -> int:
        cache.delete("k")
        return 1

    assert cache.get_or_set("k", factory) == 1
    assert cache.get("k") is None


@dataclass(frozen=True)
class Point:
    """A constant."""

    x: float
    when: date


@dataclass(frozen=True)
class Loose:
    """Frozen outside, loose inside."""

    parts: list[int]


@pytest.mark.parametrize(
    "value",
    [1, 1.5, "text", b"bytes", None, True, (1, ("a", None)), frozenset({1}), date(2026, 1, 1), np.float64(2)],
    ids=repr,
)
def test_constants_are_handed_out_as_they_are(value: Any) -> None:
    """What cannot change needs no copy."""
    cache = CacheManager()
    cache.set("k", value)
    assert cache.get("k") is cache.get("k") is value


def test_frozen_values_are_shared_and_loose_ones_copied() -> None:
    """A frozen dataclass is one object for all; one that holds a list is copied."""
    cache, point = CacheManager(), Point(1.0, date(2026, 1, 1))
    cache.set("point", point)
    assert cache.get("point") is point
    with pytest.raises(FrozenInstanceError):
        cache.get("point").x = 2
    cache.set("loose", Loose([1]))
    cache.get("loose").parts.append(2)
    assert cache.get("loose") == Loose([1])


def test_nobody_can_corrupt_a_cached_container() -> None:
    """Changing what was put in or what came out, at any depth, leaves the cached value alone."""
    cache, rows = CacheManager(), [{"strike": 51_000, "legs": [1, 2]}]
    cache.set("rows", rows)
    rows[0]["legs"].append(3)
    taken = cache.get("rows")
    taken[0]["strike"] = 0
    taken.append({})
    made = cache.get_or_set("made", lambda: {"a": [1]})
    made["a"].append(2)
    assert cache.get("rows") == [{"strike": 51_000, "legs": [1, 2]}]
    assert cache.get("made") == {"a": [1]}


def test_nobody_can_corrupt_a_cached_frame() -> None:
    """A frame changed in a cell, in place or by columns, does not change the cached one."""
    cache, frame = CacheManager(), pd.DataFrame({"strike": [1.0, 2.0], "right": ["CE", "PE"]})
    cache.set("frame", frame)
    frame.loc[0, "strike"] = -1
    taken = cache.get("frame")
    taken["strike"] *= 100
    taken.loc[1, "right"] = "XX"
    taken.insert(0, "new", 0)
    taken.index += 7
    kept = cache.get("frame")
    pd.testing.assert_frame_equal(kept, pd.DataFrame({"strike": [1.0, 2.0], "right": ["CE", "PE"]}))
    cache.set("series", kept["strike"])
    taken = cache.get("series")
    taken.iloc[0] = -5
    assert cache.get("series").iloc[0] == 1


def test_nobody_can_corrupt_the_table_of_a_cached_snapshot(make_chain: Callable[..., ChainSnapshot]) -> None:
    """A snapshot comes as a copy: its table changed in place changes neither the cached nor the given one."""
    cache, chain = CacheManager(), make_chain()
    first = chain.frame["ltp"].iloc[0]
    cache.set("chain", chain)
    for changed in (chain.frame, cache.get("chain").frame, cache.get("chain").frame):
        changed.loc[0, "ltp"] = -1
        changed["new"] = 0
    kept = cache.get("chain")
    assert kept.frame["ltp"].iloc[0] == first
    assert "new" not in kept.frame
    assert (kept.expiry, kept.forward, kept.atmf_strike) == (chain.expiry, chain.forward, chain.atmf_strike)


def test_nobody_can_corrupt_a_cached_array() -> None:
    """Arrays come back read-only, and the giver's own array is not the cached one."""
    cache, array = CacheManager(), np.arange(3.0)
    cache.set("array", array)
    array[0] = 99
    taken = cache.get("array")
    with pytest.raises(ValueError, match="read-only"):
        taken[0] = 5
    assert taken.tolist() == [0, 1, 2]


def test_what_cannot_be_protected_is_refused() -> None:
    """A value that cannot be copied is not cached in a form that anyone could corrupt."""
    with pytest.raises(KitError, match="cannot protect"):
        CacheManager().set("k", threading.Lock())


def test_the_cleaner_removes_without_being_asked() -> None:
    """Expired entries leave while nobody touches the cache."""
    cache = CacheManager()
    for number in range(100):
        cache.set(number, np.zeros(number), ttl=0.2)
    watched = weakref.ref(cache._store[99].kept)
    deadline = time.monotonic() + 10
    while watched() is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert watched() is None
    assert cache.get_stats()["cleanup_runs"] > 0
    assert cache.get_stats()["expirations"] == 100


_ALONE = """
import gc, threading, time
from kit.cache import CacheManager
cleaners = lambda: sum(thread.name == "kit-cache-cleaner" for thread in threading.enumerate())
for _ in range(1000):
    CacheManager().set("k", 1)
most, deadline = cleaners(), time.monotonic() + 20
while cleaners() and time.monotonic() < deadline:
    gc.collect()
    time.sleep(0.1)
left, again = cleaners(), CacheManager()
print(most, left, cleaners())
"""


def test_the_cleaner_ends_with_the_last_cache() -> None:
    """A thousand re-made caches share one thread; it ends with them, and a new cache has one again."""
    told = subprocess.run(
        [sys.executable, "-c", _ALONE], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.split() == ["1", "0", "1"]


def test_many_threads_keep_the_counts_right() -> None:
    """Hits and misses of eight threads add up to what was asked."""
    cache = CacheManager(CacheConfig(max_size=50))

    def work(seed: int) -> None:
        for number in range(500):
            key = (seed * number) % 80
            if cache.get(key) is None:
                cache.set(key, number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(1, 9)))
    stats = cache.get_stats()
    assert stats["hits"] + stats["misses"] == 4000
    assert stats["entries"] <= 50
    assert stats["size_bytes"] == sum(row["size_bytes"] for row in cache.get_cache_info())


def test_keys_made_from_each_other_are_refused_not_waited_for():
    """Threads whose factories ask for one another's keys, in one cache or several, never hang."""
    for caches in ([CacheManager()] * 3, [CacheManager(), CacheManager(), CacheManager()]):
        gate, errors = threading.Barrier(3), []

        def make(number, caches=caches, gate=gate):
            gate.wait(10)
            following = (number + 1) % 3
            return caches[following].get_or_set(following, lambda: f"made {following}")

        def ask(number, caches=caches, errors=errors, make=make):
            try:
                caches[number].get_or_set(number, lambda: make(number))
            except KitError as error:
                errors.append(error)

        threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)
        assert "asks for the key it is making" in str(errors[0])
        assert caches[0].get_or_set("after", lambda: 1) == 1


def test_a_factory_that_waits_for_its_own_thread_is_told(monkeypatch: pytest.MonkeyPatch):
    """Where a wait cannot be seen to have no end, it is said after a while, with the key and the remedy."""
    monkeypatch.setattr(flights, "PATIENCE_S", 0.05)
    cache, told, warned = CacheManager(), list[str](), threading.Event()

    def show(message: Any, *_: Any, **__: Any) -> None:
        told.append(str(message))
        warned.set()

    monkeypatch.setattr("warnings.warn", show)

    def waits_for_its_own_thread() -> int:
        thread = threading.Thread(target=cache.get_or_set, args=("first", lambda: 2), daemon=True)
        thread.start()
        assert warned.wait(20)  # a join would never end
        return 1

    assert cache.get_or_set("first", waits_for_its_own_thread) == 1
    assert "'first'" in told[0]
    assert "neither ends" in told[0]


def test_a_thread_may_wait_for_one_whose_value_it_has_made():
    """Waiting for a thread that has just got this one's value is no circle."""
    cache = CacheManager()

    def work(number):
        for turn in range(300):
            cache.get_or_set((number, turn), lambda turn=turn: turn)
            cache.get_or_set((1 - number, turn), lambda turn=turn: turn)
        return number

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(work, range(2))) == [0, 1]


@pytest.mark.parametrize("make", [dict, pd.DataFrame, lambda cells: pd.Series(cells["a"])])
def test_the_cells_of_a_table_are_safe_too(make):
    """A list or dict in a cell, changed by one caller, is untouched for the next; so in arrays of objects."""
    cache = CacheManager()
    for held in (make({"a": [[1], [2]]}), np.array([[1], {"b": 2}, None], dtype=object)):
        cache.set("held", held)
        for given in (held, cache.get("held")):
            cells = given["a"] if isinstance(given, dict | pd.DataFrame) else given
            cells[0].append("SPOILT")
        again = cache.get("held")
        cells = again["a"] if isinstance(again, dict | pd.DataFrame) else again
        assert cells[0] == [1]


def test_a_chain_with_a_list_in_a_cell_is_safe(make_chain):
    """A snapshot whose table was given a cell of its own is copied whole."""
    chain = make_chain()
    frame = chain.frame.assign(note=[["fine"] for _ in range(len(chain.frame))])
    cache = CacheManager()
    cache.set("chain", replace(chain, frame=frame))
    cache.get("chain").frame["note"].iloc[0].append("SPOILT")
    assert cache.get("chain").frame["note"].iloc[0] == ["fine"]
