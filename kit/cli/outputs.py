"""Files that a command writes when its work is done: what would keep it from that is said before the work."""

from __future__ import annotations

from argparse import ArgumentTypeError
from importlib.util import find_spec
from pathlib import Path

from kit.errors import UnwritableFile
from kit.files import check_writable


def file_said(text: str) -> Path:
    """Read the name of a file to write; a workbook takes openpyxl.

    Raises
    ------
    ArgumentTypeError
        It cannot be written.
    """
    file = Path(text)
    try:
        check_writable(file)
    except UnwritableFile as error:
        raise ArgumentTypeError(str(error)) from None
    if file.suffix == ".xlsx":
        _require("openpyxl", "excel")
    return file


def page_said(text: str) -> Path:
    """Read the name of a page with plots to write; it takes matplotlib. Raises as `file_said` does."""
    _require("matplotlib", "plot")
    return file_said(text)


def _require(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise ArgumentTypeError(f"{package} is not installed; run: pip install 'banknifty-kit[{extra}]'")
