"""Rate limits: exact over sliding windows, for one process and for several."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import CacheUnavailable, RateLimited
from kit.transport.limits import RateLimiter, Wait, Window, binding
from kit.transport.windows import least_s

CANDLES = (Window(3, 1), Window(180, 60), Window(5000, 3600))


class Bench:
    """A limiter on a clock that only sleeping moves."""

    def __init__(self, path: Path | None = None) -> None:
        self.now = 1_000_000.0
        self.told: list[Wait] = []
        self.limiter = RateLimiter(
            path, account="A1", on_wait=self.told.append, clock=lambda: self.now, sleep=self.sleep
        )

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += max(seconds, 1e-6)

    def call(self, windows: tuple[Window, ...], took_s: float = 0.0) -> float:
        """Take a turn, and tell when the call left."""
        with self.limiter.turn("candles", windows):
            sent = self.now
            self.now += took_s
        return sent


def most_within(moments: list[float], seconds: float) -> int:
    """Return the largest number of moments in any half-open window."""
    return max(sum(start <= moment < start + seconds for moment in moments) for start in moments)


def test_windows_that_cannot_bind_are_dropped() -> None:
    """A window that another one already keeps is not looked at."""
    assert binding(CANDLES) == (Window(3, 1), Window(5000, 3600))
    assert binding([Window(10, 1), Window(500, 60), Window(5000, 3600)]) == (
        Window(10, 1),
        Window(500, 60),
        Window(5000, 3600),
    )
    assert binding([Window(3, 1), Window(3, 60)]) == (Window(3, 60),)
    assert binding([Window(1, 1), Window(1, 1)]) == (Window(1, 1),)
    assert binding([]) == ()


@given(
    windows=st.lists(
        st.builds(Window, st.integers(1, 6), st.sampled_from([1.0, 2.0, 5.0, 10.0])), min_size=1, max_size=3
    ),
    pauses=st.lists(st.floats(0, 3), min_size=5, max_size=30),
)
@settings(max_examples=60, deadline=None)
def test_no_window_is_ever_exceeded(windows: list[Window], pauses: list[float]) -> None:
    """However calls arrive, each published window holds at most its calls, the dropped ones included."""
    bench = Bench()
    moments = []
    for pause in pauses:
        bench.now += pause
        moments.append(bench.call(tuple(windows)))
    for window in windows:
        assert most_within(moments, window.seconds) <= window.calls


def test_two_hundred_candle_calls_keep_nearly_the_permitted_rate() -> None:
    """The guard against jitter costs at most 5 % of three calls per second."""
    bench = Bench()
    moments = [bench.call(CANDLES, took_s=0.03) for _ in range(200)]
    assert 199 / (moments[-1] - moments[0]) >= 0.95 * 3
    assert most_within(moments, 1.0) <= 3


def test_a_late_answer_moves_its_call() -> None:
    """A call whose answer took long may have been counted late, so the next waits from there."""
    quick, slow = Bench(), Bench()
    gaps = []
    for bench, took_s in ((quick, 0.001), (slow, 0.04)):
        first = bench.call((Window(1, 1),), took_s)
        gaps.append(bench.call((Window(1, 1),)) - first)
    assert gaps == [pytest.approx(1.01, abs=1e-4), pytest.approx(1.05, abs=1e-4)]


def test_a_refusal_stops_everybody_for_its_time() -> None:
    """After a refusal nothing is free until the penalty is over, also for who was already waiting."""
    bench = Bench()
    assert bench.limiter.remaining("candles", CANDLES) == 3
    bench.limiter.refused("candles", 7.5)
    bench.limiter.refused("candles", 1.0)  # a shorter one does not shorten it
    assert bench.limiter.remaining("candles", CANDLES) == 0
    start = bench.now
    assert bench.call(CANDLES) - start == pytest.approx(7.5, abs=1e-3)
    assert [(wait.budget, wait.reason) for wait in bench.told] == [("candles", "the broker's refusal")]


def test_refusals_in_a_row_double_the_penalty() -> None:
    """Refused again as soon as a penalty is over, everybody waits twice as long, to 15 minutes at most."""
    bench = Bench()
    waits = []
    for _ in range(12):
        for _thread in range(3):  # several callers learn of the same refusal
            bench.limiter.refused("candles")
        start = bench.now
        waits.append(bench.call((Window(1000, 1),)) - start)
    assert waits == [pytest.approx(min(2.0**number, 900), abs=0.01) for number in range(12)]
    bench.now += 2000
    bench.limiter.refused("candles")
    start = bench.now
    assert bench.call((Window(1000, 1),)) - start == pytest.approx(1, abs=0.01)  # long ago: from the start


def test_a_refusal_reaches_those_who_sleep() -> None:
    """Who sleeps towards a turn looks again on waking and respects what happened meanwhile."""
    bench = Bench()
    bench.call((Window(1, 1),))
    ordinary_sleep = bench.sleep

    def sleep(seconds: float) -> None:
        bench.limiter._sleep = ordinary_sleep
        bench.limiter.refused("candles", 5)
        ordinary_sleep(seconds)

    start, bench.limiter._sleep = bench.now, sleep
    assert bench.call((Window(1, 1),)) - start == pytest.approx(5, abs=0.02)


def test_a_turn_that_comes_too_late_is_not_taken() -> None:
    """With a time-out the wait is refused at once, names the window, and costs no token."""
    bench = Bench()
    bench.call((Window(1, 60),))
    with pytest.raises(RateLimited, match="1 call in 60 s"):
        bench.limiter.acquire("candles", (Window(1, 60),), timeout_s=10)
    assert bench.limiter.acquire("other", (Window(1, 60),), timeout_s=10) == 0
    assert bench.limiter.acquire("candles", (Window(1, 60),), timeout_s=70) == pytest.approx(60.6, abs=0.1)


def test_a_long_wait_is_told_before_it_begins_and_while_it_lasts() -> None:
    """A wait over 1.5 s says what it waits for and how long, then every 10 s what is left."""
    bench = Bench()
    bench.call((Window(1, 30),))
    bench.call((Window(1, 30),))
    assert {(wait.budget, wait.reason) for wait in bench.told} == {("candles", "1 call in 30 s")}
    assert [wait.seconds for wait in bench.told] == pytest.approx([30.3, 20.3, 10.3, 0.3], abs=0.01)
    for _ in range(4):
        bench.call((Window(3, 0.5),))
    assert len(bench.told) == 4


def test_an_interrupted_wait_gives_its_turn_back() -> None:
    """A wait that is broken off leaves no token behind."""
    bench = Bench()
    bench.call((Window(1, 10),))

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    good, bench.limiter._sleep = bench.limiter._sleep, interrupt
    with pytest.raises(KeyboardInterrupt):
        bench.call((Window(1, 10),))
    bench.limiter._sleep = good
    start = bench.now
    assert bench.call((Window(1, 10),)) - start == pytest.approx(10.1, abs=0.01)


def test_accounts_and_budgets_do_not_share() -> None:
    """Limits count per account and budget."""
    bench = Bench()
    bench.call((Window(1, 60),))
    assert bench.limiter.remaining("candles", (Window(1, 60),)) == 0
    assert bench.limiter.remaining("quote", (Window(1, 60),)) == 1


def test_threads_share_the_window() -> None:
    """Eight threads together send no more than one thread may."""
    limiter, moments, lock = RateLimiter(None), [], threading.Lock()

    def call(_number: int) -> None:
        with limiter.turn("b", (Window(4, 0.25),)), lock:
            moments.append(time.time())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, range(20)))
    assert most_within(moments, 0.245) <= 4
    assert 0.9 < max(moments) - min(moments) < 60


_CALLER = """
import sys, time
from pathlib import Path
from kit.transport.limits import RateLimiter, Window
limiter = RateLimiter(Path(sys.argv[1]), account="A1")
for _ in range(12):
    with limiter.turn("candles", (Window(6, 0.5), Window(5000, 3600))):
        print(time.time(), flush=True)
