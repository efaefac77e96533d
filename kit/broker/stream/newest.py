"""The newest frame of every subscription, undecoded until somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kit.broker.stream.frames import KEY_BYTES, is_earlier, is_sound, is_to_come
from kit.clock import Clock


class KeptFrame(NamedTuple):
    """A frame, and the monotonic second at which it was read from the socket."""

    frame: bytes
    arrived_s: float


class NewestFrames:
    """Keeps one frame per mode, exchange and token; a frame costs a slice and an entry of a dict.

    Parameters
    ----------
    clock : Clock
        The present: what is older than a frame of the future is not late, the market's clock was set back.

    Attributes
    ----------
    frames, strange, late : int
        How many were kept so far, how many were set aside because nobody can read them, and how many because
        a newer one of their subscription is known.
    last_strange : bytes
        The beginning of the latest of these.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[bytes, KeptFrame] = {}
        self.frames = self.strange = self.late = 0
        self.last_strange = b""

    def keep(self, frames: Iterable[bytes], arrived_s: float) -> list[bytes]:
        """Keep those frames that can be read and are not older than what is known, and return them."""
        sound = []
        for frame in frames:
            if is_sound(frame):
                before = self._kept.get(frame[:KEY_BYTES])
                if before and self._is_late(frame, before.frame):
                    self.late += 1
                    continue
                self._kept[frame[:KEY_BYTES]] = KeptFrame(frame, arrived_s)
                sound.append(frame)
            else:
                self.strange += 1
                self.last_strange = frame[:32]
        self.frames += len(sound)
        return sound

    def _is_late(self, frame: bytes, kept: bytes) -> bool:
        return is_earlier(frame, kept) and not is_to_come(kept, self._clock.now())

    def of(self, key: bytes) -> KeptFrame | None:
        """Return the newest frame of a subscription, if any has come."""
        return self._kept.get(key)

    def forget(self, keys: Iterable[bytes]) -> None:
        """Drop what nobody subscribes any more."""
        for key in keys:
            self._kept.pop(key, None)
