"""Candles and open-interest history."""

from __future__ import annotations

from kit.simulator.answers import Answer, Refused, application_error, bad_request, success
from kit.simulator.history import INTERVALS, Bars
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState

_PATH = "/rest/secure/angelbroking/historical/v1"


def candles(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return ``[start, open, high, low, close, volume]`` rows; null for an unknown token.

    A span that ends ahead of now is refused, as the broker was seen to do.
    """
    if asked.moment("todate") > state.clock.now():
        return application_error("AB1012", "To datetime can't be greater than current datetime")
    bars = _bars(state, asked)
    if bars is None:
        return success(None)
    columns = (bars.stamps, *bars.prices.T.tolist(), bars.volume.tolist())
    return success(list(zip(*columns, strict=True)))


def open_interest(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return ``{"time", "oi"}`` rows of a live contract; ``[]`` for what has no open interest."""
    bars = _bars(state, asked)
    if bars is None:
        return success(None)
    if asked.text("exchange") != "NFO":
        return success([])
    pairs = zip(bars.stamps, bars.interest.tolist(), strict=True)
    return success([{"time": stamp, "oi": held} for stamp, held in pairs])


def _bars(state: ExchangeState, asked: ApiRequest) -> Bars | None:
    interval = INTERVALS.get(asked.text("interval"))
    if interval is None:
        raise Refused(bad_request())
    start, end = asked.moment("fromdate"), asked.moment("todate")
    contract = state.contract(asked.text("exchange"), asked.text("symboltoken"))
    if contract is None:
        return None
    return state.history.bars(contract, interval, start, end, state.clock.now())


ROUTES = (
    ApiRoute("POST", f"{_PATH}/getCandleData", candles),
    ApiRoute("POST", f"{_PATH}/getOIData", open_interest),
)
