"""Analytics of one expiry's open interest, volume and prices: pure functions on arrays by strike.

`call_oi`, `put_oi` and the like are 1-D arrays over the same strikes; NaN counts as nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.arguments import like
from kit.pricing.arrays import Floats, floats
from kit.pricing.measures import chain_variance
from kit.quotes import mid_or_last
from kit.shown import Showable

if TYPE_CHECKING:
    from kit.model import ChainSnapshot


BUILD_UPS = ("unchanged", "long build-up", "short build-up", "short covering", "long unwinding", "unknown")

COLUMNS = ("price", "oi", "volume", "gamma", "oi_change", "ltp_change")  # of a side, by strike


def _amounts(values: ArrayLike) -> Floats:
    amounts = floats(values)
    return np.where(np.isnan(amounts), 0.0, amounts)


def put_call_ratio(call: ArrayLike, put: ArrayLike) -> float:
    """Return the sum over puts divided by the sum over calls, of open interest or of volume.

    Returns
    -------
    float
        NaN when the calls sum to nothing.
    """
    calls = float(_amounts(call).sum())
    return float(_amounts(put).sum()) / calls if calls else float("nan")


def max_pain(strike: ArrayLike, call_oi: ArrayLike, put_oi: ArrayLike) -> float:
    """Return the listed strike at which a settlement would pay option holders least, rupees.

    Returns
    -------
    float
        The lower one of two equal strikes; NaN without open interest.
    """
    k, calls, puts = floats(strike), _amounts(call_oi), _amounts(put_oi)
    if not (calls.sum() + puts.sum()):
        return float("nan")
    gain = k[:, None] - k[None, :]  # settlement by row, strike by column
    payout = np.maximum(gain, 0.0) @ calls + np.maximum(-gain, 0.0) @ puts
    return float(k[np.argmin(payout)])


def build_up(price_change: ArrayLike, oi_change: ArrayLike) -> NDArray[np.object_]:
    """Name what each contract's change of price and open interest suggests.

    Price up and interest up is a long build-up; down and up a short build-up; up and down short covering;
    down and down long unwinding. No change on either side is unchanged, NaN on either side unknown.

    Parameters
    ----------
    price_change, oi_change : array_like
        Since the previous close; any units.

    Returns
    -------
    ndarray of str
        Members of `BUILD_UPS`.
    """
    price, interest = floats(price_change), floats(oi_change)
    cases = [
        np.isnan(price) | np.isnan(interest),
        (price > 0) & (interest > 0),
        (price < 0) & (interest > 0),
        (price > 0) & (interest < 0),
        (price < 0) & (interest < 0),
    ]
    words: NDArray[np.object_] = np.array(BUILD_UPS, dtype=object)[np.select(cases, [5, 1, 2, 3, 4], 0)]
    return words


def support(strike: ArrayLike, put_oi: ArrayLike, forward: float, count: int = 3) -> Floats:
    """Return the strikes at or below the forward with the most put open interest, largest first."""
    return _heaviest(strike, put_oi, floats(strike) <= forward, count)


def resistance(strike: ArrayLike, call_oi: ArrayLike, forward: float, count: int = 3) -> Floats:
    """Return the strikes at or above the forward with the most call open interest, largest first."""
    return _heaviest(strike, call_oi, floats(strike) >= forward, count)


def heaviest(strike: ArrayLike, oi: ArrayLike, count: int = 3) -> Floats:
    """Return the strikes with the most open interest, largest first, wherever the forward is."""
    k = floats(strike)
    return _heaviest(k, oi, np.ones(k.shape, np.bool_), count)


def _heaviest(strike: ArrayLike, oi: ArrayLike, allowed: NDArray[np.bool_], count: int) -> Floats:
    weight = np.where(allowed, _amounts(oi), 0.0)
    order = np.argsort(-weight, kind="stable")[:count]
    return floats(strike)[order[weight[order] > 0]]


def _at_the_money(strike: ArrayLike, forward: float, *columns: ArrayLike) -> list[float]:
    """Return each column at the strike nearest the forward, the first of two; NaN without a forward."""
    distance = np.abs(floats(strike) - forward)
    if not np.isfinite(distance).any():
        return [float("nan")] * len(columns)
    at = int(np.nanargmin(distance))
    return [float(floats(column)[at]) for column in columns]


def synthetic_future(strike: ArrayLike, call: ArrayLike, put: ArrayLike, discount: float = 1.0) -> Floats:
    """Return what each strike's call and put imply for the forward, rupees: ``K + (C - P) / D``."""
    k = floats(strike)
    gap = floats(call) - floats(put)
    return k + gap / discount


def gamma_exposure(
    call_gamma: ArrayLike, put_gamma: ArrayLike, call_oi: ArrayLike, put_oi: ArrayLike, forward: float
) -> Floats:
    """Return by strike how much delta, in rupees, a hedger gains when the forward moves by 1 %.

    By the usual convention the hedger is long all calls and short all puts of the open interest. That is an
    assumption about who holds what, not a measurement.

    Parameters
    ----------
    call_gamma, put_gamma : array_like
        Change of delta per rupee of the forward, per unit.
    call_oi, put_oi : array_like
        Units, never lots.
    forward : float
        Rupees.
    """
    net = _amounts(call_gamma) * _amounts(call_oi) - _amounts(put_gamma) * _amounts(put_oi)
    return net * forward * forward * 0.01


