"""The compiled loops: the algorithm of `kit.pricing.solver`, eight options at a time.

Options travel in blocks through one flat workspace of constant row length. With every row a constant distance
from every other, LLVM can prove that a loop's rows never overlap and emits vector instructions for the whole
loop; separate arrays would need more run-time checks than it is willing to make. No loop branches. What needs
more than the loops give (see `_settle`) is marked, and left to the NumPy engine.

`kit.pricing.machine_code` compiles `evaluate`. Importing this module imports numba.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from kit.pricing.arrays import Floats
from kit.pricing.elementary import erfcx_bottom, erfcx_top, exp_negative, log_positive, log_ratio
from kit.pricing.numpy_engine import VEGA_SCALE
from kit.pricing.reasons import Reason
from kit.pricing.solver import GUESS_BOTTOM, GUESS_TOP, SLOPE_SCALE, SQRT_HALF

F = TypeVar("F", bound=Callable[..., Any])

LANES = 128  # options in one block: the workspace then fits the first-level cache
UNSETTLED = -1

# Rows of the workspace: inputs, results, and what passes between the loops.
FORWARD, STRIKE, YEARS, DISCOUNT, CALL, PRICE = (row * LANES for row in range(6))
IV, DELTA, GAMMA, THETA, VEGA, RHO = (row * LANES for row in range(6, 12))
ROOT, P, TIME_VALUE, S, STEP, CODE = (row * LANES for row in range(12, 18))
WORKSPACE = 18 * LANES

MISSING, EXPIRED = int(Reason.MISSING), int(Reason.EXPIRED)
BELOW, NO_VALUE, ABOVE = int(Reason.BELOW_INTRINSIC), int(Reason.NO_TIME_VALUE), int(Reason.ABOVE_BOUND)
(T0, T1, T2, T3, T4, T5, T6), (_, B1, B2, B3, B4, B5) = GUESS_TOP, GUESS_BOTTOM

# `contract` alone: NaN and infinity keep their meaning, sums keep their order.
OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy"}


def _loop(function: F) -> F:
    """Compile a loop that only `run` calls: wrapping it for Python would take time and serve nobody."""
    bare = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(F, njit(**bare)(function))


@_loop
def _normalise(w: Floats) -> None:
    """Find the time value, and why it does or does not determine a volatility."""
    for i in range(LANES):
        forward, strike, years, discount = w[i + FORWARD], w[i + STRIKE], w[i + YEARS], w[i + DISCOUNT]
        undiscounted = w[i + PRICE] / discount
        signed = forward - strike if w[i + CALL] != 0.0 else strike - forward
        time_value = undiscounted - max(signed, 0.0)
        noise = 4e-16 * (max(undiscounted, forward + strike) if signed > 0.0 else undiscounted)
        code = 0.0
        code = NO_VALUE if time_value <= noise else code
        code = ABOVE if time_value >= min(forward, strike) else code
        code = BELOW if time_value < -noise or w[i + PRICE] < 0.0 else code
        code = EXPIRED if years <= 0.0 else code
        product, ratio = forward * strike, forward / strike
        sound = forward > 0.0 and product > 1e-290 and product < 1e290 and ratio > 1e-290 and ratio < 1e290
        sound = sound and discount > 0.0 and discount < math.inf and abs(years) < math.inf
        code = code if sound and not math.isnan(w[i + PRICE]) else MISSING
        w[i + CODE] = code
        w[i + TIME_VALUE] = time_value
        w[i + ROOT] = math.sqrt(product)
        w[i + P] = abs(log_ratio(forward, strike))


@_loop
def _guess(w: Floats) -> None:
    """Start from the Bachelier volatility of the time value."""
    for i in range(LANES):
        c, root = w[i + TIME_VALUE], w[i + ROOT]
        d = abs(w[i + FORWARD] - w[i + STRIKE])
        straddle = 2.0 * c + d
        floored = d + 1e-4 * c
        eta = floored / (straddle * (0.5 * log_positive(1.0 + floored / c)))
        top = T0 + eta * (T1 + eta * (T2 + eta * (T3 + eta * (T4 + eta * (T5 + eta * T6)))))
        bottom = 1.0 + eta * (B1 + eta * (B2 + eta * (B3 + eta * (B4 + eta * B5))))
        normal = straddle * math.sqrt(eta) * top / (root * bottom)
        squared = normal * normal
        to_lognormal = root * (w[i + P] + 1e-9) / (d + 1e-9 * root)
        w[i + S] = normal * to_lognormal * (1.0 + squared * (1 / 24 + squared * (7 / 1920)))


@_loop
def _polish(w: Floats) -> None:
    """Take one third-order step of Householder on the logarithm of the price."""
    for i in range(LANES):
        s, p = w[i + S], w[i + P]
        per_s = 1.0 / s
        h, t = p * per_s, 0.5 * s
        low, high = (h - t) * SQRT_HALF, (h + t) * SQRT_HALF
        low_bottom, high_bottom = erfcx_bottom(low), erfcx_bottom(high)
        difference = erfcx_top(low) * high_bottom - erfcx_top(high) * low_bottom
        bottom = low_bottom * high_bottom
        bracket = difference / bottom
        value = log_positive(bracket * w[i + ROOT] / (2.0 * w[i + TIME_VALUE])) - 0.5 * (h * h + t * t)
        slope = SLOPE_SCALE / bracket
        second = h * h * per_s - 0.25 * s
        third = second * second - 3.0 * (h * per_s) * (h * per_s) - 0.25
        newton = -value / slope
        gamma = second - slope
        delta = third - 3.0 * slope * second + 2.0 * slope * slope
        step = newton * (1.0 + 0.5 * gamma * newton) / (1.0 + newton * (gamma + delta * newton / 6.0))
        w[i + STEP] = newton
        w[i + S] = s + step


@_loop
def _settle(w: Floats) -> None:
    """Mark what has not converged, or has left the range of the fits, for the bracketing solver.

    With ``s < 2`` and ``h < 36`` the arguments of the fits lie between -0.8 and 27.
    """
    for i in range(LANES):
        s, p = w[i + S], w[i + P]
        settled = abs(w[i + STEP]) * (s * s + p * p) < 1e-3 * s * s * s
        scale = s * w[i + YEARS] * w[i + FORWARD]
        settled = settled and s < 2.0 and p < 36.0 * s and scale > 1e-200 and scale < 1e200
        code = w[i + CODE]
        w[i + CODE] = code if settled or code > 0.0 else UNSETTLED
        w[i + S] = s if settled and code == 0.0 else math.nan


@_loop
def _far(w: Floats) -> bool:
    """Tell whether any step of the block was too long to be the last.

    The step is of the fourth order: what it leaves over is its relative length, times the squared
    deviations, to the fourth power, here under 1e-13.
    """
    far = 0.0
    for i in range(LANES):
        s, p = w[i + S], w[i + P]
        long = not abs(w[i + STEP]) * (s * s + p * p) < 4e-4 * s * s * s
        far += 1.0 if long and w[i + CODE] == 0.0 else 0.0
    return far > 0.0


@_loop
def _sensitivities(w: Floats) -> None:
    """Turn ``s`` and the price into volatility and Greeks."""
    for i in range(LANES):
        s, p, root, price = w[i + S], w[i + P], w[i + ROOT], w[i + PRICE]
        forward, years, discount = w[i + FORWARD], w[i + YEARS], w[i + DISCOUNT]
        inverse = 1.0 / (s * years * forward)
        per_s, per_year, per_forward = inverse * years * forward, inverse * s * forward, inverse * s * years
        h, t = p * per_s, 0.5 * s
        spread = exp_negative(0.5 * (h * h + t * t))
        call_is_out = forward <= w[i + STRIKE]
        at = (h - t if call_is_out else h + t) * SQRT_HALF
        out = 0.5 * spread * root * per_forward * erfcx_top(at) / erfcx_bottom(at)
        is_out = call_is_out if w[i + CALL] != 0.0 else not call_is_out
        delta = out if is_out else 1.0 - out
        density = discount * VEGA_SCALE * root * spread
        root_years = math.sqrt(years)
        w[i + IV] = s * root_years * per_year
        w[i + DELTA] = discount * (delta if w[i + CALL] != 0.0 else -delta)
        w[i + GAMMA] = density * per_forward * per_forward * per_s
        w[i + VEGA] = 0.01 * density * root_years
        w[i + THETA] = (-1 / 365) * per_year * (log_positive(discount) * price + 0.5 * density * s)
        w[i + RHO] = -0.01 * years * price + 0.0 * s  # NaN where the volatility is


@_loop
def _price(w: Floats) -> None:
    """Turn volatility into ``s`` and the price; mark what lies outside the range of the fits."""
    for i in range(LANES):
        forward, strike, years, sigma = w[i + FORWARD], w[i + STRIKE], w[i + YEARS], w[i + IV]
        product, ratio = forward * strike, forward / strike
        root, p = math.sqrt(product), abs(log_ratio(forward, strike))
        s = sigma * math.sqrt(years)
        h, t = p / s, 0.5 * s
        low, high = (h - t) * SQRT_HALF, (h + t) * SQRT_HALF
        low_bottom, high_bottom = erfcx_bottom(low), erfcx_bottom(high)
        difference = erfcx_top(low) * high_bottom - erfcx_top(high) * low_bottom
        twin = 0.5 * root * exp_negative(0.5 * (h * h + t * t)) * difference / (low_bottom * high_bottom)
        signed = forward - strike if w[i + CALL] != 0.0 else strike - forward
        sound = forward > 0.0 and product > 1e-290 and product < 1e290 and ratio > 1e-290 and ratio < 1e290
        sound = sound and w[i + DISCOUNT] > 0.0 and w[i + DISCOUNT] < math.inf
        scale = s * years * forward
        settled = sound and scale > 1e-200 and scale < 1e200 and s < 2.0 and p < 36.0 * s
        w[i + CODE] = 0.0 if settled else (MISSING if math.isnan(sigma) else UNSETTLED)
        w[i + S] = s if settled else math.nan
        w[i + ROOT], w[i + P] = root, p
        w[i + PRICE] = w[i + DISCOUNT] * (max(signed, 0.0) + twin) if settled else math.nan


@_loop
def _load(w: Floats, row: int, column: Any, start: int, count: int) -> None:
    """Copy part of a column into a row and fill the lanes left over; one value stands for a column."""
    if column.size == 1:
        for lane in range(LANES):
            w[row + lane] = column[0]
    else:
        for lane in range(count):
            w[row + lane] = column[start + lane]
        for lane in range(count, LANES):
            w[row + lane] = 1.0


@_loop
def _store(w: Floats, row: int, column: Any, start: int, count: int) -> None:
    for lane in range(count):
        column[start + lane] = w[row + lane]


def evaluate(
    known: Any,
    forward: Any,
    strike: Any,
    years: Any,
    discount: Any,
    is_call: Any,
    rows: Any,
    codes: Any,
    begin: int,
    end: int,
    solve: bool,
) -> None:
    """Fill ``rows[:, begin:end]`` and the codes beside it.

    Parameters
    ----------
    known : ndarray, shape (n,) or (1,)
        Prices if `solve`, else volatilities.
    forward, strike, years, discount, is_call : ndarray, shape (n,) or (1,)
        As in `kit.pricing.black76`.
    rows : ndarray, shape (1 or 6, n)
        Volatility if `solve`, else price; then delta, gamma, theta, vega and rho.
    codes : ndarray of int8, shape (n,)
        `Reason` codes, or ``UNSETTLED``.
    begin, end : int
        The part of the rows to fill.
    solve : bool
        Whether prices are known and volatilities wanted.
    """
    w = np.empty(WORKSPACE)
    for start in range(begin, end, LANES):
        count = min(LANES, end - start)
        _load(w, PRICE if solve else IV, known, start, count)
        _load(w, FORWARD, forward, start, count)
        _load(w, STRIKE, strike, start, count)
        _load(w, YEARS, years, start, count)
        _load(w, DISCOUNT, discount, start, count)
        _load(w, CALL, is_call, start, count)
        if solve:
            _normalise(w)
            _guess(w)
            _polish(w)
            if _far(w):
                _polish(w)
            _settle(w)
        else:
            _price(w)
        if solve or rows.shape[0] > 1:
            _sensitivities(w)
        _store(w, IV if solve else PRICE, rows[0], start, count)
        for row in range(1, rows.shape[0]):
            _store(w, IV + row * LANES, rows[row], start, count)
        for lane in range(count):
            codes[start + lane] = int(w[CODE + lane])
