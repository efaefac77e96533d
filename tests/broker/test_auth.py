"""Logging in: passwords, tokens, one flight, no password twice."""

from __future__ import annotations

import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from kit.broker import auth
from kit.broker.auth import Login, totp
from kit.broker.endpoints import LOGIN, REFRESH
from kit.broker.tokens import Tokens
from kit.clock import IST, ManualClock
from kit.errors import (
    AccountBlocked,
    LoginRefused,
    NeverSent,
    ProtocolError,
    RateLimited,
    Rejected,
    SessionExpired,
    SessionTakenOver,
)
from kit.settings import Credentials

SECRET = base64.b32encode(b"12345678901234567890").decode()
NOON = datetime(2026, 11, 20, 12, tzinfo=IST)
CREDENTIALS = Credentials(
    api_key=SecretStr("key-1234"),
    client_code=SecretStr("S123456"),
    pin=SecretStr("9876"),
    totp_secret=SecretStr(SECRET),
)


class Broker:
    """Answers logins and refreshes by a script: data, or an error to raise."""

    def __init__(self, *script: object, pause_s: float = 0.0) -> None:
        self.script = list(script)
        self.asked: list[str] = []
        self.passwords: list[str] = []
        self.pause_s = pause_s

    def __call__(self, endpoint, body, _tokens):
        """Answer the next request."""
        self.asked.append(endpoint.name)
        self.passwords += [body["totp"]] if "totp" in body else []
        time.sleep(self.pause_s)
        answer = self.script.pop(0) if self.script else "ok"
        if isinstance(answer, Exception):
            raise answer
        names = ("jwtToken", "refreshToken", "feedToken")
        return {name: f"{name}-{len(self.asked)}" for name in names} if answer == "ok" else answer


@pytest.fixture
def wall(monkeypatch):
    """Put a machine clock in the test's hand, Unix seconds."""
    moment = {"now": 1_700_000_000.0}
    monkeypatch.setattr(auth, "wall_s", lambda: moment["now"])
    return moment


@pytest.mark.parametrize(
    ("at_s", "password"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_password_of_the_standard(at_s, password):
    """Every SHA-1 test vector of RFC 6238 must come out, whole and as the last six digits."""
    assert totp(SECRET, at_s, digits=8) == password
    assert totp(SECRET, at_s) == password[-6:]


def test_password_secret_as_people_paste_it():
    """Spaces, lower case and missing padding must not change the password."""
    assert totp("jbsw y3dp ehpk 3pxp jb", 59) == totp("JBSWY3DPEHPK3PXPJB", 59)


def test_password_secret_that_is_none():
    """A secret that is not base32 must be refused without being repeated."""
    with pytest.raises(LoginRefused) as caught:
        totp("not-base32-0189", 0)
    assert "0189" not in str(caught.value)


def test_tokens_show_nothing():
    """Neither repr nor str of tokens may show one of them, and a Bearer prefix is taken off."""
    data = {"jwtToken": "Bearer jwt-secret", "refreshToken": "refresh-secret", "feedToken": "feed-secret"}
    tokens = Tokens.from_reply(data, NOON)
    assert "secret" not in f"{tokens!r} {tokens}".replace("SecretStr", "")
    assert tokens.jwt.get_secret_value() == "jwt-secret"
    assert tokens.expires == datetime(2026, 11, 21, tzinfo=IST)


@pytest.mark.parametrize(
    "data",
    [
        None, [], {"jwtToken": "a"}, {"jwtToken": 1, "refreshToken": 2, "feedToken": 3},
        *[
            {"jwtToken": jwt, "refreshToken": "b", "feedToken": "c"}
            for jwt in ("Bearer ", "a\r\nX: b", "a b", "\u20ac")
        ],
    ],
)  # fmt: skip
def test_login_reply_without_tokens(data):
    """A login reply that lacks a token, or holds one that no header can, must be a protocol error."""
    with pytest.raises(ProtocolError):
        Tokens.from_reply(data, NOON)


def test_one_login_for_eight_threads(wall):
    """Eight threads that need a token at once must make one login and share its tokens."""
    broker = Broker(pause_s=0.05)
    login = Login(CREDENTIALS, broker, ManualClock(NOON))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: login.tokens(), range(8)))
    assert broker.asked == ["login"]
    assert all(tokens is found[0] for tokens in found)


@pytest.mark.parametrize("why", [LoginRefused("no"), NeverSent("no connection")])
def test_one_bad_login_for_eight_threads(wall, why):
    """Eight threads waiting for a login that fails must all see the failure of one attempt."""
    broker = Broker(why, pause_s=0.2)
    login = Login(CREDENTIALS, broker, ManualClock(NOON))
    start = threading.Barrier(8)

    def ask(_: int) -> str:
        start.wait()
        with pytest.raises(type(why)) as caught:
            login.tokens()
        return caught.value.what

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {why.what}
    assert broker.asked == ["login"]


