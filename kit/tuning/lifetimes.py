"""The lifetime advisor: API calls saved against staleness, for every data type of a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import inf

import numpy as np
from numpy.typing import NDArray

from kit.arguments import real
from kit.errors import SettingsError
from kit.facts import in_force, table
from kit.tuning.trace import Trace

LIFETIMES_S = (0.5, 1, 2, 3, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
WINDOWS_S = {"per_second": 1, "per_minute": 60, "per_hour": 3600}


@dataclass(frozen=True)
class Source:
    """How a data type is fetched.

    Parameters
    ----------
    setting : str
        Its field in the settings section ``cache_config``.
    endpoint : str
        Its row in ``data/rate_limits.csv``.
    calls : int
        API calls of one fetch.
    hot_bytes, disk_bytes : int
        What one answer takes in memory, decoded, and in the SQLite file; measured on the simulated
        exchange with 121 strikes and fourteen weeks of five-minute bars.
    priced_by : str
        Whose price tells how stale an answer is. A chain is judged by its index, though its options move by
        more of their price; a strike by its index, though it changes only when that crosses a middle.
    """

    setting: str
    endpoint: str
    calls: int = 1
    hot_bytes: int = 64
    disk_bytes: int = 450
    priced_by: str = "price"


SOURCES: Mapping[str, Source] = {
    "ltp": Source("ltp_ttl", "getLtpData"),
    "atm": Source("atm_ttl", "getLtpData", priced_by="index"),
    # index and future, then 241 contracts at 50 a call
    "options_chain": Source("options_chain_ttl", "quote", 6, 91_000, 234_000, priced_by="index"),
    "historical_data": Source("historical_data_ttl", "getCandleData", hot_bytes=111_000, disk_bytes=153_000),
}


@dataclass(frozen=True)
class Point:
    """What one lifetime costs and saves.

    Parameters
    ----------
    lifetime_s : float
        Seconds.
    calls, saved_percent : float
        API calls made, and the share of requests' calls that was not needed.
    median_bps, p95_bps : float
        Error of the served price over all requests, basis points of the true price.
    median_inr, p95_inr : float
        The same in rupees.
    headroom_percent : float
        What the busiest window of the endpoint's limits leaves; negative: the limit breaks.
    """

    lifetime_s: float
    calls: int
    saved_percent: float
    median_bps: float
    p95_bps: float
    median_inr: float
    p95_inr: float
    headroom_percent: float


@dataclass(frozen=True)
class Lifetime:
    """The advice for one data type.

    Parameters
    ----------
    kind : str
        Data type.
    setting : str
        Field of ``cache_config`` that holds its lifetime.
    curve : sequence of Point
        One point per lifetime, ascending.
    chosen : Point or None
        The longest lifetime whose P95 error keeps the tolerance; None when not even the shortest does.
    tolerance : str
        The tolerance asked for, in words.
    """

    kind: str
    setting: str
    curve: Sequence[Point]
    chosen: Point | None
    tolerance: str

    def under(self, limit: float, unit: str = "bps") -> Lifetime:
        """Return the advice from the same curve under another tolerance, in ``"bps"`` or ``"rupees"``.

        Raises
        ------
        SettingsError
            The tolerance is negative or no number.
        """
        checked_tolerance(limit)
        held = []
        for point in self.curve:
            if (point.p95_bps if unit == "bps" else point.p95_inr) > limit:
                break  # a longer lifetime that looks better again does so by luck
            held.append(point)
        return replace(self, chosen=held[-1] if held else None, tolerance=f"{limit:g} {unit}")

    @property
    def next_longer(self) -> Point | None:
        """The shortest lifetime tried that no longer keeps the tolerance; None: all keep it."""
        after = 0 if self.chosen is None else self.curve.index(self.chosen) + 1
        return self.curve[after] if after < len(self.curve) else None

    def __str__(self) -> str:
        if self.chosen is None:
            first = self.curve[0]
            return (
                f"{self.kind}: even {first.lifetime_s:g} s is {first.p95_bps:.2f} bps (₹{first.p95_inr:.2f}) "
                f"off at P95; a tolerance of {self.tolerance} asks for no cache, or for the stream"
            )
        at, source = self.chosen, SOURCES[self.kind]
        sharing = [kind for kind, it in SOURCES.items() if it.endpoint == source.endpoint and it != source]
        shared = f" before {', '.join(sharing)}, which counts there too" if sharing else ""
        room = f"rate-limit head-room {at.headroom_percent:.0f} %{shared}"
        return (
            f"{self.kind}: {self.setting} = {at.lifetime_s:g} s saves {at.saved_percent:.0f} % of the calls; "
            f"{source.priced_by} error median {at.median_bps:.2f} bps (₹{at.median_inr:.2f}), "
            f"P95 {at.p95_bps:.2f} bps (₹{at.p95_inr:.2f}); {room}"
        )


def checked_tolerance(limit: float) -> float:
    """Return a tolerance that is a number from 0.

    Raises
    ------
    SettingsError
        It is negative, endless or no number.
    """
    if not 0 <= real(limit) < inf:
        raise SettingsError("A tolerance is 0 or more, in basis points or rupees", limit, "Say 5.")
    return limit


def advise_lifetimes(
    trace: Trace,
    tolerance_bps: float = 5.0,
    tolerance_inr: float | None = None,
    lifetimes_s: Sequence[float] = LIFETIMES_S,
) -> list[Lifetime]:
    """Replay a trace against each lifetime, for each of its data types.

    Parameters
    ----------
    trace : Trace
        Requests and price moves.
    tolerance_bps : float, default 5.0
        Largest acceptable P95 price error, basis points of the price asked for.
    tolerance_inr : float, optional
        Largest acceptable P95 price error in rupees; decides instead of the basis points.
    lifetimes_s : sequence of float
        Lifetimes to try, ascending, seconds.

    Raises
    ------
    SettingsError
        A tolerance is negative, or the trace asks for a data type that no setting governs or has no
        price path for a key.
    """
    limit, unit = (tolerance_bps, "bps") if tolerance_inr is None else (tolerance_inr, "rupees")
    checked_tolerance(limit)
    _check(trace)
    kinds = dict.fromkeys(request.kind for request in trace.requests)
    curves = {kind: [_point(trace, kind, lifetime_s) for lifetime_s in lifetimes_s] for kind in kinds}
    found = [Lifetime(kind, SOURCES[kind].setting, curve, None, "") for kind, curve in curves.items()]
    return [one.under(limit, unit) for one in found]


def _check(trace: Trace) -> None:
    for request in trace.requests:
        if request.kind not in SOURCES:
            known = f"The kit knows {', '.join(SOURCES)}."
            raise SettingsError("The trace asks for an unknown data type", request.kind, known)
        if request.key not in trace.prices:
            remedy = "Record the prices of everything that is asked."
            raise SettingsError("The trace has no prices of", request.key, remedy)


def _point(trace: Trace, kind: str, lifetime_s: float) -> Point:
    errors_inr, errors_bps, fetches = [], [], []
    for key, path in trace.prices.items():
        asked = np.array([r.at_s for r in trace.requests if r.kind == kind and r.key == key])
        if len(asked):
            fetched = served_from(asked, lifetime_s)
            true = path.at(asked)
            off = np.abs(path.at(fetched) - true)
            errors_inr.append(off)
            errors_bps.append(1e4 * off / true)
            fetches.append(np.unique(fetched))
    off_inr, off_bps = np.concatenate(errors_inr), np.concatenate(errors_bps)
    made = np.sort(np.concatenate(fetches))
    return Point(
        lifetime_s=lifetime_s,
        calls=len(made) * SOURCES[kind].calls,
        saved_percent=100 * (1 - len(made) / len(off_inr)),
        median_bps=float(np.median(off_bps)),
        p95_bps=float(np.percentile(off_bps, 95)),
        median_inr=float(np.median(off_inr)),
        p95_inr=float(np.percentile(off_inr, 95)),
        headroom_percent=headroom_percent(made, SOURCES[kind]),
    )


def served_from(asked_s: NDArray[np.float64], lifetime_s: float) -> NDArray[np.float64]:
    """Return, for each request time, when the served answer was fetched.

    Parameters
    ----------
    asked_s : ndarray of shape (n,)
        Ascending seconds.
    lifetime_s : float
        An answer is served while it is younger than this.
    """
    fetched = np.empty_like(asked_s)
    last = -np.inf
    for place, now in enumerate(asked_s):
        last = now if now - last >= lifetime_s else last
        fetched[place] = last
    return fetched


def headroom_percent(fetched_s: NDArray[np.float64], source: Source) -> float:
    """Return what the busiest sliding window leaves of the endpoint's limits, percent.

    Parameters
    ----------
    fetched_s : ndarray of shape (n,)
        Ascending seconds of the fetches.
    source : Source
        Endpoint and calls per fetch.
    """
    return 100 - used_percent(np.repeat(fetched_s, source.calls), source.endpoint)


def used_percent(calls_s: NDArray[np.float64], endpoint: str) -> float:
    """Return how much the busiest sliding window takes of an endpoint's latest limits, percent.

    Parameters
    ----------
    calls_s : ndarray of shape (n,)
        Ascending seconds of the calls; over 100 they break a limit.
    endpoint : str
        Its name in ``data/rate_limits.csv``.
    """
    limits = in_force(table("rate_limits"), date.max, endpoint=endpoint)
    shares = [
        busiest(calls_s, seconds) / int(limits[window])
        for window, seconds in WINDOWS_S.items()
        if limits[window]
    ]
    return 100 * max(shares, default=0.0)


def busiest(times_s: NDArray[np.float64], window_s: float) -> int:
    """Return the most events in any window of this length."""
    first = np.searchsorted(times_s, times_s - window_s, side="right")
    return int((np.arange(len(times_s)) - first + 1).max(initial=0))
