"""The broker's routes for shares: intraday lists, cautionary lists, and the authorisation to sell holdings.

There is no depository here: an authorisation is asked for and answered, and never granted.
"""

from __future__ import annotations

from itertools import count

from kit.simulator.answers import Answer, success
from kit.simulator.orders import checks
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState
from kit.simulator.underlyings import SHARES

_SECURE = "/rest/secure/angelbroking"
_INTRADAY_MULTIPLIER = "5.0"  # one over the margin of a share within the day
_ISIN_LENGTH = 12
_requests = count(1)


def nse_intraday(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return the shares that may be traded within the day, with their multiplier."""
    rows = [{"Exchange": "NSE", "SymbolName": one.name, "Multiplier": _INTRADAY_MULTIPLIER} for one in SHARES]
    return success(rows)


def nothing(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return an empty list: nothing of BSE is listed here, and no share is watched."""
    return success(None)


def verify(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Begin an authorisation to sell holdings."""
    if len(asked.text("isin")) != _ISIN_LENGTH or checks.number(asked.body.get("quantity"), "AG2001") < 1:
        raise checks.unfit("AG2001")
    empty = dict.fromkeys(("ReturnURL", "DPId", "BOID", "TransDtls"), "")
    return success({"ReqId": f"{next(_requests):016d}", **empty, "version": "1.1"})


def tpin(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Acknowledge a request for a depository PIN; none is sent."""
    if not all(asked.text(name) for name in ("dpId", "ReqId", "boid", "pan")):
        raise checks.unfit("AG2001")
    return success(None)


def transaction(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return the state of an authorisation to sell: not granted."""
    number = asked.text("ReqId")
    if not number.isdecimal():
        raise checks.unfit("AG2001")
    record = {"TxnReqId": number, "TxnId": number, "Status": "0", "Errorcode": ""}
    result = {"ReqId": number, "ReqType": "D", "ResId": number, "ResStatus": "0"}
    empty = dict.fromkeys(("ResTime", "ResError", "Remarks"), "")
    return success({"TransResDtls": {**result, **empty, "RecordResDtls": [record]}})


ROUTES = (
    ApiRoute("GET", f"{_SECURE}/marketData/v1/nseIntraday", nse_intraday),
    ApiRoute("GET", f"{_SECURE}/marketData/v1/bseIntraday", nothing),
    ApiRoute("GET", f"{_SECURE}/securities/v1/cautionaryScrips", nothing),
    ApiRoute("POST", f"{_SECURE}/edis/v1/verifyDis", verify),
    ApiRoute("POST", f"{_SECURE}/edis/v1/generateTPIN", tpin),
    ApiRoute("POST", f"{_SECURE}/edis/v1/getTranStatus", transaction),
)
