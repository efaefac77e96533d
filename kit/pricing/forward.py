"""The forward of an expiry, implied from put-call parity.

For every strike ``C - P = D (F - K)``, so call minus put is a straight line in the strike whose slope is
the discount factor and whose zero is the forward. Bank Nifty's spot carries neither the dividends nor the
financing of the expiry, and the near future belongs to another expiry: both bend the smile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kit.arguments import checked
from kit.clock import tick_inr
from kit.pricing.arrays import Floats, column, floats
from kit.pricing.parity_bounds import held, parity_bounds

Origin = Literal["parity", "future", "carry", "spot"]

MIN_PAIRS = 3  # two strikes always lie on a line: only a third one can disagree
MAX_PAIRS = 24
WINDOW = 0.10  # of the forward; beyond it spreads are wide and quotes stale
NEAR = 0.01  # of the forward; further out quotes are staler than their spread admits
RATE_DOUBT = 0.02  # how far the financing rate in the quotes may be from the treasury bill's
MAX_ERROR = 0.002  # of the forward; a looser parity is not a forward
TRADES_ERROR = 0.0005  # likewise where the pairs are trades of different moments, and the future is traded
TRADES_APART = 0.00012  # of the forward: what one pair of trades of different moments is believed to miss
CARRY_DOUBT = 0.017  # a year, times years: by how much the futures of far months differ from parity of trades
ORDINARY = 1.345  # deviations beyond which a pair pulls no harder: Huber's
MOST_YEARS = 1000.0  # no expiry is further away
MOST_DISCOUNT = 500.0  # rate times years; e to the power of more is no number to price with
WRONG = 6.0  # deviations beyond which it does not pull at all


@dataclass(frozen=True)
class Forward:
    """A forward, its discount factor, and where they come from.

    Parameters
    ----------
    value : float
        Rupees.
    discount : float
        Discount factor to the expiry.
    source : {"parity", "future", "carry", "spot"}
        Put-call parity, the future of the same expiry, the carry of the neighbouring expiries, or the spot
        grown at the rate; the last two as far as the quotes allow them.
    pairs : int
        Strikes the parity rests on; 0 otherwise.
    error_inr : float
        Standard error of `value`, rupees; NaN unless from parity.
    """

    value: float
    discount: float
    source: Origin
    pairs: int = 0
    error_inr: float = float("nan")


@checked
def implied_forward(
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    t_years: float,
    *,
    spot: float,
    rate: float,
    future: float | None = None,
    carried: float = float("nan"),
    step_inr: float | None = None,
) -> Forward:
    """Imply forward and discount factor of one expiry from its quotes.

    Parameters
    ----------
    strike : array_like, shape (n,)
        Rupees, each once.
    call_bid, call_ask, put_bid, put_ask : array_like, shape (n,)
        Rupees; NaN: no quote. A settlement price is its own bid and ask.
    t_years : float
        Years to expiry.
    spot : float
        Index level, rupees; used when everything else is missing. NaN is allowed when it is not.
    rate : float
        Annual fraction; the discount factor where the quotes do not know better.
    future : float, optional
        Price at which the future of the same expiry trades, rupees.
    carried : float, default NaN
        This expiry's forward as the neighbouring ones imply it, rupees: `carried_forward`.
    step_inr : float, optional
        Smallest step of a price on that day, rupees; None: the last one known.

    Returns
    -------
    Forward
        From parity where at least three strikes near the money are quoted on both sides and agree; else
        the future, else `carried`, else the spot grown at the rate, else a parity that hardly agrees.
        Wherever the quotes on both sides do not contradict each other, it lies between the forwards at
        which somebody could trade against them for certain profit.
    """
    years = max(float(discounted(t_years, rate)), 0.0)
    prior = float(np.exp(-rate * years))
    k = np.ravel(floats(strike))
    sides = {"call_bid": call_bid, "call_ask": call_ask, "put_bid": put_bid, "put_ask": put_ask}
    cb, ca, pb, pa = (column(name, floats(side), k) for name, side in sides.items())
    bounds = parity_bounds(k, cb, ca, pb, pa, prior)
    step = tick_inr() if step_inr is None else step_inr
    found = _parity(*_pairs(k, cb, ca, pb, pa), prior, years, step)
    dealt = np.nan if future is None or not 0 < future < np.inf else float(future)
    loosest = TRADES_ERROR if dealt > 0 and not (ca > cb).any() else MAX_ERROR
    sure = found is not None and found.error_inr <= loosest * found.value
    if dealt > 0 and not sure:
        return Forward(float(np.clip(dealt, *bounds.most_agreed(dealt))), prior, "future")
    if found is not None and (sure or np.isnan(np.fmax(carried, spot))):
        common = parity_bounds(k, cb, ca, pb, pa, found.discount).common
        return replace(found, value=float(np.clip(found.value, *common)))
    source: Origin = "spot" if np.isnan(carried) else "carry"
    guess = float(np.divide(spot, prior or np.nan)) if source == "spot" else carried
    return Forward(held(guess, bounds), prior, source)


def discounted(t_years: ArrayLike, rate: float) -> Floats:
    """Return years to an expiry, NaN where none is so far away or its discount factor is 0 or infinite."""
    years = floats(t_years)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where((np.abs(years) > MOST_YEARS) | (np.abs(rate * years) > MOST_DISCOUNT), np.nan, years)


def carried_forward(
    t_years: float, known_years: ArrayLike, known: ArrayLike, spot: float, rate: float
) -> float:
    """Return the forward of an expiry as those of the neighbouring expiries imply it, rupees.

    Between two of them its logarithm is linear in time; beyond the last the carry from the spot to there
    goes on, without a spot that of the last two, with one alone the rate.

    Parameters
    ----------
    t_years : float
        Years to the expiry wanted.
    known_years, known : array_like, shape (n,)
        Ascending years, and rupees.
    spot : float
        Index level, rupees; NaN: unknown.
    rate : float
        Annual fraction.

    Returns
    -------
    float
        NaN where no forward is known.
    """
    years, logs = floats(known_years), np.log(floats(known))
    if not years.size:
        return float("nan")
    if spot > 0 and years[0] > 0:
        years, logs = np.append(0.0, years), np.append(np.log(spot), logs)
    if years[0] <= t_years <= years[-1]:
        return float(np.exp(np.interp(t_years, years, logs)))
    start = 0 if spot > 0 else max(years.size - 2, 0)
    carry = (logs[-1] - logs[start]) / (years[-1] - years[start]) if years.size > 1 else rate
    at = -1 if t_years > years[-1] else 0
    return float(np.exp(logs[at] + carry * float(discounted(t_years - years[at], carry))))


def _pairs(
    strike: Floats, call_bid: Floats, call_ask: Floats, put_bid: Floats, put_ask: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return strike, call minus put, and the width of that difference, where both are sound quotes."""
    sound = (call_bid > 0) & (call_ask >= call_bid) & (put_bid > 0) & (put_ask >= put_bid)
    sound &= np.isfinite(call_ask + put_ask)
    k, cb, ca, pb, pa = (side[sound] for side in (strike, call_bid, call_ask, put_bid, put_ask))
    return k, (cb + ca - pb - pa) / 2, (ca - cb) + (pa - pb)