"""


def test_processes_share_the_window(tmp_path: Path) -> None:
    """Two processes together send no more than one may, and nearly as much."""
    file = tmp_path / "limits.sqlite"
    callers = [
        subprocess.Popen([sys.executable, "-c", _CALLER, str(file)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    moments = sorted(float(line) for caller in callers for line in caller.communicate(timeout=60)[0].split())
    assert len(moments) == 24
    assert most_within(moments, 0.49) <= 6


def test_the_file_is_private_and_names_no_account(tmp_path: Path) -> None:
    """Mode 0600 for the file and its companions, and the client code is nowhere in it."""
    file = tmp_path / "new" / "limits.sqlite"
    limiter = RateLimiter(file, account="CLIENT-CODE-77")
    limiter.acquire("candles", CANDLES)
    modes = {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
    assert modes == {0o600}
    assert all(b"CLIENT-CODE-77" not in each.read_bytes() for each in file.parent.iterdir())


def test_without_the_file_the_limits_still_hold(tmp_path: Path) -> None:
    """A file that cannot be made is done without, and the warning says so."""
    (tmp_path / "plain").write_text("not a folder")
    with pytest.warns(CacheUnavailable, match="this process alone"):
        limiter = RateLimiter(tmp_path / "plain" / "limits.sqlite")
    assert limiter.acquire("b", (Window(1, 0.05),)) == 0
    assert limiter.acquire("b", (Window(1, 0.05),)) > 0.03


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    """Garbage in the shared file is renamed, told, and the limits go on."""
    file = tmp_path / "limits.sqlite"
    file.write_bytes(b"this is no database" * 100)
    with pytest.warns(CacheUnavailable, match="set aside"):
        limiter = RateLimiter(file)
    limiter.acquire("b", CANDLES)
    assert [each for each in tmp_path.iterdir() if "damaged" in each.name]


def test_a_file_found_damaged_in_use_is_rebuilt(tmp_path: Path) -> None:
    """Damage that shows only later is mended, too: the next process shares limits again."""
    file = tmp_path / "limits.sqlite"
    limiter = RateLimiter(file)
    limiter.acquire("b", CANDLES)
    with closing(sqlite3.connect(file)) as rows:
        rows.execute("DROP TABLE calls")
    with pytest.warns(CacheUnavailable, match="set aside"):
        limiter.acquire("b", CANDLES)
    assert RateLimiter(file).remaining("b", CANDLES) == CANDLES[0].calls - 2  # the earlier call counts on


def test_old_calls_are_forgotten(tmp_path: Path) -> None:
    """The log of calls does not grow beyond its longest window."""
    bench = Bench(tmp_path / "limits.sqlite")
    for _ in range(300):
        bench.call((Window(5, 1),))
    with closing(sqlite3.connect(tmp_path / "limits.sqlite")) as rows:
        assert rows.execute("SELECT count(*) FROM calls").fetchone()[0] <= 80


def test_least_s_tells_the_way_ahead() -> None:
    """A progress bar learns how long the rest takes by the limits."""
    assert [least_s(calls, CANDLES) for calls in (0, 1, 3, 4, 200)] == [0, 0, 0, 1, 66]
    assert least_s(10_001, (Window(3, 1), Window(5000, 3600))) == 7200
    assert least_s(10, ()) == 0


_QUEUE = """
import sys, threading
from pathlib import Path
from kit.transport.limits import RateLimiter, Window
limiter = RateLimiter(Path(sys.argv[1]), account="A1")

