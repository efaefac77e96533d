"""What one connection of the market stream has subscribed, and what is due to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple
from zlib import crc32

from kit.facts import table
from kit.simulator.stream_frames import DEPTH, EXCHANGES, LTP

INVALID = ("E1001", "Invalid Request Payload")
TOO_MANY = ("E1002", "Invalid Request. Subscription Limit Exceeded")


def most(limit: str) -> int:
    """Return a limit of the stream: the newest row of ``data/stream_limits.csv``."""
    rows = [row for row in table("stream_limits") if row["limit"] == limit]
    return int(max(rows, key=lambda row: row["from"])["most"])


class FrameKey(NamedTuple):
    """One subscription: mode and exchange as the broker numbers them, and a token."""

    mode: int
    exchange: int
    token: str


@dataclass(slots=True)
class FrameState:
    """What was last sent of a subscription, and when (seconds of the loop); whether nobody has looked yet."""

    sequence: int = 0
    body: bytes = b""
    sent_s: float = 0.0
    is_new: bool = True


class StreamError(Exception):
    """A request is refused; carries the broker's code and words, and the request's own number."""

    def __init__(self, said: tuple[str, str], correlation: str) -> None:
        super().__init__(said[0])
        code, words = said
        self.reply = json.dumps({"correlationID": correlation, "errorCode": code, "errorMessage": words})


class Wants:
    """The subscriptions of one connection; a refused request changes none of them.

    Parameters
    ----------
    cadence_s : float
        Seconds between two looks at a subscription.
    """

    def __init__(self, cadence_s: float) -> None:
        self._cadence_s = cadence_s
        self.frames: dict[FrameKey, FrameState] = {}
        self._due: list[tuple[float, int, FrameKey, FrameState]] = []
        self._numbers = count()

    def change(self, text: str, now_s: float) -> None:
        """Do what a message says: subscribe or unsubscribe.

        Raises
        ------
        StreamError
            It makes no sense, or asks for too much.
        """
        correlation, action, keys = _read(text)
        if action == 0:
            for key in keys:
                self.frames.pop(key, None)
            return
        fresh = dict.fromkeys(key for key in keys if key not in self.frames)
        if self._exceeded(fresh):
            raise StreamError(TOO_MANY, correlation)
        for key in keys:  # one that is there already is sent again, and not counted
            state = self.frames[key] = FrameState()
            heappush(self._due, (now_s, next(self._numbers), key, state))

    def _exceeded(self, fresh: dict[FrameKey, None]) -> bool:
        deep = sum(key.mode == DEPTH for key in (*self.frames, *fresh))
        return len(self.frames) + len(fresh) > most("tokens") or deep > most("depth")

    def next_s(self, otherwise: float) -> float:
        """Return when something is due."""
        return self._due[0][0] if self._due else otherwise

    def due(self, now_s: float, at_most: int) -> Iterator[tuple[FrameKey, FrameState]]:
        """Yield what is due, and when it will be again: spread over the interval, token by token."""
        for _ in range(at_most):
            if not self._due or self._due[0][0] > now_s:
                return
            at_s, _, key, state = heappop(self._due)
            if self.frames.get(key) is not state:
                continue  # unsubscribed, or asked for anew
            share = crc32(key.token.encode()) / 2**32 if state.is_new else 1.0
            state.is_new = False
            again_s = max(at_s, now_s - self._cadence_s) + share * self._cadence_s
            heappush(self._due, (again_s, next(self._numbers), key, state))
            yield key, state


def _read(text: str) -> tuple[str, int, list[FrameKey]]:
    """Return number, action and subscriptions of a message."""
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        raise StreamError(INVALID, "") from None
    correlation = str(asked.get("correlationID", ""))[:40] if isinstance(asked, dict) else ""
    try:
        keys = list(_keys(asked["params"]))
        action = asked["action"]
    except (KeyError, TypeError, ValueError):
        raise StreamError(INVALID, correlation) from None
    if action not in (0, 1):
        raise StreamError(INVALID, correlation)
    return correlation, action, keys


def _keys(params: Any) -> Iterator[FrameKey]:
    mode = params["mode"]
    for group in params["tokenList"]:
        exchange = group["exchangeType"]
        if mode not in range(LTP, DEPTH + 1) or exchange not in EXCHANGES:
            raise ValueError(mode, exchange)
        if mode == DEPTH and EXCHANGES[exchange] != "NSE":
            raise ValueError(exchange)
        for token in group["tokens"]:
            if not isinstance(token, str) or not token.isascii() or not 0 < len(token) <= 25:
                raise ValueError(token)
            yield FrameKey(mode, exchange, token)
