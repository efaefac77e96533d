"""A recorded trace: what was asked when, and how the prices moved meanwhile.

On disk a trace is a CSV file with the columns ``at_s, event, kind, key, price``: seconds from the
start, ``request`` or ``price``, the data type (empty for a price), what was asked or quoted, and rupees
(empty for a request).
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit import arguments
from kit.errors import UnreadableFile
from kit.market.questions import Question

_HEAD = ["at_s", "event", "kind", "key", "price"]


@dataclass(frozen=True)
class PricePath:
    """How one price moved.

    Parameters
    ----------
    at_s : ndarray of shape (n,)
        Ascending seconds from the start.
    price : ndarray of shape (n,)
        Rupees from that second on.
    """

    at_s: NDArray[np.float64]
    price: NDArray[np.float64]

    def at(self, when_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the price in force at each time; before the first quote, the first."""
        place = np.searchsorted(self.at_s, when_s, side="right") - 1
        found: NDArray[np.float64] = self.price[np.maximum(place, 0)]
        return found


@dataclass(frozen=True)
class Trace:
    """Requests in order of time, and the price path of each key."""

    requests: Sequence[Question]
    prices: Mapping[str, PricePath]

    def save(self, path: str | Path) -> Path:
        """Write the trace as CSV."""
        file = Path(path)
        ordered = sorted(self._lines(), key=lambda line: float(line[0]))
        with file.open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([_HEAD, *ordered])
        return file

    def _lines(self) -> Iterator[tuple[str, ...]]:
        for asked in self.requests:
            yield f"{asked.at_s:.3f}", "request", asked.kind, asked.key, ""
        for key, path in self.prices.items():
            for at_s, price in zip(path.at_s, path.price, strict=True):
                yield f"{at_s:.3f}", "price", "", key, f"{price:.2f}"


def read_trace(path: str | Path) -> Trace:
    """Read a trace from CSV.

    Raises
    ------
    UnreadableFile
        The file is missing, or a line is not of the form that the module describes; names the line.
    """
    file = arguments.path(path, "Not the path of a trace")
    if file.exists() and not file.is_file():
        raise UnreadableFile("The trace cannot be read", f"{file}", "It is a directory or a device.")
    requests: list[Question] = []
    quotes: dict[str, list[tuple[float, float]]] = {}
    above = 0  # lines before those of the trace: its heading, once that is read
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines, strict=True)
            if not set(_HEAD) <= set(reader.fieldnames or ()):
                raise ValueError("no heading")
            above = 1
            for line in reader:
                at_s = _between(line["at_s"], -inf)
                if line["event"] == "request":
                    requests.append(Question(at_s, line["kind"], line["key"]))
                elif line["event"] == "price":
                    quotes.setdefault(line["key"], []).append((at_s, _between(line["price"], 0.0)))
                else:
                    raise ValueError("no such event")
    except OSError as error:
        raise UnreadableFile("The trace cannot be read", f"{file}", f"{error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError) as error:
        number = len(requests) + sum(map(len, quotes.values())) + above + 1
        remedy = f"A trace has the columns {', '.join(_HEAD)}."
        raise UnreadableFile("The trace cannot be read", f"{file}, line {number}", remedy) from error
    paths = {key: PricePath(*np.array(sorted(pairs)).T) for key, pairs in quotes.items()}
    return Trace(sorted(requests, key=lambda asked: asked.at_s), paths)


def _between(text: str, above: float) -> float:
    if not above < (number := float(text)) < inf:
        raise ValueError("no such number")
    return number


def fill_between(at_s: NDArray[np.float64], price: NDArray[np.float64], seed: int = 7) -> PricePath:
    """Fill a path of coarse quotes with a quote per second, keeping the quotes themselves.

    Between two quotes the price walks at random, tied to both (a Brownian bridge); its size per second
    is that of the whole path's moves, which a straight line would hide.

    Parameters
    ----------
    at_s : ndarray of shape (n,)
        Seconds of the quotes, ascending, for instance the closes of one-minute candles.
    price : ndarray of shape (n,)
        Rupees.
    seed : int, default 7
        Of the random walk.
    """
    seconds = np.arange(at_s[0], at_s[-1] + 1)
    moves = np.diff(price) / np.sqrt(np.diff(at_s))
    walk = np.random.default_rng(seed).normal(0, moves.std(), len(seconds)).cumsum()
    anchored = walk - np.interp(seconds, at_s, np.interp(at_s, seconds, walk))
    return PricePath(seconds, np.interp(seconds, at_s, price) + anchored)


# What the first notebook asked in a quarter of an hour of work on the simulated exchange: cells run again and
# again, all of them now and then, as its `DataManager` noted it. Requests only, no prices.
SESSION = Path(__file__).with_name("session.csv")
# What an analyst's notebooks ask in a session: (data type, key, mean seconds between two questions).
HABITS = (
    ("ltp", "BANKNIFTY", 2.0),
    ("ltp", "ATM option", 2.0),
    ("atm", "BANKNIFTY", 5.0),
    ("options_chain", "BANKNIFTY", 15.0),
    ("historical_data", "BANKNIFTY", 120.0),
)


def analyst_requests(duration_s: float) -> list[Question]:
    """Return the questions of a session, at seeded random moments with the mean gaps of `HABITS`."""
    rng = random.Random(7)  # noqa: S311 - a workload, not a secret
    asked = []
    for kind, key, gap_s in HABITS:
        at_s = rng.expovariate(1 / gap_s)
        while at_s < duration_s:
            asked.append(Question(at_s, kind, key))
            at_s += rng.expovariate(1 / gap_s)
    return sorted(asked, key=lambda request: request.at_s)
