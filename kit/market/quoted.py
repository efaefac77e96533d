"""Last prices and chains: from the stream while it is fresh, else from the caches, else from the broker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from time import monotonic

from kit.broker.client import AngelAPIClient
from kit.broker.shapes import Reply
from kit.broker.stream.following import TickReader
from kit.chains.atm import AtmStrike, Tie, atm_strike
from kit.clock import Clock, spot_is_frozen
from kit.market import chain
from kit.market.hot import Hot
from kit.market.listing import Listing
from kit.market.live import LiveChain, price_of
from kit.market.price import Price
from kit.market.smart import chain_key, ltp_key
from kit.model import ChainSnapshot, Instrument
from kit.model.tick import StreamMode
from kit.settings import Settings


class PresentQuotes:
    """The present of the market for a `DataManager`.

    Parameters
    ----------
    client : AngelAPIClient
        The broker and its stream.
    hot : Hot
        The in-process tier.
    settings : Settings
        Strikes on either side of the money, and how long that of a moment is kept.
    clock : Clock
        Tells the exchange's present.

    Attributes
    ----------
    listing : Listing
        What is listed today.
    """

    def __init__(self, client: AngelAPIClient, hot: Hot, settings: Settings, clock: Clock) -> None:
        self.client, self.listing, self._hot = client, Listing(client), hot
        self._around, self._clock = settings.data_manager.strikes_around, clock
        self._known_s = settings.data_manager.cache_ttl_seconds
        self._atm_ttl_s = settings.cache_config.atm_ttl
        self._live: tuple[LiveChain, ...] = ()

    def price(self, what: Instrument) -> Price:
        """Return the last price of an instrument, rupees."""

        def make() -> Reply[Price]:
            reply = self.client.ltp(what.exchange, what.symbol, what.token)
            return reply.holding(Price.of(reply, monotonic()))

        streamed = price_of(self.client.feed, what)
        if streamed is not None:
            return streamed
        found = self._hot.once(ltp_key(what.exchange, what.symbol, what.token), Price, make)
        return found.data.later(monotonic()) if found.source == "hot" else found.data

    def chain(self, underlying: str, expiry: date) -> ChainSnapshot:
        """Return one expiry."""
        for live in self._live:
            if live.expiry == expiry and live.underlying == self.listing.underlying(underlying).name:
                if (streamed := live.streamed()) is not None:
                    return streamed
                break
        key = chain_key(underlying, expiry)
        found = self._hot.once(key, ChainSnapshot, lambda: self._asked(underlying, expiry))
        return found.data.arriving_from("hot") if found.source == "hot" else found.data

    def atm_near(self, underlying: str, expiry: date, level: float | None, tie: Tie) -> Reply[float]:
        """Return the listed strike nearest a level; None: nearest the present one."""
        if level is None:
            return self.current_atm(underlying, expiry, tie)
        strike = AtmStrike(self.atm(underlying, expiry, level, tie))
        return Reply(strike, "hot", 0.0, self._known_s if tie != "nearest" else 0.0)  # that one moves on

    def current_atm(self, underlying: str, expiry: date, tie: Tie) -> Reply[float]:
        """Return the listed strike nearest the spot, or the forward while the spot stands still."""
        spot, frozen = self.price(self.listing.underlying(underlying)), spot_is_frozen(self._clock.now())
        level = self.chain(underlying, expiry).forward if frozen else spot
        strike = AtmStrike(self.atm(underlying, expiry, level, tie), "forward" if frozen else "spot")
        return Reply(strike, spot.source, spot.age_s, max(0.0, self._atm_ttl_s - spot.age_s))

    def atm(self, underlying: str, expiry: date, level: float, tie: Tie) -> float:
        """Return the listed strike nearest a level, rupees."""
        strikes = {option.strike for option in self.listing.series(underlying, expiry)[0]}
        forward = self.chain(underlying, expiry).forward if tie == "nearest" else None
        return atm_strike(level, strikes, tie, forward=forward)

    def follow(self, symbols: tuple[str, ...], mode: StreamMode, queue_size: int | None) -> TickReader:
        """Subscribe underlyings and trading symbols; ticks carry the names as they were given."""
        found = {symbol: self.listing.instrument(symbol) for symbol in symbols}
        pairs = {(what.exchange, what.token): symbol for symbol, what in found.items()}
        return self.client.feed.follow(pairs, mode, queue_size)

    def live_chain(self, underlying: str, expiry: date, ask: Callable[[], ChainSnapshot]) -> LiveChain:
        """Follow one expiry around the present spot."""
        index = self.listing.underlying(underlying)
        series = self.listing.series(underlying, expiry)
        live = LiveChain(
            self.client.feed, index, series, expiry, self._around, self.client.venue, ask, self._left
        )
        live.follow(self.price(index))
        self._live = (*self._live, live)
        return live

    def _left(self, live: LiveChain) -> None:
        self._live = tuple(other for other in self._live if other is not live)

    def _asked(self, underlying: str, expiry: date) -> Reply[ChainSnapshot]:
        return chain.fetch(
            self.client, self.listing.underlying(underlying), self.listing.series(underlying, expiry),
            expiry, self._around, self._clock.now(),
        )  # fmt: skip
