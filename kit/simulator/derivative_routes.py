"""Lists that the broker makes of derivatives: Greeks, put-call ratio, gainers and build-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np

from kit.clock import format_expiry, is_open, parse_day, risk_free_rate
from kit.simulator import activity, smile
from kit.simulator.answers import Answer, Refused, application_error, bad_request, success
from kit.simulator.contracts import Series
from kit.simulator.market import years_left
from kit.simulator.paths import calendar, position
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState, known_day
from kit.simulator.tape import Quote

_PATH = "/rest/secure/angelbroking/marketData/v1"
_TERMS = ("NEAR", "NEXT", "FAR")
_BUILDUPS: dict[str, Callable[[float, float], bool]] = {
    "Long Built Up": lambda price, held: price >= 0 and held >= 0,
    "Short Built Up": lambda price, held: price < 0 and held >= 0,
    "Short Covering": lambda price, held: price >= 0 and held < 0,
    "Long Unwinding": lambda price, held: price < 0 and held < 0,
}
_RANKINGS: dict[str, tuple[str, int]] = {
    "PercOIGainers": ("held", 1),
    "PercOILosers": ("held", -1),
    "PercPriceGainers": ("price", 1),
    "PercPriceLosers": ("price", -1),
}


def greeks(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return volatility and Greeks of every option of an expiry, all as text."""
    expiry = known_day(asked.text("expirydate"), parse_day)
    now = state.clock.now()
    series = state.market.listing(now).series.get((asked.text("name"), expiry))
    if series is None or not is_open(now):  # out of hours it has none either
        raise Refused(application_error("AB9019"))
    values = _sensitivities(state, series, expiry)
    columns = np.vstack(values).T.tolist()
    volumes = [item.volume for item in state.market.quotes(series.contracts, now)]
    written = format_expiry(expiry)
    return success(
        [
            {
                "name": contract.name,
                "expiry": written,
                "strikePrice": f"{contract.strike:.6f}",
                "optionType": contract.right,
                **{name: f"{value:.6f}" for name, value in zip(_GREEKS, row, strict=True)},
                "tradeVolume": f"{volume:.2f}",
            }
            for contract, row, volume in zip(series.contracts, columns, volumes, strict=True)
        ]
    )


_GREEKS = ("delta", "gamma", "theta", "vega", "impliedVolatility")


def _sensitivities(state: ExchangeState, series: Series, expiry: date) -> smile.QuotedGreeks:
    """Return what `kit.simulator.smile` says of a series now."""
    underlying = series.first.underlying
    path, at = state.market.at(underlying, state.clock.now())
    years = years_left(expiry, path.opens_s + 60 * (float(path.offsets[at.minute]) + at.minute_share))
    rate, ratio = risk_free_rate(path.day), underlying.vol_ratio
    surface = smile.QuotedSmile(at.of(path.spot), years, at.of(path.vol), rate, ratio)
    return surface.greeks(series.strikes, series.is_call)


def put_call_ratio(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return the ratio of open interest of each underlying's nearest expiry, under its nearest future's name.

    Where options expire weekly, that future expires later than they.
    """
    listing = state.market.listing(state.clock.now())
    nearest: dict[str, date] = {}
    for name, expiry in listing.series:
        nearest[name] = min(expiry, nearest.get(name, expiry))
    farthest_first = sorted(listing.futures, key=lambda row: row.expiry or date.max, reverse=True)
    futures = {row.name: row.symbol for row in farthest_first}  # the nearest is written last
    return success(
        [
            {"pcr": _ratio(state, listing.series[name, expiry]), "tradingSymbol": futures[name]}
            for name, expiry in nearest.items()
        ]
    )


def _ratio(state: ExchangeState, series: Series) -> float:
    """Return puts held over calls held, from the same closes as the quotes."""
    first = series.first
    path, at = state.market.at(first.underlying, state.clock.now())
    days = position(path.day) - np.array([1, 0])
    ordinals = np.array([calendar()[day].toordinal() for day in days.tolist()])
    closes = state.market.paths.closes(first.underlying)[days]
    start, end = activity.closing_interest(state.market.seed, series, ordinals, closes).T
    wiggle = activity.wiggles(state.market.seed, series.numbers, path.day.toordinal())
    held = activity.interest_within(start, end, wiggle, at.session_share(path), first.lot)
    calls = held[series.is_call].sum()
    return round(float(held[~series.is_call].sum() / calls), 2) if calls else 0.0


def gainers(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return futures ranked by the change of price or of open interest."""
    ranking = _RANKINGS.get(asked.text("datatype"))
    if ranking is None:
        raise Refused(bad_request())
    what, sign = ranking
    changes = {"price": _price_change, "held": _held_change}[what]
    moved = [item for item in _futures(state, asked) if changes(item) * sign > 0]
    moved.sort(key=lambda item: -abs(changes(item)))
    return success(
        [
            {
                "tradingSymbol": item.contract.symbol,
                "percentChange": round(changes(item), 2),
                "symbolToken": item.contract.number,
                "opnInterest": item.interest,
                "netChangeOpnInterest": float(item.interest - item.interest_before),
            }
            for item in moved
        ]
        or None
    )


def buildup(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return futures whose price and open interest moved in a named way, all as text."""
    belongs = _BUILDUPS.get(asked.text("datatype"))
    if belongs is None:
        raise Refused(bad_request())
    rows = [
        {
            "symbolToken": item.contract.token,
            "ltp": str(item.ltp),
            "netChange": f"{item.ltp - item.previous:.2f}",
            "percentChange": f"{_price_change(item):.2f}",
            "opnInterest": f"{item.interest:.1f}",
            "netChangeOpnInterest": f"{item.interest - item.interest_before:.1f}",
            "tradingSymbol": item.contract.symbol,
        }
        for item in _futures(state, asked)
        if belongs(_price_change(item), _held_change(item))
    ]
    return success(rows or None)


def _futures(state: ExchangeState, asked: ApiRequest) -> list[Quote]:
    """Return quotes of the futures of a term: NEAR, NEXT or FAR."""
    if asked.text("expirytype") not in _TERMS:
        raise Refused(bad_request())
    now = state.clock.now()
    futures = state.market.listing(now).futures
    dates = sorted({row.expiry for row in futures if row.expiry})
    chosen = dates[_TERMS.index(asked.text("expirytype"))]
    return state.market.quotes([row for row in futures if row.expiry == chosen], now)


def _price_change(item: Quote) -> float:
    return 100 * (item.ltp / item.previous - 1)


def _held_change(item: Quote) -> float:
    before: Any = item.interest_before
    return 100 * (item.interest / before - 1) if before else 0.0


ROUTES = (
    ApiRoute("POST", f"{_PATH}/optionGreek", greeks),
    ApiRoute("GET", f"{_PATH}/putCallRatio", put_call_ratio),
    ApiRoute("POST", f"{_PATH}/gainersLosers", gainers),
    ApiRoute("POST", f"{_PATH}/OIBuildup", buildup),
)
