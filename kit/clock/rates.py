"""The risk-free rate by date."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from functools import cache, lru_cache

from kit.clock.dates import parse_day
from kit.facts import table, within


def risk_free_rate(on: date) -> float:
    """Return the yield of the treasury bill of three months as an annual fraction, from ``data/rates.csv``.

    Between two dated yields the rate is the line through them, after the last one it stays.

    Raises
    ------
    DataError
        The day lies outside the table's range.
    """
    return _rate(parse_day(on))


@lru_cache(maxsize=8192)
def _rate(on: date) -> float:
    within("rates", on)
    days, rates = _yields()
    after = bisect_right(days, on.toordinal())
    if after == len(days):
        return rates[-1]
    share = (on.toordinal() - days[after - 1]) / (days[after] - days[after - 1])
    return rates[after - 1] + share * (rates[after] - rates[after - 1])


@cache
def _yields() -> tuple[list[int], list[float]]:
    rows = sorted((date.fromisoformat(row["on"]).toordinal(), float(row["rate"])) for row in table("rates"))
    return [day for day, _ in rows], [rate for _, rate in rows]
