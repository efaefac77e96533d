"""Black-76 in plain NumPy: the reference engine, used where numba is missing and for what it leaves over.

The notation is that of `kit.pricing.solver`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import erfcx, ndtr

from kit.pricing.arrays import Bools, Floats
from kit.pricing.reasons import Codes, Reason
from kit.pricing.solver import SQRT_HALF, log_moneyness, total_volatility

Columns = tuple[Floats, Floats, Floats, Floats, Floats, Bools]

BLOCK = 4096  # options per pass: the temporaries of one pass stay in the processor's cache
VEGA_SCALE = 0.3989422804014327  # 1/√(2π)


def prices(columns: Columns, size: int, rows: int, threads: int | None) -> Floats:  # noqa: ARG001 one thread
    """Return price (and Greeks) as rows; see `kit.pricing.engines.PricingEngine`."""
    out = np.empty((rows, size))
    with np.errstate(all="ignore"):  # NaN in, NaN out; s = 0 gives the limits
        for part, (sigma, *rest) in _blocks(columns, size):
            s = np.where(sigma >= 0, sigma, np.nan) * np.sqrt(np.maximum(rest[2], 0.0))
            out[0, part] = _price(s, *rest)
            if rows > 1:
                out[1:, part] = _sensitivities(out[0, part], s, *rest)
    return out


def volatilities(
    columns: Columns,
    size: int,
    rows: int,
    threads: int | None,  # noqa: ARG001 one thread
) -> tuple[Floats, Codes]:
    """Return volatility (and Greeks) as rows, and reason codes; see `kit.pricing.engines.PricingEngine`."""
    out, codes = np.empty((rows, size)), np.empty(size, np.int8)
    with np.errstate(all="ignore"):  # the codes say what the arithmetic could not
        for part, (price, *rest) in _blocks(columns, size):
            time_value, codes[part] = classify(price, *rest)
            good = codes[part] == Reason.OK
            s = np.full(price.size, np.nan)
            forward, strike = rest[0][good], rest[1][good]
            s[good] = total_volatility(time_value[good], np.abs(forward - strike), forward, strike)
            out[0, part] = s / np.sqrt(rest[2])
            if rows > 1:
                out[1:, part] = _sensitivities(price, s, *rest)
    return out, codes


def classify(
    price: Floats, forward: Floats, strike: Floats, t_years: Floats, discount: Floats, is_call: Bools
) -> tuple[Floats, Codes]:
    """Return the undiscounted time value and why it does or does not determine a volatility; all 1-D."""
    undiscounted = price / discount
    signed = np.where(is_call, forward - strike, strike - forward)
    time_value = undiscounted - np.maximum(signed, 0.0)
    # In the money the intrinsic value has rounded its last digits away, and the time value with them.
    noise = 4e-16 * np.where(signed > 0, np.maximum(undiscounted, forward + strike), undiscounted)
    sound = _sound(forward, strike, discount) & np.isfinite(t_years) & ~np.isnan(price)
    cases = [
        (~sound, Reason.MISSING),
        (t_years <= 0, Reason.EXPIRED),
        ((time_value < -noise) | (price < 0), Reason.BELOW_INTRINSIC),
        (time_value >= np.minimum(forward, strike), Reason.ABOVE_BOUND),
        (time_value <= noise, Reason.NO_TIME_VALUE),
    ]
    reason = np.select([case for case, _ in cases], [reason for _, reason in cases], Reason.OK)
    return time_value, reason.astype(np.int8)


def _sound(forward: Floats, strike: Floats, discount: Floats) -> Bools:
    """Tell which markets exist: positive numbers whose product and ratio a double can hold."""
    product, ratio = forward * strike, forward / strike
    sound: Bools = (forward > 0) & (strike > 0) & (discount > 0) & (discount < np.inf)
    return sound & (product > 1e-290) & (product < 1e290) & (ratio > 1e-290) & (ratio < 1e290)


def _blocks(columns: Columns, size: int) -> Iterator[tuple[slice, list[Any]]]:
    """Yield the columns piece by piece, single values repeated without being copied."""
    whole = [np.broadcast_to(column, (size,)) for column in columns]
    for start in range(0, size, BLOCK):
        part = slice(start, min(start + BLOCK, size))
        yield part, [column[part] for column in whole]


def _price(
    s: Floats, forward: Floats, strike: Floats, years: Floats, discount: Floats, is_call: Bools
) -> Floats:
    sound = _sound(forward, strike, discount) & np.isfinite(years)
    root = np.where(sound, np.sqrt(forward * strike), np.nan)
    h, t = log_moneyness(forward, strike) / np.maximum(s, 1e-300), s / 2
    low, high = (h - t) * SQRT_HALF, (h + t) * SQRT_HALF
    small = 0.5 * root * np.exp(-(h * h + t * t) / 2) * (erfcx(np.maximum(low, -2.0)) - erfcx(high))
    large = np.minimum(forward, strike) * ndtr(t - h) - np.maximum(forward, strike) * ndtr(-h - t)
    signed = np.where(is_call, forward - strike, strike - forward)
    value: Floats = discount * (np.maximum(signed, 0.0) + np.where(low > -2.0, small, large + 0 * root))
    return value


def _sensitivities(
    price: Floats, s: Floats, forward: Floats, strike: Floats, years: Floats, discount: Floats, is_call: Bools
) -> Floats:
    """Return delta, gamma, theta, vega and rho as rows, from ``s`` and the price; NaN where either is."""
    alive = years > 0
    safe, years = np.maximum(s, 1e-300), np.maximum(years, 0.0)
    h, t = log_moneyness(forward, strike) / safe, s / 2
    density = discount * VEGA_SCALE * np.sqrt(forward * strike) * np.exp(-(h * h + t * t) / 2)
    call_is_out = forward <= strike
    out = ndtr(np.where(call_is_out, t - h, -h - t))
    delta = np.where(is_call == call_is_out, out, 1 - out) * np.where(is_call, discount, -discount)
    carry = np.where(alive, -np.log(discount) * price - 0.5 * density * s, 0.0)
    return np.stack(
        [
            delta + 0 * price,
            density / (forward * forward * np.where(s + h > 0, safe, np.nan)),  # delta jumps there
            carry / (365 * np.where(alive, years, 1.0)) + 0 * s,
            0.01 * density * np.sqrt(years),
            -0.01 * years * price + 0 * s,
        ]
    )
