"""The orders that this process has placed, by account and tag, so that none is placed twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from kit.model import PlacedOrder


@dataclass(frozen=True)
class Placements:
    """The placements at one account.

    Parameters
    ----------
    lock : Lock
        Held while one is made or looked for.
    by_tag : dict
        What was asked, and its names; None: sent, and not known what became of it.
    """

    lock: Lock = field(default_factory=Lock)
    by_tag: dict[str, tuple[str, PlacedOrder | None]] = field(default_factory=dict)


_KNOWN: dict[str, Placements] = {}


def placements(account: str) -> Placements:
    """Return the placements at an account, as `BrokerSession.account` names it."""
    return _KNOWN.setdefault(account, Placements())
