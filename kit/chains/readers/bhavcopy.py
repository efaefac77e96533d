"""The exchange's end-of-day files, old and new: settlement prices stand in for bid and ask.

=========  ==========================  ======================================================
format     header has                  units
=========  ==========================  ======================================================
old        ``INSTRUMENT,EXPIRY_DT``    volume in lots, open interest in units, no spot
UDiFF      ``TckrSymb,FinInstrmTp``    volume in lots, open interest in units, spot given
=========  ==========================  ======================================================

A contract that did not trade keeps an old close in both: its last price is left out. The file's future of an
expiry, if it was traded, is the forward where parity of traded options gives none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from kit.chains import fields
from kit.chains.readers.sheet import QuoteRow, Sheet, known_lot
from kit.chains.readers.table import Record, Table, one_block, plain
from kit.clock import session
from kit.errors import DataError, UnreadableFile
from kit.model import Derived, Right

_RIGHTS: dict[str, Right] = {"CE": "CE", "PE": "PE", "CA": "CE", "PA": "PE"}
_OLD = {
    "kind": "INSTRUMENT", "underlying": "SYMBOL", "day": "TIMESTAMP", "expiry": "EXPIRYDT",
    "strike": "STRIKEPR", "right": "OPTIONTYP", "close": "CLOSE", "settle": "SETTLEPR",
    "contracts": "CONTRACTS", "oi": "OPENINT", "oi_change": "CHGINOI",
}  # fmt: skip
_NEW = {
    "kind": "FININSTRMTP", "underlying": "TCKRSYMB", "day": "TRADDT", "expiry": "XPRYDT",
    "strike": "STRKPRIC", "right": "OPTNTP", "close": "CLSPRIC", "settle": "STTLMPRIC",
    "contracts": "TTLTRADGVOL", "oi": "OPNINTRST", "oi_change": "CHNGINOPNINTRST",
    "moved": "FININSTRMACTLXPRYDT", "spot": "UNDRLYGPRIC", "lot": "NEWBRDLOTQTY",
    "previous": "PRVSCLSGPRIC", "symbol": "FININSTRMNM",
}  # fmt: skip
_SPELLINGS = {"STRIKEPRICE": "STRIKEPR", "OPTIONTYPE": "OPTIONTYP", "EXPIRYDATE": "EXPIRYDT"}
_SPELLINGS |= {"SETTLEPRICE": "SETTLEPR", "CHANGEINOI": "CHGINOI", "CHGINOPENINT": "CHGINOI"}
_FUTURES = ("FUTIDX", "FUTSTK", "IDF", "STF")
_OPTIONS = ("OPTIDX", "OPTSTK", "IDO", "STO")
Series = tuple[date, date]  # day, expiry
Facts = tuple[float, int]  # spot, lot
Contract = tuple[date, date, Right, float]  # day, expiry, right, strike
_FEW = 0.05  # of the rows: a choice of rows leaves many more calls without their puts


def is_bhavcopy(header: Sequence[str]) -> bool:
    """Tell by its first row whether a file is one of the two."""
    return _layout(plain(header, _SPELLINGS)) is not None


def sheets(rows: Iterator[Record], name: str, underlying: str) -> list[Sheet]:
    """Read one underlying's options out of a whole-market file.

    Raises
    ------
    UnreadableFile
        It is of another segment, has no options on the underlying, or is damaged.
    """
    found = _File(next(rows).cells, rows, name, underlying)
    futures = found.futures()
    return [
        _sheet(underlying, series, facts, lines, futures.get(series, math.nan))
        for series, (facts, lines) in found.options().items()
    ]


def _sheet(underlying: str, series: Series, facts: Facts, lines: list[QuoteRow], future: float) -> Sheet:
    (day, expiry), (spot, lot) = series, facts
    derived = {}
    if day == expiry and math.isnan(spot) and (levels := _ended_at(lines)):
        spot = levels[len(levels) // 2]
        derived["spot"] = Derived("last trades of the expiring pairs", levels[0], levels[-1])
    return Sheet(underlying, expiry, session(day).close, spot, lot, lines, future, derived)


def _ended_at(lines: list[QuoteRow]) -> list[float]:
    """Return what the last trades of an expiring series say of the index: strike plus call minus put."""
    last = {(line.strike, line.right): line.ltp for line in lines if line.ltp > 0}
    return sorted(
        strike + price - last[strike, "PE"]
        for (strike, right), price in last.items()
        if right == "CE" and (strike, "PE") in last
    )


def _counterpart(contract: Contract) -> Contract:
    """Return the put of a call, the call of a put."""
    day, expiry, right, strike = contract
    return day, expiry, "PE" if right == "CE" else "CE", strike


def _layout(headings: Sequence[str]) -> Mapping[str, str] | None:
    return next((one for one in (_OLD, _NEW) if {one["kind"], one["expiry"]} <= {*headings}), None)


class _File:
    """The rows of one underlying, and where each field stands in them."""

    def __init__(self, header: Sequence[str], rows: Iterator[Record], name: str, underlying: str) -> None:
        self.table = Table(header, name)
        self.underlying = underlying
        headings = plain(header, _SPELLINGS)
        layout = _layout(headings) or {}
        missing = [heading for heading in layout.values() if heading not in headings]
        if missing:
            raise UnreadableFile(
                "The bhavcopy is damaged",
                f"{name}: no column {', '.join(missing)}",
                "Download it again.",
                line=1,
            )
        self.at = {field: headings.index(heading) for field, heading in layout.items()}
        whole = self.table.whole(rows)
        self.rows = [row for row in whole if row.cells[self.at["underlying"]].strip() == underlying]
        self._refuse_other(whole)
        self._refuse_unnamed(whole)
        self._refuse_half(whole)

    def _refuse_other(self, whole: Sequence[Record]) -> None:
        if not any(self.right(row) for row in self.rows):
            others = sorted({row.cells[self.at["underlying"]].strip() for row in whole if self.right(row)})
            held = f"It has options on {', '.join(others[:8])}." if others else "It has no options at all."
            raise UnreadableFile(
                f"The file has no options on {self.underlying}",
                self.table.name,
                f"{held} Use the derivatives (FO) bhavcopy and a name that it holds.",
            )

    def _refuse_half(self, whole: Sequence[Record]) -> None:
        """Refuse a whole market that ends among this underlying's options: it goes on behind them."""
        mine = {row.line for row in self.rows if self.right(row)}
        flags = [row.line in mine for row in whole]
        if len(self.rows) < len(whole) and flags[-1] and one_block(flags):
            self.table.refuse(
                "The file of the whole market ends within the underlying's options",
                self.underlying,
                whole[-1],
            )

    def _refuse_unnamed(self, whole: Sequence[Record]) -> None:
        """Refuse what would be dropped unseen: rows without an underlying, or neither option nor future."""
        for row in whole:
            if not row.cells[self.at["underlying"]].strip():
                self.table.refuse(
                    "The file is damaged: a row names no underlying", "", row, self.at["underlying"]
                )
        for row in self.rows:
            kind, right = (row.cells[self.at[field]].strip() for field in ("kind", "right"))
            if kind not in (_OPTIONS if right in _RIGHTS else _FUTURES):
                at = self.at["right" if kind in _OPTIONS else "kind"]
                what = "The file is damaged: the row is neither option nor future"
                self.table.refuse(what, f"{kind} {right}", row, at)

    def _refuse_undated(self, series: Series, row: Record) -> None:
        """Refuse a file of no session, and a contract that had expired before its file's day."""
        day, expiry = series
        try:
            session(day)
        except DataError as error:  # closed, or beyond the calendar
            self.table.refuse("The file's day is no session", f"{error}", row, self.at["day"])
        if expiry < day:
            what = f"The contract had expired before the file's day, {day:%d %b %Y}"
            self.table.refuse(what, f"{expiry:%d %b %Y}", row, self.at["expiry"])

    def right(self, row: Record) -> Right | None:
        return _RIGHTS.get(row.cells[self.at["right"]].strip())

    def futures(self) -> dict[Series, float]:
        found = {}
        for row in self.rows:
            if row.cells[self.at["kind"]].strip() in _FUTURES:
                series = self.series(row)
                self.table.once(("future", *map(str, series)), row)
                if self.table.cell(row, self.at["contracts"], fields.count) > 0:  # else the exchange's theory
                    found[series] = self.number(row, "settle")
        return found

    def options(self) -> dict[Series, tuple[Facts, list[QuoteRow]]]:
        """Return the contracts of each day and expiry, with the spot and the lot that all of them state."""
        found: dict[Series, tuple[Facts, list[QuoteRow]]] = {}
        held: dict[Contract, Record] = {}
        for row in self.rows:
            if right := self.right(row):
                series = self.series(row)
                if series not in found:
                    self._refuse_undated(series, row)
                facts = self.facts(row, series)
                first, lines = found.setdefault(series, (facts, []))
                if str(first) != str(facts):  # as texts, for NaN is not itself
                    self.table.refuse("The row contradicts others of its series", f"{facts} and {first}", row)
                line = self.line(row, right, facts[1])
                self.table.once((*map(str, series), line.strike, right), row)
                lines.append(line)
                held[*series, right, line.strike] = row
        everything = any(line.oi == line.volume == 0 for _, lines in found.values() for line in lines)
        self._refuse_holes(held, everything)
        if everything:
            self._refuse_end(max(found))
        return found

    def _refuse_end(self, last: Series) -> None:
        """Refuse a file that ends behind a whole expiry: a later future has no options."""
        for row in self.rows:
            if not self.right(row) and self.series(row) > last:
                what = "The file ends before the options of an expiry whose future it holds"
                self.table.refuse(what, f"none after {last[1]:%d %b %Y}", row)

    def _refuse_holes(self, held: Mapping[Contract, Record], everything: bool) -> None:
        """Refuse a call without its put and a put without its call, where that is no choice of somebody's.

        The exchange lists both of every strike, all calls of an expiry before its puts. A file that holds
        even contracts in which there is nothing holds `everything`: a few holes are rows left out or
        misspelt. Where rows were left out on purpose, as those that did not trade, only this can be told:
        rows in the exchange's order that lack just what would stand behind the last of them were cut.
        """
        missing = {_counterpart(contract) for contract in held}.difference(held)
        if not missing:
            return
        (_, expiry, right, strike), order = min(missing), [*held]
        value = f"no {strike:g} {right} of {expiry:%d %b %Y}"
        if order == sorted(order) and min(missing) > order[-1]:
            what = "The file ends among the puts of an expiry, whose calls are all there"
            self.table.refuse(what, value, held[order[-1]])
        if everything and len(missing) < _FEW * len(held):
            what = "The file is damaged: a row's counterpart was left out or misspelt"
            self.table.refuse(what, value, held[_counterpart(min(missing))])

    def series(self, row: Record) -> Series:
        day, expiry = (self.table.cell(row, self.at[field], fields.day) for field in ("day", "expiry"))
        moved = self.at.get("moved")
        if moved is None or fields.is_blank(row.cells[moved]):
            return day, expiry
        return day, self.table.cell(row, moved, fields.day)

    def facts(self, row: Record, series: Series) -> Facts:
        if "lot" in self.at:
            return self.number(row, "spot"), self.table.cell(row, self.at["lot"], fields.lot)
        return math.nan, known_lot(self.underlying, series[1], series[0], "states no lot")

    def number(self, row: Record, field: str) -> float:
        return self.table.cell(row, self.at[field], fields.price)

    def line(self, row: Record, right: Right, lot: int) -> QuoteRow:
        contracts, oi = (self.table.cell(row, self.at[field], fields.count) for field in ("contracts", "oi"))
        ltp = self.number(row, "close") if contracts > 0 else math.nan
        settle = self.number(row, "settle")
        previous = self.number(row, "previous") if "previous" in self.at else math.nan
        return QuoteRow(
            strike=self.table.cell(row, self.at["strike"], fields.strike),
            right=right,
            ltp=ltp,
            bid=settle,
            ask=settle,
            volume=contracts * lot,
            oi=oi,
            oi_change=self.table.cell(row, self.at["oi_change"], fields.change),
            ltp_change=ltp - previous,
            symbol=row.cells[self.at["symbol"]].strip() if "symbol" in self.at else "",
        )
