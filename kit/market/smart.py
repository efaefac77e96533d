"""`SmartCache`: the market's own things under typed keys, each with its lifetime."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date
from typing import Any

from kit.arguments import like, text
from kit.broker.lifetimes import quote_ttl_s
from kit.cache import CacheManager
from kit.clock import Clock, exchange_clock, parse_day
from kit.facts import underlying_name
from kit.shown import Showable


class SmartCache(Showable):
    """Typed keys and lifetimes over a `CacheManager`.

    Every ``cache_...`` method takes an optional `ttl` in seconds: what is left of the answer that the
    value was decoded from. Every ``get_...`` method returns None when nothing is kept that still lives.

    Parameters
    ----------
    cache_manager : CacheManager
        Keeps the values; its configuration holds the lifetimes.
    clock : Clock, optional
        Tells whether the market trades, for ``hold_after_hours``.

    Examples
    --------
    >>> smart = SmartCache(CacheManager())
    >>> smart.cache_ltp("NSE", "Nifty Bank", "99926009", 51234.5)
    >>> smart.get_ltp("NSE", "Nifty Bank", "99926009")
    51234.5
    """

    def __init__(self, cache_manager: CacheManager, *, clock: Clock | None = None) -> None:
        self.cache_manager = like(cache_manager, "cache_manager", "get", "set")
        self._config = cache_manager.config
        self._clock = exchange_clock(clock)

    def _figures(self) -> dict[str, object]:
        return self.cache_manager.get_stats()

    def cache_options_chain(
        self, underlying: str, expiry: str | date, chain: Any, ttl: float | None = None
    ) -> bool:
        """Remember an option chain for ``options_chain_ttl`` seconds.

        Raises
        ------
        DataError
            The expiry is not a date.
        """
        return self._quote(chain_key(underlying, expiry), chain, ttl, self._config.options_chain_ttl)

    def get_options_chain(self, underlying: str, expiry: str | date) -> Any:
        """Return the chain of an expiry, however the date is written, or None."""
        return self.cache_manager.get(chain_key(underlying, expiry))

    def cache_ltp(self, exchange: str, symbol: str, token: str, ltp: Any, ttl: float | None = None) -> bool:
        """Remember a last traded price for ``ltp_ttl`` seconds."""
        return self._quote(ltp_key(exchange, symbol, token), ltp, ttl, self._config.ltp_ttl)

    def get_ltp(self, exchange: str, symbol: str, token: str) -> Any:
        """Return a last traded price, or None."""
        return self.cache_manager.get(ltp_key(exchange, symbol, token))

    def cache_historical_data(
        self, exchange: str, token: str, interval: str, start: Any, end: Any, candles: Any,
        ttl: float | None = None,
    ) -> bool:  # fmt: skip
        """Remember candles from `start` to `end` for ``historical_data_ttl`` seconds."""
        key = candles_key(exchange, token, interval, start, end)
        return self.cache_manager.set(key, candles, self._config.historical_data_ttl if ttl is None else ttl)

    def get_historical_data(self, exchange: str, token: str, interval: str, start: Any, end: Any) -> Any:
        """Return the candles from `start` to `end`, or None."""
        return self.cache_manager.get(candles_key(exchange, token, interval, start, end))

    def cache_instrument_search(
        self, exchange: str, query: str, found: Any, ttl: float | None = None
    ) -> bool:
        """Remember what a search found for ``search_ttl`` seconds."""
        return self.cache_manager.set(
            search_key(exchange, query), found, self._config.search_ttl if ttl is None else ttl
        )

    def get_instrument_search(self, exchange: str, query: str) -> Any:
        """Return what a search found, whatever the case of its letters, or None."""
        return self.cache_manager.get(search_key(exchange, query))

    def cache_atm_strike(
        self, underlying: str, expiry: str | date, strike: float, ttl: float | None = None
    ) -> bool:
        """Remember an at-the-money strike in rupees for ``atm_ttl`` seconds."""
        return self._quote(atm_key(underlying, expiry), strike, ttl, self._config.atm_ttl)

    def get_atm_strike(self, underlying: str, expiry: str | date) -> float | None:
        """Return an at-the-money strike in rupees, or None."""
        found: float | None = self.cache_manager.get(atm_key(underlying, expiry))
        return found

    def _quote(self, key: Hashable, value: Any, ttl: float | None, usual_s: float) -> bool:
        """Keep a quote; `ttl`, when it is known, was already counted from the answer."""
        lifetime = quote_ttl_s(usual_s, self._config, self._clock.now()) if ttl is None else ttl
        return self.cache_manager.set(key, value, lifetime)


def chain_key(underlying: str, expiry: str | date) -> Hashable:
    """Return the key of an option chain, however the date is written."""
    return ("chain", underlying_name(underlying), parse_day(expiry))


def ltp_key(exchange: str, symbol: str, token: str) -> Hashable:
    """Return the key of a last traded price."""
    return ("ltp", exchange, symbol, str(token))


def search_key(exchange: str, query: str) -> Hashable:
    """Return the key of a search, whatever the case of its letters."""
    return ("search", exchange, text(query, "Not a text to search for").upper())


def atm_key(underlying: str, expiry: str | date) -> Hashable:
    """Return the key of an at-the-money strike."""
    return ("atm", underlying_name(underlying), parse_day(expiry))


def candles_key(exchange: str, token: str, interval: str, start: Any, end: Any) -> Hashable:
    """Return the key of candles from `start` to `end`."""
    return ("candles", exchange, str(token), interval, str(start), str(end))
