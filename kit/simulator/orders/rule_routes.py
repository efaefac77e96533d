"""The GTT routes: create, modify, cancel, one rule, a page of rules."""

from __future__ import annotations

from kit.simulator.answers import Answer, success
from kit.simulator.contracts import ListedContract
from kit.simulator.orders import checks, rows
from kit.simulator.orders.gtt import STATUSES, ExchangeRule
from kit.simulator.orders.routes import listed
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState

_GTT = "/rest/secure/angelbroking/gtt/v1"
_MOST_ON_A_PAGE = 100


def create(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Keep a rule and return its id, as text."""
    now = state.dealings.present()
    contract = _share(state, asked)
    if asked.text("tradingsymbol") != contract.symbol:
        raise checks.unfit("AB9012")
    ltp = state.market.quotes([contract], now)[0].ltp
    return _named(state.dealings.rules.create(contract, asked.body, ltp, now))


def modify(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Change a rule that waits."""
    now = state.dealings.present()
    rule = state.dealings.rules.find(asked.text("id"))
    if _share(state, asked) is not rule.contract:
        raise checks.unfit("AB9011")
    ltp = state.market.quotes([rule.contract], now)[0].ltp
    state.dealings.rules.modify(rule, asked.body, ltp, now)
    return _named(rule)


def cancel(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Cancel a rule that waits."""
    now = state.dealings.present()
    rule = state.dealings.rules.find(asked.text("id"))
    state.dealings.rules.cancel(rule, now)
    return _named(rule)


def details(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return one rule."""
    state.dealings.present()
    rule = state.dealings.rules.find(asked.text("id"))
    return success(rows.rule_row(rule, state.account.client_code))


def rules(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return a page of the rules of some statuses, newest first; null where there are none."""
    state.dealings.present()
    statuses, page, size = (asked.body.get(name) for name in ("status", "page", "count"))
    if not isinstance(statuses, list) or not statuses or not set(map(str, statuses)) <= set(STATUSES):
        raise checks.unfit("AB9004")
    if not isinstance(page, int) or page < 1:
        raise checks.unfit("AB9017")
    if not isinstance(size, int) or not 1 <= size <= _MOST_ON_A_PAGE:
        raise checks.unfit("AB9018")
    found = state.dealings.rules.listed(statuses, page, size)
    return success([rows.rule_row(rule, state.account.client_code) for rule in found] or None)


def _share(state: ExchangeState, asked: ApiRequest) -> ListedContract:
    if asked.text("exchange") not in ("NSE", "BSE"):
        raise checks.unfit("AB9010")
    contract = listed(state, asked, "AB9011")
    if contract.kind != "SHARE":
        raise checks.unfit("AB9011")
    return contract


def _named(rule: ExchangeRule) -> Answer:
    return success({"id": str(rule.number)})


ROUTES = (
    ApiRoute("POST", f"{_GTT}/createRule", create),
    ApiRoute("POST", f"{_GTT}/modifyRule", modify),
    ApiRoute("POST", f"{_GTT}/cancelRule", cancel),
    ApiRoute("POST", f"{_GTT}/ruleDetails", details),
    ApiRoute("POST", f"{_GTT}/ruleList", rules),
)
