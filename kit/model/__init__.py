"""The nouns of the market: instruments, legs and the snapshot of a chain."""

from kit.model.chain import GREEK_COLUMNS, QUOTE_COLUMNS, ChainSnapshot, Contract, Source
from kit.model.instrument import Instrument, Right, Token
from kit.model.position import Leg

__all__ = [
    "GREEK_COLUMNS",
    "QUOTE_COLUMNS",
    "ChainSnapshot",
    "Contract",
    "Instrument",
    "Leg",
    "Right",
    "Source",
    "Token",
]
