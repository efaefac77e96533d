"""What a vendor's symbol or file name says: index, future, India VIX, or an option.

Four ways to write an option: ``BANKNIFTY05JAN2336500PE``, ``BANKNIFTY26NOV52000CE`` (monthly),
``BANKNIFTY2310543000CE`` (weekly: year, month, day) and ``BANKNIFTY_2023-01-05_43000_CE``. Which one is meant
is decided by what can be: the expiry is not before the bars and at most six years after, the strike has at
most six digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal, NamedTuple

from kit.clock import monthly_expiry
from kit.errors import DataError

Kind = Literal["option", "index", "future", "vix", "other"]
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WORD = "(?P<word>" + "|".join(_MONTHS) + ")"
_TAIL = r"(?P<strike>\d{2,6})(?:\.0+)?(?P<right>CE|PE)"
_OPTIONS = tuple(
    re.compile(form + _TAIL)
    for form in (
        rf"(?P<day>\d{{1,2}}){_WORD}(?P<year>20\d{{2}})",
        rf"(?P<day>\d{{2}}){_WORD}(?P<year>\d{{2}})",
        rf"(?P<year>\d{{2}}){_WORD}",
        r"(?P<year>\d{2})(?P<month>[1-9OND])(?P<day>\d{2})",
        r"(?P<year>20\d{2})(?P<month>\d{2})(?P<day>\d{2})",
    )
)
_LETTERS = {"O": 10, "N": 11, "D": 12}
_INDEX = {
    "BANKNIFTY": ("BANKNIFTY", "NIFTYBANK", "BNF", "BANKNIFTYSPOT", "NSEBANK"),
    "NIFTY": ("NIFTY", "NIFTY50"),
}
_VIX = ("INDIAVIX", "VIX")
_LONGEST = timedelta(days=6 * 366)


class Meaning(NamedTuple):
    """What a symbol stands for.

    Parameters
    ----------
    kind : {"option", "index", "future", "vix", "other"}
        ``"other"``: something that the store has no place for.
    expiry : date or None
        Of an option or a dated future.
    strike : int
        Rupees; 0 where there is none.
    right : str
        ``"CE"``, ``"PE"`` or empty.
    """

    kind: Kind
    expiry: date | None = None
    strike: int = 0
    right: str = ""


OTHER = Meaning("other")
_RUNNING = dict.fromkeys(
    ("I", "FUT", "FUTI", "F1", "1"), Meaning("future")
)  # the front future, whichever it is
_RUNNING |= dict.fromkeys(("II", "III", "F2", "F3", "2", "3"), OTHER)


def meaning(symbol: str, underlying: str, first: date, last: date) -> Meaning:
    """Return what a symbol stands for, given the days of its bars.

    Raises
    ------
    DataError
        It may mean two contracts, or is an option of the underlying that cannot be read.
    """
    plain = re.sub(r"[^A-Z0-9.]", "", symbol.upper().removeprefix("NSE:").removeprefix("NFO:"))
    named = dict.fromkeys(_VIX, Meaning("vix")) | dict.fromkeys(_index(underlying), Meaning("index"))
    if plain in named or not plain.startswith(underlying):
        return named.get(plain, OTHER)
    rest = plain.removeprefix(underlying)
    if rest in _RUNNING:
        return _RUNNING[rest]
    return _future(rest, symbol) if rest.endswith("FUT") else _option(rest, symbol, first, last)


def _index(underlying: str) -> tuple[str, ...]:
    return _INDEX.get(underlying, (underlying,))


def says(name: str, underlying: str) -> bool:
    """Tell whether a file's name says that it is about an underlying."""
    plain = re.sub(r"[^A-Z0-9]", " ", name.upper().replace("NIFTY BANK", "NIFTYBANK"))
    return any(re.search(rf"(?<![A-Z]){word}(?!BANK)", plain) for word in _index(underlying))


def names_no_other(stem: str, underlying: str) -> bool:
    """Tell whether the name of a contract's file names its underlying, or none at all."""
    words = set(re.findall("[A-Z]+", stem.upper())) - {"CE", "PE", *_MONTHS}
    return not words or says(stem, underlying)


def _future(rest: str, symbol: str) -> Meaning:
    found = re.fullmatch(rf"(?P<day>\d{{2}})?{_WORD}?(?P<year>\d{{2}})?FUT", rest)
    month = re.fullmatch(rf"(?P<year>\d{{2}}){_WORD}FUT", rest)
    if month:
        return Meaning("future", monthly_expiry(2000 + int(month["year"]), _MONTHS.index(month["word"]) + 1))
    if found and found["day"] and found["word"] and found["year"]:
        day = date(2000 + int(found["year"]), _MONTHS.index(found["word"]) + 1, int(found["day"]))
        return Meaning("future", day)
    raise DataError("Not a future that can be read", symbol, "Leave it out, or rename it to ...-I.")


def _option(rest: str, symbol: str, first: date, last: date) -> Meaning:
    read = {Meaning("option", *one) for one in _readings(rest)}
    for day in (last, first):  # bars may go on after its end: better no such reading, but one all the same
        found = {one for one in read if one.expiry and day <= one.expiry <= first + _LONGEST}
        if found:
            break
    if len(found) != 1:
        what = "may mean two contracts" if found else "names no contract that its days allow"
        raise DataError(
            f"A symbol {what}", symbol, "Declare its columns: --map symbol=... or strike=..., or kind:=index."
        )
    return found.pop()


def _readings(rest: str) -> Iterator[tuple[date, int, str]]:
    for form in _OPTIONS:
        if part := form.fullmatch(rest):
            words = part.groupdict()
            year = int(words["year"]) + (2000 if len(words["year"]) == 2 else 0)
            strike = int(words["strike"])
            try:
                if words.get("day") is None:
                    expiry = monthly_expiry(year, _MONTHS.index(words["word"]) + 1)
                else:
                    expiry = date(year, _month(words), int(words["day"]))
            except (ValueError, DataError):
                continue
            if strike >= 100:
                yield expiry, strike, words["right"]


def _month(words: dict[str, str]) -> int:
    if words.get("word"):
        return _MONTHS.index(words["word"]) + 1
    return _LETTERS.get(words["month"]) or int(words["month"])


def day_in(text: str) -> date | None:
    """Return the one date that a file's or a folder's name holds, or None."""
    found = set()
    for year, month, day in re.findall(r"(?<!\d)(20\d{2})[-_]?(\d{2})[-_]?(\d{2})(?!\d)", text):
        found.add((int(year), int(month), int(day)))
    for day, word, year in re.findall(
        rf"(?<!\d)(\d{{1,2}})[-_ ]?({'|'.join(_MONTHS)})[-_ ]?(\d{{2,4}})", text.upper()
    ):
        found.add((int(year) % 100 + 2000, _MONTHS.index(word) + 1, int(day)))
    try:
        days = {date(*parts) for parts in found}
    except ValueError:
        return None
    return days.pop() if len(days) == 1 else None
