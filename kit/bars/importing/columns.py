"""Which column of a vendor's file is what: by its heading, or as declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from kit.errors import DataError

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "stamp": (
        *("datetime", "timestamp", "ticktime", "dateandtime", "starttime", "indexlevel0", "ts", "dt"),
        *(
            "unix",
            "unixtime",
            "epoch",
            "epochs",
            "epochms",
            "epochns",
            "timestampms",
            "timestampns",
            "timems",
        ),
    ),
    "date": ("date", "tradedate", "day", "tradingdate"),
    "time": ("time", "tradetime", "bartime"),
    "symbol": ("symbol", "ticker", "tradingsymbol", "instrument", "instrumentname", "contract", "name"),
    "expiry": ("expiry", "expirydate", "exp", "expdate"),
    "strike": ("strike", "strikeprice", "strikepr"),
    "right": ("optiontype", "right", "opttype", "type", "cepe", "callput", "optiontyp", "instrumenttype"),
    "open": ("open", "o", "openprice"),
    "high": ("high", "h", "highprice"),
    "low": ("low", "l", "lowprice"),
    "close": ("close", "c", "closeprice", "ltp"),
    "volume": ("volume", "vol", "v", "qty"),
    "oi": ("openinterest", "oi", "openint"),
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": ("=index", "=future", "=vix"),
    "bar": ("=start", "=end"),
    "unit": ("=rupee", "=paise"),
}
PRICES = ("open", "high", "low", "close")


class Layout(dict[str, str]):
    """The heading of each field that a file has; declared values that are no heading are in `constants`.

    Parameters
    ----------
    headings : list of str
        As the file writes them.
    declared : mapping of str to str
        Field to heading, or to ``"=value"`` for what the file does not state.

    Raises
    ------
    DataError
        A declared field or heading does not exist, or a price is missing.
    """

    def __init__(self, headings: list[str], declared: Mapping[str, str]) -> None:
        plain = {"".join(filter(str.isalnum, heading.lower())): heading for heading in headings}
        super().__init__(
            {
                field: plain[spelling]
                for field, spellings in SPELLINGS.items()
                for spelling in reversed(spellings)
                if spelling in plain
            }
        )
        self.constants = {field: text[1:] for field, text in declared.items() if text.startswith("=")}
        for field, heading in declared.items():
            if field not in SPELLINGS and field not in CHOICES:
                known = ", ".join((*SPELLINGS, *CHOICES))
                raise DataError("There is no such field to declare", field, f"Use {known}.")
            if field in CHOICES and heading not in CHOICES[field]:
                choices = " or ".join(f"{field}:{choice}" for choice in CHOICES[field])
                raise DataError(f"Not what {field} can be", heading, f"Write {choices}.")
            if not heading.startswith("="):
                if heading not in headings:
                    raise DataError("The file has no such column", heading, f"It has {', '.join(headings)}.")
                self[field] = heading
        missing = [field for field in PRICES if field not in self]
        if missing:
            raise DataError(
                f"The file has no column for {', '.join(missing)}",
                ", ".join(headings)[:200],
                "Declare them: --map open=..., --map close=...",
            )

    def column(self, table: pa.Table, field: str) -> Any:
        """Return a field's column as one array, or None where the file has none."""
        if field not in self:
            return None
        column = table.column(self[field])
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
