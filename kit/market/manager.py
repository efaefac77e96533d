"""`DataManager`: the one door to chains, candles, prices and the strike at the money."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from kit.arguments import choice, instance, like, number, path
from kit.bars import candles
from kit.bars.store import STORE
from kit.broker.client import AngelAPIClient
from kit.broker.stream.following import TickReader
from kit.cache import CacheManager
from kit.chains.atm import NO_TIE, Tie
from kit.clock import Clock, exchange_clock
from kit.errors import DataError, SettingsError
from kit.market import downloads, history, instruments
from kit.market.downloads import Download
from kit.market.history import Asked, Moment, span
from kit.market.hot import Hot
from kit.market.live import LiveChain
from kit.market.price import Price
from kit.market.questions import Questions
from kit.market.quoted import PresentQuotes
from kit.market.smart import atm_key
from kit.model import ChainSnapshot
from kit.model.tick import StreamMode
from kit.monitor import PerformanceMonitor
from kit.settings import Settings
from kit.shown import Showable, table


class DataManager(Showable):
    """The door to market data: asks the broker once and caches the answer.

    Parameters
    ----------
    api_client : AngelAPIClient, optional
        The broker; without one every question fails with what to do.
    cache_manager : CacheManager, optional
        The in-process tier; default its own.
    performance_monitor : PerformanceMonitor, optional
        Times ``options_chain_processing`` and ``atm_calculation``; default its own.
    settings : Settings, optional
        Lifetimes, strikes around the money; default the client's.
    clock : Clock, optional
        Tells the present; default the client's.

    Attributes
    ----------
    questions : Questions
        What was asked and when, without prices; the tuner replays it.
    """

    def __init__(
        self, api_client: AngelAPIClient | None = None, cache_manager: CacheManager | None = None,
        performance_monitor: PerformanceMonitor | None = None, *,
        settings: Settings | None = None, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        if settings is None:  # a client of another kind may have none
            of_client = getattr(api_client, "settings", None)
            settings = of_client if isinstance(of_client, Settings) else Settings()
        self._settings = instance(settings, Settings, "settings")
        self._api = None if api_client is None else like(api_client, "api_client", "instruments")
        self._cache = CacheManager(settings.cache_config) if cache_manager is None else cache_manager
        self._monitor = PerformanceMonitor() if performance_monitor is None else performance_monitor
        like(self._cache, "cache_manager", "get_or_set")
        like(self._monitor, "performance_monitor", "measure")
        self._given_clock = None if clock is None else exchange_clock(clock)
        self._hot = Hot(self._cache, settings.data_manager.enable_caching)
        self._quoted = None
        if api_client is not None:
            present = self._given_clock or api_client.clock
            self._quoted = PresentQuotes(api_client, self._hot, settings, present)
        self.questions = Questions()

    @property
    def clock(self) -> Clock:
        """The exchange's present: the clock that was given, else the client's."""
        return self._present().client.clock if self._given_clock is None else self._given_clock

    def option_chain(self, underlying: str = "BANKNIFTY", expiry: str | date | None = None) -> ChainSnapshot:
        """Return one expiry of the option chain with forward, volatilities and Greeks.

        Parameters
        ----------
        underlying : str, default "BANKNIFTY"
            Name of an index or share with options.
        expiry : str or date, optional
            As `kit.clock.parse_day` reads it; default the nearest.

        Raises
        ------
        UnknownSymbol, UnknownExpiry, BrokerError, TransportError
            It is not listed, and the remedy says what is; or the broker said no, or could not be asked.
        """
        with self._monitor.measure("options_chain_processing"):
            day = self._expiry(underlying, expiry)
            self.questions.note("options_chain", underlying if expiry is None else f"{underlying} {day}")
            return self._present().chain(underlying, day)

    def candles(
        self, symbol: str, interval: str, start: Moment, end: Moment, *, drop_forming: bool = False
    ) -> pd.DataFrame:
        """Return bars of an underlying or a trading symbol.

        Parameters
        ----------
        symbol : str
            For instance ``"BANKNIFTY"`` or ``"BANKNIFTY23NOV2657000CE"``.
        interval : str
            One of `kit.bars.candles.INTERVALS`.
        start, end : str, date or datetime
            First and last bar start, both included; a day means all of it.
        drop_forming : bool, default False
            Leave out the bar that is still being made.

        Returns
        -------
        DataFrame
            Columns ``open, high, low, close`` in rupees and ``volume`` in units; index ``time``, the
            bar's start in Asia/Kolkata. ``attrs["coverage"]`` says what is missing or was set aside.

        Raises
        ------
        UnknownSymbol, UnknownInterval, DataError
            There is no such symbol or interval, or the range is none.
        """
        length = candles.interval(interval)
        self.questions.note("historical_data", symbol)
        with self._monitor.measure("candles"):
            present = self._present()
            asked = Asked(present.listing.instrument(symbol), length, *span(start, end))
            fetch = partial(history.kept, present.client, self._hot, asked)
            return history.collect(asked, self.clock.now(), fetch, drop_forming)

    def spot(self, underlying: str = "BANKNIFTY") -> Price:
        """Return the level of an index or the price of a share, rupees.

        Raises
        ------
        UnknownSymbol
            There is none of this name.
        """
        self.questions.note("ltp", underlying)
        return self._present().price(self._present().listing.underlying(underlying))

    def ltp(self, symbol: str) -> Price:
        """Return the last traded price of an underlying or a trading symbol, rupees.

        Raises
        ------
        UnknownSymbol
            There is none of this name.
        """
        self.questions.note("ltp", symbol)
        return self._present().price(self._present().listing.instrument(symbol))

    def follow(
        self, *symbols: str, mode: StreamMode = "SNAPQUOTE", queue_size: int | None = None
    ) -> TickReader:
        """Follow underlyings and trading symbols on the market stream until the answer is closed.

        Parameters
        ----------
        *symbols : str
            For instance ``"BANKNIFTY"`` and ``"SBIN-EQ"``; ticks carry them as they are written here.
        mode : {"LTP", "QUOTE", "SNAPQUOTE", "DEPTH"}, default "SNAPQUOTE"
            How much of each; twenty levels of depth are there for shares of the NSE only.
        queue_size : int, optional
            Ticks that wait for a reader, then the oldest is dropped and counted; default the settings'.

        Raises
        ------
        UnknownSymbol, DataError, RateLimited
            There is none of this name; or the stream does not carry it, or no more.
        """
        return self._present().follow(symbols, mode, queue_size)

    def stream(self, underlying: str = "BANKNIFTY", expiry: str | date | None = None) -> LiveChain:
        """Let one expiry follow the market stream until the answer is closed; parameters as `option_chain`.

        Raises
        ------
        UnknownSymbol, UnknownExpiry, RateLimited
            It is not listed, and the remedy says what is; or the stream carries no more.
        """
        day = self._expiry(underlying, expiry)
        return self._present().live_chain(underlying, day, lambda: self.option_chain(underlying, day))

    def expiries(self, underlying: str = "BANKNIFTY") -> list[date]:
        """Return the listed expiries that still trade, nearest first.

        Raises
        ------
        UnknownSymbol
            There is none of this name.
        """
        return instruments.trading(self._present().listing.expiries(underlying), self.clock.now())

    def atm_strike(
        self, underlying: str = "BANKNIFTY", expiry: str | date | None = None, *,
        spot: float | None = None, tie: Tie = "lower",
    ) -> float:  # fmt: skip
        """Return the listed strike nearest the spot, rupees; the forward's is ``chain.atmf_strike``.

        While the spot stands still in the closing auction it is the forward's: ``nearest_to`` says so.

        Parameters
        ----------
        underlying : str, default "BANKNIFTY"
            Name of an index or share with options.
        expiry : str or date, optional
            Default the nearest.
        spot : float, optional
            Rupees; default the current one.
        tie : {"lower", "higher", "nearest"}, default "lower"
            Of two equally near strikes: the lower, the higher, or the one nearest the forward.

        Raises
        ------
        FarStrike
            No strike is anywhere near the spot.
        UnknownSymbol, UnknownExpiry
            It is not listed.
        """
        with self._monitor.measure("atm_calculation"):
            self.questions.note("atm", underlying)
            day = self._expiry(underlying, expiry)
            choice(tie, get_args(Tie), NO_TIE, DataError)
            level = None if spot is None else number(spot, "Not a spot", above=0)
            found = partial(self._present().atm_near, underlying, day, level, tie)
            if not self._settings.data_manager.cache_atm_results:
                return found().data
            usual, key = (tie, level) == ("lower", None), atm_key(underlying, day)
            return self._hot.once(key if usual else (key, tie, level), float, found).data

    def download(
        self, symbol: str, interval: str, start: Moment, end: Moment, *,
        store: Path = STORE, quiet: bool = False,
    ) -> Download:  # fmt: skip
        """Keep history as Parquet; goes on where an interrupted download stopped.

        Parameters
        ----------
        symbol, interval, start, end
            As in `candles`; whole days.
        store : Path, default ``data/store``
            Root of the parts.
        quiet : bool, default False
            Show no progress bar.

        Returns
        -------
        Download
            What was fetched, and what is missing or broken; `Download.frame` reads it.

        Raises
        ------
        UnknownSymbol, UnknownInterval, DataError
            There is no such symbol or interval, or the range is none.
        """
        length, root = candles.interval(interval), path(store, "Not a folder")
        asked = Asked(self._present().listing.instrument(symbol), length, *span(start, end))
        client, now = self._present().client, self.clock.now()
        return downloads.keep(asked, client, title=symbol, now=now, root=root, quiet=quiet)

    def get_performance_stats(self) -> dict[str, Any]:
        """Return the statistics of the caches, operations, connections and limits."""
        asked = {} if self._api is None else self._api.get_performance_stats()
        return {**asked, "cache": self._cache.get_stats(), "performance": self._monitor.get_summary()}

    def _figures(self) -> dict[str, object]:
        cache = self._cache.get_stats()
        return {
            "Prices": self._api.venue if self._api else "none: it has no broker to ask",
            "Asked": len(self.questions),
            "Hit rate %": cache["hit_rate_percent"],
            "Entries": cache["entries"],
        }

    def _details(self) -> list[str]:
        return [table(self._cache.get_cache_info(), "What it remembers, oldest first", most=20)]

    def _present(self) -> PresentQuotes:
        if self._quoted is None:
            remedy = "Pass api_client=AngelAPIClient(...), or read a saved chain with kit.chains.readers."
            raise SettingsError("This DataManager has no broker to ask", None, remedy)
        return self._quoted

    def _expiry(self, underlying: str, expiry: str | date | None) -> date:
        return instruments.listed_expiry(
            expiry, self._present().listing.expiries(underlying), self.clock.now()
        )
