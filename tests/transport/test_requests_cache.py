"""What requests-cache's documentation says of a session, one by one, holds on ours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from requests_cache import DO_NOT_CACHE, EXPIRE_IMMEDIATELY, NEVER_EXPIRE, CachedSession

from kit.errors import Ambiguous, StaleData
from kit.settings import CacheConfig, ConnectionConfig
from kit.transport.policy import Policy, Route
from kit.transport.pool import ConnectionPoolManager
from kit.transport.session import ReplySession


@pytest.fixture
def session(host: Any, verdicts: Any, tmp_path: Path) -> Iterator[ReplySession]:
    """Open a session as the broker's: one path is listed, everything else is left to the caller."""
    pool = ConnectionPoolManager(ConnectionConfig(max_retries=0, timeout=5, circuit_failures=1000))
    listed = Route("listed", "/listed", 60, "listed", (), retry_safe=True)
    order = Route("order", "/order", None, "order", (), retry_safe=False)
    policy = Policy([listed, order], verdicts)
    with pool, ReplySession(pool, policy, CacheConfig(), tmp_path / "replies.sqlite") as opened:
        yield opened


def fetched(session: ReplySession, url: str, **options: Any) -> bool:
    """Tell whether a GET went to the host."""
    return not session.get(url, **options).from_cache


def test_it_is_a_requests_cache_session(session: ReplySession) -> None:
    """Whoever expects a `CachedSession` has one."""
    assert isinstance(session, CachedSession)


def test_nothing_is_stored_by_default(session: ReplySession, host: Any) -> None:
    """Without a row, a setting or a word of the call, an answer is not kept."""
    assert [fetched(session, f"{host.url}/x") for _ in range(2)] == [True, True]
    assert [fetched(session, f"{host.url}/listed") for _ in range(2)] == [True, False]


def test_expire_after_of_the_session(session: ReplySession, host: Any) -> None:
    """`settings.expire_after` and its old name set the lifetime of what nothing else names."""
    session.settings.expire_after = 60
    assert [fetched(session, f"{host.url}/x") for _ in range(2)] == [True, False]
    session.expire_after = timedelta(seconds=1)
    assert fetched(session, f"{host.url}/y")
    time.sleep(1.05)
    assert fetched(session, f"{host.url}/y")
    session.settings.expire_after = DO_NOT_CACHE
    assert fetched(session, f"{host.url}/x")


def test_no_setting_stores_or_shares_what_must_never_be(session: ReplySession, host: Any) -> None:
    """An order is sent each time and its answer kept nowhere, whatever lifetime and filter are set."""
    session.settings.expire_after = 60
    session.settings.urls_expire_after = {"*": 60}
    session.settings.filter_fn = lambda _response: True
    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(lambda _: session.post(f"{host.url}/order", json={"a": 1}, expire_after=60), range(4))
        )
    assert host.count("/order") == 4
    assert len(session.cache.responses) == 0


def test_urls_expire_after(session: ReplySession, host: Any) -> None:
    """A pattern wins over the session's lifetime, and replaces the table's when it is set."""
    session.settings.expire_after = 60
    session.settings.urls_expire_after = {"*/never": DO_NOT_CACHE, "*/ever": NEVER_EXPIRE}
    assert [fetched(session, f"{host.url}/never") for _ in range(2)] == [True, True]
    assert [fetched(session, f"{host.url}/ever") for _ in range(2)] == [True, False]
    assert session.get(f"{host.url}/ever").expires is None
    assert (session.get(f"{host.url}/other").expires - datetime.now(UTC)).total_seconds() > 50


@pytest.mark.parametrize("life", [60, timedelta(minutes=1), datetime.now(UTC) + timedelta(days=1)])
def test_expire_after_of_a_call(session: ReplySession, host: Any, life: Any) -> None:
    """A call's own lifetime, in any of its forms, wins over everything, by `request` and by `send`."""
    session.settings.urls_expire_after = {"*": DO_NOT_CACHE}
    assert fetched(session, f"{host.url}/x", expire_after=life)
    assert not fetched(session, f"{host.url}/x", expire_after=life)
    prepared = session.prepare_request(requests.Request("GET", f"{host.url}/y"))
    assert [session.send(prepared.copy(), expire_after=life).from_cache for _ in range(2)] == [False, True]


