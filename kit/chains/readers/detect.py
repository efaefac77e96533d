"""The one door: a file's content, never its name, decides how it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain as joined
from itertools import islice
from math import isnan
from pathlib import Path

from kit import arguments
from kit.arguments import checked
from kit.chains.fields import PRICE_BOUND
from kit.chains.readers import bhavcopy, chain_csv, chain_json
from kit.chains.readers.sheet import Sheet, chains, in_time
from kit.chains.readers.table import LEAD, records
from kit.chains.readers.unpack import KNOWN, text_of
from kit.clock import in_ist
from kit.errors import DataError, UnreadableFile
from kit.facts import underlying_name
from kit.model import ChainSnapshot, Derived

_USUAL = "BANKNIFTY"
_FAR = 3.0  # strikes as many times the index, or parts of it, belong to something else


def read_chain(
    path: str | Path,
    *,
    taken_at: datetime | None = None,
    spot: float | None = None,
    underlying: str | None = None,
) -> list[ChainSnapshot]:
    """Read a market-data file of the exchange.

    What a file does not state is derived and marked in `ChainSnapshot.derived`: the time of the page's
    CSV, from the volatility that the exchange printed, and the spot, from put-call parity. All expiries of
    one day have one spot.

    Parameters
    ----------
    path : str or Path
        An option-chain JSON, the option-chain page's CSV, or an old or new F&O bhavcopy; gzip and zip
        are unpacked.
    taken_at : datetime, optional
        When it was saved, in exchange time where it names no zone; default what the file says. A bhavcopy is
        of its day's close: there it is refused.
    spot : float, optional
        Index level, rupees; default what the file says, else what put-call parity says. Refused for a file of
        several days.
    underlying : str, optional
        Whose options to take out of a bhavcopy, which holds the whole market; default ``"BANKNIFTY"``. Any
        other file holds one underlying and is refused when it is not this one.

    Returns
    -------
    list of ChainSnapshot
        One per day and expiry, nearest first; open interest and volume in units, whatever the file counts in.

    Raises
    ------
    UnreadableFile
        The file is not there, is none of these, is damaged (with line and column), or holds no such options.
    DataError
        `taken_at` or `spot` is none, or cannot be true of this file.
    """
    file = arguments.path(path, "Not the path of a market-data file")
    if spot is not None:
        arguments.number(spot, "Not an index level", above=0, most=PRICE_BOUND)
    at = None if taken_at is None else in_ist(taken_at)
    underlying = None if underlying is None else underlying_name(underlying)
    sheets = _sheets(text_of(file), file, at, underlying)
    if spot is not None:
        sheets = _at(sheets, spot, {})
    for sheet in sheets:
        in_time(sheet.expiry, sheet.taken_at, file.name)
        _near(sheet, file)
    days = sorted({sheet.taken_at for sheet in sheets})
    of_day = [[sheet for sheet in sheets if sheet.taken_at == day] for day in days]
    found = joined.from_iterable(_snapshots(one) for one in of_day)
    return sorted(found, key=lambda chain: (chain.taken_at, chain.expiry))


@checked
def living(chains: Sequence[ChainSnapshot]) -> ChainSnapshot:
    """Return the first chain that has not ended and has a volatility.

    Raises
    ------
    DataError
        None has.
    """
    for chain in chains:
        if chain.t_years > 0 and chain.frame["iv"].notna().any():
            return chain
    ended = ", ".join(f"{chain.expiry}" for chain in chains)
    raise DataError("No series of this file lives on", ended, "Use a file of a day before its last expiry.")


def _sheets(text: str, file: Path, taken_at: datetime | None, underlying: str | None) -> list[Sheet]:
    if text.startswith(("{", "[")):
        return chain_json.sheets(text, file.name, taken_at, underlying)
    rows = records(text, file.name)
    lead = [*islice(rows, LEAD)]
    if any(chain_csv.is_export(row.cells) for row in lead):  # lines of a spreadsheet's own may stand above
        if underlying not in (None, held := chain_csv.underlying_of(file)):
            raise UnreadableFile(
                f"The file has no options on {underlying}", file.name, f"It has options on {held}."
            )
        return chain_csv.sheets(joined(lead, rows), file, taken_at)
    if lead and bhavcopy.is_bhavcopy(lead[0].cells):
        if taken_at is not None:
            raise DataError(
                "A bhavcopy is of its day's close, whenever it was saved",
                taken_at.isoformat(),
                "Leave taken_at (--at) out.",
            )
        return bhavcopy.sheets(joined(lead, rows), file.name, underlying or _USUAL)
    raise UnreadableFile("Not a market-data file the kit knows", file.name, KNOWN)


def _near(sheet: Sheet, file: Path) -> None:
    """Refuse a spot that is nowhere near the strikes; an unknown one is near."""
    low, high = (end(line.strike for line in sheet.lines) for end in (min, max))
    if sheet.spot <= low / _FAR or sheet.spot >= high * _FAR:
        raise DataError(
            f"The index is nowhere near the strikes {low:,.0f} to {high:,.0f} of {file.name}",
            sheet.spot,
            "Check spot (--spot), or the file.",
        )


def _at(sheets: Sequence[Sheet], spot: float, derived: dict[str, Derived]) -> list[Sheet]:
    """Return the sheets with one spot.

    Raises
    ------
    DataError
        They are of several days.
    """
    if len({sheet.taken_at for sheet in sheets}) > 1:
        raise DataError("One spot cannot be that of several days", spot, "Leave spot (--spot) out.")
    stated = [
        {name: told for name, told in sheet.derived.items() if name != "spot"} | derived for sheet in sheets
    ]
    return [replace(sheet, spot=spot, derived=told) for sheet, told in zip(sheets, stated, strict=True)]


def _snapshots(sheets: list[Sheet]) -> list[ChainSnapshot]:
    """Return one moment's chains; a spot that the file does not state is told by the nearest series."""
    ordered = sorted(sheets, key=lambda sheet: sheet.expiry)
    silent = [sheet for sheet in ordered if isnan(sheet.spot)]
    telling = [sheet for sheet in ordered if "spot" in sheet.derived]
    if not silent or (len(ordered) == 1 and not telling):
        return chains(ordered)
    first = chains(ordered, strict=False)
    told = [chain for chain in first if not isnan(chain.spot)]
    if not told:
        return chains(ordered)
    spots = [chain.spot for chain in told]
    how = f"{told[0].derived['spot'].how} of {told[0].expiry:%d %b %Y}, {len(spots)} series compared"
    shared = {"spot": Derived(how, min(spots), max(spots))}
    return chains(_at(ordered, spots[0], shared))
