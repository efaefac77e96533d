"""Every key of the market stream changes what the kit does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import Any

import pytest

from kit.broker.stream.connection import FeedConnection, OpenSocket
from kit.broker.stream.frames import key_of
from kit.clock import IST
from kit.settings import Settings

Seen = Callable[[Settings, Any], Any]
SUNDAY = datetime(2026, 11, 22, 12, tzinfo=IST)


class _Silence:
    """A stream that never says a word, and counts what it is asked."""

    def __init__(self) -> None:
        self.opened, self.pings, self.lost = 0, 0, False

    @contextmanager
    def open(self) -> Iterator[OpenSocket]:
        self.opened += 1
        if self.lost:
            raise OSError("gone")
        yield OpenSocket(self, datetime.max.replace(tzinfo=IST))  # type: ignore[arg-type]

    def send(self, text: str) -> None:
        self.pings += text == "ping"

    def recv(self, patience_s: float) -> str:
        threading.Event().wait(min(patience_s, 0.02))
        raise TimeoutError

    def close(self) -> None:
        """Be closed."""

    def take(self, frames: list[bytes], arrived_s: float) -> None:
        """Hear nothing."""

    def is_over(self, _expires: datetime) -> bool:
        return False

    def is_market_open(self) -> bool:
        return True


def _stream(count: str, *, lost: bool = False) -> Seen:
    """Tell whether a silent or lost stream is pinged or opened more than twice in half a second."""

    def seen(settings: Settings, _place: Any) -> bool:
        host = _Silence()
        host.lost = lost
        connection = FeedConnection(host, settings.stream, "proof")
        connection.want([b"key"])
        threading.Event().wait(0.5)
        connection.close()
        return bool(getattr(host, count) > 2)

    return seen


def _fresh(settings: Settings, place: Any) -> bool:
    """Tell whether a frame of half a second ago, from a living connection, still tells the present."""
    data = place.data(settings)
    feed = data._present().client.feed
    with data.follow("BANKNIFTY", mode="LTP") as ticks:
        next(iter(ticks))
        threading.Event().wait(0.5)
        key = key_of("LTP", "NSE", "99926009")
        kept, connection = feed.newest.of(key), feed._connections[0]
        connection.health.ticked(1, monotonic())
        feed.newest.keep([kept.frame], monotonic() - 0.45)
        return feed.fresh("LTP", "NSE", "99926009") is not None


def _waiting(settings: Settings, place: Any) -> int:
    data = place.data(settings)
    with data.follow("BANKNIFTY") as ticks:
        return int(ticks._queue.maxlen)


PROOFS: dict[str, tuple[Any, Any, Seen]] = {
    "stream.heartbeat_s": ((0.1, 10), (True, False), _stream("pings")),
    "stream.silence_s": ((0.1, 25), (True, False), _stream("opened")),
    "stream.stall_s": ((0.1, 90), (True, False), _stream("opened")),
    "stream.retry_s": ((0.01, 10), (True, False), _stream("opened", lost=True)),
    "stream.most_retry_s": ((0.01, 10), (True, False), _stream("opened", lost=True)),
    "stream.fresh_s": ((60, 0.2), (True, False), _fresh),
    "stream.quiet_s": ((60, 0.1), (True, False), _fresh),
    "stream.queue_size": ((5, 50), (5, 50), _waiting),
}  # fmt: skip
BESIDE: dict[str, dict[str, Any]] = {
    "stream.most_retry_s": {"stream": {"retry_s": 10}},
    "stream.silence_s": {"stream": {"retry_s": 0.001}},
    "stream.stall_s": {"stream": {"retry_s": 0.001}},
    "stream.fresh_s": {"stream": {"quiet_s": 0.1}},
    "stream.quiet_s": {"stream": {"fresh_s": 0.3}},
}
KEYS = [
    f"{name}.{key}"
    for name, section in Settings.model_fields.items()
    if name == "stream"
    for key in type(section.default).model_fields
]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_changes_what_the_kit_does(key: str, prove: Callable[..., None]) -> None:
    """Two values of a key make the kit do two things; a key without a proof fails here."""
    assert key in PROOFS, f"{key} has no proof"
    prove(key, PROOFS[key], BESIDE.get(key, {}))
