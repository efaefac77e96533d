"""The CSV that the exchange's option-chain page exports: calls left, puts right, open interest in lots.

The file states neither the time nor the index level, and the expiry only in its name. The time follows
from what it does print, the exchange's own volatility of the options at the money: with it, their price
says how long the expiry was away. So one file gives one chain, wherever and whenever it is read.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from kit.chains.readers.sheet import Line, Sheet
from kit.clock import last_session, last_trading_day, lot_size, parse_expiry, session
from kit.errors import DataError, UnreadableFile
from kit.model import Right
from kit.quotes import mid_or_last

_NAME = re.compile(r"([A-Z][A-Z0-9&]*)-(\d{1,2}-[A-Za-z]{3}-\d{4})")
_WANTED = ("OI", "CHNG IN OI", "VOLUME", "IV", "LTP", "BID", "ASK")
_READ = (*_WANTED, "CHNG", "STRIKE")  # not every page states the change of the price
_YEAR = timedelta(days=365)
_EMPTY = "No Record Found"


def sheets(text: str, path: Path, taken_at: datetime | None, spot: float | None) -> list[Sheet]:
    """Read the export.

    Raises
    ------
    UnreadableFile
        It is not one, holds no record, or its name does not say underlying and expiry.
    """
    underlying, expiry = _named(path)
    lot = lot_size(underlying, expiry)
    rows = list(csv.reader(text.splitlines()))
    if any(_EMPTY in cell for row in rows for cell in row):
        raise UnreadableFile(
            "The exchange had no record for this expiry", path.name, "Export an expiry that trades."
        )
    try:
        columns = _columns(rows[1])
        quoted = [_Row(row, columns) for row in rows[2:] if any(row)]
    except (ValueError, IndexError) as error:
        raise UnreadableFile("Not the option-chain page's CSV", path.name, f"{error}.") from error
    lines = [line for row in quoted for line in row.lines(lot)]
    at = taken_at or _told(quoted, expiry)
    if at is None:
        raise UnreadableFile(
            "The file prints no volatility that would tell its time",
            path.name,
            "Say when it was saved: --at, or taken_at=.",
        )
    return [Sheet(underlying, expiry, at, math.nan if spot is None else spot, lot, lines)]


def _named(path: Path) -> tuple[str, date]:
    found = _NAME.search(path.name)
    try:
        if found:
            return found[1], parse_expiry(found[2])
    except DataError:
        pass
    raise UnreadableFile(
        "The file's name does not say underlying and expiry",
        path.name,
        "Keep the name it was saved under, like option-chain-ED-BANKNIFTY-28-Apr-2026.csv.",
    )


def _columns(header: Sequence[str]) -> dict[Right, dict[str, int]]:
    middle = header.index("STRIKE")
    found: dict[Right, dict[str, int]] = {
        "CE": {name: at for at, name in enumerate(header[:middle])},
        "PE": {name: at for at, name in enumerate(header) if at > middle},
    }
    missing = [name for name in _WANTED if any(name not in side for side in found.values())]
    if missing:
        raise ValueError(f"it lacks the columns {missing}")
    for side in found.values():
        side["STRIKE"] = middle
    return found


class _Row:
    """One strike: its cells as numbers."""

    def __init__(self, cells: Sequence[str], columns: dict[Right, dict[str, int]]) -> None:
        self.sides = {
            right: {name: _number(cells[at]) for name, at in side.items() if name in _READ}
            for right, side in columns.items()
        }
        self.strike = self.sides["CE"]["STRIKE"]

    def lines(self, lot: int) -> list[Line]:
        return [
            Line(
                strike=self.strike,
                right=right,
                ltp=side["LTP"],
                bid=side["BID"],
                ask=side["ASK"],
                volume=_none_is_zero(side["VOLUME"]) * lot,
                oi=_none_is_zero(side["OI"]) * lot,
                oi_change=side["CHNG IN OI"] * lot,
                ltp_change=side.get("CHNG", math.nan),
            )
            for right, side in self.sides.items()
        ]

    @property
    def straddle(self) -> tuple[float, float, float]:
        """Call price minus put price, their sum, and the mean printed volatility; NaN where unknown."""
        call, put = (_price(side) for side in self.sides.values())
        iv = sum(side["IV"] for side in self.sides.values()) / 200
        return call - put, call + put, iv


def _number(cell: str) -> float:
    plain = cell.replace(",", "").strip()
    return math.nan if plain in ("", "-") else float(plain)


def _none_is_zero(number: float) -> float:
    return 0.0 if math.isnan(number) else number


def _price(side: dict[str, float]) -> float:
    return float(mid_or_last(side["BID"], side["ASK"], side["LTP"], side["VOLUME"]))


def _told(rows: Sequence[_Row], expiry: date) -> datetime | None:
    """Return when the file was saved, from the price and the printed volatility at the money.

    A straddle at the money costs ``F sigma sqrt(2 T / pi)``, less a term of third order.
    """
    known = [(row.strike, *row.straddle) for row in rows if not math.isnan(sum(row.straddle))]
    near = sorted(known, key=lambda row: abs(row[1]))[:5]
    if not near:
        return None
    estimates = []
    for strike, gap, both, iv in near:
        forward = strike + gap
        value = math.sqrt(max(0.0, both**2 - gap**2))  # of a straddle struck at the forward, nearly
        estimates.append((value / forward / iv) ** 2 * math.pi / 2)
    years = sorted(estimates)[len(estimates) // 2]
    close = session(last_trading_day(expiry)).close
    return _in_session(close - years * _YEAR)


def _in_session(at: datetime) -> datetime:
    current = last_session(at)
    return min(at, current.close - timedelta(minutes=1))
