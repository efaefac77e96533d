"""The nouns of the market: instruments, legs, orders and the snapshot of a chain."""

from kit.model.account import AccountFunds, ChargesEstimate, MarginEstimate, ShareHolding
from kit.model.book import BookedOrder, OpenPosition, OrderFill, PlacedOrder
from kit.model.chain import GREEK_COLUMNS, QUOTE_COLUMNS, ChainSnapshot
from kit.model.derived import Derived
from kit.model.gtt import GTTRule, StoredGTTRule
from kit.model.instrument import Contract, Instrument, Right, Token
from kit.model.order import OrderRequest, OrderType, Product, Side, Validity, Variety
from kit.model.position import Held, Leg, Position
from kit.model.source import Source, Venue, origin

__all__ = [
    "GREEK_COLUMNS",
    "QUOTE_COLUMNS",
    "AccountFunds",
    "BookedOrder",
    "ChainSnapshot",
    "ChargesEstimate",
    "Contract",
    "Derived",
    "GTTRule",
    "Held",
    "Instrument",
    "Leg",
    "MarginEstimate",
    "OpenPosition",
    "OrderFill",
    "OrderRequest",
    "OrderType",
    "PlacedOrder",
    "Position",
    "Product",
    "Right",
    "ShareHolding",
    "Side",
    "Source",
    "StoredGTTRule",
    "Token",
    "Validity",
    "Variety",
    "Venue",
    "origin",
]
