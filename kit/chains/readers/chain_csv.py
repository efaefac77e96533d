"""The CSV that the exchange's option-chain page exports: calls left, puts right, open interest in lots.

The file states neither the time nor the index level, and the expiry only in its name. The time is derived
from what it does print, the exchange's own volatility of the options at the money: with it, their price
says how long the expiry was away. The file cannot have been saved after the time its own date on disk says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from kit.chains import fields
from kit.chains.readers.sheet import QuoteRow, Sheet, end_of, in_time, known_lot
from kit.chains.readers.table import Record, Table, plain
from kit.clock import IST, last_session
from kit.errors import UnreadableFile
from kit.facts import underlying_name
from kit.model import Derived, Right
from kit.quotes import mid_or_last

_NAME = re.compile(r"([A-Z][A-Z0-9& ]*)-(\d{1,2}-[A-Z]{3}-\d{4})", re.IGNORECASE)
_RULES = {
    "OI": fields.count, "CHNGINOI": fields.change, "VOLUME": fields.count, "IV": fields.percent,
    "LTP": fields.price, "BID": fields.price, "ASK": fields.price, "CHNG": fields.change,
    "BIDQTY": fields.count, "ASKQTY": fields.count,
}  # fmt: skip
_NEEDED = _RULES.keys() - {"CHNG", "BIDQTY", "ASKQTY"}  # which not every page states
_SPELLINGS = {"BIDPRICE": "BID", "ASKPRICE": "ASK", "STRIKEPRICE": "STRIKE", "CHANGEINOI": "CHNGINOI"}
_SPELLINGS |= {"NETCHNG": "CHNG", "CHANGE": "CHNG", "NETCHANGE": "CHNG"}
_RIGHTS: tuple[Right, Right] = ("CE", "PE")
_YEAR = timedelta(days=365)
_LONGEST_YEARS, _LEAST_PERCENT = 2.0, 0.5  # no listed series of the page, no printed volatility
_FROM_PRICES = "the volatility printed at the money"
_EMPTY = "No Record Found"
Side = Mapping[str, float]


def is_export(header: Sequence[str]) -> bool:
    """Tell by one of its first rows whether a file is the page's export; the banner may be left out."""
    plain = _headings(header)
    return {"CALLS", "PUTS"} <= {*plain} or _is_header(plain)


def sheets(rows: Iterator[Record], path: Path, taken_at: datetime | None) -> list[Sheet]:
    """Read the export.

    Raises
    ------
    UnreadableFile
        It is not one, holds no record, is damaged, or its name does not say underlying and expiry.
    """
    underlying, expiry = _named(path)
    quoted = _quoted(rows, path.name)
    derived: dict[str, Derived] = {}
    if taken_at is None:
        taken_at, derived["taken_at"] = _told(quoted, expiry, path)
    in_time(expiry, taken_at, path.name)
    lot = known_lot(underlying, expiry, taken_at, "counts in lots")
    lines = [line for strike, *both in quoted for line in _lines(strike, both, lot)]
    return [Sheet(underlying, expiry, taken_at, math.nan, lot, lines, derived=derived)]


def underlying_of(path: Path) -> str:
    """Return whose options the file's name says it holds."""
    return _named(path)[0]


def _named(path: Path) -> tuple[str, date]:
    if found := _NAME.search(path.name):
        try:
            return underlying_name(found[1]), fields.day(found[2])
        except fields.UnfitError:
            pass
    raise UnreadableFile(
        "The file's name does not say underlying and expiry",
        path.name,
        "Keep the name it was saved under, like option-chain-ED-BANKNIFTY-28-Apr-2026.csv.",
    )


def _headings(header: Sequence[str]) -> list[str]:
    return plain(header, _SPELLINGS)


def _is_header(plain: Sequence[str]) -> bool:
    return "STRIKE" in plain and plain.count("OI") == 2


def _quoted(rows: Iterator[Record], name: str) -> list[tuple[float, Side, Side]]:
    """Return each strike with its call's and its put's cells as numbers."""
    header = next((row for row in rows if _is_header(_headings(row.cells))), None)
    if header is None:
        raise UnreadableFile("Not the option-chain page's CSV", name, "It has no row with STRIKE and two OI.")
    table, sides = Table(header.cells, name), _sides(_headings(header.cells), name, header.line)
    found: list[tuple[float, Side, Side]] = []
    for row in table.whole(_kept(rows, name)):
        strike = table.cell(row, sides[0]["STRIKE"], fields.strike)
        table.once(f"the strike {strike:,.2f}", row)
        call, put = (
            {field: table.cell(row, side[field], rule) for field, rule in _RULES.items() if field in side}
            for side in sides
        )
        found.append((strike, call, put))
    if not found:
        raise UnreadableFile("The export has no rows", name, "Export it again.", line=header.line)
    _refuse_one_sided([strike for strike, *_ in found], table, row)
    return found


