"""The account's GTT rules at the broker."""

from __future__ import annotations

from typing import Literal

from kit.broker import endpoints, order_bodies, order_rows
from kit.broker.session import BrokerSession
from kit.model import GTTRule, StoredGTTRule

RuleStatus = Literal["NEW", "CANCELLED", "ACTIVE", "SENTTOEXCHANGE", "FORALL"]
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
        data = self._session.ask(endpoints.CREATE_RULE, order_bodies.rule(rule)).data
        # the id is text in the documentation, a number in a recording
        return order_rows.row_of(lambda row: str(row["id"]), data, "create_rule")

    def modify(self, rule: StoredGTTRule) -> None:
        """Make a rule that waits what it is here; use `dataclasses.replace` on one of `rules`."""
        self._session.ask(endpoints.MODIFY_RULE, order_bodies.changed_rule(rule))

    def cancel(self, rule: StoredGTTRule) -> None:
        """Cancel a rule that waits."""
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
