"""The exchange's option-chain answer, as its web page and its API give it: JSON, open interest in lots.

Two layouts: ``option-chain-indices`` until 2025 (a row and its legs carry ``expiryDate``, 27-Oct-2026) and
``option-chain-v3`` since December 2025 (a row carries ``expiryDates``, its legs 27-10-2026; a contract that
is not listed comes as a leg of zeros and nulls). Who saves only a part of it, the inside of ``records``, the
nearest expiry in ``filtered`` or the bare rows, has lost the time and must say it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from kit.chains import fields
from kit.chains.fields import UnfitError
from kit.chains.readers.sheet import QuoteRow, Sheet, in_time, known_lot
from kit.clock import in_ist
from kit.errors import UnreadableFile
from kit.facts import underlying_name
from kit.model import Right

_RIGHTS: tuple[Right, ...] = ("CE", "PE")
_DATES = ("expiryDate", "expiryDates")
_BID, _ASK = ("bidprice", "bidPrice", "buyPrice1"), ("askPrice", "askprice", "sellPrice1")
_BID_QTY, _ASK_QTY = ("bidQty", "buyQuantity1"), ("askQty", "sellQuantity1")
_TRADED = ("lastPrice", *_BID, *_ASK, "openInterest", "totalTradedVolume")


def sheets(text: str, name: str, taken_at: datetime | None, underlying: str | None) -> list[Sheet]:
    """Read the answer of ``option-chain-indices`` or ``option-chain-v3``.

    Raises
    ------
    UnreadableFile
        It is not one, is damaged, or is of another underlying.
    """
    try:
        records = _records(_parsed(text, name))
        at = taken_at or _time(records.get("timestamp"), name)
        answer = _Answer(records, name, at, _read(records, ("underlyingValue",), fields.price, "records"))
        found = answer.by_expiry()
    except UnfitError as error:
        raise UnreadableFile(
            "Not an option-chain answer of the exchange", f"{name}: {error}", "Save it again."
        ) from error
    if not found:
        raise UnreadableFile("The option-chain answer is empty", name, "Save it again in market hours.")
    if underlying is not None and answer.underlying != underlying:
        raise UnreadableFile(
            f"The file has no options on {underlying}", name, f"It has options on {answer.underlying}."
        )
    return [
        Sheet(answer.underlying, expiry, at, answer.spot, answer.lots[expiry], lines)
        for expiry, lines in found.items()
    ]


def _records(answer: object) -> Mapping[str, Any]:
    """Return what an answer, or a saved part of one, says of the whole chain."""
    whole = {"data": answer} if isinstance(answer, list) else _object(answer, "the answer")
    parts = [part for part in (whole.get("filtered"), whole.get("records")) if isinstance(part, dict)]
    found = {name: value for part in (whole, *parts) for name, value in part.items()}
    if not isinstance(found.get("data"), list):
        raise UnfitError("it has no list of rows, records.data")
    return found


def _parsed(text: str, name: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    except UnfitError:
        raise
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            "The JSON breaks off or is damaged", f"{name}: {error.msg}", "Save it again.",
            line=error.lineno, column=str(error.colno),
        ) from error  # fmt: skip
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand brackets
        raise UnreadableFile("The JSON is not an answer of the exchange", name, "Save it again.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UnfitError(f"it has the key {twice[:40]!r} twice")
    return found


def _refused(constant: str) -> float:
    raise UnfitError(f"{constant} is no number")


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnfitError(f"{what} is missing or no object")
    return value


@dataclass
class _Answer:
    """The contracts of an answer by expiry; `underlying` and `lots` are known once they have been read.

    Where the answer itself states no index level, its first contract's is the `spot`.
    """

    records: Mapping[str, Any]
    name: str
    taken_at: datetime
    spot: float
    underlying: str = ""
    lots: dict[date, int] = field(default_factory=dict)

    def by_expiry(self) -> dict[date, list[QuoteRow]]:
        found: dict[tuple[date, float, Right], QuoteRow] = {}
        for number, row in enumerate(self.records["data"]):
            entry = _object(row, f"row {number}")
            for right in _RIGHTS:
                place = f"row {number}, {right}"
                leg = entry.get(right)
                if leg is not None and _is_listed(_object(leg, place), place):
                    key, line = self._contract(entry, leg, right, place)
                    if key in found:
                        raise UnfitError(f"{place} repeats the contract {key[1]:g} {right} of {key[0]}")
                    found[key] = line
        by_expiry: dict[date, list[QuoteRow]] = {}
        for (expiry, _, _), line in found.items():
            by_expiry.setdefault(expiry, []).append(line)
        return by_expiry

    def _contract(
        self, entry: Mapping[str, Any], leg: Mapping[str, Any], right: Right, place: str
    ) -> tuple[tuple[date, float, Right], QuoteRow]:
        strike = _read(leg, ("strikePrice",), fields.strike, place)
        if "strikePrice" in entry and _read(entry, ("strikePrice",), fields.price, place) != strike:
            raise UnfitError(f"{place}: strikePrice differs from the row's")
        dates = {
            _read(part, _DATES, fields.day, place)
            for part in (entry, leg)
            if any(not fields.is_blank(part.get(name)) for name in _DATES)
        }
        if len(dates) != 1:
            raise UnfitError(f"{place} and its row name {len(dates)} expiries")
        expiry = dates.pop()
        if math.isnan(self.spot):
            self.spot = _read(leg, ("underlyingValue",), fields.price, place)
        lot = self._lot(leg, expiry, place)
        return (expiry, strike, right), _line(leg, strike, right, lot, place)

    def _lot(self, leg: Mapping[str, Any], expiry: date, place: str) -> int:
        stated = leg.get("underlying")
        if not isinstance(stated, str) or not stated.strip():
            raise UnfitError(f"{place}: underlying is {stated!r}")
        named = underlying_name(stated)
        self.underlying = self.underlying or named
        if named != self.underlying:
            raise UnfitError(f"{place}: underlying is {named[:40]!r} beside {self.underlying!r}")
        if expiry not in self.lots:
            in_time(expiry, self.taken_at, self.name)
            self.lots[expiry] = known_lot(named, expiry, self.taken_at, "counts in lots")
        return self.lots[expiry]


def _is_listed(leg: Mapping[str, Any], place: str) -> bool:
    """Tell a contract from the zeros and nulls that stand for one that is not listed."""
    if not fields.is_blank(leg.get("underlying")) or not fields.is_blank(leg.get("expiryDate")):
        return True
    traded = [name for name in _TRADED if _read(leg, (name,), fields.count, place) > 0]
    if traded:
        raise UnfitError(f"{place} has {traded[0]}, but neither underlying nor expiry")
    return False


def _read(leg: Mapping[str, Any], names: tuple[str, ...], rule: Any, place: str) -> Any:
    """Read the first of the names that is there."""
    name = next((name for name in names if leg.get(name) is not None), names[0])
    try:
        return rule(leg.get(name))
    except UnfitError as error:
        raise UnfitError(f"{place}: {name} is {error}: {str(leg.get(name))[:40]}") from error


def _line(leg: Mapping[str, Any], strike: float, right: Right, lot: int, place: str) -> QuoteRow:
    ltp = _read(leg, ("lastPrice",), fields.price, place)
    change = _read(leg, ("change",), fields.change, place)
    symbol = leg.get("identifier")
    return QuoteRow(
        strike=strike,
        right=right,
        ltp=ltp,
        bid=_read(leg, _BID, fields.price, place),
        ask=_read(leg, _ASK, fields.price, place),
        volume=_read(leg, ("totalTradedVolume",), fields.count, place) * lot,
        oi=_read(leg, ("openInterest",), fields.count, place) * lot,
        oi_change=_read(leg, ("changeinOpenInterest",), fields.change, place) * lot,
        ltp_change=change if ltp > 0 else fields.NONE,
        symbol=symbol if isinstance(symbol, str) else "",
        bid_qty=_read(leg, _BID_QTY, fields.count, place),
        ask_qty=_read(leg, _ASK_QTY, fields.count, place),
    )


def _time(text: object, name: str) -> datetime:
    """Read ``03-May-2023 15:30:00`` or an ISO time, whatever the locale."""
    if fields.is_blank(text):
        raise UnreadableFile(
            "The option-chain answer states no time", name, "Say when it was saved: --at, or taken_at=."
        )
    try:
        day, clock = str(text).replace("T", " ").split()
        return in_ist(datetime.fromisoformat(f"{fields.day(day)} {clock}"))
    except ValueError as error:
        raise UnfitError(f"timestamp is no time: {str(text)[:40]}") from error
