"""Days as the shell writes them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date


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