def test_a_call_may_decline_the_lifetime_of_the_table(session: ReplySession, host: Any) -> None:
    """A call that is not to be stored travels each time, also where the table or a pattern has a lifetime."""
    assert [fetched(session, f"{host.url}/listed", expire_after=DO_NOT_CACHE) for _ in range(2)] == [
        True,
        True,
    ]
    assert not session.cache.contains(url=f"{host.url}/listed")
    assert not any("X-ACTUAL-NO-CACHE" in headers for headers in host.headers)  # the host is not told


def test_cache_disabled(session: ReplySession, host: Any) -> None:
    """Inside `cache_disabled` nothing is read and nothing written; after it all is as before."""
    session.get(f"{host.url}/listed")
    with session.cache_disabled():
        assert fetched(session, f"{host.url}/listed")
        assert fetched(session, f"{host.url}/x", expire_after=60)
        assert session.stored(requests.Request("GET", f"{host.url}/listed").prepare()) is None
    assert not fetched(session, f"{host.url}/listed")
    assert fetched(session, f"{host.url}/x", expire_after=60)


def test_only_if_cached(session: ReplySession, host: Any) -> None:
    """Asked for what is stored alone, the session answers 504 instead of calling."""
    assert session.get(f"{host.url}/listed", only_if_cached=True).status_code == 504
    assert host.seen == []
    session.get(f"{host.url}/listed")
    assert session.get(f"{host.url}/listed", only_if_cached=True).status_code == 200
    session.settings.only_if_cached = True
    assert session.get(f"{host.url}/x").status_code == 504


def test_force_refresh(session: ReplySession, host: Any) -> None:
    """A forced call travels, and its answer takes the stored one's place."""
    first = session.get(f"{host.url}/listed")
    forced = session.get(f"{host.url}/listed", force_refresh=True)
    assert not forced.from_cache
    assert session.get(f"{host.url}/listed").created_at == forced.created_at > first.created_at


def test_refresh_asks_whether_it_is_still_so(session: ReplySession, host: Any) -> None:
    """With a validator a refreshed answer is confirmed by the host and served from the cache."""
    host.fail_next = ["tagged"] * 3
    session.settings.expire_after = 60
    session.get(f"{host.url}/x")
    refreshed = session.get(f"{host.url}/x", refresh=True)
    assert (refreshed.from_cache, refreshed.revalidated, refreshed.json()) == (True, True, {"tagged": True})
    assert host.headers[-1]["If-None-Match"] == '"v1"'
    assert session.get(f"{host.url}/x").json() == {"tagged": True}
    session.settings.always_revalidate = True
    session.get(f"{host.url}/x")
    assert host.count("/x") == 3


def test_an_expired_answer_is_confirmed_by_its_host(session: ReplySession, host: Any) -> None:
    """What expires at once, or was tidied, is kept if it has a validator, and served again when unchanged."""
    host.fail_next = ["tagged"] * 3
    session.get(f"{host.url}/x", expire_after=EXPIRE_IMMEDIATELY)
    session.get(f"{host.url}/y", expire_after=EXPIRE_IMMEDIATELY)
    session.cache.responses.tidy()
    confirmed = session.get(f"{host.url}/x", expire_after=EXPIRE_IMMEDIATELY)
    assert (confirmed.revalidated, confirmed.json()) == (True, {"tagged": True})
    assert host.headers[-1]["If-None-Match"] == '"v1"'


def test_the_lifetime_of_a_call_survives_a_redirect(session: ReplySession, host: Any) -> None:
    """A call's own lifetime also holds for the address that it is sent on to, and travels to no host."""
    host.fail_next = ["moved"]
    session.get(f"{host.url}/here", expire_after=60)
    assert session.get(f"{host.url}/there", expire_after=60).from_cache
    assert not any("max-age" in headers.get("Cache-Control", "") for headers in host.headers)