def wait():
    limiter.acquire("candles", (Window(3, 1),))
    print("sent", flush=True)

for _ in range(30):
    threading.Thread(target=wait).start()
"""


def test_the_queue_of_a_killed_process_is_free_again(tmp_path: Path) -> None:
    """Thirty callers that wait when their process is killed hold the next one up for a moment."""
    file = tmp_path / "limits.sqlite"
    with subprocess.Popen([sys.executable, "-c", _QUEUE, str(file)], stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout is not None
        for _ in range(3):
            waiting.stdout.readline()
        time.sleep(0.3)
        waiting.kill()
    assert RateLimiter(file, account="A1").acquire("candles", (Window(3, 1),)) < 5


def test_reservations_of_a_clock_set_back_are_none() -> None:
    """What lies an hour ahead because the clock was set back holds nobody up for an hour."""
    bench = Bench()
    for _ in range(3):
        bench.call((Window(3, 1),))
    for _ in range(20):  # reserved by callers that never renew
        bench.limiter._turns.reserve("candles", (Window(3, 1),), float("inf"))
    bench.now -= 3600
    start = bench.now
    bench.call((Window(3, 1),))
    assert bench.now - start < 5


def test_a_deleted_file_is_filled_again(tmp_path: Path) -> None:
    """Somebody who deletes the file mid-run gives nobody a fresh allowance, in whichever process."""
    file, windows = tmp_path / "limits.sqlite", (Window(10, 60),)
    one, other = RateLimiter(file), RateLimiter(file)
    for limiter in (one, other):
        for _ in range(4):
            limiter.acquire("b", windows)
    one.refused("c", 30)
    for each in tmp_path.iterdir():
        each.unlink()
    assert one.remaining("c", windows) == 0
    assert other.remaining("b", windows) == 2
    assert one.remaining("b", windows) == 2


def test_a_locked_file_leaves_the_limits_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process locks the file, the limits hold for what this process knows."""
    monkeypatch.setattr("kit.transport.database._PATIENCE_S", 0.2)
    monkeypatch.setattr("kit.transport.database._RETRY_S", 0.3)
    file, windows = tmp_path / "limits.sqlite", (Window(3, 60),)
    limiter = RateLimiter(file)
    limiter.acquire("b", windows)
    limiter.close()
    lock = sqlite3.connect(file, isolation_level=None)
    lock.execute("PRAGMA locking_mode=EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    with pytest.warns(CacheUnavailable, match="this process alone"):
        limiter.acquire("b", windows)
    assert limiter.remaining("b", windows) == 1
    lock.close()
    time.sleep(0.4)
    assert limiter.remaining("b", windows) <= 2  # the file is in use again
