"""What positions tie up: a scan of the market's own surface over moves of the index, and an exposure on top.

This is a figure of the exchange's own, of the order of the real one: the worst loss over moves of the
underlying at unchanged volatility, less what the options are worth, plus a fraction of the notional of what
is sold. The clearing house scans volatilities as well and publishes its parameters daily; the kit's study of
margins stands in `kit.evaluation.margin`, which the exchange may not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from kit.clock import last_session, risk_free_rate
from kit.simulator.contracts import ListedContract, Series
from kit.simulator.market import Market, fair_prices

_SCAN = 0.095  # of the underlying, either way: about the price scan range of Bank Nifty in 2026
_EXPOSURE = 0.02  # of the notional of futures and sold options
_SHARE = 0.20  # of a share's value, where it is not delivered
_MOVES = np.linspace(-_SCAN, _SCAN, 9)

Held = tuple[ListedContract, str, int]  # contract, product, units


@dataclass(frozen=True, slots=True)
class MarginNeed:
    """What a set of positions needs, rupees.

    Parameters
    ----------
    span, exposure : float
        Of futures and options.
    shares : float
        Of shares that are not delivered.
    benefit : float
        What is saved because the positions are held together.
    """

    span: float = 0.0
    exposure: float = 0.0
    shares: float = 0.0
    benefit: float = 0.0

    @property
    def total(self) -> float:
        """All that is tied up."""
        return self.span + self.exposure + self.shares


def needed(market: Market, held: Iterable[Held], now: datetime) -> MarginNeed:
    """Return what positions need together, and what less that is than one by one.

    Parameters
    ----------
    market : Market
        Prices and surface.
    held : iterable of (ListedContract, product, units)
        Units positive bought, negative sold; what is delivered needs nothing.
    now : datetime
        The market's present.
    """
    held = [row for row in held if row[2]]
    if not held:
        return MarginNeed()
    prices = {quote.contract.token: quote.ltp for quote in market.quotes([row[0] for row in held], now)}
    shares = sum(
        _SHARE * abs(units) * prices[contract.token]
        for contract, product, units in held
        if contract.kind == "SHARE" and product != "DELIVERY"
    )
    books: dict[str, dict[ListedContract, int]] = {}
    for contract, _, units in held:
        if contract.expiry:
            book = books.setdefault(contract.name, {})
            book[contract] = book.get(contract, 0) + units
    scans = [_scan(market, book, now) for book in books.values()]
    span = sum(together for together, _, _ in scans)
    alone = sum(apart for _, apart, _ in scans)
    return MarginNeed(span, sum(exposure for *_, exposure in scans), shares, max(0.0, alone - span))


def _scan(market: Market, book: Mapping[ListedContract, int], now: datetime) -> tuple[float, float, float]:
    """Return span together, span one by one, and exposure of the contracts of one underlying."""
    first = next(iter(book))
    path, at = market.at(first.underlying, now)
    spot, vol = at.of(path.spot), at.of(path.vol)
    at_s = min(max(now.timestamp(), path.opens_s), last_session(now).close.timestamp())
    levels = spot * (1 + np.append(0.0, _MOVES))[None]
    vols, times, rate = np.full_like(levels, vol), np.full_like(levels, at_s), risk_free_rate(path.day)
    alone, profit, worth, exposure = 0.0, np.zeros(_MOVES.size), 0.0, 0.0
    for contract, units in book.items():
        fair = fair_prices(Series([contract]), levels, vols, times, rate)[0, 0]
        moved = units * (fair[1:] - fair[0])
        value = units * fair[0] if contract.kind == "OPTION" else 0.0
        alone += max(0.0, -float(moved.min()) - value)
        profit, worth = profit + moved, worth + value
        if contract.kind == "FUTURE" or units < 0:
            exposure += _EXPOSURE * abs(units) * spot
    return max(0.0, -float(profit.min()) - worth), alone, exposure