def test_stale_if_error(session: ReplySession, host: Any) -> None:
    """An expired answer stands in for a failure, for as long as the setting says, with a warning."""
    session.get(f"{host.url}/listed", expire_after=1)
    time.sleep(1.05)
    host.fail_next = ["drop"]
    with pytest.raises(Ambiguous):
        session.get(f"{host.url}/listed")
    session.settings.stale_if_error = True
    for fault in ("drop", "broken"):
        host.fail_next = [fault]
        with pytest.warns(StaleData, match="past its lifetime"):
            assert session.get(f"{host.url}/listed").is_expired
    session.settings.stale_if_error = timedelta(seconds=1)
    time.sleep(1.05)
    host.fail_next = ["drop"]
    with pytest.raises(Ambiguous):
        session.get(f"{host.url}/listed")


def test_stale_while_revalidate(session: ReplySession, host: Any) -> None:
    """An expired answer is served at once while a new one is fetched behind it."""
    session.settings.stale_while_revalidate = True
    session.get(f"{host.url}/listed", expire_after=1)
    time.sleep(1.05)
    with pytest.warns(StaleData):
        assert session.get(f"{host.url}/listed", expire_after=60).is_expired
    key = session.cache.create_key(requests.Request("GET", f"{host.url}/listed"))
    until = time.monotonic() + 60
    while session.cache.responses[key].is_expired:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert host.count("/listed") == 2


def test_allowable_methods_and_codes(session: ReplySession, host: Any) -> None:
    """GET, HEAD and POST may be stored, others not, and only answers with an allowed status."""
    session.settings.expire_after = 60
    for method in ("GET", "HEAD", "POST"):
        assert [session.request(method, f"{host.url}/x").from_cache for _ in range(2)] == [False, True]
    assert [session.put(f"{host.url}/x").from_cache for _ in range(2)] == [False, False]
    host.fail_next = ["broken"]
    assert [session.get(f"{host.url}/y").status_code for _ in range(2)] == [502, 200]
    session.settings.allowable_codes = (200, 403)
    host.fail_next = ["refused"]
    assert [session.get(f"{host.url}/z").status_code for _ in range(2)] == [403, 403]


def test_filter_fn(session: ReplySession, host: Any) -> None:
    """An answer that the filter refuses is not stored; one stored before is deleted."""
    session.settings.expire_after = 60
    session.get(f"{host.url}/x")
    session.settings.filter_fn = lambda response: "/x" not in response.url
    session.get(f"{host.url}/x")
    assert not session.cache.contains(url=f"{host.url}/x")
    assert [fetched(session, f"{host.url}/y") for _ in range(2)] == [True, False]


def test_key_fn(session: ReplySession, host: Any) -> None:
    """An own function names what is stored."""
    session.settings.expire_after = 60
    session.settings.key_fn = lambda **_options: "one"
    session.get(f"{host.url}/x")
    assert session.get(f"{host.url}/y").json()["data"]["path"] == "/x"
    assert session.cache.contains(key="one")


def test_match_headers(session: ReplySession, host: Any) -> None:
    """Headers play no part, unless they are named."""
    session.settings.expire_after = 60
    session.get(f"{host.url}/x", headers={"Accept": "a"})
    assert not fetched(session, f"{host.url}/x", headers={"Accept": "b"})
    session.settings.match_headers = ["Accept"]
    for accept in "ab":
        assert fetched(session, f"{host.url}/x", headers={"Accept": accept})
        assert not fetched(session, f"{host.url}/x", headers={"Accept": accept})


def test_vary(session: ReplySession, host: Any) -> None:
    """Where the host says that a header matters, each of its values has an answer of its own."""
    session.settings.expire_after = 60
    host.fail_next = ["varied"] * 2
    for _ in range(2):
        for tongue in ("en", "hi"):
            assert session.get(f"{host.url}/x", headers={"X-Tongue": tongue}).json() == {"tongue": tongue}
    assert host.count("/x") == 2


