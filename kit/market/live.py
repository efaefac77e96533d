"""What the market stream tells of prices and chains, while it is fresh; whoever asks falls back by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any, Self

import numpy as np

from kit.broker.stream.feed import MarketFeed
from kit.broker.stream.following import TickReader
from kit.broker.stream.frames import DTYPES, MODES, TickBatch, last_price
from kit.broker.stream.newest import KeptFrame
from kit.chains.contracts import Contracts, around, of_options
from kit.chains.snapshot import snapshot
from kit.clock import IST
from kit.forks import renew_in_fork
from kit.market.listing import Series
from kit.market.price import Price
from kit.model import ChainSnapshot, Instrument, Venue
from kit.model.tick import StreamMode
from kit.shown import Showable, table

_SPARE_STRIKES = 5  # followed beyond those asked for, so that a moving spot finds them ticking
_LEAST_S = 0.2  # between two chains made of ticks; who asks sooner gets the same one
_INDEX = "AMXIDX"  # ticks every second while it trades, so that one which does not is not believed
_EPOCH = datetime(1970, 1, 1, 5, 30, tzinfo=IST)


def price_of(feed: MarketFeed, what: Instrument) -> Price | None:
    """Return the last price of an instrument from its newest tick of any mode; None: ask elsewhere."""
    if not feed.is_fed:
        return None
    modes: tuple[StreamMode, ...] = ("SNAPQUOTE", "QUOTE", "LTP")
    kept = [feed.fresh(mode, what.exchange, what.token, what.kind != _INDEX) for mode in modes]
    newest = max((one for one in kept if one), key=lambda one: one.arrived_s, default=None)
    if newest is None:
        return None
    now_s = monotonic()
    return Price(last_price(newest.frame), "stream", now_s - newest.arrived_s, now_s)


class LiveChain(Showable):
    """One expiry that follows the stream; use it as a context manager or call `close`.

    While it is open, `DataManager.option_chain` and `DataManager.ltp` answer from ticks too, with
    ``source`` ``"stream"``; where these are not fresh they ask the broker as ever.

    Parameters
    ----------
    feed : MarketFeed
        The stream.
    index, series, expiry
        What is followed: the underlying, the options of the expiry and its future.
    strikes_around : int
        Strikes on either side of the spot.
    venue : {"live", "simulated"}
        Whose prices these are.
    ask : callable
        Asks for the chain wherever it is to be had.
    leave : callable
        Hears that it is over.
    """

    def __init__(
        self,
        feed: MarketFeed,
        index: Instrument,
        series: Series,
        expiry: date,
        strikes_around: int,
        venue: Venue,
        ask: Callable[[], ChainSnapshot],
        leave: Callable[[LiveChain], None],
    ) -> None:
        self.underlying, self.expiry = index.name, expiry
        self._feed, self._index, self._around, self._venue = feed, index, strikes_around, venue
        self._options, self._future = series
        self._ask, self._leave = ask, leave
        self._following: TickReader | None = None
        self._making = threading.Lock()
        renew_in_fork(self, _making=threading.Lock)
        self._made: ChainSnapshot | None = None
        self._made_s = -_LEAST_S
        self._over = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop following; harmless twice."""
        if not self._over.is_set():
            self._over.set()
            self._leave(self)
        with self._making:
            if self._following is not None:
                self._following.close()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, or the stream was left under it."""
        return self._over.is_set() or (self._following is not None and self._following.is_closed)

    def chain(self) -> ChainSnapshot:
        """Return the chain: from ticks while they are fresh, else as `DataManager.option_chain` gets it.

        Raises
        ------
        BrokerError, TransportError
            The ticks are not fresh, and the broker said no or could not be asked.
        """
        return self._ask()

    def chains(self, every_s: float = 0.25) -> Iterator[ChainSnapshot]:
        """Yield the chain again and again until it is closed.

        Parameters
        ----------
        every_s : float, default 0.25
            Seconds between two chains.
        """
        while not self._over.is_set():
            due_s = monotonic() + every_s
            yield self.chain()
            self._over.wait(max(0.0, due_s - monotonic()))

    def health(self) -> dict[str, Any]:
        """Return how the stream does, see `MarketFeed.health`."""
        return self._feed.health()

    def follow(self, spot: float) -> None:
        """Subscribe the underlying, the future and the strikes around a level, rupees."""
        near = around(self._options, spot, self._around + _SPARE_STRIKES)
        followed = [self._index, *near, *([self._future] if self._future else [])]
        names = {(one.exchange, one.token): one.symbol for one in followed}
        earlier, self._following = self._following, self._feed.follow(names, "SNAPQUOTE", queue_size=0)
        if earlier is not None:
            earlier.close()

    def streamed(self) -> ChainSnapshot | None:
        """Return the chain from ticks; None while one of them is missing or too old."""
        with self._making:
            if self._over.is_set():
                return None
            if self._made is None or monotonic() - self._made_s >= _LEAST_S:
                self._made = self._from_ticks()
                self._made_s = monotonic()
            return self._made

    def _from_ticks(self) -> ChainSnapshot | None:
        level = self._newest(self._index, False)
        if level is None:
            return None
        spot = last_price(level.frame)
        near = around(self._options, spot, self._around)
        kept = [self._newest(option) for option in near]
        frames = [one.frame for one in kept if one]
        if len(frames) < len(near):
            self._reach(spot, near)
            return None
        future = self._newest(self._future) if self._future else None
        ticks = TickBatch("SNAPQUOTE", np.frombuffer(b"".join(frames), DTYPES[MODES["SNAPQUOTE"]]))
        taken_at = _EPOCH + timedelta(milliseconds=int(ticks.data["at_ms"].max()))
        if not self._feed.is_of_this_time(taken_at):
            return None
        found = snapshot(
            contracts_of(near, ticks),
            underlying=self._index.name,
            expiry=self.expiry,
            taken_at=taken_at,
            spot=spot,
            lot_size=near[0].lot_size,
            source="stream",
            future=last_price(future.frame) if future else None,
        )
        return replace(found, venue=self._venue)

    def _newest(self, what: Instrument, believe_quiet: bool = True) -> KeptFrame | None:
        return self._feed.fresh("SNAPQUOTE", what.exchange, what.token, believe_quiet)

    def _reach(self, spot: float, near: Sequence[Instrument]) -> None:
        """Follow other strikes when the spot has moved beyond those that are followed."""
        known = self._following.pairs if self._following else frozenset()
        if any((option.exchange, option.token) not in known for option in near):
            self.follow(spot)

    def _figures(self) -> Mapping[str, object]:
        health = self.health()
        return {
            "Underlying": self.underlying,
            "Expiry": self.expiry,
            "State": "closed" if self._over.is_set() else "open",
            "Connections up": sum(row["is_up"] for row in health["connections"]),
            **{name.capitalize(): health[name] for name in ("subscriptions", "frames", "strange", "dropped")},
        }

    def _details(self) -> list[str]:
        return [table(self.health()["connections"], "Connections")]


def contracts_of(options: Sequence[Instrument], ticks: TickBatch) -> Contracts:
    """Return the columns of one expiry from a SNAPQUOTE tick of each option.

    Parameters
    ----------
    options : sequence of Instrument
        Sorted by strike with the call first.
    ticks : TickBatch
        One of each, in the same order.
    """
    data, ltp = ticks.data, ticks.rupees("ltp")
    numbers = {
        "ltp": ltp,
        "bid": ticks.best("bids"),
        "ask": ticks.best("asks"),
        "volume": data["volume"].astype(np.float64),
        "oi": data["oi"].astype(np.float64),
        "oi_change": np.full(len(data), np.nan),  # the stream's own is documented as a dummy
        "ltp_change": ltp - ticks.rupees("previous_close"),
        "bid_qty": ticks.best("bids", "quantity"),
        "ask_qty": ticks.best("asks", "quantity"),
    }
    return of_options(options, numbers)