def test_login_again_after_a_refusal(wall):
    """A later call must try again after a refused login."""
    broker = Broker(LoginRefused("no"))
    login = Login(CREDENTIALS, broker, ManualClock(NOON))
    with pytest.raises(LoginRefused):
        login.tokens()
    wall["now"] += 30
    assert login.tokens().jwt.get_secret_value() == "jwtToken-2"


@pytest.mark.parametrize("why", [AccountBlocked("no"), NeverSent("no"), SessionTakenOver("no")])
def test_login_again_after_a_renewal_that_failed(wall, why):
    """After whatever ended a renewal, the next call must log in: the old tokens are known to be dead."""
    broker = Broker("ok", why)
    login = Login(CREDENTIALS, broker, ManualClock(NOON))
    stale = login.tokens()
    wall["now"] += 30
    with suppress(type(why)):
        login.renewed(stale)
    wall["now"] += 30
    assert login.tokens().jwt.get_secret_value() == "jwtToken-3"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", "is right"),
        ("Tue, 14 Nov 2023 22:12:20 -0000", "60 s ahead"),
        ("yesterday", "is right"),
        ("Fri, 31 Dec 9999 23:59:59 -1400", "behind"),
        ("", "is right"),
    ],
)
def test_advice_after_a_refused_login(wall, header, told):
    """Whatever time the broker tells, a refused login must have a remedy, with the clock's error if known."""
    assert told in auth.advice(header)


def test_no_password_twice(wall, monkeypatch, caplog):
    """A second login within the same 30 seconds must wait for the next password, and say so."""
    broker = Broker()
    login = Login(CREDENTIALS, broker, ManualClock(NOON))
    monkeypatch.setattr(auth.time, "sleep", lambda seconds: wall.update(now=wall["now"] + seconds))
    for _ in range(3):
        login.tokens()
        login.forget()
    assert len(set(broker.passwords)) == 3
    assert "waiting" in caplog.text
    assert wall["now"] - 1_700_000_000 > 30


def test_midnight_ends_the_tokens(wall):
    """Tokens must not be used after midnight in Asia/Kolkata, and the next call must log in by itself."""
    clock, broker = ManualClock(NOON), Broker()
    login = Login(CREDENTIALS, broker, clock)
    login.tokens()
    clock.at += timedelta(hours=12)
    wall["now"] += 12 * 3600
    assert login.valid() is None
    assert login.tokens().jwt.get_secret_value() == "jwtToken-2"
    assert broker.asked == ["login", "login"]


def test_renewal_by_refresh(wall):
    """Tokens that the broker calls stale must be renewed by one refresh, whoever asks first."""
    broker = Broker(pause_s=0.02)
    login = Login(CREDENTIALS, broker, ManualClock(NOON))
    stale = login.tokens()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: login.renewed(stale), range(4)))
    assert broker.asked == ["login", "refresh"]
    assert len({tokens.jwt.get_secret_value() for tokens in found}) == 1


@pytest.mark.parametrize("why", [Rejected("AB8050"), RateLimited("slow")])
def test_renewal_by_login(wall, why):
    """Where the refresh is refused, the credentials must open a new session."""
    broker = Broker("ok", why)
    login = Login(CREDENTIALS, broker, ManualClock(NOON))
    stale = login.tokens()
    wall["now"] += 30
    assert login.renewed(stale) is not stale
    assert broker.asked == [LOGIN.name, REFRESH.name, LOGIN.name]


@pytest.mark.parametrize("why", [None, Rejected("AB8050")])
def test_what_stays_refused_costs_one_refresh_and_one_login(wall, why):
    """An attempt that finds the session ended each time is made with no second new login, and raises."""
    broker, tried = Broker(*(["ok", why] if why else [])), []
    login = Login(CREDENTIALS, broker, ManualClock(NOON))

    def attempt(tokens):
        tried.append(tokens.jwt.get_secret_value())
        wall["now"] += 30
        raise SessionExpired("ended")

    with pytest.raises(SessionExpired):
        login.with_tokens(attempt)
    assert broker.asked == [LOGIN.name, REFRESH.name, LOGIN.name]
    assert len(set(tried)) == len(tried) == (2 if why else 3)
    assert login.current() is None


def test_another_error_renews_nothing(wall):
    """What does not mean that the session has ended is raised at once, and the tokens stay."""
    broker = Broker()
    login = Login(CREDENTIALS, broker, ManualClock(NOON))

    def attempt(tokens):
        raise Rejected("AB1010")

    with pytest.raises(Rejected):
        login.with_tokens(attempt)
    assert broker.asked == [LOGIN.name]
    assert login.valid()
