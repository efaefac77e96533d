"""GTT rules: limit orders for shares that the broker keeps until the last price reaches a trigger.

Source: the broker's page on GTT (codes AB9000 to AB9018, shares of NSE and BSE, DELIVERY and MARGIN).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import numpy as np

from kit.simulator.contracts import ListedContract
from kit.simulator.orders import checks
from kit.simulator.orders.account import SimulatedAccount
from kit.simulator.orders.matching import Matcher, at_second

NEW, CANCELLED, SENT = "NEW", "CANCELLED", "SENTTOEXCHANGE"
STATUSES = (NEW, CANCELLED, "ACTIVE", SENT, "FORALL")
_MOST_RULES = 1000


@dataclass(eq=False, slots=True)
class ExchangeRule:
    """One rule.

    Parameters
    ----------
    number : int
        Its id.
    contract : ListedContract
        A share.
    side, product : str
        The broker's words.
    quantity, disclosed : int
        Units.
    price, trigger : float
        Rupees.
    above : bool
        Whether the last price has to rise to the trigger, or to fall.
    created, updated : datetime
        Asia/Kolkata.
    """

    number: int
    contract: ListedContract
    side: str
    product: str
    quantity: int
    disclosed: int
    price: float
    trigger: float
    above: bool
    created: datetime
    updated: datetime
    status: str = NEW


class GTTRules:
    """The rules of one account."""

    def __init__(self) -> None:
        self._rules: dict[int, ExchangeRule] = {}
        self._serial = count(1)

    def create(
        self, contract: ListedContract, asked: Mapping[str, Any], ltp: float, now: datetime
    ) -> ExchangeRule:
        """Keep a rule; it waits for the last price to come to its trigger from where it is now.

        Raises
        ------
        Refused
            A field does not fit; by its code.
        """
        side, product = str(asked.get("transactiontype")), str(asked.get("producttype"))
        for said, known, code in (
            (side, ("BUY", "SELL"), "AB9014"),
            (product, ("DELIVERY", "MARGIN"), "AB9015"),
        ):
            if said not in known:
                raise checks.unfit(code)
        if len(self._rules) >= _MOST_RULES:
            raise checks.unfit("AB9000")
        numbers = _numbers(asked)
        above = numbers[-1] > ltp
        rule = ExchangeRule(next(self._serial), contract, side, product, *numbers, above, now, now)
        self._rules[rule.number] = rule
        return rule

    def modify(self, rule: ExchangeRule, asked: Mapping[str, Any], ltp: float, now: datetime) -> None:
        """Change prices and quantities of a rule that waits.

        Raises
        ------
        Refused
            It waits no more, or a field does not fit.
        """
        _refuse_over(rule)
        rule.quantity, rule.disclosed, rule.price, rule.trigger = _numbers(asked)
        rule.above, rule.updated = rule.trigger > ltp, now

    def cancel(self, rule: ExchangeRule, now: datetime) -> None:
        """Cancel a rule that waits.

        Raises
        ------
        Refused
            It waits no more.
        """
        _refuse_over(rule)
        rule.status, rule.updated = CANCELLED, now

    def find(self, number: Any) -> ExchangeRule:
        """Return the rule of an id.

        Raises
        ------
        Refused
            There is none.
        """
        rule = self._rules.get(int(number)) if str(number).isdecimal() and len(str(number)) < 10 else None
        if rule is None:
            raise checks.unfit("AB9013")
        return rule

    def listed(self, statuses: Sequence[Any], page: int, size: int) -> list[ExchangeRule]:
        """Return one page of the rules of some statuses, newest first."""
        wanted = [rule for rule in self._rules.values() if "FORALL" in statuses or rule.status in statuses]
        return wanted[::-1][(page - 1) * size : page * size]

    def due(self, matcher: Matcher, first_s: int, last_s: int) -> list[tuple[int, ExchangeRule]]:
        """Return the rules whose trigger is reached from one second to another, with the second, in order."""
        found = []
        for rule in [rule for rule in self._rules.values() if rule.status == NEW]:
            seen = matcher.course(rule.contract, first_s, last_s)
            if seen is not None:
                at = np.flatnonzero(seen.ltp >= rule.trigger if rule.above else seen.ltp <= rule.trigger)
                found += [(int(seen.at_s[at[0]]), rule)] if at.size else []
        return sorted(found, key=lambda one: (one[0], one[1].number))

    def fire(self, rule: ExchangeRule, account: SimulatedAccount, at_s: int) -> None:
        """Place the order of a rule."""
        at = at_second(at_s)
        rule.status, rule.updated = SENT, at
        account.place(rule.contract, _order_of(rule), at)


def _refuse_over(rule: ExchangeRule) -> None:
    if rule.status != NEW:
        raise checks.unfit("AB9013")


def _order_of(rule: ExchangeRule) -> dict[str, Any]:
    return {
        "variety": "NORMAL",
        "transactiontype": rule.side,
        "ordertype": "LIMIT",
        "producttype": rule.product,
        "duration": "DAY",
        "quantity": rule.quantity,
        "price": rule.price,
    }


def _numbers(asked: Mapping[str, Any]) -> tuple[int, int, float, float]:
    """Return quantity, disclosed quantity, price and trigger, or refuse by the code of what does not fit."""
    fields = (("qty", "AB9006"), ("disclosedqty", "AB9007"), ("price", "AB9008"), ("triggerprice", "AB9009"))
    quantity, disclosed, price, trigger = (checks.number(asked.get(name), code) for name, code in fields)
    for fits, code in (
        (quantity >= 1 and quantity == int(quantity), "AB9006"),
        (disclosed >= 0 and disclosed == int(disclosed), "AB9007"),
        (price > 0, "AB9008"),
        (trigger > 0, "AB9009"),
    ):
        if not fits:
            raise checks.unfit(code)
    return int(quantity), int(disclosed), price, trigger
