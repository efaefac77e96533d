"""Candles and open-interest history."""

from __future__ import annotations

from kit.simulator.answers import Refused, Reply, bad_request, success
from kit.simulator.desk import Call, Desk, Route
from kit.simulator.history import INTERVALS, Bars

_PATH = "/rest/secure/angelbroking/historical/v1"


def candles(desk: Desk, call: Call) -> Reply:
    """Return ``[start, open, high, low, close, volume]`` rows; null for an unknown token."""
    bars = _bars(desk, call)
    if bars is None:
        return success(None)
    columns = (bars.stamps, *bars.prices.T.tolist(), bars.volume.tolist())
    return success(list(zip(*columns, strict=True)))


def open_interest(desk: Desk, call: Call) -> Reply:
    """Return ``{"time", "oi"}`` rows of a live contract; ``[]`` for what has no open interest."""
    bars = _bars(desk, call)
    if bars is None:
        return success(None)
    if call.text("exchange") != "NFO":
        return success([])
    pairs = zip(bars.stamps, bars.interest.tolist(), strict=True)
    return success([{"time": stamp, "oi": held} for stamp, held in pairs])


def _bars(desk: Desk, call: Call) -> Bars | None:
    interval = INTERVALS.get(call.text("interval"))
    if interval is None:
        raise Refused(bad_request())
    start, end = call.moment("fromdate"), call.moment("todate")
    contract = desk.contract(call.text("exchange"), call.text("symboltoken"))
    if contract is None:
        return None
    return desk.history.bars(contract, interval, start, end, desk.clock.now())


ROUTES = (
    Route("POST", f"{_PATH}/getCandleData", candles),
    Route("POST", f"{_PATH}/getOIData", open_interest),
)
