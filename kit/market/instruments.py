"""From rows of the instrument master to instruments, with units checked and the right row chosen.

Two rows are named BANKNIFTY on NSE: the index (``AMXIDX``) and an old id that quotes nothing. Names
are matched, never symbols: the index is written "Nifty Bank" there.

Source: OpenAPIScripMaster.json, whose ``strike`` and ``tick_size`` are hundredths as text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from kit.arguments import checked
from kit.clock import is_session, parse_day, session
from kit.errors import DataError, ProtocolError, UnknownExpiry, UnknownSymbol
from kit.model import Instrument, Right

INDEX = "AMXIDX"
FUTURE = ("FUTIDX", "FUTSTK")
OPTION = ("OPTIDX", "OPTSTK")
_EXCHANGES = ("NSE", "BSE", "NFO", "BFO", "MCX")  # where a name is looked for, most usual first


@checked
def instrument(row: Mapping[str, Any]) -> Instrument:
    """Return a row of the master as an instrument; unknown keys are ignored, missing ones have no value.

    Parameters
    ----------
    row : mapping
        As the broker wrote it: strike and tick size in hundredths, everything as text.

    Raises
    ------
    ProtocolError
        The row has no token, or a number in it is none.
    """
    return _read(row)


def _read(row: Mapping[str, Any]) -> Instrument:
    try:
        strike = float(row.get("strike") or -1) / 100
        symbol, expiry = str(row.get("symbol", "")), str(row.get("expiry") or "")
        kind = str(row.get("instrumenttype", ""))
        return Instrument(
            token=str(row["token"]),
            symbol=symbol,
            name=str(row.get("name", "")),
            exchange=str(row.get("exch_seg", "")),
            kind=kind,
            expiry=parse_day(expiry) if expiry else None,
            strike=strike if strike > 0 else float("nan"),
            right=_right(symbol) if kind in OPTION else None,
            lot_size=max(1, int(float(row.get("lotsize") or 1))),
            tick_size=float(row.get("tick_size") or 0) / 100,
            freeze_quantity=max(0, int(float(row.get("freeze_qty") or 0)) - 1),  # the first that is frozen
        )
    except (KeyError, ValueError, DataError) as error:
        shown = {key: row.get(key) for key in ("token", "symbol", "expiry", "strike")}
        raise ProtocolError("A row of the instrument master cannot be read", shown, str(error)) from error


def _right(symbol: str) -> Right | None:
    return "CE" if symbol.endswith("CE") else "PE" if symbol.endswith("PE") else None


def underlying(rows: Iterable[Mapping[str, Any]], name: str) -> Instrument:
    """Return what a name is quoted as: its index, else its share.

    Parameters
    ----------
    rows : iterable of mapping
        All rows of this name.
    name : str
        For instance ``"BANKNIFTY"``.

    Raises
    ------
    UnknownSymbol
        Nothing of this name is quoted by itself.
    """
    spot = [row for row in rows if row.get("exch_seg") in ("NSE", "BSE")]
    indices = [row for row in spot if row.get("instrumenttype") == INDEX]
    shares = [row for row in spot if str(row.get("symbol", "")).endswith("-EQ")]
    for row in sorted([*indices, *shares], key=lambda row: _EXCHANGES.index(str(row.get("exch_seg")))):
        return _read(row)
    raise UnknownSymbol("No index and no share has this name", name, "Use a name of the instrument master.")


def options(rows: Iterable[Mapping[str, Any]]) -> list[Instrument]:
    """Return the options among the rows, sorted by strike with the call first."""
    found = [_read(row) for row in rows if row.get("instrumenttype") in OPTION]
    return sorted(found, key=lambda option: (option.strike, option.right or ""))


def future(rows: Iterable[Mapping[str, Any]], expiry: date) -> Instrument | None:
    """Return the future of an expiry, or None where only options are listed."""
    found = (_read(row) for row in rows if row.get("instrumenttype") in FUTURE)
    return next((future for future in found if future.expiry == expiry), None)


def trading(listed: Iterable[date], now: datetime) -> list[date]:
    """Return the expiries whose last session has not closed."""
    return [day for day in listed if (session(day).close > now if is_session(day) else day > now.date())]


def listed_expiry(text: str | date | None, listed: list[date], now: datetime) -> date:
    """Return the expiry that is meant: the one named, or the nearest that still trades.

    Parameters
    ----------
    text : str, date or None
        As `kit.clock.parse_day` reads it; None: the nearest.
    listed : list of date
        What is listed, nearest first.
    now : datetime
        The exchange's present.

    Raises
    ------
    UnknownExpiry
        No contract expires then; names those that are listed.
    """
    alive = trading(listed, now)
    shown = f"Listed: {', '.join(day.isoformat() for day in alive) or 'none'}."
    if text is None and alive:
        return alive[0]
    try:
        wanted = parse_day(text) if text is not None else None
    except DataError as error:
        raise UnknownExpiry("Not an expiry date", text, shown) from error
    if wanted not in listed:
        closed = ", which is no trading day" if wanted and not is_session(wanted) else ""
        raise UnknownExpiry(f"No contract expires on this day{closed}", str(wanted or "any"), shown)
    return wanted


def unknown(name: str, names: Iterable[str]) -> UnknownSymbol:
    """Return the error for a name that does not exist, with the names it may have meant."""
    close = difflib.get_close_matches(name.upper(), names, n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(close)}?" if close else "Look it up in the instrument master."
    return UnknownSymbol("No instrument has this name", name, meant)