@dataclass(frozen=True, repr=False)
class Analytics(Showable):
    """The analytics of one expiry.

    Parameters
    ----------
    pcr_oi, pcr_volume : float
        Put-call ratios.
    max_pain, atmf_strike, straddle_inr, synthetic_future : float
        Rupees; the last at the strike nearest the forward. NaN where the forward is.
    support, resistance : tuple of float
        Strikes of puts at or below the forward, and of calls at or above it, heaviest first, rupees.
    heaviest_calls, heaviest_puts : tuple of float
        Strikes with the most open interest of all, heaviest first, rupees.
    gamma_exposure : ndarray
        Rupees of delta per 1 % move, by strike, ascending.
    call_oi_change, put_oi_change : float
        Change of open interest since the previous close over all calls and over all puts, units; NaN: none is
        known.
    call_build_up, put_build_up : ndarray of str
        Members of `BUILD_UPS`, by strike, ascending.
    """

    pcr_oi: float
    pcr_volume: float
    max_pain: float
    atmf_strike: float
    straddle_inr: float
    synthetic_future: float
    support: tuple[float, ...]
    resistance: tuple[float, ...]
    heaviest_calls: tuple[float, ...]
    heaviest_puts: tuple[float, ...]
    gamma_exposure: Floats
    call_oi_change: float
    put_oi_change: float
    call_build_up: NDArray[np.object_]
    put_build_up: NDArray[np.object_]

    def _figures(self) -> dict[str, object]:
        return {
            "Put-call ratio (OI)": self.pcr_oi,
            "Put-call ratio (volume)": self.pcr_volume,
            "Max pain": self.max_pain,
            "At the money forward": self.atmf_strike,
            "Straddle": self.straddle_inr,
            "Synthetic future": self.synthetic_future,
            "Support": self.support,
            "Resistance": self.resistance,
            "Call OI change": self.call_oi_change,
            "Put OI change": self.put_oi_change,
        }


def analytics(
    strike: Floats, call: dict[str, Floats], put: dict[str, Floats], forward: float, discount: float
) -> Analytics:
    """Gather every analytic of one expiry.

    Parameters
    ----------
    strike : ndarray, shape (n,)
        Ascending, rupees.
    call, put : dict of ndarray
        The columns of `COLUMNS` by strike.
    forward, discount : float
        Rupees, and the discount factor.
    """
    atm, call_price, put_price = _at_the_money(strike, forward, strike, call["price"], put["price"])
    return Analytics(
        pcr_oi=put_call_ratio(call["oi"], put["oi"]),
        pcr_volume=put_call_ratio(call["volume"], put["volume"]),
        max_pain=max_pain(strike, call["oi"], put["oi"]),
        atmf_strike=atm,
        straddle_inr=call_price + put_price,
        synthetic_future=atm + (call_price - put_price) / discount,
        support=tuple(support(strike, put["oi"], forward).tolist()),
        resistance=tuple(resistance(strike, call["oi"], forward).tolist()),
        heaviest_calls=tuple(heaviest(strike, call["oi"]).tolist()),
        heaviest_puts=tuple(heaviest(strike, put["oi"]).tolist()),
        gamma_exposure=gamma_exposure(call["gamma"], put["gamma"], call["oi"], put["oi"], forward),
        call_oi_change=_known_sum(call["oi_change"]),
        put_oi_change=_known_sum(put["oi_change"]),
        call_build_up=build_up(call["ltp_change"], call["oi_change"]),
        put_build_up=build_up(put["ltp_change"], put["oi_change"]),
    )


def _known_sum(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.sum()) if known.size else float("nan")


def snapshot_analytics(snapshot: ChainSnapshot) -> Analytics:
    """Gather every analytic of a chain snapshot.

    Prices are those of `kit.quotes.mid_or_last`.
    """
    like(snapshot, "snapshot", "wide")
    strikes, call, put = _sides(snapshot)
    return analytics(strikes, call, put, snapshot.forward, snapshot.discount)


def snapshot_variance(snapshot: ChainSnapshot) -> float:
    """Return `kit.pricing.measures.chain_variance` of a chain snapshot, annualised."""
    strikes, call, put = _sides(snapshot)
    forward, discount, years = snapshot.forward, snapshot.discount, snapshot.t_years
    return chain_variance(strikes, call["price"], put["price"], forward, discount, years)


def _sides(snapshot: ChainSnapshot) -> tuple[Floats, dict[str, Floats], dict[str, Floats]]:
    """Return the strikes, and the columns of calls and of puts by strike."""
    frame, strikes = snapshot.frame, np.array(snapshot.strikes)
    if "ltp_change" not in frame:
        frame = frame.assign(ltp_change=np.nan)
    priced = frame.assign(price=mid_or_last(*(frame[name] for name in ("bid", "ask", "ltp", "volume"))))
    columns = []
    for right in ("CE", "PE"):
        rows = priced[priced["right"] == right].set_index("strike").reindex(strikes)
        columns.append({name: rows[name].to_numpy(np.float64) for name in COLUMNS})
    return strikes, columns[0], columns[1]
