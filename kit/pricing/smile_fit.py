"""Fit the smile of one expiry, robustly and inside the region without butterfly arbitrage."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kit.errors import DataError
from kit.pricing.arrays import Bools, Floats, column, floats
from kit.pricing.smile import Slice, density_sign, svi

Raw = tuple[float, float, float, float, float]  # a, b, rho, m, sigma

MIN_POINTS = 6  # five parameters, and one to disagree
STEPS = 40
ENOUGH = 1e-5  # of the squares; a step that gains less is the last
PENALTIES = (0.1, 10.0, 1000.0)  # points of volatility per unit of negative density, until none is left
MARGIN = 1e-4  # of density, so that none is negative between the points looked at
OUTLIER = 4.0  # robust standard deviations
OUTLIER_FLOOR = 0.005  # half a point of volatility is within the noise of any chain
_BUMP = 1e-6
_BUMPS = _BUMP * np.eye(5)
_STEPS = np.sinh(np.linspace(-6.0, 6.0, 1201))
TRUST = 0.001  # a tenth of a point: no quote is trusted more than this


def fit_slice(
    strike: ArrayLike, iv: ArrayLike, forward: float, t_years: float, *, iv_error: ArrayLike | None = None
) -> Slice:
    """Fit the smile of one expiry.

    Parameters
    ----------
    strike, iv : array_like, shape (n,)
        Rupees and annualised fractions, best of out-of-the-money options; NaN, infinity and zero left out.
    forward, t_years : float
        Rupees and years.
    iv_error : array_like, shape (n,) or (), optional
        How uncertain each volatility is, for instance half the spread over vega; default all alike.

    Returns
    -------
    Slice
        The robust least-squares fit, free of butterfly arbitrage.

    Raises
    ------
    DataError
        Fewer than six volatilities, no forward, no time left, or columns of different lengths.
    """
    strikes = np.atleast_1d(floats(strike))
    quoted = column("iv", floats(iv), strikes)
    error = column("iv_error", floats(0.0 if iv_error is None else iv_error), strikes)
    usable = (strikes > 0) & (quoted > 0) & np.isfinite(strikes + quoted + error)
    if usable.sum() < MIN_POINTS or not t_years > 0 or not forward > 0:
        found = (int(usable.sum()), forward, t_years)
        raise DataError("A smile needs six volatilities, a forward and time to expiry", found, "Add strikes.")
    points = Points(np.log(strikes[usable] / forward), quoted[usable], error[usable])
    return fit_points(points, forward, t_years)


class Points(NamedTuple):
    """Volatilities to put a curve through, each of shape (n,).

    Parameters
    ----------
    k : ndarray
        Log-moneyness.
    iv : ndarray
        Annualised fractions, positive.
    error : ndarray
        How uncertain each is, annualised fraction.
    """

    k: Floats
    iv: Floats
    error: Floats


def fit_points(own: Points, forward: float, t_years: float, borrowed: Points | None = None) -> Slice:
    """Fit the smile to volatilities of an expiry's own, and to those that its neighbours lend it.

    Parameters
    ----------
    own : Points
        What is quoted; at least one, with six in all.
    forward, t_years : float
        Rupees and years.
    borrowed : Points, optional
        What bends the curve but is no quote: neither an outlier nor part of the fit's error.
    """
    k, quoted, error = own if borrowed is None else map(np.concatenate, zip(own, borrowed, strict=True))
    deviations = k / (_nearest(k, quoted) * math.sqrt(t_years))
    # Beyond two deviations a quote is a few ticks of lottery ticket: it counts, but less and less.
    weight = TRUST / np.sqrt(error**2 + TRUST**2) / (1 + (deviations / 2) ** 4)
    raw = _arbitrage_free(k, quoted, weight, t_years)
    misfit = np.sqrt(svi(k, *raw) / t_years) - quoted
    count = own.k.size
    far = _far_off(misfit, deviations, error) & (np.arange(k.size) < count)
    counted = (weight * ~far)[:count]
    outliers = tuple(np.sort(forward * np.exp(k[far])).round(2).tolist())
    rms = float(np.sqrt(counted @ misfit[:count] ** 2 / counted.sum())) if counted.any() else math.nan
    doubt = _atm_error(deviations, np.sqrt(error**2 + np.nan_to_num(rms) ** 2 + TRUST**2))
    ends = (round(forward * math.exp(own.k.min()), 2), round(forward * math.exp(own.k.max()), 2))
    return Slice(t_years, forward, *raw, rms, outliers, doubt, ends)


def _atm_error(deviations: Floats, error: Floats) -> float:
    """Return how uncertain the money's volatility is: the quotes within about a deviation tell it."""
    precision = float((np.exp(-(deviations**2) / 2) / error**2).sum())
    return 1 / math.sqrt(precision) if precision > 0 else math.inf


def _nearest(k: Floats, quoted: Floats) -> float:
    """Return the volatility quoted nearest the forward."""
    return float(quoted[np.argmin(np.abs(k))])


def _far_off(misfit: Floats, deviations: Floats, error: Floats) -> Bools:
    """Tell which quotes lie off the curve by more than their neighbours and their own uncertainty explain."""
    scale = 1.4826 * float(np.median(np.abs(misfit)))
    ordinary = max(OUTLIER * scale, OUTLIER_FLOOR) * (
        1 + (deviations / 2) ** 2
    )  # five numbers miss the wings
    return np.abs(misfit) > np.maximum(ordinary, 3 * error)


