"""The daily sigma of an index as the clearing house counts it, from closes or as it was published.

Source: NSE Clearing, SPAN risk parameters: the variance of a day is an exponentially weighted average of
squared log returns, ``v = lambda v_before + (1 - lambda) r^2``, with the lambda of ``data/span_rules.csv``.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from kit.errors import DataError
from kit.facts import table


def daily_sigma(closes: pd.Series[float], weight: float) -> float:
    """Return the exponentially weighted standard deviation of a day's log return.

    Parameters
    ----------
    closes : Series
        Daily closes, ascending, rupees.
    weight : float
        Of yesterday's variance: lambda.

    Raises
    ------
    DataError
        There are fewer closes than the weight needs to forget where it began.
    """
    needed = round(2 / (1 - weight))
    if closes.size <= needed:
        raise DataError("Too few closes for a sigma", closes.size, f"It takes {needed + 1} trading days.")
    squares = np.diff(np.log(closes.to_numpy(np.float64))) ** 2
    weights = weight ** np.arange(squares.size - 1, -1, -1)
    return float(np.sqrt(weights @ squares / weights.sum()))


def published_sigma(underlying: str, on: date) -> float:
    """Return the sigma between the published ones of ``data/span_volatility.csv``; after the last, the last.

    Raises
    ------
    DataError
        The day is before the first, or none was published of this underlying.
    """
    rows = [row for row in table("span_volatility") if row["underlying"] == underlying]
    days = [date.fromisoformat(row["date"]).toordinal() for row in rows]
    if not days or on.toordinal() < days[0]:
        raise DataError("No published sigma reaches back to", on.isoformat(), "Pass `closes` or `sigma`.")
    return float(np.interp(on.toordinal(), days, [float(row["sigma"]) for row in rows]))
