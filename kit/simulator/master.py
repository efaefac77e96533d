"""The instrument master as the broker serves it: text for numbers, prices times a hundred, traps included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from kit.clock import format_expiry, last_session, session
from kit.errors import DataError
from kit.facts import fact
from kit.simulator.answers import Answer
from kit.simulator.contracts import ListedContract
from kit.simulator.state import MASTER_PATH, ApiRequest, ApiRoute, ExchangeState
from kit.simulator.underlyings import INDICES, UNTRADED_ROWS

_TYPES = {"INDEX": "AMXIDX", "VIX": "AMXIDX", "SHARE": "", "FUTURE": "FUTIDX", "OPTION": "OPTIDX"}
_SHARE_FREEZE_INR = 5e7  # about; the real quantities follow volume and market value
_UNTRADED = {
    "expiry": "", "lotsize": "1", "exch_seg": "NSE", "tick_size": "0.000000", "freeze_qty": "0",
    "is_cas_enabled": False,
}  # fmt: skip
_TEST_CONTRACT = {
    "expiry": "27NOV2036", "strike": "-1.000000", "lotsize": "50", "instrumenttype": "FUTSTK",
    "exch_seg": "NFO", "tick_size": "5.000000", "freeze_qty": "100001", "is_cas_enabled": False,
}  # fmt: skip
_TEST_CONTRACTS = (("36697", "051NSETEST27NOV36FUT"), ("36698", "071NSETEST27NOV36FUT"))


def master(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return every listed instrument; made once a day."""
    day = last_session(state.clock.now()).day
    if state.master[0] != day:
        listed = state.market.listings.on(day).rows.values()
        auctioned = session(day, "cash").auction is not None
        freezes = {index.name: _freeze(index.name, day) for index in INDICES}
        rows = [*(_row(contract, auctioned, freezes) for contract in listed), *_unlisted()]
        state.master = (day, json.dumps(rows, separators=(",", ":")).encode())
    return Answer(200, state.master[1])


def _freeze(underlying: str, day: date) -> str:
    """Return the first quantity of an order that the exchange freezes, as the broker writes it."""
    try:
        return str(int(fact("freeze_quantities", day, key=underlying, underlying=underlying)["units"]) + 1)
    except DataError:
        return "0"  # before the table begins


def _row(contract: ListedContract, auctioned: bool, freezes: Mapping[str, str]) -> dict[str, Any]:
    is_index, is_share = contract.is_index, contract.kind == "SHARE"
    no_strike = 0.0 if is_index else -1.0
    freeze = freezes.get(contract.name, "0") if contract.expiry else "0"
    return {
        "token": contract.token,
        "symbol": contract.symbol,
        "name": contract.name,
        "expiry": format_expiry(contract.expiry) if contract.expiry else "",
        "strike": f"{contract.strike * 100 if contract.kind == 'OPTION' else no_strike:.6f}",
        "lotsize": str(contract.lot),
        "instrumenttype": _TYPES[contract.kind],
        "exch_seg": contract.exchange,
        "tick_size": f"{0 if is_index else contract.tick * 100:.6f}",
        "freeze_qty": str(int(_SHARE_FREEZE_INR / contract.underlying.level)) if is_share else freeze,
        "is_cas_enabled": is_share and auctioned,
    }


def _unlisted() -> Iterator[dict[str, Any]]:
    """Yield what pollutes the real file: old rows of the same name, and test contracts."""
    for token, symbol, name, kind, strike in UNTRADED_ROWS:
        named = {"token": token, "symbol": symbol, "name": name, "instrumenttype": kind, "strike": strike}
        yield {**_UNTRADED, **named}
    for token, symbol in _TEST_CONTRACTS:
        yield {**_TEST_CONTRACT, "token": token, "symbol": symbol, "name": symbol[:10]}


ROUTES = (ApiRoute("GET", MASTER_PATH, master, is_public=True),)