def _arbitrage_free(k: Floats, quoted: Floats, weight: Floats, t_years: float) -> Raw:
    """Punish negative density ever harder until there is none, then flatten what is left."""
    flat = math.log(_nearest(k, quoted) ** 2 * t_years)
    width = max(float(np.abs(k).max()), 1e-3)
    starts = [np.array([flat, 0.0, -0.3, 0.0, math.log(width * part)]) for part in (0.1, 0.5)]
    for penalty in PENALTIES:
        problem = _problem(k, quoted, weight, t_years, penalty)
        found = [_descend(start, problem, k.size) for start in starts]
        best = min(found, key=lambda free: _cost(problem(free[None])[0], k.size))
        raw = _plain(best, t_years)
        if sound(raw, width):
            return raw
        starts = [best]
    return flattened(raw, width)


def sound(raw: Raw, width: float) -> bool:
    """Look for negative density around the money at the scale of the quotes, and at that of the curve."""
    *_, m, sigma = raw
    looked_at = np.concatenate([width / 2 * _STEPS, m + sigma * _STEPS])
    return bool(density_sign(looked_at, *raw).min() >= MARGIN)


def flattened(raw: Raw, width: float) -> Raw:
    """Flatten the curve around its value at the forward, just enough; wholly flat has no arbitrage."""
    a, b, rho, m, sigma = raw
    rise = math.hypot(m, sigma) - rho * m
    low, high = 0.0, 1.0
    for _ in range(30):
        part = (low + high) / 2
        flatter = (a + (1 - part) * b * rise, part * b, rho, m, sigma)
        low, high = (part, high) if sound(flatter, width) else (low, part)
    return a + (1 - low) * b * rise, low * b, rho, m, sigma


def _raw(free: Floats, t_years: float) -> tuple[Floats, ...]:
    """Map rows of five unbounded numbers to columns of raw SVI: variance positive, wings below Lee's bound.

    The angle is measured against what a volatility of 100 % per unit of log-moneyness would need.
    """
    level, angle, tilt, shift, smoothness = free.T[..., None]
    rho = 0.999 * np.tanh(tilt)
    sigma = 0.005 + np.exp(np.clip(smoothness, -12.0, 3.0))  # no kinks
    steep = np.exp(np.clip(angle, -30.0, 30.0)) * math.sqrt(t_years) * 0.2
    b = 1.99 / (1 + np.abs(rho)) * steep / (1 + steep)
    a = np.exp(np.clip(level, -40.0, 5.0)) - b * sigma * np.sqrt(1 - rho * rho)
    return a, b, rho, np.tanh(shift), sigma


def _plain(free: Floats, t_years: float) -> Raw:
    a, b, rho, m, sigma = (float(part[0, 0]) for part in _raw(free[None], t_years))
    return a, b, rho, m, sigma


def _problem(
    k: Floats, quoted: Floats, weight: Floats, t_years: float, penalty: float
) -> Callable[[Floats], Floats]:
    """Return the function of rows whose squares are to be least: weighted misfit, then negative density."""
    width = max(float(np.abs(k).max()), 1e-3)
    grid = width * np.sinh(np.linspace(-3.5, 3.5, 61)) / math.sinh(1.5)

    def residuals(free: Floats) -> Floats:
        raw = _raw(free, t_years)
        misfit = weight * (np.sqrt(np.maximum(svi(k, *raw), 1e-300) / t_years) - quoted)
        negative = np.minimum(density_sign(grid, *raw) - 10 * MARGIN, 0.0)
        return np.concatenate([misfit, penalty * negative], axis=1)

    return residuals


def _huber(errors: Floats, quotes: int) -> Floats:
    """Return weights that let outliers pull, but not harder than an ordinary misfit."""
    size = np.abs(errors)
    # A median of wide quotes, which weigh little, must not make tight ones look wrong: two of a quote's own
    # deviations are ordinary, and each error is measured in its quote's deviations, times TRUST.
    limit = 2.0 * max(float(np.median(size[:quotes])), TRUST)
    weight = np.where(size <= limit, 1.0, limit / np.maximum(size, 1e-300))
    weight[quotes:] = 1.0
    return weight


def _cost(errors: Floats, quotes: int) -> float:
    """Compare fits by the sum of distances, which one outlier cannot decide."""
    return float(np.abs(errors[:quotes]).sum() + (errors[quotes:] ** 2).sum())


def _descend(free: Floats, residuals: Callable[[Floats], Floats], quotes: int) -> Floats:
    """Walk downhill by Levenberg and Marquardt's method."""
    damping, errors = 1e-2, residuals(free[None])[0]
    for _ in range(STEPS):
        weight = _huber(errors, quotes)
        jacobian = (residuals(free + _BUMPS) - errors) / _BUMP
        normal, gradient = (jacobian * weight) @ jacobian.T, (jacobian * weight) @ errors
        scaled = np.diag(normal.diagonal() + 1e-9 * normal.diagonal().max() + 1e-300)
        before = (weight * errors * errors).sum()
        while damping < 1e8:
            try:
                step = np.linalg.solve(normal + damping * scaled, gradient)
            except np.linalg.LinAlgError:  # nothing changes the fit any more: a flat smile needs no slope
                return free
            trial = residuals((free - step)[None])[0]
            after = (weight * trial * trial).sum()
            if after < before:
                break
            damping *= 10
        else:
            return free
        free, errors, damping = free - step, trial, damping * 0.2
        if np.abs(step).max() < 1e-6 or before - after < ENOUGH * before:
            break
    return free
