"""The one door: a file's content, never its name, decides how it is read."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from datetime import datetime
from pathlib import Path

from kit.chains.readers import bhavcopy, chain_csv, chain_json
from kit.chains.readers.sheet import Sheet
from kit.errors import UnreadableFile
from kit.model import ChainSnapshot

_KNOWN = (
    "Use an NSE option-chain JSON (also .gz), the option-chain page's CSV, or an F&O bhavcopy (also .zip)."
)


def read_chain(
    path: str | Path,
    *,
    taken_at: datetime | None = None,
    spot: float | None = None,
    underlying: str = "BANKNIFTY",
) -> list[ChainSnapshot]:
    """Read a market-data file of the exchange.

    Parameters
    ----------
    path : str or Path
        An option-chain JSON, the option-chain page's CSV, or an old or new F&O bhavcopy; gzip and zip
        are unpacked.
    taken_at : datetime, optional
        When it was saved, timezone-aware; default what the file says. The CSV says nothing: there it
        follows from the volatility that the exchange printed.
    spot : float, optional
        Index level, rupees; default what the file says, else what put-call parity says.
    underlying : str, default "BANKNIFTY"
        Whose options to take out of a bhavcopy, which holds the whole market.

    Returns
    -------
    list of ChainSnapshot
        One per expiry, nearest first; open interest and volume in units, whatever the file counts in.

    Raises
    ------
    UnreadableFile
        The file is not there, is none of these, or holds no such options.
    """
    file = Path(path)
    sheets = _sheets(_text(file), file, taken_at, spot, underlying)
    return sorted((sheet.snapshot() for sheet in sheets), key=lambda chain: chain.expiry)


def _sheets(
    text: str, file: Path, taken_at: datetime | None, spot: float | None, underlying: str
) -> list[Sheet]:
    if text.startswith("{"):
        return chain_json.sheets(text, file.name, taken_at, spot)
    if text.startswith("CALLS,"):
        return chain_csv.sheets(text, file, taken_at, spot)
    if bhavcopy.is_bhavcopy(text):
        return bhavcopy.sheets(text, file.name, underlying)
    raise UnreadableFile("Not a market-data file the kit knows", file.name, _KNOWN)


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        elif content[:2] == b"PK":
            content = _only_member(file)
        return content.decode("utf-8-sig").lstrip()
    except OSError as error:
        raise UnreadableFile("The file cannot be opened", str(file), f"{error.strerror or error}.") from error
    except (UnicodeDecodeError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise UnreadableFile("Not a market-data file the kit knows", file.name, _KNOWN) from error


def _only_member(file: Path) -> bytes:
    with zipfile.ZipFile(file) as packed:
        names = [name for name in packed.namelist() if name.lower().endswith(".csv")]
        if len(names) != 1:
            raise UnreadableFile("The zip does not hold exactly one CSV", file.name, _KNOWN)
        return packed.read(names[0])
