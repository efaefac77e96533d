"""The exchange's end-of-day files, old and new: settlement prices stand in for bid and ask.

=========  ==========================  ======================================================
format     header begins               units
=========  ==========================  ======================================================
old        ``INSTRUMENT,SYMBOL,``      volume in lots, open interest in units, no spot
UDiFF      ``TradDt,BizDt,Sgmt,``      volume in lots, open interest in units, spot given
=========  ==========================  ======================================================

A contract that did not trade keeps an old close in both: its last price is left out. The file's future of an
expiry is the forward where parity gives none.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from kit.chains.readers.sheet import Line, Sheet
from kit.clock import lot_size, parse_expiry, session
from kit.errors import DataError, UnreadableFile
from kit.model import Right

_OLD, _NEW = "INSTRUMENT,SYMBOL,EXPIRY_DT,STRIKE_PR", "TradDt,BizDt,Sgmt"
_RIGHTS: dict[str, Right] = {"CE": "CE", "PE": "PE", "CA": "CE", "PA": "PE"}
Found = tuple[date, date, float, int, Line]  # day, expiry, spot, lot, contract
Series = tuple[date, date]  # day, expiry
Row = Mapping[str, str]


def is_bhavcopy(text: str) -> bool:
    """Tell by the header whether a text is one of the two."""
    return text.startswith((_OLD, _NEW))


def sheets(text: str, name: str, underlying: str) -> list[Sheet]:
    """Read one underlying's options out of a whole-market file.

    Raises
    ------
    UnreadableFile
        It is of another segment, has no options on the underlying, or is damaged.
    """
    old = text.startswith(_OLD)
    try:
        named = "SYMBOL" if old else "TckrSymb"
        rows = [row for row in csv.DictReader(text.splitlines()) if row[named] == underlying]
        found = list((_old if old else _new)(rows))
        futures = dict((_old_futures if old else _new_futures)(rows))
    except (ValueError, KeyError, TypeError, DataError) as error:
        raise UnreadableFile("The bhavcopy is damaged", name, f"It lacks or misstates {error}.") from error
    if not found:
        raise UnreadableFile(
            f"The file has no options on {underlying}", name, "Use the derivatives (FO) bhavcopy."
        )
    by_expiry: dict[tuple[date, date, float, int], list[Line]] = {}
    for day, expiry, spot, lot, line in found:
        by_expiry.setdefault((day, expiry, spot, lot), []).append(line)
    return [
        Sheet(
            underlying,
            expiry,
            session(day).close,
            _ended_at(lines) if day == expiry else spot,
            lot,
            lines,
            futures.get((day, expiry), math.nan),
        )
        for (day, expiry, spot, lot), lines in by_expiry.items()
    ]


def _ended_at(lines: list[Line]) -> float:
    """Return what the last trades of an expiring series say of the index: strike plus call minus put."""
    last = {(line.strike, line.right): line.ltp for line in lines if line.ltp > 0}
    levels = sorted(
        strike + price - last[strike, "PE"]
        for (strike, right), price in last.items()
        if right == "CE" and (strike, "PE") in last
    )
    return levels[len(levels) // 2] if levels else math.nan


def _old_futures(rows: Iterable[Row]) -> Iterator[tuple[Series, float]]:
    for row in rows:
        if row["INSTRUMENT"].startswith("FUT"):
            series = parse_expiry(row["TIMESTAMP"]), parse_expiry(row["EXPIRY_DT"])
            yield series, _price(row["SETTLE_PR"])


def _new_futures(rows: Iterable[Row]) -> Iterator[tuple[Series, float]]:
    for row in rows:
        if row["FinInstrmTp"] in ("IDF", "STF"):
            yield (date.fromisoformat(row["TradDt"]), _last_day(row)), _price(row["SttlmPric"])


def _price(cell: str) -> float:
    """Read a price that may be missing; a future or a close of zero is none."""
    price = math.nan if str.strip(cell) in ("", "-") else float(cell)  # of half a row, None: a TypeError
    return price if price > 0 else math.nan


def _last_day(row: Row) -> date:
    return date.fromisoformat(row["FininstrmActlXpryDt"] or row["XpryDt"])


def _old(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        if right := _RIGHTS.get(row["OPTION_TYP"] or ""):
            expiry, lots = parse_expiry(row["EXPIRY_DT"]), float(row["CONTRACTS"])
            lot = lot_size(row["SYMBOL"], expiry)
            yield (
                parse_expiry(row["TIMESTAMP"]),
                expiry,
                math.nan,
                lot,
                _line(row, right, lots * lot, ("STRIKE_PR", "CLOSE", "SETTLE_PR", "OPEN_INT", "CHG_IN_OI")),
            )


def _new(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        if right := _RIGHTS.get(row["OptnTp"] or ""):
            lot = int(float(row["NewBrdLotQty"]))
            names = ("StrkPric", "ClsPric", "SttlmPric", "OpnIntrst", "ChngInOpnIntrst")
            yield (
                date.fromisoformat(row["TradDt"]),
                _last_day(row),
                _price(row["UndrlygPric"]),
                lot,
                _line(
                    row,
                    right,
                    float(row["TtlTradgVol"]) * lot,
                    names,
                    row["FinInstrmNm"],
                    _price(row["PrvsClsgPric"]),
                ),
            )


def _line(
    row: Row,
    right: Right,
    volume: float,
    names: tuple[str, str, str, str, str],
    symbol: str = "",
    previous: float = math.nan,
) -> Line:
    strike, close, settle, oi, oi_change = (float(row[name]) for name in names)
    return Line(
        strike=strike,
        right=right,
        ltp=close if volume else math.nan,
        bid=settle,
        ask=settle,
        volume=volume,
        oi=oi,
        oi_change=oi_change,
        ltp_change=(close if volume else math.nan) - previous,
        symbol=symbol,
    )
