"""The broker's replies: two dialects and two bare texts, turned into data or a typed error.

=====  ===================================================================  ===================
order  condition                                                            outcome
=====  ===================================================================  ===================
1      HTTP 429, "exceeding access rate", AB1021, "Too many requests"       `RateLimited`
2      AG8004, "Invalid API Key"                                            `KeyRefused`
3      AG7002, "Unregistered IP"                                            `AddressRefused`
4      "... can't be greater than current ..." (AB1012, among others)       `AheadOfNow`
5      AB1006, "... blocked ...", "... locked ..."                          `AccountBlocked`
6      AG8001-3, AB8050-1, AB1010-1, HTTP 401, "invalid token" ...          `SessionExpired`
7      AB1004, AB2000-1 (with HTTP 401 too), HTTP 5xx, an HTML page         `Transient`
8      any other HTTP 403                                                   `Denied`
9      any other HTTP 4xx                                                   `BadRequest`
10     ``status: false`` with any other code                                `Rejected`
11     ``status: true``                                                     the data
12     anything else                                                        `ProtocolError`
=====  ===================================================================  ===================

A key that stands twice in an object makes a reply one of the last kind: which value is meant nobody can know.
Codes are read with their messages: AB1007 stands for a wrong PIN, an invalid token and an unknown order.

Source: SmartAPI documentation of 2026-08 and replies recorded in September 2026.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from requests import Response

from kit.broker.shapes import KeyTwice, content_of
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

_RATE = re.compile(r"exceeding (access )?rate|too many requests", re.IGNORECASE)
_SESSION = re.compile(r"(invalid|missing|expired) token|token (is )?(missing|expired|invalid)", re.IGNORECASE)
_KEY = re.compile(r"invalid api ?key", re.IGNORECASE)
_ADDRESS = re.compile(r"unregistered ip|ip (address )?(is )?not (registered|whitelisted)", re.IGNORECASE)
_AHEAD = re.compile(r"(date|time)\w* (can'?t|cannot|can not) be greater than current", re.IGNORECASE)
_BLOCKED = re.compile(r"\b(is|been|account|client|user) b?locked\b", re.IGNORECASE)
_HTML = re.compile(rb"\s*<(!doctype|html|head|body)", re.IGNORECASE)
_SECRET = re.compile(r"eyJ[\w.-]*|[\w+/=-]{20,}|\b\d{6,}\b|(?<=://)[^\s/@]+(?=@)")
_ABOUT_SECRETS = re.compile(r"(m?pin|t?otp|pass ?(word|code|phrase|wd)|secret)s?(?![a-z])", re.IGNORECASE)
_NUMBER = re.compile(r"\b(A[BG]\d{4})\b|\d{2,}")
_SESSION_CODES = frozenset({"AG8001", "AG8002", "AG8003", "AB8050", "AB8051", "AB1010", "AB1011"})
_TRANSIENT_CODES = frozenset({"AB1004", "AB2000", "AB2001"})
_LONGEST = 500  # characters of a message
_PLAIN_YES = (True, "", "SUCCESS")
_KEPT = "kit_envelope"  # parsed once per response, kept on it


@dataclass(frozen=True, slots=True)
class Envelope:
    """A reply in one form, whichever dialect it came in.

    Parameters
    ----------
    ok : bool or None
        Whether the broker reports success; None: it says neither.
    code, message : str
        The broker's own.
    data : object
        The payload; None where the broker sent null, ``""`` or ``"null"``.
    """

    ok: bool | None
    code: str
    message: str
    data: Any


def envelope(response: Response) -> Envelope:
    """Return the reply in one form; a body that is not JSON has its text as the message."""
    kept = getattr(response, _KEPT, None)
    if isinstance(kept, Envelope):
        return kept
    parsed = _parsed(response.content, getattr(response, "from_cache", False))
    setattr(response, _KEPT, parsed)
    return parsed


def _parsed(body: bytes, seen: bool) -> Envelope:
    try:
        content = content_of(body, seen)
    except KeyTwice as error:
        return Envelope(None, "", str(error), None)
    except (ValueError, RecursionError):  # a bare text, an HTML page, nothing, or half a body
        shown = 50 if body.lstrip().startswith(b"{") else 200  # before the data begin, which may be private
        return Envelope(None, "", body[:shown].decode("utf-8", "replace"), None)
    if not isinstance(content, dict):
        return Envelope(None, "", content[:_LONGEST] if isinstance(content, str) else "", None)
    ok, data = _verdict(content), content.get("data")
    code, said = _told(content)
    if ok is not True and not code and not said and isinstance(data, dict):
        code, said = _told(data)
    return Envelope(ok, code, said, None if data in ("", "null") else data)


def _told(content: dict[str, Any]) -> tuple[str, str]:
    """Return code and message, neither longer than a reader wants them."""
    code = content.get("errorcode") or content.get("errorCode") or ""
    said = str(content.get("message") or "")[:_LONGEST].replace("\u2019", "'")
    return str(code).strip().upper()[:_LONGEST], " ".join(said.split())


def _verdict(content: dict[str, Any]) -> bool | None:
    status = content.get("status", content.get("success"))
    return {"true": True, "false": False}.get(str(status).lower())


def refusal(response: Response, asked: str) -> BrokerError | None:
    """Return the error that a reply stands for, or None when it carries data.

    Parameters
    ----------
    response : Response
        Any answer to any endpoint.
    asked : str
        What was asked, for the message; never with a secret in it.
    """
    reply = envelope(response)
    if response.status_code == 200 and (reply.ok, reply.code, reply.message) == _PLAIN_YES:
        return None  # no rule applies; this is asked four times of every answer
    answer = _Answer(response.status_code, reply, response.content)
    for applies, kind, what, remedy in _RULES:
        if applies(answer):
            return kind(what, f"{asked} ({answer})", remedy, answer.reply.code, answer.status)
    return None


class _Answer(NamedTuple):
    status: int
    reply: Envelope
    body: bytes

    def __str__(self) -> str:
        said = (f"HTTP {self.status}", self.reply.code, redacted(self.reply.message))
        return " ".join(filter(None, said))


def _limited(answer: _Answer) -> bool:
    reply = answer.reply
    return answer.status == 429 or reply.code == "AB1021" or bool(_RATE.search(reply.message))


def _said(code: str, words: re.Pattern[str]) -> Callable[[_Answer], bool]:
    """Return a test for a reply with this code or these words; a reply of success passes no such test."""

    def applies(answer: _Answer) -> bool:
        reply = answer.reply
        return reply.ok is not True and ((code and reply.code == code) or bool(words.search(reply.message)))

    return applies


def _ended(answer: _Answer) -> bool:
    reply = answer.reply
    unknown = answer.status == 401 and reply.code not in _TRANSIENT_CODES
    return unknown or reply.code in _SESSION_CODES or bool(_SESSION.search(reply.message))


def _passing(answer: _Answer) -> bool:
    page = _HTML.match(answer.body) and answer.status != 403  # the gateway says "Access Denied" in HTML too
    return answer.status >= 500 or answer.reply.code in _TRANSIENT_CODES or bool(page)


_RULES: tuple[tuple[Callable[[_Answer], bool], type[BrokerError], str, str], ...] = (
    (_limited, RateLimited, "The broker's rate limit was exceeded", "Wait a minute, then ask again."),
    (
        _said("AG8004", _KEY),
        KeyRefused,
        "The broker refuses the API key",
        "Check KIT_API_KEY. A key may log in and be refused for data: make a new one on the broker's page.",
    ),
    (
        _said("AG7002", _ADDRESS),
        AddressRefused,
        "The broker does not know this machine's address",
        "Register its public IP with the API key on the broker's page.",
    ),
    (
        _said("", _AHEAD),
        AheadOfNow,
        "The broker has nothing of the future",
        "Ask for a span that ends now; check this machine's clock.",
    ),
    (
        _said("AB1006", _BLOCKED),
        AccountBlocked,
        "The broker has blocked the account",
        "Unblock it on the broker's page or with its support; do not try further logins.",
    ),
    (
        _ended,
        SessionExpired,
        "The broker's session has ended",
        "Log in again with login(). Before midnight another login with this account may have ended it.",
    ),
    (_passing, Transient, "The broker failed for a moment", "Try again in a minute."),
    (
        lambda answer: answer.status == 403,
        Denied,
        "The broker's gateway refuses this client",
        "Check whether this machine's address may use the API.",
    ),
    (
        lambda answer: answer.status >= 400 and answer.reply.ok is None,
        BadRequest,
        "The broker did not understand the request",
        "Check its values.",
    ),
    (
        lambda answer: answer.reply.ok is False,
        Rejected,
        "The broker declined the request",
        "The broker's own words are above.",
    ),
    (
        lambda answer: answer.reply.ok is None or answer.status >= 300,
        ProtocolError,
        "The reply is in no dialect the broker is known to speak",
        "Try again; if it stays, the broker has changed.",
    ),
)


def data_of(response: Response, asked: str) -> Any:
    """Return the payload of a reply.

    Raises
    ------
    BrokerError
        The subclass that this module's table names.
    """
    if error := refusal(response, asked):
        raise error
    parsed = envelope(response)
    vars(response).pop(_KEPT, None)  # whoever shares this response parses data of its own
    return parsed.data


def judge(response: Response) -> ReplyVerdict:
    """Tell the transport whether an answer is final, or worth another attempt and when."""
    error = refusal(response, "")
    if error is None:
        return ReplyVerdict.OK
    if isinstance(error, RateLimited):
        return ReplyVerdict.RATE_LIMITED
    # half a body is as passing as a 502: the next answer is usually whole
    return ReplyVerdict.TRANSIENT if isinstance(error, Transient | ProtocolError) else ReplyVerdict.FINAL


def momentary(asked: str) -> Callable[..., None]:
    """Return a hook that raises passing refusals, for which an expired reply may then be served."""

    def hook(response: Response, **_options: Any) -> None:
        error = refusal(response, asked)
        if isinstance(error, RateLimited | Transient):
            raise error

    return hook


def storable(response: Response) -> bool:
    """Tell whether a reply may be stored: only a success with a payload."""
    reply = envelope(response)
    return response.status_code == 200 and reply.ok is True and reply.data is not None


def redacted(text: str) -> str:
    """Return `text` with everything that could be a token, a PIN or a one-time password blacked out.

    A PIN is short: where a text speaks of one, no number stays but the broker's own codes.
    """
    plain = _SECRET.sub("***", " ".join(text.split()))
    if _ABOUT_SECRETS.search(plain):
        plain = _NUMBER.sub(lambda found: found[1] or "***", plain)
    return plain
