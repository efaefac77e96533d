"""The cached session: what is kept, for how long, for whom, and what never is."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import requests

from kit.errors import Ambiguous, CacheUnavailable, CircuitOpen, NeverSent, StaleData
from kit.settings import CacheConfig, ConnectionConfig
from kit.transport.limits import RateLimiter, Window
from kit.transport.policy import Policy, Route
from kit.transport.pool import ConnectionPoolManager
from kit.transport.session import ReplySession
from kit.transport.stored import age_s, remaining_s

FREE = (Window(1000, 1),)
SECRETS = {"X-PrivateKey": "SECRET-KEY", "Authorization": "Bearer SECRET-JWT"}


class Desk:
    """A session on a host, as a client would hold it."""

    def __init__(self, host: Any, folder: Path, verdicts: Any, **config: Any) -> None:
        self.host = host
        self.file = folder / "private" / "replies.sqlite"
        self.config = CacheConfig(**config)
        self.pool = ConnectionPoolManager(
            ConnectionConfig(backoff_factor=0.01, max_retries=2, timeout=0.4, circuit_failures=7)
        )
        self.limiter = RateLimiter(folder / "private" / "limits.sqlite", on_wait=lambda _wait: None)
        self.routes = [
            Route("ltp", "/ltp", 5, "ltp", FREE, retry_safe=True),
            Route("short", "/short", 1, "short", FREE, retry_safe=True),
            Route("held", "/held", math.inf, "h", FREE, True),
            Route("funds", "/funds", 60, "funds", FREE, retry_safe=True, private=True),
            Route("order", "/order", None, "order", FREE, retry_safe=False),
            Route("login", "/login/", None, "login", FREE, retry_safe=False),
        ]
        self._verdicts = verdicts
        self._open: list[Any] = []

    def session(self, account: str = "A1", file: Path | None = None) -> Any:
        """Open a session on the same file, as another kernel would."""
        policy = Policy(
            self.routes, self._verdicts, lambda response: response.json()["status"] is True, account
        )
        opened = ReplySession(self.pool, policy, self.config, file or self.file, self.limiter)
        self._open.append(opened)
        return opened

    def ask(self, session: Any, path: str, body: Any = None) -> Any:
        """Send a POST with all the secrets."""
        return session.post(f"{self.host.url}{path}", json=body or {"a": 1}, headers=SECRETS)

    def close(self) -> None:
        """Close everything opened."""
        for opened in self._open:
            opened.close()
        self.limiter.close()
        self.pool.close()


@pytest.fixture
def desk(host: Any, tmp_path: Path, verdicts: Any) -> Iterator[Callable[..., Desk]]:
    """Return a maker of desks on the host."""
    made: list[Desk] = []

    def make(**config: Any) -> Desk:
        made.append(Desk(host, tmp_path, verdicts, **config))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_second_question_costs_no_call_and_no_token(desk: Callable[..., Desk]) -> None:
    """A living answer comes from disk, also in another kernel, with its age and what is left of its life."""
    each = desk()
    first = each.ask(each.session(), "/ltp")
    left = each.limiter.remaining("ltp", FREE)
    second = each.ask(each.session(), "/ltp/")
    third = each.ask(each.session(), "/ltp")
    assert (first.from_cache, third.from_cache) == (False, True)
    assert second.json()["data"]["path"] == "/ltp/"  # another URL is another answer; the route is the same
    assert third.json() == first.json()
    assert each.limiter.remaining("ltp", FREE) >= left - 1
    assert 0 <= age_s(third) < 5
    assert remaining_s(third) == pytest.approx(5 - age_s(third), abs=0.01)
    assert (third.expires - third.created_at).total_seconds() == pytest.approx(5)
    assert (first.expires, first.created_at) == (third.expires, third.created_at)
    assert third.headers["Content-Type"] == "application/json"


def test_no_answer_outlives_its_lifetime(desk: Callable[..., Desk]) -> None:
    """Once its seconds are over an answer is asked for anew."""
    each = desk()
    session = each.session()
    each.ask(session, "/short")
    assert each.ask(session, "/short").from_cache
    time.sleep(1.05)
    assert not each.ask(session, "/short").from_cache


def test_a_call_may_name_its_lifetime(desk: Callable[..., Desk]) -> None:
    """The table gives closed days an endless life, a call its own, to the fraction of a second."""
    each = desk()
    session = each.session()
    for day, life in (("old", None), ("new", 3600), ("short", 0.25)):
        request = requests.Request("POST", f"{each.host.url}/held", json={"day": day}).prepare()
        first = session.send(request, expire_after=life)
        assert life is None or (first.expires - first.created_at).total_seconds() == pytest.approx(life)
        assert "Cache-Control" not in first.request.headers  # not the host's business
    old, new = (each.ask(session, "/held", {"day": day}) for day in ("old", "new"))
    assert (remaining_s(old), old.expires) == (math.inf, None)
    assert 3590 < remaining_s(new) <= 3600


def test_the_order_of_keys_makes_no_difference(desk: Callable[..., Desk]) -> None:
    """The same question with its keys in another order is the same question, other values are not."""
    each = desk()
    session = each.session()
    each.ask(session, "/ltp", {"a": 1, "b": [1, 2]})
    assert each.ask(session, "/ltp", {"b": [1, 2], "a": 1}).from_cache
    assert not each.ask(session, "/ltp", {"b": [2, 1], "a": 1}).from_cache


def test_accounts_share_the_market_but_not_their_money(desk: Callable[..., Desk]) -> None:
    """Private answers are kept apart by account, market data is shared, whatever the tokens."""
    each = desk()
    one, other = each.session("A1"), each.session("B2")
    for path, shared in (("/funds", False), ("/ltp", True)):
        each.ask(one, path)
        assert each.ask(one, path).from_cache
        assert each.ask(other, path).from_cache is shared
    for session in (one, other):
        session.settings.ignored_parameters = [*session.settings.ignored_parameters, "b"]
        session.cache.recreate_keys()  # a stored answer knows whose it is
    each.host.seen.clear()
    third = each.session("C3")
    third.settings.ignored_parameters = one.settings.ignored_parameters
    assert [each.ask(session, "/funds").from_cache for session in (one, other, third)] == [True, True, False]


@pytest.mark.parametrize("path", ["/order", "/login", "/login/", "/nowhere"])
def test_nothing_is_kept_without_a_lifetime(desk: Callable[..., Desk], path: str) -> None:
    """Login, orders and whatever has no row always travel, and leave nothing on disk."""
    each = desk()
    session = each.session()
    for _ in range(2):
        answer = each.ask(session, path)
        assert (answer.from_cache, answer.expires, answer.cache_key) == (False, None, None)
        if path == "/login":  # not even if it is asked for
            assert not session.post(f"{each.host.url}{path}", json={}, expire_after=60).from_cache
    assert session.cache.get_stats()["entries"] == 0
    assert each.host.count(path) == (4 if path == "/login" else 2)


def test_a_refusal_of_the_broker_is_not_kept(desk: Callable[..., Desk]) -> None:
    """An answer with status false is handed on and asked for again."""
    each = desk()
    session = each.session()
    each.host.fail_next = ["rejected"]
    assert each.ask(session, "/ltp").json()["status"] is False
    assert each.ask(session, "/ltp").json()["status"] is True
    assert each.ask(session, "/ltp").from_cache


def test_a_forced_question_goes_to_the_network(desk: Callable[..., Desk]) -> None:
    """`force_refresh` asks anew and keeps the new answer."""
    each = desk()
    session = each.session()
    each.ask(session, "/ltp")
    fresh = session.post(f"{each.host.url}/ltp", json={"a": 1}, force_refresh=True)
    assert not fresh.from_cache
    assert each.ask(session, "/ltp").created_at == fresh.created_at


def test_eight_threads_make_one_call(desk: Callable[..., Desk]) -> None:
    """Of many who ask for one cold key at once, one travels."""
    each = desk()
    session, gate = each.session(), threading.Barrier(8)
    each.routes.append(Route("slow", "/slow", 60, "slow", FREE, retry_safe=True))
    session = each.session()

    def ask(_number: int) -> Any:
        gate.wait()
        return each.ask(session, "/slow").json()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert each.host.count("/slow") == 1
    assert all(answer == answers[0] for answer in answers)


def test_whoever_asks_as_an_answer_arrives_makes_no_second_call(desk: Callable[..., Desk]) -> None:
    """Who looked before an answer was stored, and asks after its flight has ended, finds the answer."""
    each, keys = desk(), range(150)
    session, gate = each.session(), threading.Barrier(6)

    def ask(number: int) -> None:
        for key in keys:
            gate.wait()
            time.sleep(number * 0.0007)  # a call takes about as long as these differ
            each.ask(session, "/held", {"key": key})

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(ask, range(6)))
    assert each.host.count("/held") == len(keys)


@pytest.mark.parametrize(
    ("fault", "read_attempts", "write_attempts"),
    [
        ("drop", 2, 1),
        ("half", 2, 1),
        ("stall", 2, 1),
        ("broken", 2, 1),
        ("refused", 2, 1),
        ("rejected", 1, 1),
    ],
)
def test_only_what_is_safe_is_sent_again(
    desk: Callable[..., Desk], fault: str, read_attempts: int, write_attempts: int
) -> None:
    """A read is tried again after a fault that may pass, an order never after it has left."""
    each = desk()
    session = each.session()
    each.host.fail_next = [fault]
    each.ask(session, "/ltp")
    assert each.host.count("/ltp") == read_attempts
    each.host.fail_next = [fault]
    lost = fault in ("drop", "half", "stall")
    with pytest.raises(Ambiguous, match="look up an order") if lost else nullcontext():
        each.ask(session, "/order")
    assert each.host.count("/order") == write_attempts


def test_every_attempt_is_paid_and_the_last_answer_is_handed_on(
    desk: Callable[..., Desk], caplog: pytest.LogCaptureFixture
) -> None:
    """A retry is logged and takes a token like a first attempt; when none is left the refusal is returned."""
    caplog.set_level(logging.INFO, "kit.transport")
    each = desk()
    session = each.session()
    each.host.fail_next = ["broken"] * 3
    assert each.ask(session, "/ltp").status_code == 502
    assert each.host.count("/ltp") == 3
    assert each.limiter.remaining("ltp", (Window(10, 60),)) == 7
    assert each.pool.get_stats()["retries"] == 2
    told = [record.getMessage().partition(" in ")[0] for record in caplog.records]
    assert told == ["ltp: transient; attempt 2", "ltp: transient; attempt 3"]


def test_a_rate_refusal_holds_everybody_back(desk: Callable[..., Desk]) -> None:
    """After the broker's refusal the shared limiter grants nobody a turn for a while."""
    each = desk()
    session = each.session()
    each.host.fail_next = ["refused"]
    started = time.monotonic()
    assert each.ask(session, "/ltp").ok
    assert time.monotonic() - started > 0.9  # the penalty, not the back-off of 0.01 s
    each.host.fail_next, each.host.more = ["refused"], "Retry-After: 60\r\n"
    assert each.ask(session, "/order").status_code == 403  # which is not tried again
    other = RateLimiter(each.file.with_name("limits.sqlite"))
    assert other.remaining("order", FREE) == 0
    assert other.remaining("funds", FREE) > 0
    other.close()


