"""Which state of the checkout a figure speaks of, and whether it still counts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
_OLDEST = timedelta(days=30)


class Unknown(Exception):
    """A figure that does not count, for the reason it states."""


def provenance() -> dict[str, str | None]:
    """Return the date and the commit of this checkout; no commit where files differ from it."""
    clean = _git("status", "--porcelain", "--untracked-files=no")
    head = _git("rev-parse", "HEAD")
    commit = head.stdout.strip() if head.returncode == 0 and not clean.stdout.strip() else None
    return {"at": datetime.now().astimezone().isoformat(timespec="seconds"), "commit": commit}


def recorded(file: Path, how: str, sources: Sequence[str], case: str | None = None) -> Mapping[str, Any]:
    """Read a record, if it speaks of the code as it is.

    Parameters
    ----------
    file : Path
        JSON.
    how : str
        What makes such a record, in words.
    sources : sequence of str
        Paths in the checkout that the figure depends on.
    case : str, optional
        The record is one of several in the file, under this key.

    Raises
    ------
    Unknown
        There is none, it is no record, or it is older than 30 days, or of another state of the sources.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        record = content[case] if case else content
        at, commit = datetime.fromisoformat(record["at"]), record["commit"]
        age = datetime.now().astimezone() - at
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unknown(f"not timed yet ({type(error).__name__} in {file.name}): {how}") from error
    if age > _OLDEST:
        raise Unknown(f"timed on {at:%d %b %Y}, too long ago: {how}")
    if commit is None:
        raise Unknown(f"timed on {at:%d %b} on files that were not committed: {how}")
    if _git("diff", "--quiet", commit, "--", *sources).returncode:
        raise Unknown(f"timed on {at:%d %b} at {commit[:9]}, and the code has changed since: {how}")
    return dict(record)


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["git", *words]
    try:
        return subprocess.run(  # noqa: S603 - our own words
            command, cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
    except OSError as error:  # no git here: nothing is known of the state
        return subprocess.CompletedProcess(command, 1, "", str(error))
