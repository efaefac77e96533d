"""The words with which orders are rejected or ended: one table; each was seen somewhere or is a guess."""

from __future__ import annotations

from kit.facts import table


def words(reason: str, **named: object) -> str:
    """Return the words of a reason with its values in place, from ``data/rejection_words.csv``."""
    said = next(row["words"] for row in table("rejection_words") if row["reason"] == reason)
    return said.format(**named)
