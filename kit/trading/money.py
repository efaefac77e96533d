"""What a paper account's positions and orders tie up: margin by `kit.evaluation.margin`, premiums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import fsum
from typing import NamedTuple

from kit.errors import DataError
from kit.evaluation.exercise import exercise_inr
from kit.evaluation.margin import Margin, estimate
from kit.evaluation.margin_rules import risk_parameters
from kit.model import AccountFunds, Instrument, Leg, MarginEstimate, OrderRequest, Product
from kit.trading.ledger import PaperLedger
from kit.trading.records import PaperPosition, kind_of

# Of a share's value, where it is not delivered: the least that SEBI's rule on peak margins asks.
_SHARE = 0.20


class Exposure(NamedTuple):
    """Units of a contract at a price; negative where sold."""

    contract: Instrument
    units: int
    price_inr: float
    product: Product = "CARRYFORWARD"

    @property
    def paid_inr(self) -> float:
        """Rupees paid for it, negative where received: of options and delivered shares, else 0."""
        is_paid = kind_of(self.contract, self.product) in ("option", "delivery")
        return self.units * self.price_inr if is_paid else 0.0


def exposures(ledger: PaperLedger) -> list[Exposure]:
    """Return what is held, at the last known prices."""
    marks = ledger.marks
    return [
        Exposure(one.contract, one.net, marks[token], one.product) for (token, _), one in ledger.held.items()
    ]


def waiting(ledger: PaperLedger) -> list[Exposure]:
    """Return what the waiting orders would leave if all were filled."""
    return [asked(order.request, order.left, ledger.marks) for order in ledger.waiting()]


def asked(order: OrderRequest, units: int, marks: Mapping[str, float]) -> Exposure:
    """Return what an order would leave: at its limit, else its trigger, else the last known price.

    Raises
    ------
    DataError
        None of them is known.
    """
    sign = 1 if order.side == "BUY" else -1
    prices = (order.price_inr, order.trigger_price_inr, marks.get(order.contract.token, float("nan")))
    price = next((price for price in prices if price == price), None)  # noqa: PLR0124 - NaN is not itself
    if price is None:
        raise DataError("No price of this contract is known", order.contract.symbol, _SEE)
    return Exposure(order.contract, sign * units, price, order.product)


_SEE = "Let the account see its quote first, or name a price."


def margin_of(parts: Sequence[Exposure], levels: Mapping[str, float], on: date) -> MarginEstimate:
    """Return what contracts would tie up together.

    Parameters
    ----------
    parts : sequence of Exposure
        Held and to be held; offsetting units of one contract are none.
    levels : mapping of str to float
        Of what they are written on, rupees.
    on : date
        The day whose rules hold.

    Raises
    ------
    DataError
        A level is not known, or no rules are for the day.
    """
    sums: dict[str, dict[str, Exposure]] = {}
    shares = sum(
        _SHARE * abs(part.units) * part.price_inr
        for part in parts if kind_of(part.contract, part.product) == "share"
    )  # fmt: skip
    for part in (part for part in parts if part.contract.expiry):
        same = sums.setdefault(part.contract.name, {})
        earlier = same.get(part.contract.token)
        units = part.units + (earlier.units if earlier else 0)
        same[part.contract.token] = part._replace(units=units)
    found = [_margin(name, [one for one in same.values() if one.units], levels, on)
             for name, same in sums.items()]  # fmt: skip
    margins = [one for one in found if one is not None]
    return MarginEstimate(
        total_inr=fsum(one.total_inr for one in margins) + shares,
        span_inr=fsum(one.span_inr for one in margins),
        premium_inr=fsum(part.units * part.price_inr for part in parts if part.contract.right),
        benefit_inr=fsum(one.benefit_inr for one in margins),
    )


def _margin(name: str, parts: Sequence[Exposure], levels: Mapping[str, float], on: date) -> Margin | None:
    """Return the margin of one underlying; bought options alone tie up nothing but their premium."""
    if all(part.units > 0 and part.contract.right for part in parts):
        return None
    if name not in levels:
        remedy = f"Let the account see it: see(levels={{{name!r}: ...}})."
        raise DataError("A margin needs the level of what is traded", name, remedy)
    legs = [
        Leg(part.contract.right or "FUT", part.contract.strike if part.contract.right else 0.0, part.units,
            part.price_inr, part.contract.expiry)
        for part in parts
    ]  # fmt: skip
    return estimate(legs, 1, risk_parameters(name, on, close=levels[name]))


def funds_of(ledger: PaperLedger, on: date) -> AccountFunds:
    """Return what an account can spend.

    Raises
    ------
    DataError
        As of `margin_of`.
    """
    used = ledger.cash_inr - spare_inr(ledger, (), on)
    shown = [one.shown(ledger.marks[token]) for (token, _), one in ledger.held.items()]
    return AccountFunds(
        net_inr=ledger.cash_inr - used,
        cash_inr=ledger.cash_inr,
        used_inr=used,
        realised_inr=fsum(one.realised_inr for one in shown),
        unrealised_inr=fsum(one.unrealised_inr for one in shown),
    )


def spare_inr(ledger: PaperLedger, more: Sequence[Exposure], on: date) -> float:
    """Return the cash that is left when everything that waits, and `more`, is filled and its margin blocked.

    Orders that would hedge count only once they are filled: the margin is the larger of that with and
    without those that wait. So does what a waiting sale would bring, beyond the margin that it ties up.

    Raises
    ------
    DataError
        As of `margin_of`.
    """
    held, orders = exposures(ledger), waiting(ledger)
    without, together = (
        margin_of(parts, ledger.marks, on).total_inr for parts in ([*held, *more], [*held, *orders, *more])
    )
    paid, received = (sum(max(0.0, sign * part.paid_inr) for part in orders) for sign in (1, -1))
    flow = min(received, max(0.0, together - without)) - paid - sum(part.paid_inr for part in more)
    losses = sum(
        min(0.0, one.shown(ledger.mark(one)).unrealised_inr)
        for one in ledger.held.values() if not one.is_paid
    )  # fmt: skip
    return ledger.cash_inr + flow + losses - max(without, together)


def settled(one: PaperPosition, marks: Mapping[str, float]) -> tuple[float, float]:
    """Return what a contract that has expired pays a unit, and the tax on a bought unit, rupees.

    At the last known level of what it is written on; where that is not known, at its own last price.
    """
    contract = one.contract
    level = marks.get(contract.name)
    if level is None:
        return marks[contract.token], 0.0
    if not contract.right or not contract.expiry:
        return level, 0.0
    inside = level - contract.strike if contract.right == "CE" else contract.strike - level
    leg = Leg(contract.right, contract.strike, 1, 0.0)
    tax = exercise_inr([leg], 1, level, contract.expiry) if one.net > 0 else 0.0
    return max(0.0, inside), tax
