"""What an order gets from a quote, by the plan's own `FillRules`: at the touch, at the mid, or in the queue.

Nobody knows where a paper order stands in the queue. It is assumed to join behind `QuoteFills.ahead` times
what waits at its price, and moves up as trades at that price take what is before it; what trades beyond its
price has taken the whole queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, isfinite, isnan, nan
from random import Random
from typing import NamedTuple

from kit.backtest.fills import slipped
from kit.backtest.plan import FillRules, QuoteFills
from kit.backtest.records import NO_SLIP, SLIPPAGES
from kit.bars.minutes import TICK_INR
from kit.model.tick import DepthLevel, Tick
from kit.trading.records import PaperOrder


class Taken(NamedTuple):
    """What an order gets of a quote.

    Parameters
    ----------
    quantity : int
        Units, whole lots.
    price_inr : float
        Rupees a unit.
    from_touch : bool
        Whether it takes from the size at the touch; else it is what traded.
    """

    quantity: int
    price_inr: float
    from_touch: bool


@dataclass(frozen=True, slots=True)
class Meeting:
    """A quote as an order meets it.

    Parameters
    ----------
    tick : Tick
        The quote.
    traded : float
        Units traded since the quote before; 0 where that is not known.
    size_left : float
        Units at the touch that no earlier order of this account has taken; NaN: as shown.
    """

    tick: Tick
    traded: float = 0.0
    size_left: float = nan


def take(order: PaperOrder, meeting: Meeting, rules: FillRules) -> Taken | None:
    """Return what an order gets of a quote, or None; it moves up in its queue.

    Parameters
    ----------
    order : PaperOrder
        Waits, and is active.
    meeting : Meeting
        The quote.
    rules : FillRules
        Its `quotes` say how, its `slippage` how much worse.
    """
    how = rules.quotes or QuoteFills()
    if how.model == "through" and order.request.has_limit:
        return _through(order, meeting)
    side = _against(order, meeting.tick)
    if side is not None:
        size = side.quantity if isnan(meeting.size_left) else meeting.size_left
        at = _mid(order, meeting.tick, how)
        touches = _reaches(order, side.price)
        if isnan(at) and touches:
            at = order.request.price_inr if order.rests and order.request.has_limit else side.price
        if not isnan(at) and (units := _lots(order, size)):
            spread = abs(meeting.tick.ask - meeting.tick.bid) if isfinite(meeting.tick.bid) else 0.0
            return Taken(units, worse(order, at, spread, rules), True)
        if touches:
            return None
    return _queued(order, meeting)


def worse(order: PaperOrder, at: float, bar_range: float, rules: FillRules) -> float:
    """Return a price after the rules' slippage, rupees; a limit is never passed."""
    slippage = rules.slippage
    kind, amount = (SLIPPAGES.index(slippage.kind), slippage.value) if slippage else (NO_SLIP, 0.0)
    width, lots = round(bar_range / TICK_INR), max(1, order.request.lots)
    paid = round(slipped(kind, amount, order.sign, round(at / TICK_INR), width, lots) * TICK_INR, 2)
    limit = order.request.price_inr
    return paid if isnan(limit) or order.sign * (limit - paid) >= 0 else limit


def joins(order: PaperOrder, tick: Tick, rules: FillRules) -> float:
    """Return the units that are assumed ahead of an order which now joins its queue; NaN: not to be seen."""
    own = tick.bids if order.sign > 0 else tick.asks
    limit = order.request.price_inr
    if not order.request.has_limit or not own:
        return nan
    waiting = next((level.quantity for level in own if abs(level.price - limit) < 1e-6), None)
    if waiting is None:
        return 0.0 if order.sign * (limit - own[0].price) > 0 else nan  # alone in front, or out of sight
    return waiting * (rules.quotes or QuoteFills()).ahead


def _against(order: PaperOrder, tick: Tick) -> DepthLevel | None:
    side = tick.asks if order.sign > 0 else tick.bids
    return side[0] if side else None


def _reaches(order: PaperOrder, price: float) -> bool:
    limit = order.request.price_inr
    return not order.request.has_limit or order.sign * (limit - price) >= -1e-9


def _mid(order: PaperOrder, tick: Tick, how: QuoteFills) -> float:
    """Return the mid, to the tick on the worse side, where the chance gives it; else NaN."""
    if how.model != "mid" or not (isfinite(tick.bid) and isfinite(tick.ask)) or tick.ask < tick.bid:
        return nan
    ticks = (tick.bid + tick.ask) / 2 / TICK_INR
    at = (ceil(ticks - 1e-6) if order.sign > 0 else floor(ticks + 1e-6)) * TICK_INR
    drawn = Random(f"{how.seed} {order.order_id} {tick.at_ms} {tick.sequence}").random()  # noqa: S311
    return round(at, 2) if drawn < how.chance and _reaches(order, at) else nan


def _through(order: PaperOrder, meeting: Meeting) -> Taken | None:
    limit, ltp = order.request.price_inr, meeting.tick.ltp
    beyond = isfinite(ltp) and order.sign * (limit - ltp) > 1e-9
    units = _lots(order, meeting.traded) if beyond and order.rests else 0
    return Taken(units, limit, False) if units else None


def _queued(order: PaperOrder, meeting: Meeting) -> Taken | None:
    """Let trades at and beyond the order's price move it up."""
    if not (order.rests and order.request.has_limit):
        return None
    if (got := _through(order, meeting)) is not None:
        order.ahead = 0.0
        return got
    at_price = abs(meeting.tick.ltp - order.request.price_inr) < 1e-6
    if not at_price or isnan(order.ahead):
        return None
    beyond_queue = meeting.traded - order.ahead
    order.ahead = max(0.0, -beyond_queue)
    units = _lots(order, beyond_queue)
    return Taken(units, order.request.price_inr, False) if units else None


def _lots(order: PaperOrder, units: float) -> int:
    """Return how much of some units an order gets, in whole lots."""
    lot = order.request.contract.lot_size
    most = min(float(order.left), units) if units > 0 else 0.0
    return int(most // lot) * lot
