"""What a paper account has been shown: the newest quote of each contract, from ticks or from a chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from math import inf, isfinite, nan

from kit.arguments import instance, number
from kit.clock import in_ist
from kit.errors import DataError
from kit.model import ChainSnapshot, Instrument, Right, Side
from kit.model.tick import DepthLevel, Tick
from kit.quotes import mid_or_last

FRESH_S = 60.0  # older quotes value what is held and fill nothing


class QuoteBoard:
    """The newest quote of each contract, and what has traded since the one before."""

    def __init__(self) -> None:
        self._ticks: dict[str, Tick] = {}
        self._traded: dict[str, float] = {}
        self._given: dict[str, Counter[Side]] = {}
        self._chains: dict[tuple[str, date], ChainSnapshot] = {}

    def show(self, tick: Tick) -> bool:
        """Take a quote; False where a newer one is known."""
        before = self._ticks.get(tick.token)
        if before is not None and (before.at_ms, before.sequence) > (tick.at_ms, tick.sequence):
            return False
        self._ticks[tick.token] = tick
        self._traded[tick.token] = _traded(before, tick)
        self._given[tick.token] = Counter()
        return True

    def show_chain(self, chain: ChainSnapshot) -> None:
        """Take a chain; its contracts become quotes when they are asked for."""
        for each in (chain, *chain.others):
            self._chains[each.underlying, each.expiry] = each

    def newest(self, contract: Instrument) -> Tick | None:
        """Return the newest quote of a contract; None: it has not been shown."""
        chain = self._chains.get((contract.name, contract.expiry)) if contract.expiry else None
        if chain is not None and contract.right and contract.strike in chain.contracts[contract.right]:
            tick = tick_of(chain, contract, contract.right)
            known = self._ticks.get(contract.token)
            if known is None or tick.at_ms > known.at_ms:
                self.show(tick)
        return self._ticks.get(contract.token)

    def traded(self, token: str, side: Side) -> float:
        """Return the units that traded between the two newest quotes, less what own orders got of them.

        0 where that is not known.
        """
        return self._traded[token] - self._given[token][side] if token in self._traded else 0.0

    def give(self, token: str, side: Side, units: int) -> None:
        """Let an order of one side have had units of what traded: nobody else gets them."""
        self._given[token][side] += units


def check_shown(ticks: Iterable[Tick], levels: Mapping[str, float]) -> dict[str, float]:
    """Refuse quotes at which nothing can be traded, and return the levels of indices.

    Raises
    ------
    DataError
        A price or size is below nothing or without end, somebody quotes at nothing, or a level is none.
    """
    for tick in ticks:
        sides = (*instance(tick, Tick, "ticks").bids, *tick.asks)
        sound = all(0 < side.price < inf and 0 <= side.quantity < inf for side in sides)
        if not sound or tick.ltp < 0 or tick.ltp == inf:
            told = f"token {tick.token}: {tick.ltp}, {tick.bid} to {tick.ask}"
            raise DataError("An impossible quote", told, "Leave it out: nothing of this call was taken.")
    what = "The level of {} must be above zero"
    return {name: number(level, what.format(name), above=0.0) for name, level in levels.items()}


def is_fresh(tick: Tick, now: datetime) -> bool:
    """Tell whether a quote is young enough to fill an order."""
    return abs((now - tick.at).total_seconds()) <= FRESH_S


def mark_of(tick: Tick) -> float:
    """Return what a quote is worth, rupees: mid of bid and ask, else the last trade; NaN: nothing."""
    return float(mid_or_last(tick.bid, tick.ask, tick.ltp, tick.volume))


def tick_of(chain: ChainSnapshot, contract: Instrument, right: Right) -> Tick:
    """Return a contract's row of a chain as a quote; a size that the chain lacks is one lot."""
    row = chain.quote(contract.strike, right)
    sizes = [float(row.get(name, nan)) for name in ("bid_qty", "ask_qty")]
    bids, asks = (
        (DepthLevel(float(price), size if isfinite(size) else float(contract.lot_size), 1),)
        if isfinite(price) else ()
        for price, size in zip((row["bid"], row["ask"]), sizes, strict=True)
    )  # fmt: skip
    at_ms = round(in_ist(chain.taken_at).timestamp() * 1000)
    return Tick(
        "SNAPQUOTE", contract.exchange, contract.token, 0, at_ms, float(row["ltp"]),
        volume=float(row["volume"]), bids=bids, asks=asks, symbol=contract.symbol,
    )  # fmt: skip


def _traded(before: Tick | None, tick: Tick) -> float:
    if before is None or before.at.date() != tick.at.date():
        return 0.0
    more = tick.volume - before.volume
    return max(0.0, more) if isfinite(more) else 0.0
