"""A follower of the stream: its subscriptions and a bounded queue of the ticks that it has not read."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import Self

from kit.broker.stream.frames import KEY_BYTES, TickBatch, decode, decode_batch, pair_of
from kit.model.tick import Tick


class TickReader:
    """Ticks of some instruments as they come; use it as a context manager or call `close`.

    Iterating yields ticks one by one and waits for the next; `batches` yields what has come as arrays.
    Nobody has to read: without a reader the queue keeps the newest ticks, and dropped ones are counted.

    Parameters
    ----------
    symbols : mapping of bytes to str
        What is followed: the key of each subscription, and its trading symbol.
    queue_size : int
        Ticks that may wait; then the oldest is dropped. 0: nobody reads, only the newest frames are kept.
    leave : callable
        Hears that it is over.

    Attributes
    ----------
    dropped : int
        Ticks that nobody read in time.
    """

    def __init__(
        self, symbols: Mapping[bytes, str], queue_size: int, leave: Callable[[TickReader], None]
    ) -> None:
        self._symbols = dict(symbols)
        self._queue: deque[bytes] = deque(maxlen=queue_size)
        self._leave = leave
        self._ready = threading.Condition()
        self._closed = False
        self.dropped = 0

    @property
    def is_closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Exchange and token of what it follows."""
        return frozenset(pair_of(key) for key in self._symbols)

    @property
    def keys(self) -> frozenset[bytes]:
        """The subscriptions it holds."""
        return frozenset(self._symbols)

    def __repr__(self) -> str:
        return f"TickReader({', '.join(sorted(set(self._symbols.values()))[:8])}, dropped={self.dropped})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop following; readers reach the end. It may be called twice."""
        with self._ready:
            was_open, self._closed = not self._closed, True
            self._ready.notify_all()
        if was_open:
            self._leave(self)

    def hear(self, frames: list[bytes]) -> None:
        """Queue those frames that belong to its subscriptions."""
        if not self._queue.maxlen:
            return
        mine = [frame for frame in frames if frame[:KEY_BYTES] in self._symbols]
        if not mine:
            return
        with self._ready:
            self.dropped += max(0, len(self._queue) + len(mine) - self._queue.maxlen)
            self._queue.extend(mine)
            self._ready.notify_all()

    def next(self, timeout_s: float | None = None) -> Tick | None:
        """Return the next tick; None when none came within the time, or it is closed.

        Parameters
        ----------
        timeout_s : float, optional
            Longest wait, seconds; default without end.
        """
        frames = self._taken(1, timeout_s)
        return decode(frames[0]).named(self._symbols[frames[0][:KEY_BYTES]]) if frames else None

    def __iter__(self) -> Iterator[Tick]:
        while (tick := self.next()) is not None:
            yield tick

    def batches(self, every_s: float = 0.25) -> Iterator[list[TickBatch]]:
        """Yield what came meanwhile as one array per mode, until it is closed.

        Parameters
        ----------
        every_s : float, default 0.25
            Seconds between two batches; one that would be empty waits for its first tick.
        """
        while frames := self._taken(None, None):
            yield decode_batch(frames)[0]
            due_s = monotonic() + every_s
            with self._ready:
                self._ready.wait_for(lambda: self._closed, max(0.0, due_s - monotonic()))

    def _taken(self, most: int | None, timeout_s: float | None) -> list[bytes]:
        with self._ready:
            self._ready.wait_for(lambda: self._queue or self._closed, timeout_s)
            if self._closed:
                return []
            count = len(self._queue) if most is None else min(most, len(self._queue))
            return [self._queue.popleft() for _ in range(count)]