def _near_the_money(
    k: Floats, gap: Floats, width: Floats, prior: float, step: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Keep the nearest pairs around the weighted median of what each strike alone implies, and their age."""
    implied = k + gap / prior
    order = np.argsort(implied)
    weight = np.cumsum(1 / (width[order] + step))
    centre = implied[order[np.searchsorted(weight, weight[-1] / 2)]]
    distance = np.abs(k - centre)
    nearest = np.argsort(distance, kind="stable")[:MAX_PAIRS]
    kept = np.sort(nearest[distance[nearest] <= WINDOW * centre])
    return k[kept], gap[kept], width[kept], 1 + (distance[kept] / (NEAR * centre)) ** 2


def _parity(
    k: Floats, gap: Floats, width: Floats, prior: float, t_years: float, step: float
) -> Forward | None:
    """Fit the line to the pairs near the money; None where they are fewer than three."""
    if k.size < MIN_PAIRS:
        return None
    near = _near_the_money(k, gap, width, prior, step)
    return _regress(*near, prior, t_years, step) if near[0].size >= MIN_PAIRS else None


def _regress(
    k: Floats, gap: Floats, width: Floats, age: Floats, prior: float, t_years: float, step: float
) -> Forward:
    """Fit the parity line with Huber weights; the discount factor leans on its prior.

    A week's quotes tell the slope far worse than the treasury bill does, so the prior enters as one more
    observation, as doubtful as the rate is. A pair is as doubtful as half its width and as what pairs
    scatter beyond their widths, both times its age. Without spreads the pairs are trades of different
    moments: what the index moved between them is common to many, and their number does not average it away.
    """
    x = k[np.argmin(np.abs(gap))] - k
    doubt = prior * RATE_DOUBT * t_years + 1e-6
    half = np.maximum(width, step) / 2
    ordinary = _middle(half)
    slope, level, variance = prior, _middle(gap - prior * x), np.inf
    weight = np.ones_like(k)
    for _ in range(8):
        residual = np.abs(gap - level - slope * x)
        scatter = max(1.4826 * _middle(residual / age), ordinary) ** 2 - ordinary**2
        deviation = age * np.sqrt(half**2 + scatter)
        off = np.maximum(residual / deviation, 1e-12)
        weight = np.minimum(1.0, ORDINARY / off) * (off < WRONG) / deviation**2
        s0, s1, s2 = weight.sum(), weight @ x, weight @ (x * x) + doubt**-2
        g0, g1 = weight @ gap, weight @ (x * gap) + prior * doubt**-2
        determinant = s0 * s2 - s1 * s1
        level, slope = (s2 * g0 - s1 * g1) / determinant, (s0 * g1 - s1 * g0) / determinant
        variance = s2 / determinant
    value = k[np.argmin(np.abs(gap))] + level / slope
    trades = float(weight[width < step / 2].sum() / weight.sum())
    apart = (1.4826 * _middle(np.abs(gap - level - slope * x))) ** 2 * (k.size - 2)
    apart = (apart + (TRADES_APART * value) ** 2) / (k.size - 1)  # three on a line by chance prove nothing
    variance += trades * (apart + (min(CARRY_DOUBT * t_years**2, MAX_ERROR / 2) * value) ** 2)
    return Forward(float(value), float(slope), "parity", k.size, float(variance**0.5 / slope))


def _middle(values: Floats) -> float:
    """Return the median, the upper one of two: ten times as fast as NumPy's on a few numbers."""
    half = values.size // 2
    return float(np.partition(values, half)[half])
