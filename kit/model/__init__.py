"""The nouns of the market: instruments, legs and the snapshot of a chain."""

from kit.model.chain import GREEK_COLUMNS, QUOTE_COLUMNS, ChainSnapshot, Source, Venue
from kit.model.derived import Derived
from kit.model.instrument import Contract, Instrument, Right, Token
from kit.model.position import Held, Leg, Position

__all__ = [
    "GREEK_COLUMNS",
    "QUOTE_COLUMNS",
    "ChainSnapshot",
    "Contract",
    "Derived",
    "Held",
    "Instrument",
    "Leg",
    "Position",
    "Right",
    "Source",
    "Token",
    "Venue",
]
