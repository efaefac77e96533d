"""Replies as recorded and documented, each to its class."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from requests import Response

from kit.broker.replies import data_of, envelope, judge, redacted, refusal, storable
from kit.broker.shapes import content_of
from kit.errors import (
    AccountBlocked,
    AddressRefused,
    AheadOfNow,
    BadRequest,
    BrokerError,
    Denied,
    KeyRefused,
    ProtocolError,
    RateLimited,
    Rejected,
    SessionExpired,
    Transient,
)
from kit.transport.policy import ReplyVerdict


def reply(body: object, status: int = 200) -> Response:
    """Return a response with this body; text and bytes as they are, anything else as JSON."""
    response = Response()
    response.status_code = status
    text = body if isinstance(body, bytes | str) else json.dumps(body)
    response._content = text.encode() if isinstance(text, str) else text
    return response


def application(code: str, message: str = "no") -> dict:
    """Answer in the application's dialect."""
    return {"status": False, "message": message, "errorcode": code, "data": None}


def gateway(code: str, message: str = "no") -> dict:
    """Answer in the gateway's dialect: another key, another case, no status."""
    return {"success": False, "message": message, "errorCode": code, "data": ""}


RATE_TEXT = "Access denied because of exceeding access rate"
HTML = "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
CASES = [
    (RATE_TEXT, 403, RateLimited),
    ("Access denied because of exceeding rate limit", 403, RateLimited),
    ("", 429, RateLimited),
    (f'"{RATE_TEXT}"', 403, RateLimited),
    ({"status": False, "data": {"errorCode": "AG8001", "message": "Invalid Token"}}, 200, SessionExpired),
    (application("AB1" * 1000, "no " * 100_000), 200, Rejected),
    (application("AB1021", "Too many requests"), 200, RateLimited),
    (gateway("", RATE_TEXT), 200, RateLimited),
    *[(gateway(code), 200, SessionExpired) for code in ("AG8001", "AG8002", "AG8003")],
    *[(application(code), 200, SessionExpired) for code in ("AB8050", "AB8051", "AB1010", "AB1011")],
    (gateway("", "Invalid Token"), 200, SessionExpired),
    (gateway("", "Token missing"), 200, SessionExpired),
    ("", 401, SessionExpired),
    (application("AB9999", "session over"), 401, SessionExpired),
    (application("AB1006", "Your account is blocked"), 401, AccountBlocked),
    (application("AB1007", "Account Locked: too many attempts"), 200, AccountBlocked),
    (application("AB1004", "Something went wrong"), 401, Transient),
    *[(application(code), 200, Transient) for code in ("AB1004", "AB2000", "AB2001")],
    (HTML, 502, Transient),
    (HTML, 200, Transient),
    ("", 503, Transient),
    ("<html><body>Access Denied</body></html>", 403, Denied),
    ("Forbidden", 403, Denied),
    ("", 400, BadRequest),
    ("", 404, BadRequest),
    (gateway("AG8004", "Invalid API Key"), 200, KeyRefused),
    (application("", "Invalid API key"), 200, KeyRefused),
    (gateway(" ag8004 ", ""), 200, KeyRefused),
    (gateway("", "Invalid\tAPI   Key"), 200, KeyRefused),
    (application("AB1012", "To datetime can\u2019t be greater  than current datetime"), 200, AheadOfNow),
    (gateway("AG7002", "Unregistered IP Address"), 200, AddressRefused),
    (application("AB1006", "Your account is blocked"), 200, AccountBlocked),
    (application("AB9999", "The client has been blocked for trading"), 200, AccountBlocked),
    (application("AB1007", "Invalid Token"), 200, SessionExpired),
    (application("AB1007", "Order not found"), 200, Rejected),
    (application("AB1007", "Login Id or password is invalid"), 200, Rejected),
    (application("AB1012", "To datetime can't be greater than current datetime"), 200, AheadOfNow),
    (application("AB1012", "Invalid Product Type"), 200, Rejected),
    ("[" * 100_000, 200, ProtocolError),
    ('{"status":true,"data":' + "[" * 100_000, 200, ProtocolError),
    (application("AB1009", "Symbol Not Found"), 200, Rejected),
    (application("AB1050", "Invalid totp and client combination"), 200, Rejected),
    ({"status": "false", "message": "no", "errorcode": "AB9019", "data": "null"}, 200, Rejected),
    (application("AB1009"), 400, Rejected),
    ("", 200, ProtocolError),
    ("hello", 200, ProtocolError),
    ([1, 2], 200, ProtocolError),
    ({"data": []}, 200, ProtocolError),
    ('{"status":true,"message":"SUCCESS","data":[{"a":', 200, ProtocolError),
]


