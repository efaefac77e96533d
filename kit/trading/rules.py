"""GTT rules of a paper account: limit orders for shares that are placed once a price is reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from math import isnan, nan
from threading import RLock
from typing import get_args

from kit.arguments import choice, instance
from kit.errors import DataError, Rejected
from kit.model import GTTRule, StoredGTTRule
from kit.model.gtt import RuleStatus
from kit.trading import events
from kit.trading.dealing import Dealing
from kit.trading.records import PaperRule


class PaperGTTBook:
    """The GTT rules of a paper account, with the methods of `kit.broker.gtt.GTTBook`.

    Parameters
    ----------
    dealing : Dealing
        The account's.
    lock : RLock
        Held while a rule is made or changed.
    now : callable
        Tells the present.
    """

    def __init__(self, dealing: Dealing, lock: RLock, now: Callable[[], datetime]) -> None:
        self._dealing, self._lock, self._now = dealing, lock, now

    def create(self, rule: GTTRule) -> str:
        """Keep a rule and return its id; it waits for the last price to come to its trigger from where it is.

        Raises
        ------
        DataError
            No price of the share is known.
        """
        with self._lock:
            above = self._is_above(instance(rule, GTTRule, "rule"))
            rule_id = str(len(self._dealing.ledger.rules) + 1)
            self._dealing.record(events.RuleKept(self._now(), rule_id, rule, above))
            return rule_id

    def modify(self, rule: StoredGTTRule) -> None:
        """Make a rule that waits what it is here; use `dataclasses.replace` on one of `rules`.

        Raises
        ------
        Rejected
            It waits no more, or there is none of this id.
        """
        with self._lock:
            kept = self._waiting(rule)
            wanted = replace(
                kept.rule, quantity=rule.quantity, price_inr=rule.price_inr,
                trigger_price_inr=rule.trigger_price_inr,
            )  # fmt: skip
            above = self._is_above(wanted)
            self._dealing.record(events.RuleChanged(self._now(), kept.rule_id, wanted, above))

    def cancel(self, rule: StoredGTTRule) -> None:
        """Cancel a rule that waits.

        Raises
        ------
        Rejected
            It waits no more, or there is none of this id.
        """
        with self._lock:
            kept = self._waiting(rule)
            self._dealing.record(events.RuleEnded(self._now(), kept.rule_id, "CANCELLED"))

    def rules(self, *statuses: RuleStatus) -> tuple[StoredGTTRule, ...]:
        """Return the rules of some statuses, newest first; default all.

        Raises
        ------
        Rejected
            There is no such status.
        """
        for status in statuses:
            choice(status, get_args(RuleStatus), "Rules have no such status", Rejected)
        with self._lock:
            kept = reversed(self._dealing.ledger.rules.values())
            wanted = None if not statuses or "FORALL" in statuses else set(statuses)
            return tuple(one.stored() for one in kept if wanted is None or one.status in wanted)

    def _waiting(self, rule: StoredGTTRule) -> PaperRule:
        found = self._dealing.ledger.rules.get(instance(rule, StoredGTTRule, "rule").rule_id)
        if found is None or found.status != "NEW":
            raise Rejected("No such rule waits", rule.rule_id, "See rules('NEW').")
        return found

    def _is_above(self, rule: GTTRule) -> bool:
        tick = self._dealing.board.newest(rule.contract)
        last = tick.ltp if tick is not None else nan
        if isnan(last):
            remedy = "Let the account see its quote first."
            raise DataError("No price of this share is known", rule.contract.symbol, remedy)
        return rule.trigger_price_inr > last