def test_what_was_never_sent_is_sent_again_even_for_orders(desk: Callable[..., Desk], dead_url: str) -> None:
    """A connection that cannot be made is tried again, whatever the request, and then named."""
    each = desk()
    session = each.session()
    with pytest.raises(NeverSent):
        session.post(f"{dead_url}/order", json={}, headers=SECRETS)
    assert each.pool.get_stats()["retries"] == 2


def test_an_expired_answer_may_stand_in_and_says_so(desk: Callable[..., Desk]) -> None:
    """With `stale_if_error` an old answer is served when the network fails, marked and warned of."""
    each = desk(stale_if_error=True)
    session = each.session()
    each.ask(session, "/short")
    time.sleep(1.05)
    for fault in ("drop", "broken"):
        each.host.fail_next = [fault] * 3
        with pytest.warns(StaleData, match="past its lifetime"):
            answer = each.ask(session, "/short")
        assert (answer.is_expired, answer.from_cache, remaining_s(answer)) == (True, True, 0)
    assert not each.ask(session, "/short").is_expired


def test_an_expired_answer_does_not_stand_in_by_default(desk: Callable[..., Desk]) -> None:
    """Without `stale_if_error` a failing network is an error, whatever is on disk."""
    each = desk()
    session = each.session()
    each.ask(session, "/short")
    time.sleep(1.05)
    each.host.fail_next = ["drop"] * 3
    with pytest.raises(Ambiguous):
        each.ask(session, "/short")


