"""Finished pieces of a sweep on disk: whole or absent, and done again where they are damaged."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from kit.errors import UnwritableFile
from kit.files import replacing
from kit.pricing.arrays import Floats

Played = tuple[list[date], Floats]


def read_piece(file: Path) -> Played | None:
    """Return what an earlier run has kept; None where there is nothing, or what is there is damaged."""
    try:
        with file.open("rb") as held, np.load(held) as found:
            return [date.fromordinal(number) for number in found["days"].tolist()], found["out"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def keep_piece(file: Path, played: Played) -> None:
    """Write what was played, whole or not at all.

    Raises
    ------
    UnwritableFile
        The disk is full, or the folder may not be written.
    """
    try:
        with replacing(file) as draft, draft.open("wb") as held:
            np.savez(held, days=[day.toordinal() for day in played[0]], out=played[1])
    except OSError as error:
        raise UnwritableFile(
            "A finished part of the sweep cannot be saved",
            f"{file.parent}: {error.strerror or error}",
            "Free some space and run it again; finished parts are not repeated.",
        ) from error
