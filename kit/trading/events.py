"""What happens to a paper account, one event at a time: all that it is follows from its events in order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from math import nan
from typing import Any

from kit.clock import in_ist
from kit.errors import UnreadableFile
from kit.model import GTTRule, Instrument, OrderRequest, Product


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """The first event: with what the account began, and what its broker takes."""

    at: datetime
    capital_inr: float
    brokerage: str


@dataclass(frozen=True, slots=True)
class PricesMarked:
    """What was last paid, rupees: for contracts by token, for what they are written on by name."""

    at: datetime
    marks: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class DayBegan:
    """A new session: the profit of the day counts from here."""

    at: datetime


@dataclass(frozen=True, slots=True)
class OrderTaken:
    """An order was placed; with a reason it was rejected; `kept`: after hours, it waits for the open."""

    at: datetime
    order_id: str
    order: OrderRequest
    reason: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """Quantity or prices of a waiting order were changed; NaN: it has no such price."""

    at: datetime
    order_id: str
    quantity: int
    price_inr: float
    trigger_price_inr: float


@dataclass(frozen=True, slots=True)
class OrderTriggered:
    """A stop order became active."""

    at: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """Units of an order were filled; `quote` names what they were taken from, `size_left` its rest."""

    at: datetime
    order_id: str
    quantity: int
    price_inr: float
    quote: str = ""
    size_left: float = nan


@dataclass(frozen=True, slots=True)
class OrderEnded:
    """What was left of an order was cancelled."""

    at: datetime
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class PositionSettled:
    """A contract expired: what it paid a unit, and the tax on a bought unit."""

    at: datetime
    token: str
    product: Product
    price_inr: float
    tax_inr: float


@dataclass(frozen=True, slots=True)
class PositionConverted:
    """Units of today, positive bought and negative sold, went to another product."""

    at: datetime
    token: str
    product: Product
    to: Product
    units: int


@dataclass(frozen=True, slots=True)
class RuleKept:
    """A GTT rule was made; `above`: the last price has to rise to its trigger."""

    at: datetime
    rule_id: str
    rule: GTTRule
    above: bool


@dataclass(frozen=True, slots=True)
class RuleChanged:
    """A GTT rule was made another."""

    at: datetime
    rule_id: str
    rule: GTTRule
    above: bool


@dataclass(frozen=True, slots=True)
class RuleEnded:
    """A GTT rule was cancelled, or placed its order."""

    at: datetime
    rule_id: str
    status: str


@dataclass(frozen=True, slots=True)
class TradingStopped:
    """The kill switch was thrown."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class TradingResumed:
    """The kill switch was released."""

    at: datetime


Event = (
    AccountOpened
    | PricesMarked
    | DayBegan
    | OrderTaken
    | OrderChanged
    | OrderTriggered
    | OrderFilled
    | OrderEnded
    | PositionSettled
    | PositionConverted
    | RuleKept
    | RuleChanged
    | RuleEnded
    | TradingStopped
    | TradingResumed
)
_KINDS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in Event.__args__}


def written(event: Event) -> tuple[str, str]:
    """Return an event as its kind and its JSON."""
    return type(event).__name__, json.dumps(asdict(event), default=_as_text)


def read(kind: str, text: str) -> Event:
    """Return an event from its kind and its JSON.

    Raises
    ------
    UnreadableFile
        It is no event of this kind.
    """
    try:
        known = _KINDS[kind]
        values = json.loads(text)
        values["at"] = in_ist(datetime.fromisoformat(values["at"]))
        if known is OrderTaken:
            values["order"] = OrderRequest(**_with_contract(values["order"]))
        if known in (RuleKept, RuleChanged):
            values["rule"] = GTTRule(**_with_contract(values["rule"]))
        return known(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableFile("The journal holds an unknown event", f"{kind} {text!s:.80}", _OTHER) from error


_OTHER = "Set the file aside and open another journal."


def _with_contract(values: dict[str, Any]) -> dict[str, Any]:
    contract = values["contract"]
    expiry = contract["expiry"]
    contract["expiry"] = date.fromisoformat(expiry) if expiry else None
    return {**values, "contract": Instrument(**contract)}


def _as_text(value: object) -> str:
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not part of an event")