def test_ignored_parameters(session: ReplySession, host: Any) -> None:
    """A parameter that is ignored makes no difference and is not stored, in the URL and in a body."""
    session.settings.expire_after = 60
    session.settings.ignored_parameters = ["token", "seen"]
    assert fetched(session, f"{host.url}/x", params={"a": 1, "token": "one"})
    found = session.get(f"{host.url}/x", params={"a": 1, "token": "two"})
    assert found.from_cache
    assert "token=REDACTED" in found.url
    assert not session.post(f"{host.url}/x", json={"a": 1, "seen": 2}).from_cache
    assert session.post(f"{host.url}/x", json={"seen": 3, "a": 1}).from_cache
    assert fetched(session, f"{host.url}/x", params={"a": 2, "token": "one"})


def test_cache_control(session: ReplySession, host: Any) -> None:
    """With `cache_control` the host's own words about lifetimes win."""
    session.settings.cache_control, session.settings.expire_after = True, 60
    host.fail_next = ["brief"]
    assert fetched(session, f"{host.url}/x")
    assert not fetched(session, f"{host.url}/x")
    time.sleep(1.05)
    assert fetched(session, f"{host.url}/x")


def test_read_only(session: ReplySession, host: Any) -> None:
    """A read-only session serves what is stored and adds nothing."""
    session.get(f"{host.url}/listed")
    session.settings.read_only = True
    assert not fetched(session, f"{host.url}/listed")
    assert [fetched(session, f"{host.url}/x", expire_after=60) for _ in range(2)] == [True, True]


def test_contains_delete_urls_and_filter(session: ReplySession, host: Any) -> None:
    """The cache's own methods find, list and remove what is stored."""
    session.settings.expire_after = 60
    urls = [f"{host.url}/{name}" for name in "abcd"]
    for url in urls:
        session.get(url)
    session.get(f"{host.url}/short", expire_after=1)
    request = requests.Request("GET", urls[0])
    assert session.cache.contains(url=urls[0])
    assert session.cache.contains(request=request)
    assert session.cache.contains(key=session.cache.create_key(request))
    assert not session.cache.contains(url=f"{host.url}/nowhere")
    assert session.cache.urls() == sorted([*urls, f"{host.url}/short"])
    session.cache.delete(urls=urls[:1])
    session.cache.delete(requests=[requests.Request("GET", urls[1]).prepare()])
    session.cache.delete(session.cache.create_key(requests.Request("GET", urls[2])))
    time.sleep(1.05)
    assert [each.url for each in session.cache.filter(valid=False, expired=True)] == [f"{host.url}/short"]
    session.cache.delete(expired=True)
    assert session.cache.urls() == urls[3:]
    session.cache.delete(older_than=timedelta(seconds=0.5))
    assert session.cache.urls() == []


def test_recreate_keys(session: ReplySession, host: Any) -> None:
    """When what makes a key has changed, stored answers, of bodies too, are found under the new one."""
    session.settings.expire_after = 60
    session.get(f"{host.url}/x", params={"a": 1, "b": 2})
    session.post(f"{host.url}/x", json={"c": 3, "d": 4})
    before = set(session.cache.responses)
    session.cache.recreate_keys()
    assert set(session.cache.responses) == before
    session.settings.ignored_parameters = ["b", "d"]
    session.cache.recreate_keys()
    assert session.get(f"{host.url}/x", params={"a": 1, "b": 99}).from_cache
    assert session.post(f"{host.url}/x", json={"c": 3, "d": 99}).from_cache


def test_reset_expiration_clear_and_update(session: ReplySession, host: Any, tmp_path: Path) -> None:
    """Lifetimes can be set anew, a cache copied into another and emptied."""
    session.get(f"{host.url}/x", expire_after=60)
    session.cache.reset_expiration(timedelta(hours=1))
    found = session.get(f"{host.url}/x", expire_after=60)
    assert (found.expires - datetime.now(UTC)).total_seconds() > 3000
    with CachedSession(str(tmp_path / "stock.sqlite"), serializer="json") as stock:
        stock.cache.update(session.cache)
        assert stock.cache.urls() == [f"{host.url}/x"]
        session.cache.clear()
        assert len(session.cache.responses) == 0
        session.cache.update(stock.cache)
    assert [each.json() for each in session.cache.filter()] == [found.json()]


