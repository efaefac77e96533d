"""From bytes to text, within bounds: gzip, zip, UTF-8 and UTF-16."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from kit.errors import UnreadableFile

LARGEST_BYTES = 200_000_000  # a whole market's day has some 10 million
KNOWN = (
    "Use an NSE option-chain JSON (also .gz), the option-chain page's CSV, or an F&O bhavcopy (also .zip)."
)


def text_of(file: Path) -> str:
    """Return what a file holds as text, unpacked.

    Raises
    ------
    UnreadableFile
        It is not there, not text, damaged, or larger than any file of the exchange.
    """
    try:
        with file.open("rb") as plain:
            content = _bounded(plain, file)
        if content[:2] == b"\x1f\x8b":
            content = _bounded(gzip.GzipFile(fileobj=io.BytesIO(content)), file)
        elif content[:2] == b"PK":
            content = _only_member(content, file)
        return _decoded(content).lstrip("\ufeff").lstrip()
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableFile(
            "The packed file is damaged", f"{file.name}: {error}", "Download it again."
        ) from error
    except OSError as error:
        raise UnreadableFile("The file cannot be opened", str(file), f"{error.strerror or error}.") from error
    except UnicodeError as error:
        raise UnreadableFile("The file is no text the kit knows", file.name, KNOWN) from error


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _bounded(stream: _Stream, file: Path) -> bytes:
    content = stream.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise UnreadableFile(
            f"The file holds more than {LARGEST_BYTES // 1_000_000} million bytes", file.name, KNOWN
        )
    return content


def _only_member(content: bytes, file: Path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        names = [name for name in packed.namelist() if name.lower().endswith((".csv", ".json"))]
        if len(names) != 1:
            raise UnreadableFile("The zip does not hold exactly one CSV or JSON", file.name, KNOWN)
        try:
            with packed.open(names[0]) as member:
                return _bounded(member, file)
        except (RuntimeError, NotImplementedError) as error:  # a password, a method that nobody uses
            raise UnreadableFile("The zip cannot be unpacked", file.name, f"{error}.") from error


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    if b"\0" in content[:64]:  # UTF-16 without its mark: every second byte of plain text is zero
        return content.decode("utf-16-le" if content[1:2] == b"\0" else "utf-16-be")
    return content.decode("utf-8-sig")
