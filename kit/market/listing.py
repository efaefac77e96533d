"""What is listed today: names, expiries and contracts, looked up in the day's instrument master."""

from __future__ import annotations

import threading
from datetime import date

from kit.arguments import text
from kit.broker.client import AngelAPIClient
from kit.broker.master import Master
from kit.clock import format_expiry, parse_day
from kit.errors import UnknownSymbol
from kit.facts import underlying_name
from kit.forks import renew_in_fork
from kit.market import instruments
from kit.model import Instrument

_OPTION = instruments.OPTION[0]
Series = tuple[list[Instrument], Instrument | None]


class Listing:
    """Looks instruments up, and remembers what it found until the master changes.

    Parameters
    ----------
    client : AngelAPIClient
        Has the instrument master.
    """

    def __init__(self, client: AngelAPIClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        renew_in_fork(self, _lock=threading.Lock)
        self._master: Master | None = None
        self._underlyings: dict[str, Instrument] = {}
        self._expiries: dict[str, list[date]] = {}
        self._series: dict[tuple[str, date], Series] = {}

    def underlying(self, name: str) -> Instrument:
        """Return the index or share of a name.

        Raises
        ------
        UnknownSymbol
            There is none; names what may have been meant.
        """
        master = self._today()
        wanted = underlying_name(name)
        if wanted not in self._underlyings:
            rows = master.rows(wanted, expiry="")
            if not rows:
                raise instruments.unknown(name, master.names())
            self._underlyings[wanted] = instruments.underlying(rows, wanted)
        return self._underlyings[wanted]

    def instrument(self, symbol: str) -> Instrument:
        """Return what a trading symbol names, else the underlying of that name.

        Raises
        ------
        UnknownSymbol
            There is neither.
        """
        text(symbol, "No instrument has this name", UnknownSymbol)
        rows = [row for row in self._today().symbol(symbol) if row.get("name") != row.get("symbol")]
        return instruments.instrument(rows[0]) if rows else self.underlying(symbol)

    def expiries(self, name: str) -> list[date]:
        """Return the expiries of the options on an underlying, nearest first.

        Raises
        ------
        UnknownSymbol
            There is no such underlying, or it has no options.
        """
        wanted = self.underlying(name).name
        if wanted not in self._expiries:
            kinds = instruments.OPTION
            found = {text for kind in kinds for text in self._today().expiries(wanted, kind) if text}
            self._expiries[wanted] = sorted(parse_day(text) for text in found)
        return self._expiries[wanted]

    def series(self, name: str, expiry: date) -> Series:
        """Return the options of one expiry, sorted by strike with the call first, and its future if any."""
        wanted = underlying_name(name)
        if (wanted, expiry) not in self._series:
            rows = self._today().rows(wanted, expiry=format_expiry(expiry))
            self._series[wanted, expiry] = instruments.options(rows), instruments.future(rows, expiry)
        return self._series[wanted, expiry]

    def _today(self) -> Master:
        master = self._client.instruments()
        with self._lock:
            if master is not self._master:
                self._master = master
                self._underlyings, self._expiries, self._series = {}, {}, {}
        return master