def test_redirects(session: ReplySession, host: Any) -> None:
    """A redirect is followed, remembered under both addresses, and its history kept."""
    session.settings.expire_after = 60
    host.fail_next = ["moved"]
    first = session.get(f"{host.url}/here")
    second = session.get(f"{host.url}/here")
    assert (first.url, second.url, second.from_cache) == (f"{host.url}/there", f"{host.url}/there", True)
    assert [each.status_code for each in second.history] == [302]
    assert len(session.cache.redirects) == 1
    assert session.get(f"{host.url}/here", allow_redirects=False, force_refresh=True).status_code == 200


def test_hooks(session: ReplySession, host: Any) -> None:
    """A hook of the session sees fresh answers and stored ones."""
    seen: list[bool] = []

    def note(response: Any, **_options: Any) -> None:
        seen.append(getattr(response, "from_cache", False))

    session.hooks["response"].append(note)
    session.get(f"{host.url}/listed")
    fresh = len(seen)
    session.get(f"{host.url}/listed")
    assert set(seen[:fresh]) == {False}
    assert seen[fresh:] == [True]


def test_headers_auth_params_and_cookies(session: ReplySession, host: Any) -> None:
    """What a session adds to every request is sent."""
    session.headers["X-Mine"] = "yes"
    session.auth = ("user", "word")
    session.params = {"common": "1"}
    session.get(f"{host.url}/x", cookies={"biscuit": "2"})
    assert host.headers[-1]["X-Mine"] == "yes"
    assert host.headers[-1]["Authorization"].startswith("Basic ")
    assert "biscuit=2" in host.headers[-1]["Cookie"]


def test_timeout(session: ReplySession, host: Any) -> None:
    """A call's own time-out holds, as a number and as a pair."""
    for patience in (0.2, (3, 0.2)):
        host.fail_next = ["stall"]
        with pytest.raises(Ambiguous, match="TimeoutError"):
            session.get(f"{host.url}/x", timeout=patience)


def test_head_and_other_methods(session: ReplySession, host: Any) -> None:
    """Every method of a session works, and HEAD leaves its socket usable."""
    host.fail_next = ["headless"] * 3
    for _ in range(3):
        assert session.head(f"{host.url}/x").headers["Content-Length"] == "7"
    assert session.post(f"{host.url}/x", data={"a": 1}).ok
    assert session.put(f"{host.url}/x", data=b"bytes").ok
    assert host.accepted == 1


def test_streaming(session: ReplySession, host: Any) -> None:
    """A streamed answer can be read in pieces, fresh or stored."""
    for _ in range(2):
        with session.get(f"{host.url}/listed", stream=True) as response:
            assert b"".join(response.iter_content(7)).startswith(b'{"status": true')
    assert response.from_cache
    assert session.get(f"{host.url}/listed").raw.read().startswith(b'{"status": true')


def test_mount(session: ReplySession) -> None:
    """An adapter of one's own is used for its addresses, and what it brings can be stored."""

    class Echo(BaseAdapter):
        def send(self, request: requests.PreparedRequest, **_how: Any) -> requests.Response:
            response = requests.Response()
            response.status_code, response.url, response.request = 200, str(request.url), request
            response._content = b"echo"
            return response

        def close(self) -> None:
            pass

    session.mount("http://echo.invalid/", Echo())
    assert session.get("http://echo.invalid/x", expire_after=60).content == b"echo"
    assert session.get("http://echo.invalid/x", expire_after=60).from_cache


def test_wrap_and_close(session: ReplySession, host: Any) -> None:
    """A closed session opens its file again when it is used."""
    session.get(f"{host.url}/listed")
    session.close()
    assert not fetched(session, f"{host.url}/listed")
    assert session.cache.db_path.name == "replies.sqlite"
