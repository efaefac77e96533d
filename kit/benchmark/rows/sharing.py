"""What threads and processes share: one flight per key, no leaked thread, a disk tier that survives kills."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

from kit.benchmark.machine import fresh, heard, interpreter
from kit.benchmark.measure import Samples
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most
from kit.cache import CacheManager
from kit.settings import CacheConfig

_THREADS = 8


@row("single_flight", part="cache", unit="calls", target=at_most(1), quick=True)
def single_flight(_: Run) -> Samples:
    """Most calls that eight threads make for one cold key, over fifty keys."""
    cache, made = CacheManager(CacheConfig()), list[int]()

    def make(key: int) -> int:
        made.append(key)
        time.sleep(0.002)
        return key

    def ask(key: int, gate: Barrier) -> None:
        gate.wait(10)
        cache.get_or_set(key, partial(make, key))

    with ThreadPoolExecutor(_THREADS) as threads:
        for key in range(50):
            gate = Barrier(_THREADS)
            list(threads.map(ask, [key] * _THREADS, [gate] * _THREADS))
    return Samples([float(max(made.count(key) for key in range(50)))])


_RECREATED = """
import gc, threading, time
from kit.cache import CacheManager
before = threading.active_count()
for _ in range(1000):
    CacheManager().set("k", 1)
until = time.monotonic() + 10
while threading.active_count() > before and time.monotonic() < until:
    gc.collect()
    time.sleep(0.05)
print(threading.active_count() - before)
"""


@row("cache_threads", part="cache", unit="threads", target=at_most(0), quick=True)
def cache_threads(_: Run) -> Samples:
    """Count the threads left by a thousand caches made and dropped in a fresh interpreter."""
    return Samples([float(fresh(_RECREATED))])


_SHARED = """
import json, os, random, sys, time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from kit.settings import CacheConfig
from kit.transport.answers import decoded
from kit.transport.disk import AnswerStore
file, word = Path(sys.argv[1]), float(sys.argv[2])
about = {"method": "POST", "url": "http://host/x", "status": 200, "reason": "OK", "encoding": "utf-8"}
ABOUT = json.dumps({**about, "headers": {}})

def answer(body):
    return decoded("", ABOUT, body, time.time(), time.time() + 3600)
"""
_HAMMER = """
store = AnswerStore(file, CacheConfig(disk_max_entries=200))

def work(number):
    luck, until, wrong = random.Random(number), time.monotonic() + word, 0
    while time.monotonic() < until:
        key = f"k{luck.randrange(300)}"
        if luck.random() < 0.4:
            store[key] = answer(key.encode() * luck.randrange(1, 4000))
        else:
            found = store.get(key)
            wrong += found is not None and bool(found.content.replace(key.encode(), b""))
    return wrong

with ThreadPoolExecutor(8) as threads:
    wrong = sum(threads.map(work, range(os.getpid(), os.getpid() + 8)))
print(wrong + store.failures)
store.close()
"""
_WRITER = """
store = AnswerStore(file, CacheConfig(disk_max_bytes=2**30))
for number in range(int(word), int(word) + 1_000_000):
    store[f"k{number}"] = answer(str(number).encode() * 3000)
    print(number, flush=True)
"""


@row("disk_hammer", part="cache", unit="faults", target=at_most(0))
def disk_hammer(run: Run) -> Samples:
    """Count mixed answers, failed calls and damage after 2 processes x 8 threads used one file for 10 s."""
    file, seconds = run.folder() / "replies.sqlite", 1 if run.quick else 10
    store = _store(run, file)
    children = [interpreter(_SHARED + _HAMMER, str(file), str(seconds)) for _ in range(2)]
    for child in children:
        run.enter(child)
        run.after_row(child.kill)
    told = [heard(child, "", seconds + 60)[0] for child in children]
    faults = sum(child.returncode != 0 for child in children) + sum(int(word or 0) for word in told)
    return Samples([float(faults + _damage(store, file))])


@row("disk_kills", part="cache", unit="entries", target=at_most(0))
def disk_kills(run: Run) -> Samples:
    """Count the committed answers lost, and damages, after a writer was killed in the middle ten times."""
    run.need_signals()
    file, committed = run.folder() / "replies.sqlite", 0
    store = _store(run, file)
    for number in range(3 if run.quick else 10):
        run.checkpoint()
        committed = _killed_writer(file, committed, number)
    lost = [key for key in range(1, committed + 1) if not _kept(store, key)]
    return Samples([float(len(lost) + _damage(store, file))])


def _killed_writer(file: Path, committed: int, number: int) -> int:
    """Let a writer go on from `committed`, kill it while it writes, return the last answer it committed."""
    with interpreter(_SHARED + _WRITER, str(file), str(committed + 1), stderr=subprocess.DEVNULL) as writer:
        try:
            assert writer.stdout is not None
            for _ in range(5 + number % 7):
                writer.stdout.readline()
            time.sleep(0.001 * (number % 5))
        finally:
            writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")[:-1]
    return max([committed + 5 + number % 7, *map(int, rest)])


def _kept(store: Any, key: int) -> bool:
    found = store.get(f"k{key}")
    return found is not None and found.content == str(key).encode() * 3000


def _store(run: Run, file: Path) -> Any:
    from kit.transport.disk import AnswerStore

    store = AnswerStore(file, CacheConfig(disk_max_entries=10**6, disk_max_bytes=2**30))
    run.after_row(store.close)
    return store


def _damage(store: Any, file: Path) -> int:
    """Count what SQLite's own check finds, failures of our own connection, and files set aside."""
    rows = sqlite3.connect(file)
    found = [word for (word,) in rows.execute("PRAGMA integrity_check") if word != "ok"]
    rows.close()
    aside = [each for each in file.parent.iterdir() if "damaged" in each.name]
    return len(found) + int(store.failures) + len(aside)
