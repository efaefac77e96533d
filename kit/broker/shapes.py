"""What the client hands out: data with its age, and the shapes that the broker's payloads must have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, get_args

from pydantic_core import from_json

from kit.arguments import choice, real
from kit.errors import DataError, ProtocolError
from kit.model import Source

T = TypeVar("T")
U = TypeVar("U")
Record = dict[str, Any]
QuoteKey = tuple[str, str]
Mode = Literal["LTP", "OHLC", "FULL"]
_NUMBER = re.compile(r"[+-]? ?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_MOST = 1e12  # rupees or units, as in files of the exchange: nobody holds as much


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """Data with its age.

    Parameters
    ----------
    data : object
        What was asked for.
    source : {"hot", "sqlite", "network", "stream", "file", "stale"}
        Which tier answered; ``"stale"``: SQLite, past its lifetime.
    age_s : float
        Seconds since the broker said it.
    remaining_s : float
        Seconds that whoever keeps it may go on serving it; ``inf``: for ever, 0: not at all.
    stale : bool, default False
        Whether it is past its lifetime and is served because the network failed.
    """

    data: T
    source: Source
    age_s: float
    remaining_s: float
    stale: bool = False

    def holding(self, data: U) -> Reply[U]:
        """Return other data, made from this reply's, with the same age."""
        return Reply(data, self.source, self.age_s, self.remaining_s, self.stale)

    def later(self, seconds: float) -> Reply[T]:
        """Return this reply as it is so many seconds later: older, with less life left."""
        return Reply(self.data, "hot", self.age_s + seconds, max(0.0, self.remaining_s - seconds), self.stale)


def oldest(replies: list[Reply[Any]]) -> Reply[None]:
    """Return one age for data joined from several replies: the oldest age, the shortest life."""
    sources = {reply.source for reply in replies}
    source: Source = next(
        found for found in ("stale", "network", "sqlite", "hot", "stream", "file") if found in sources
    )
    return Reply(
        None,
        source,
        max(reply.age_s for reply in replies),
        min(reply.remaining_s for reply in replies),
        any(reply.stale for reply in replies),
    )


@dataclass(frozen=True, slots=True)
class Quotes:
    """Quotes by instrument.

    Parameters
    ----------
    fetched : mapping of (exchange, token) to mapping
        The broker's rows as they came; a price of 0 means that there is none.
    unfetched : tuple of mapping
        What the broker could not quote, with its reason.
    """

    fetched: Mapping[QuoteKey, Record]
    unfetched: tuple[Record, ...]


def record(data: Any, asked: str) -> Record:
    """Return `data` if it is an object.

    Raises
    ------
    ProtocolError
        It is not.
    """
    if not isinstance(data, dict):
        raise _unexpected(asked, "an object", data)
    return data


def records(data: Any, asked: str) -> list[Record]:
    """Return `data` if it is a list of objects; the broker's null is an empty list.

    Raises
    ------
    ProtocolError
        It is something else.
    """
    found = [] if data is None else data
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise _unexpected(asked, "a list of objects", data)
    return found


def candle_rows(data: Any, asked: str) -> list[list[Any]]:
    """Return `data` if it is a list of ``[time, open, high, low, close, volume]`` rows.

    Raises
    ------
    ProtocolError
        It is something else.
    """
    found = [] if data is None else data
    if not isinstance(found, list) or not all(isinstance(row, list) and len(row) >= 6 for row in found):
        raise _unexpected(asked, "a list of candles", data)
    return found


def quotes(data: Any, asked: str) -> Quotes:
    """Return the payload of one quote reply, by instrument; the broker promises no order.

    Raises
    ------
    ProtocolError
        It is not the documented shape.
    """
    both = record(data, asked)
    fetched = records(both.get("fetched"), asked)
    try:
        by_key = {(str(row["exchange"]), str(row["symbolToken"])): row for row in fetched}
    except KeyError as error:
        raise _unexpected(asked, f"a quote with {error}", "none") from None
    return Quotes(by_key, tuple(records(both.get("unfetched"), asked)))


def merged(parts: list[Quotes]) -> Quotes:
    """Join the batches of one question."""
    fetched = {key: row for part in parts for key, row in part.fetched.items()}
    return Quotes(fetched, tuple(row for part in parts for row in part.unfetched))


def _unexpected(asked: str, expected: str, found: Any) -> ProtocolError:
    return ProtocolError(
        f"The reply to {asked} should hold {expected}", type(found).__name__, "Try again; else report it."
    )


def number(value: Any) -> float | None:
    """Return a number that the broker may write as text, with a space after the minus, or as null.

    Raises
    ------
    ProtocolError
        It is no number, or one beyond every amount.
    """
    if value is None or value in ("", "null"):
        return None
    text = isinstance(value, str) and _NUMBER.fullmatch(value)
    found = float(value.replace(" ", "")) if text else real(value)
    if not abs(found) <= _MOST:
        raise _unexpected("a question for numbers", "a number", value)
    return found


def distinct(instruments: Iterable[QuoteKey]) -> list[QuoteKey]:
    """Return instruments in their order, each once.

    Raises
    ------
    DataError
        They are no pairs of texts.
    """
    try:
        found = list(dict.fromkeys((exchange, token) for exchange, token in instruments))
        if all(isinstance(part, str) for key in found for part in key):
            return found
    except (TypeError, ValueError):
        pass
    raise DataError("Not pairs of exchange and token", instruments, "Pass [('NSE', '99926009')].")


def by_exchange(keys: Iterable[QuoteKey]) -> dict[str, list[str]]:
    """Return tokens by their exchange, as the broker asks for quotes."""
    tokens: dict[str, list[str]] = {}
    for exchange, token in keys:
        tokens.setdefault(exchange, []).append(token)
    return tokens


def quote_bodies(instruments: Iterable[QuoteKey], mode: Mode, most: int) -> list[dict[str, Any]]:
    """Return the requests for quotes of instruments, each once, so many at a time.

    Raises
    ------
    DataError
        They are no pairs of texts, or there are no quotes of this kind.
    """
    asked = distinct(instruments)
    choice(mode, get_args(Mode), "There are no quotes of this kind", DataError)
    batches = [asked[at : at + most] for at in range(0, len(asked), most)]
    return [{"mode": mode, "exchangeTokens": by_exchange(batch)} for batch in batches]


class KeyTwice(ValueError):
    """An object has a key twice, so that nobody can know which value is meant."""


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON (an ``object_pairs_hook``).

    Raises
    ------
    KeyTwice
        It has a key twice; names it.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        raise KeyTwice(f"the key {max(names, key=names.count)[:50]!r} stands there twice")
    return found


def content_of(body: bytes, seen: bool) -> Any:
    """Return what the JSON of a reply says.

    One seen before, when it was stored, is not searched for a key twice again. So a reader that could not
    tell, and takes half the time, tries first; Python's reads what it does not: half of a surrogate pair.

    Raises
    ------
    ValueError, RecursionError
        It is no JSON, or has an infinity; `KeyTwice`: it says a key twice.
    """
    if seen:
        with suppress(ValueError):
            return from_json(body, allow_inf_nan=False)
    return json.loads(body, parse_constant=_refused, object_pairs_hook=None if seen else once)


def _refused(constant: str) -> Any:
    raise ValueError(constant)  # Infinity and NaN, which JSON does not have