def test_an_open_circuit_still_serves_what_is_kept(desk: Callable[..., Desk]) -> None:
    """While nothing is sent to a failing host, living answers come from disk."""
    each = desk()
    session = each.session()
    each.ask(session, "/ltp")
    each.host.fail_next = ["broken"] * 7
    each.ask(session, "/short")
    each.ask(session, "/held")
    with pytest.raises(CircuitOpen):  # its first attempt is the seventh failure
        each.ask(session, "/held")
    with pytest.raises(CircuitOpen):
        each.ask(session, "/short")
    assert each.ask(session, "/ltp").from_cache


def test_no_secret_reaches_the_disk(desk: Callable[..., Desk], caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the outcome, keys, tokens, PIN and one-time password are in no file, log or repr."""
    each = desk(stale_if_error=True)
    session = each.session("SECRET-CLIENT")
    login = {"clientcode": "SECRET-CLIENT", "password": "SECRET-PIN", "totp": "SECRET-TOTP"}
    with caplog.at_level(0):
        for fault in ("", "rejected", "broken", "refused"):
            each.host.fail_next = [fault]
            answers = [each.ask(session, "/login", login), each.ask(session, "/ltp")]
            answers.append(session.get(f"{each.host.url}/funds?refreshToken=SECRET-REFRESH", headers=SECRETS))
            each.host.fail_next = ["drop"]
            with pytest.raises(Ambiguous) as raised:
                each.ask(session, "/login", login)
            assert "SECRET" not in f"{raised.value} {raised.value!r} {answers!r} {session!r} {each.pool!r}"
    each.close()
    stored = {file.name: file.read_bytes() for file in each.file.parent.iterdir()}
    assert stored
    assert [name for name, content in stored.items() if b"SECRET" in content] == []
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("kit")]
    assert not [message for message in ours if "SECRET" in message]


@pytest.mark.parametrize(
    "name",
    [
        *("clientcode", "password", "totp", "refreshToken", "jwtToken", "feedToken"),
        *("auth_token", "feed_token", "access_token", "api_key", "Authorization", "X-PrivateKey", "Cookie"),
    ],
)
def test_a_secret_of_any_name_reaches_no_disk(desk: Callable[..., Desk], name: str) -> None:
    """Of a stored call of one's own, too, nothing by a secret's name is kept: no field, parameter, header."""
    each = desk()
    session, url = each.session(), f"{each.host.url}/own"
    session.settings.match_headers = True
    session.post(url, json={name: "SECRET", "a": 1}, expire_after=60)
    session.post(url, json={"inner": {name: "SECRET"}}, expire_after=60)
    session.post(url, data={name: "SECRET", "a": 1}, expire_after=60)
    session.get(url, params={name: "SECRET"}, headers={name: "SECRET"}, expire_after=60)
    session.get(url.replace("//", "//user:SECRET@"), expire_after=60)
    assert len(session.cache.responses) == 5
    each.close()
    assert b"SECRET" not in b"".join(file.read_bytes() for file in each.file.parent.iterdir())


def test_without_a_disk_tier_the_session_works(desk: Callable[..., Desk], tmp_path: Path) -> None:
    """`disk: false` keeps nothing; a place that cannot be written is done without, and said."""
    each = desk(disk=False)
    session = each.session()
    assert [each.ask(session, "/ltp").from_cache for _ in range(2)] == [False, False]
    assert not each.file.exists()
    (tmp_path / "plain").write_text("not a folder")
    other = desk()
    with pytest.warns(CacheUnavailable, match="disk tier is off"):
        session = other.session(file=tmp_path / "plain" / "replies.sqlite")
    assert [other.ask(session, "/ltp").from_cache for _ in range(2)] == [False, False]


def test_the_session_offers_the_library_own_view(desk: Callable[..., Desk]) -> None:
    """requests-cache's own methods work on what is stored."""
    each = desk()
    session = each.session()
    answer = each.ask(session, "/ltp")
    assert session.cache.urls() == [f"{each.host.url}/ltp"]
    assert [kept.json() for kept in session.cache.filter()] == [answer.json()]
    session.cache.clear()
    assert not each.ask(session, "/ltp").from_cache
