"""The account's GTT rules at the broker."""

from __future__ import annotations

from kit.arguments import instance
from kit.broker import endpoints, order_bodies, order_rows
from kit.broker.session import BrokerSession
from kit.model import GTTRule, StoredGTTRule
from kit.model.gtt import RuleStatus

_PAGE = 100


class GTTBook:
    """The GTT rules of one account; a lost answer is `Ambiguous`, and `rules` shows whether it happened.

    Parameters
    ----------
    session : BrokerSession
        Login, limits and consent.
    """

    def __init__(self, session: BrokerSession) -> None:
        self._session = session

    def create(self, rule: GTTRule) -> str:
        """Keep a rule and return its id.

        Raises
        ------
        LiveOrdersRefused
            The account is real and consent is missing.
        Rejected
            The broker declined it.
        """
        body = order_bodies.rule(instance(rule, GTTRule, "rule"))
        data = self._session.ask(endpoints.CREATE_RULE, body).data
        # the id is text in the documentation, a number in a recording
        return order_rows.row_of(lambda row: str(row["id"]), data, "create_rule")

    def modify(self, rule: StoredGTTRule) -> None:
        """Make a rule that waits what it is here; use `dataclasses.replace` on one of `rules`."""
        body = order_bodies.changed_rule(instance(rule, StoredGTTRule, "rule"))
        self._session.ask(endpoints.MODIFY_RULE, body)

    def cancel(self, rule: StoredGTTRule) -> None:
        """Cancel a rule that waits."""
        rule = instance(rule, StoredGTTRule, "rule")
        body = {"id": rule.rule_id, "symboltoken": rule.token, "exchange": rule.exchange}
        self._session.ask(endpoints.CANCEL_RULE, body)

    def rules(self, *statuses: RuleStatus) -> tuple[StoredGTTRule, ...]:
        """Return the rules of some statuses, newest first; default all."""
        found: tuple[StoredGTTRule, ...] = ()
        page = 1
        while True:
            body = {"status": list(statuses or ("FORALL",)), "page": page, "count": _PAGE}
            data = self._session.ask(endpoints.RULES, body).data
            rows = order_rows.rows_of(order_rows.rule, data, "the rules")
            found += rows
            if len(rows) < _PAGE:
                return found
            page += 1
