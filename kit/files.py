"""Writing files: what the system refuses is told with the file's name, as an error of the kit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kit.errors import KitError, UnwritableFile


@contextmanager
def writing(file: Path) -> Iterator[Path]:
    """Turn what the system refuses while a file or folder is written into one sentence.

    Raises
    ------
    UnwritableFile
        The disk is full, the folder may not be written, the name is too long.
    """
    try:
        yield file
    except OSError as error:
        if isinstance(error, KitError):  # of the network, which is an OSError too
            raise
        remedy = f"{error.strerror or error}: choose another place."
        raise UnwritableFile("This cannot be written", str(file), remedy) from error


@contextmanager
def replacing(file: Path, *, sync: bool = False) -> Iterator[Path]:
    """Give a draft beside a file, which takes its place in one step: the file is whole, or as it was.

    Parameters
    ----------
    file : Path
        Its folder is made where it is not there.
    sync : bool, default False
        Whether the disk holds the draft before it takes the place; without, only this system does.
    """
    draft = file.with_suffix(f".{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        if sync:
            with draft.open("rb+") as written:
                os.fsync(written.fileno())
        draft.replace(file)
    finally:
        with suppress(OSError):  # where no draft could be made there is none to remove
            draft.unlink(missing_ok=True)


def check_writable(file: Path) -> None:
    """Refuse, before the work, a file that could not be written after it; folders are made when it is.

    Raises
    ------
    UnwritableFile
        It is a folder, or neither it nor the folder above it takes what is written.
    """
    with writing(file):
        there = next(place for place in (file, *file.absolute().parents) if place.exists())
    if file.is_dir() or not (there == file or there.is_dir()) or not os.access(there, os.W_OK):
        remedy = "It is a folder: name a file in it." if file.is_dir() else "Choose another place."
        raise UnwritableFile("This cannot be written", str(file), remedy)


def write_text(file: Path, text: str) -> Path:
    """Write a text as UTF-8, making its folder.

    Raises
    ------
    UnwritableFile
        It cannot be written there.
    """
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return file
