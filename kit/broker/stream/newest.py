"""The newest frame of every subscription, undecoded until somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kit.broker.stream.frames import KEY_BYTES, is_sound


class KeptFrame(NamedTuple):
    """A frame, and the monotonic second at which it was read from the socket."""

    frame: bytes
    arrived_s: float


class NewestFrames:
    """Keeps one frame per mode, exchange and token; a frame costs a slice and an entry of a dict.

    Attributes
    ----------
    frames, strange : int
        How many were kept so far, and how many were set aside because nobody can read them.
    last_strange : bytes
        The beginning of the latest of these.
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, KeptFrame] = {}
        self.frames = self.strange = 0
        self.last_strange = b""

    def keep(self, frames: Iterable[bytes], arrived_s: float) -> list[bytes]:
        """Keep those frames that can be read, and return them."""
        sound = []
        for frame in frames:
            if is_sound(frame):
                self._kept[frame[:KEY_BYTES]] = KeptFrame(frame, arrived_s)
                sound.append(frame)
            else:
                self.strange += 1
                self.last_strange = frame[:32]
        self.frames += len(sound)
        return sound

    def of(self, key: bytes) -> KeptFrame | None:
        """Return the newest frame of a subscription, if any has come."""
        return self._kept.get(key)

    def forget(self, keys: Iterable[bytes]) -> None:
        """Drop what nobody subscribes any more."""
        for key in keys:
            self._kept.pop(key, None)