def _refuse_one_sided(strikes: Sequence[float], table: Table, last: Record) -> None:
    """Refuse strikes that begin in wide steps and end in narrow ones: the exchange lists both ends alike.

    Where hardly anything trades the page leaves strikes out, and its steps are of any width from the first.
    """
    steps = [after - before for before, after in pairwise(strikes)]
    if min(steps, default=0) > 0 and steps[:2] == steps[:1] * 2 and steps[-1] < steps[0]:
        what = "The export ends among the strikes near the money, whose steps are narrower than its first"
        table.refuse(what, f"a step of {steps[-1]:g} after one of {steps[0]:g}", last)


def _kept(rows: Iterator[Record], name: str) -> Iterator[Record]:
    for row in rows:
        if any(_EMPTY in cell for cell in row.cells):
            raise UnreadableFile(
                "The exchange had no record for this expiry", name, "Export an expiry that trades."
            )
        yield row


def _sides(header: Sequence[str], name: str, line: int) -> tuple[dict[str, int], dict[str, int]]:
    """Return where each field stands, for calls and puts; STRIKE belongs to both."""
    middle = header.index("STRIKE")
    calls = {heading: at for at, heading in enumerate(header[: middle + 1])}
    puts = {heading: at for at, heading in enumerate(header) if at >= middle}
    missing = [field for field in _NEEDED if field not in calls or field not in puts]
    if missing:
        raise UnreadableFile(
            "The option-chain page's CSV lacks columns",
            f"{name}: {', '.join(sorted(missing))}",
            "Export it again.",
            line=line,
        )
    return calls, puts


def _lines(strike: float, both: Sequence[Side], lot: int) -> list[QuoteRow]:
    return [
        QuoteRow(
            strike=strike,
            right=right,
            ltp=side["LTP"],
            bid=side["BID"],
            ask=side["ASK"],
            volume=side["VOLUME"] * lot,
            oi=side["OI"] * lot,
            oi_change=side["CHNGINOI"] * lot,
            ltp_change=side.get("CHNG", math.nan),
            bid_qty=side.get("BIDQTY", math.nan),
            ask_qty=side.get("ASKQTY", math.nan),
        )
        for right, side in zip(_RIGHTS, both, strict=True)
    ]


def _told(rows: Sequence[tuple[float, Side, Side]], expiry: date, path: Path) -> tuple[datetime, Derived]:
    """Return when the file was saved, from prices and printed volatilities, and what its own date allows."""
    years = _years(rows)
    if not years:
        raise UnreadableFile(
            "The file prints no volatility that would tell its time",
            path.name,
            "Say when it was saved: --at, or taken_at=.",
        )
    close = end_of(expiry, path.name)
    early, middle, late = (
        _in_session(close - span * _YEAR) for span in (years[-1], years[len(years) // 2], years[0])
    )
    written = datetime.fromtimestamp(path.stat().st_mtime, IST)
    if late <= written or written < close - _LONGEST_YEARS * _YEAR:  # a date on disk that tells nothing
        return middle, Derived(_FROM_PRICES, early, late)
    bound = _in_session(written)
    how = _FROM_PRICES if middle <= bound else f"the file's date, for {_FROM_PRICES} says later"
    return min(middle, bound), Derived(how, min(early, bound), bound)


def _years(rows: Sequence[tuple[float, Side, Side]]) -> list[float]:
    """Return what the five pairs nearest the money say of the years to expiry, ascending.

    A straddle at the money costs ``F sigma sqrt(2 T / pi)``, less a term of third order.
    """
    known = []
    for strike, call, put in rows:
        gap, both = _price(call) - _price(put), _price(call) + _price(put)
        iv = (call["IV"] + put["IV"]) / 200
        if not math.isnan(gap + iv) and iv >= _LEAST_PERCENT / 100:
            value = math.sqrt(max(0.0, both**2 - gap**2))  # of a straddle struck at the forward, nearly
            known.append(
                (abs(gap), (value / (strike + gap) / iv) ** 2 * math.pi / 2 if strike + gap > 0 else 0)
            )
    found = sorted(years for _, years in sorted(known)[:5])
    return [years for years in found if 0 < years <= _LONGEST_YEARS]


def _price(side: Side) -> float:
    return float(mid_or_last(side["BID"], side["ASK"], side["LTP"], side["VOLUME"]))


def _in_session(at: datetime) -> datetime:
    whole = at.replace(second=0, microsecond=0)
    return min(whole, last_session(at).close - timedelta(minutes=1))
