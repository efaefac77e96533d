"""What a paper account is made of: orders, positions and rules, each with what has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, isnan, nan

from kit.evaluation.costs import Kind
from kit.model import (
    BookedOrder,
    GTTRule,
    Instrument,
    OpenPosition,
    OrderRequest,
    PlacedOrder,
    Product,
    StoredGTTRule,
)

AMO = "after market order req received"
PositionKey = tuple[str, Product]
_RULE_LIFE = timedelta(days=365)


@dataclass(slots=True)
class PaperOrder:
    """An order and what has become of it; `asked` is as it was placed, `request` as last changed.

    `ahead` is what is assumed to wait before it at its price, units; NaN: it has not joined a queue. `rests`
    says whether it has met a quote since it was placed or changed, `turn` how many had been by then.
    """

    order_id: str
    asked: OrderRequest
    request: OrderRequest
    placed_at: datetime
    updated_at: datetime
    status: str
    reason: str = ""
    filled: int = 0
    value_inr: float = 0.0
    charges_inr: float = 0.0
    ahead: float = nan
    rests: bool = False
    turn: int = 0

    @property
    def waits(self) -> bool:
        """Whether it can still be filled."""
        return self.status not in ("complete", "cancelled", "rejected")

    @property
    def left(self) -> int:
        """Units that wait."""
        return self.request.quantity - self.filled if self.waits else 0

    @property
    def sign(self) -> int:
        """+1 bought, -1 sold."""
        return 1 if self.request.side == "BUY" else -1

    def priority(self) -> tuple[float, int]:
        """Return what sorts the orders of one side: no limit first, then the better price, then the older."""
        limit = self.request.price_inr
        return (-inf if isnan(limit) else -self.sign * limit, self.turn)

    @property
    def names(self) -> PlacedOrder:
        """By which its account knows it."""
        return PlacedOrder(self.order_id, self.order_id, self.asked.tag, self.asked.variety)

    def booked(self) -> BookedOrder:
        """Return it as the order book shows it."""
        asked, contract = self.request, self.request.contract
        reached = self.status not in ("rejected", AMO)
        return BookedOrder(
            order_id=self.order_id, unique_id=self.order_id, tag=asked.tag,
            exchange=contract.exchange, token=contract.token, symbol=contract.symbol,
            side=asked.side, order_type=asked.order_type, product=asked.product,
            validity=asked.validity, variety=asked.variety, quantity=asked.quantity,
            filled=self.filled, unfilled=asked.quantity - self.filled, lot_size=contract.lot_size,
            price_inr=asked.price_inr, trigger_price_inr=asked.trigger_price_inr,
            average_price_inr=self.value_inr / self.filled if self.filled else nan,
            status=self.status, reason=self.reason,
            placed_at=self.placed_at if reached else None, updated_at=self.updated_at,
            exchange_order_id=self.order_id if reached and self.status != "trigger pending" else "",
        )  # fmt: skip


@dataclass(slots=True)
class PaperPosition:
    """Units of one contract under one product, and the rupees they changed hands for.

    `bought_before` and `sold_before` are those of earlier sessions.
    """

    contract: Instrument
    product: Product
    bought: int = 0
    sold: int = 0
    bought_inr: float = 0.0
    sold_inr: float = 0.0
    bought_before: int = 0
    sold_before: int = 0

    @property
    def net(self) -> int:
        """Units held."""
        return self.bought - self.sold

    @property
    def kind(self) -> Kind:
        """What the tables of charges call it."""
        return kind_of(self.contract, self.product)

    @property
    def is_paid(self) -> bool:
        """Whether its price is paid when it is bought: options and delivered shares; else it needs margin."""
        return self.kind in ("option", "delivery")

    def worth(self, mark: float) -> float:
        """Return what it has earned if it were closed at a price, before charges, rupees."""
        return self.sold_inr - self.bought_inr + (self.net * mark if self.net else 0.0)

    def shown(self, mark: float) -> OpenPosition:
        """Return it as an account's list of positions shows it."""
        buy = self.bought_inr / self.bought if self.bought else 0.0
        sell = self.sold_inr / self.sold if self.sold else 0.0
        realised = min(self.bought, self.sold) * (sell - buy)
        contract = self.contract
        return OpenPosition(
            contract.exchange, contract.token, contract.symbol, self.product, contract.lot_size,
            self.bought, self.sold, buy, sell, mark, realised, self.worth(mark) - realised,
        )  # fmt: skip

    def move(self, units: int, to: PaperPosition) -> None:
        """Move units bought (or, negative, sold) today to another product, at their mean price."""
        if units > 0:
            value = self.bought_inr / self.bought * units
            self.bought, self.bought_inr = self.bought - units, self.bought_inr - value
            to.bought, to.bought_inr = to.bought + units, to.bought_inr + value
        else:
            value = self.sold_inr / self.sold * -units
            self.sold, self.sold_inr = self.sold + units, self.sold_inr - value
            to.sold, to.sold_inr = to.sold - units, to.sold_inr + value

    def join(self, other: PaperPosition) -> None:
        """Take over all of another."""
        self.bought, self.bought_inr = self.bought + other.bought, self.bought_inr + other.bought_inr
        self.sold, self.sold_inr = self.sold + other.sold, self.sold_inr + other.sold_inr


@dataclass(slots=True)
class PaperRule:
    """A GTT rule; `above` says whether the last price has to rise to its trigger, or to fall."""

    rule_id: str
    rule: GTTRule
    above: bool
    created_at: datetime
    updated_at: datetime
    status: str = "NEW"

    def stored(self) -> StoredGTTRule:
        """Return it as the list of rules shows it."""
        rule, contract = self.rule, self.rule.contract
        return StoredGTTRule(
            self.rule_id, self.status, contract.exchange, contract.token, contract.symbol, rule.side,
            rule.product, rule.quantity, rule.price_inr, rule.trigger_price_inr,
            self.created_at, self.updated_at, self.created_at + _RULE_LIFE,
        )  # fmt: skip


def kind_of(contract: Instrument, product: Product) -> Kind:
    """Return what the tables of charges call a contract that is held under a product."""
    if contract.expiry is None:
        return "delivery" if product == "DELIVERY" else "share"
    return "option" if contract.right else "future"


def fits(contract: Instrument, product: Product) -> bool:
    """Tell whether a contract can be held under a product."""
    shares = ("DELIVERY", "MARGIN", "INTRADAY")
    return product in (shares if contract.expiry is None else ("CARRYFORWARD", "INTRADAY"))
