"""The health of a connection of the stream: counts and the times of its latest events."""

from __future__ import annotations

import json
import logging
from collections import Counter
from time import monotonic
from typing import Any

_LOG = logging.getLogger("kit.broker.stream")


class ConnectionHealth:
    """The counts and times of one connection.

    Attributes
    ----------
    is_up : bool
        Whether it is open.
    since_s, heard_s, ticked_s : float
        Monotonic seconds: open since, last message of any kind, last tick.
    frames, opened, refused : int
        Binary frames heard, how often it was opened, requests that the broker refused.
    left : Counter
        Why it was left by itself: ``silent``, ``stalled``, ``renewed``.
    error : Exception or None
        Why it is not open; without its traceback, which would hold the secrets of a handshake.
    last_refusal : str
        The broker's words to the latest refused request.
    """

    def __init__(self) -> None:
        self.is_up = False
        self.since_s = self.heard_s = self.ticked_s = monotonic()
        self.frames = self.opened = self.refused = 0
        self.left: Counter[str] = Counter()
        self.error: Exception | None = None
        self.last_refusal = ""

    def up(self) -> None:
        """Note that it is open."""
        self.since_s = self.heard_s = self.ticked_s = monotonic()
        self.is_up, self.error = True, None
        self.opened += 1

    def down(self, error: Exception | None) -> None:
        """Note that it is not, and why."""
        self.is_up = False
        self.error = error.with_traceback(None) if error else None
        if self.error:
            self.error.__cause__ = self.error.__context__ = None

    def ticked(self, frames: int, at_s: float) -> None:
        """Note a batch of frames."""
        self.frames += frames
        self.heard_s = self.ticked_s = at_s

    def told(self, text: str) -> None:
        """Note a message in words: the answer to a ping, or a refusal."""
        self.heard_s = monotonic()
        if text == "pong":
            return
        self.refused += 1
        try:
            said = json.loads(text)
            refusal = f"{said['errorCode']} {said['errorMessage']}"[:200]
        except (ValueError, KeyError, TypeError, RecursionError):
            refusal = text[:200]
        if refusal != self.last_refusal:  # once, however often it is repeated
            _LOG.warning("the stream refuses a request: %s", refusal)
        self.last_refusal = refusal

    def as_dict(self) -> dict[str, Any]:
        """Return it for a table: seconds are ages."""
        now = monotonic()
        return {
            "is_up": self.is_up,
            "up_s": now - self.since_s if self.is_up else 0.0,
            "heard_age_s": now - self.heard_s,
            "tick_age_s": now - self.ticked_s,
            "frames": self.frames,
            "opened": self.opened,
            "refused": self.refused,
            **{f"left_{why}": self.left[why] for why in ("silent", "stalled", "renewed")},
            "error": f"{type(self.error).__name__}: {self.error}" if self.error else self.last_refusal,
        }