@pytest.mark.parametrize(("body", "status", "kind"), CASES)
def test_every_refusal_has_its_class(body, status, kind):
    """Each recorded or documented refusal must raise its class, with code and status kept."""
    with pytest.raises(BrokerError) as caught:
        data_of(reply(body, status), "candles")
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "candles" in str(caught.value)
    assert len(str(caught.value)) < 2_000
    assert not storable(reply(body, status))


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({"status": True, "message": "SUCCESS", "errorcode": "", "data": [1]}, [1]),
        ({"status": "true", "message": "SUCCESS", "errorcode": "", "data": {"a": 1}}, {"a": 1}),
        ({"success": True, "message": "", "data": [2]}, [2]),
        ({"status": True, "message": "SUCCESS", "errorcode": "", "data": None}, None),
        ({"status": True, "message": "SUCCESS", "errorcode": "", "data": "null"}, None),
        ({"status": True, "message": "SUCCESS", "errorcode": "", "data": ""}, None),
    ],
)
def test_every_yes_gives_its_data(body, data):
    """A yes in any dialect must give its payload, and null in any spelling must be None."""
    assert data_of(reply(body), "x") == data
    assert judge(reply(body)) is ReplyVerdict.OK
    assert storable(reply(body)) is (data is not None)


@pytest.mark.parametrize(
    ("body", "status", "verdict"),
    [
        (RATE_TEXT, 403, ReplyVerdict.RATE_LIMITED),
        (HTML, 502, ReplyVerdict.TRANSIENT),
        ('{"status":true,"data":[', 200, ReplyVerdict.TRANSIENT),
        (gateway("AG8001"), 200, ReplyVerdict.FINAL),
        ("", 400, ReplyVerdict.FINAL),
        (application("AB1009"), 200, ReplyVerdict.FINAL),
    ],
)
def test_what_is_worth_another_attempt(body, status, verdict):
    """The transport may try again only after a passing failure or a rate refusal."""
    assert judge(reply(body, status)) is verdict


def test_sharers_of_a_response_get_data_of_their_own():
    """Two callers who share one response must not be able to change each other's data."""
    response = reply({"status": True, "message": "", "errorcode": "", "data": [1]})
    data_of(response, "x").append(2)
    assert data_of(response, "x") == [1]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=4), parts, max_size=4),
)  # fmt: skip


@given(st.builds(lambda value: json.dumps(value).encode(), _VALUES) | st.binary(max_size=20))
@example(b'{"a": "\\ud800"}')
@example(b'{"a": NaN}')
def test_a_stored_reply_says_what_it_said_when_it_came(body):
    """Whatever the body, the reader of stored replies finds what the reader of fresh ones does."""

    def read(seen):
        try:
            return content_of(body, seen)
        except (ValueError, RecursionError):
            return "no JSON"

    assert read(True) == read(False)


@given(st.binary(max_size=200), st.sampled_from([200, 204, 301, 400, 403, 404, 429, 500, 502]))
def test_no_body_breaks_the_reader(body, status):
    """Whatever bytes arrive, the reader must give data or a broker's error, nothing else."""
    response = reply(body, status)
    error = refusal(response, "x")
    assert error is None or isinstance(error, BrokerError)
    assert error is not None or envelope(response).ok is True


@pytest.mark.parametrize(
    "secret", ["eyJhbGciOiJIUzUxMiJ9.abc.def", "JBSWY3DPEHPK3PXPJBSWY3DPEH", "493021", "739100284651"]
)
def test_what_looks_like_a_secret_is_not_repeated(secret):
    """Tokens, shared secrets and one-time passwords must be blacked out of the broker's words."""
    assert secret not in redacted(f"Invalid value {secret} given")
    with pytest.raises(ProtocolError) as caught:
        data_of(reply(f'{{"jwtToken": "{secret}'), "login")
    assert secret not in str(caught.value)


@pytest.mark.parametrize("words", ["PIN 7391 is wrong", "password: 7391", "ask http://user:7391@host for it"])
def test_a_short_secret_is_known_by_what_stands_before_it(words):
    """Four digits are black only where the broker names them a PIN or a password, or in an address."""
    assert "7391" not in redacted(words)
    assert redacted("no strike of 7391 in 2026") == "no strike of 7391 in 2026"


@pytest.mark.parametrize(
    "said",
    [
        *("Invalid PIN 4821", "PIN: 4821 is wrong", "your mpin is '4821'", '{"mpin":"4821"}'),
        *("4821 is not a valid PIN", "password=4821;", "Wrong passcode (4821)", "otp:4821"),
        *("MPIN4821 expired", "TOTP 482 133 was used"),
        *("pin  no.  4821", "secrets 4821 of AB1007", "Pass word 4-8-2-1-4821", "pin\n4821"),
    ],
)  # fmt: skip
def test_a_short_pin_is_blacked_out(said: str) -> None:
    """However the broker quotes a PIN or a one-time password, no error shows it; its own codes stay."""
    for shown in (redacted(said), str(refusal(_answer_of(said), "login"))):
        assert "4821" not in shown
        assert "482" not in shown
    assert "AB1007" in redacted(f"{said} AB1007")


@pytest.mark.parametrize(
    "said", ["Order 4821 not found", "opinion 4821", "Token 99926 of 2026", "spinning 4821"]
)
def test_other_numbers_stay(said: str) -> None:
    """A text that speaks of no secret keeps its short numbers: they say what was wrong."""
    assert redacted(said) == said


def _answer_of(said: str) -> Response:
    response = Response()
    response.status_code = 200
    response._content = json.dumps({"status": False, "errorcode": "AB1007", "message": said}).encode()
    return response
