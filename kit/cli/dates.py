"""Days as the shell writes them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date, datetime


def day_said(text: str) -> date:
    """Read a day written as ``2024-01-31``.

    Raises
    ------
    ArgumentTypeError
        It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day: write it as 2024-01-31") from None


def moment_said(text: str) -> datetime:
    """Read a moment written as ``2024-01-31T15:30``, in exchange time if it names no zone.

    Raises
    ------
    ArgumentTypeError
        It is none.
    """
    from kit.clock import in_ist

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no moment: write it as 2024-01-31T15:30") from None
    return in_ist(found)
