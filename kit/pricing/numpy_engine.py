"""Black-76 in plain NumPy: the reference engine, and the home of the algorithm.

Notation, all per option: ``p = |ln(F/K)|``, ``s = sigma sqrt(T)``, ``h = p/s``, ``t = s/2``, and the price of
the out-of-the-money twin, undiscounted and divided by ``sqrt(F K)``::

    b(s) = exp(-(h² + t²)/2) / 2 · [erfcx((h-t)/√2) - erfcx((h+t)/√2)]

Both twins have the same time value, so in-the-money options are always solved on the other side.
The scaled complementary error function keeps every factor in range: nothing cancels, however small
``b`` is. The unknown ``s`` starts at the Bachelier volatility of the same time value, which has a closed
form up to a rational correction, and is polished by Householder's third-order step on ``ln b``.

The idea of starting from Bachelier: J. Choi, K. Kim, M. Kwak, "Numerical Approximation of the Implied
Volatility Under Arithmetic Brownian Motion", Applied Mathematical Finance 16 (2009). Solving for ``ln b``
and the use of erfcx: P. Jäckel, "Let's Be Rational" (2015). The coefficients are our own fit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, ndtr

from kit.pricing.reasons import Reason

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Columns = tuple[Floats, Floats, Floats, Floats, Floats, Bools]

BLOCK = 4096  # options per pass: the temporaries of one pass stay in the processor's cache
SQRT_HALF = 0.7071067811865476
VEGA_SCALE = 0.3989422804014327  # 1/√(2π)
SLOPE_SCALE = 0.7978845608028654  # √(2/π)

# Bachelier volatility over straddle, over √eta, as numerator and denominator in eta; relative error 4e-6.
GUESS_TOP = (
    0.5002445990130249,
    87.64047605064472,
    2031.4143502302932,
    3312.1568429794647,
    15381.910262845147,
    40304.05676161269,
    3847.1131813313655,
)
GUESS_BOTTOM = (
    1.0,
    172.12561245149612,
    3658.9872489809836,
    178.64967631748974,
    31183.429710034496,
    16640.274634060388,
)


def _poly(coefficients: tuple[float, ...], at: Floats) -> Floats:
    total = np.full_like(at, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total *= at
        total += coefficient
    return total


def first_guess(c: Floats, d: Floats, root: Floats, p: Floats) -> Floats:
    """Return ``s`` from the Bachelier volatility of the time value `c`, all 1-D; NaN where it has none."""
    straddle = 2 * c + d
    floored = d + 1e-4 * c  # keeps eta defined at the money, where it no longer changes
    eta = floored / (straddle * (0.5 * np.log(1 + floored / c)))
    normal = straddle / root * np.sqrt(eta) * _poly(GUESS_TOP, eta) / _poly(GUESS_BOTTOM, eta)
    squared = normal * normal
    to_lognormal = (p + 1e-9) / (d / root + 1e-9)  # tends to 1 at the money
    guess: Floats = normal * to_lognormal * (1 + squared * (1 / 24 + squared * (7 / 1920)))
    return guess


def householder_step(p: Floats, s: Floats, log_target: Floats, upper: Bools | bool = False) -> Floats:
    """Return the third-order step that moves ``ln b(s)`` towards `log_target`.

    Parameters
    ----------
    p, s, log_target : ndarray
        1-D; see the module's notation.
    upper : ndarray of bool, default False
        Where true the target is the logarithm of what `b` lacks to its upper bound, which is the
        well-conditioned side once the price is closer to the bound than to zero.
    """
    h, t = p / s, s / 2
    low, high = (h - t) * SQRT_HALF, (h + t) * SQRT_HALF
    bracket = erfcx(low) - erfcx(high)
    if np.any(upper):
        bracket = np.where(upper, -(erfcx(-low) + erfcx(high)), bracket)
    value = np.log(0.5 * np.abs(bracket)) - (h * h + t * t) / 2 - log_target
    slope = SLOPE_SCALE / bracket
    second = h * h / s - s / 4
    third = second * second - 3 * (h / s) ** 2 - 0.25
    newton = -value / slope
    gamma = second - slope
    delta = third - 3 * slope * second + 2 * slope * slope
    step: Floats = newton * (1 + 0.5 * gamma * newton) / (1 + newton * (gamma + delta * newton / 6))
    return step


def total_volatility(c: Floats, d: Floats, forward: Floats, strike: Floats) -> Floats:
    """Solve for ``s`` from the out-of-the-money time value.

    Parameters
    ----------
    c, d, forward, strike : ndarray
        1-D: undiscounted time value, ``|F - K|``, forward and strike; ``0 < c < min(F, K)``.

    Returns
    -------
    ndarray
        ``sigma sqrt(T)``.
    """
    root = np.sqrt(forward * strike)
    p = np.abs(np.log(forward / strike))
    with np.errstate(all="ignore"):  # a lane that leaves the domain is solved again below
        log_target = np.log(c / root)
        s = first_guess(c, d, root, p)
        step = householder_step(p, s, log_target)
        s = s + step
        step = householder_step(p, s, log_target)
        s = s + step
        settled = (np.abs(step) * (1 + (p / s) ** 2) < 1e-3 * s) & (s < 2)
    rest = ~settled
    if rest.any():
        s[rest] = bracketed_volatility(c[rest], forward[rest], strike[rest])
    return s


def bracketed_volatility(c: Floats, forward: Floats, strike: Floats) -> Floats:
    """Solve as `total_volatility` does, from a bracket: slower, and sure for every price in bounds."""
    root = np.sqrt(forward * strike)
    p = np.abs(np.log(forward / strike))
    bound = np.minimum(forward, strike)
    upper = c > bound / 2
    log_target = np.log(np.where(upper, bound - c, c)) - np.log(root)
    # No double is further than 39 deviations out of the money, or 9 from the upper bound.
    low = np.maximum(p / 39, 2.5 * c / root)
    high = np.maximum(9 + np.sqrt(81 + 2 * p), 2 * low)
    s = np.sqrt(low * high)
    for _ in range(100):
        with np.errstate(all="ignore"):  # NaN steps fall back to the middle of the bracket
            step = householder_step(p, s, log_target, upper)
        low, high = np.where(step > 0, s, low), np.where(step < 0, s, high)
        moved = s + step
        inside = (moved >= low) & (moved <= high)
        moved = np.where(inside, moved, np.sqrt(low * high))
        done = np.abs(moved - s) <= 4e-16 * s
        s = moved
        if done.all():
            break
    solved: Floats = s
    return solved


def classify(
    price: Floats, forward: Floats, strike: Floats, t_years: Floats, discount: Floats, is_call: Bools
) -> tuple[Floats, Codes]:
    """Return the undiscounted time value and why it does or does not determine a volatility; all 1-D."""
    with np.errstate(all="ignore"):  # the codes say what the arithmetic could not
        undiscounted = price / discount
        time_value = undiscounted - np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
        noise = 4e-16 * np.maximum(undiscounted, np.where(time_value < undiscounted, forward + strike, 0.0))
        sound = (
            np.isfinite(forward + strike + t_years + discount)
            & (forward > 0)
            & (strike > 0)
            & (discount > 0)
            & ~np.isnan(price)
        )
        reason = np.select(
            [
                ~sound,
                t_years <= 0,
                (time_value < -noise) | (price < 0),
                time_value <= noise,
                time_value >= np.minimum(forward, strike),
            ],
            [
                Reason.MISSING,
                Reason.EXPIRED,
                Reason.BELOW_INTRINSIC,
                Reason.NO_TIME_VALUE,
                Reason.ABOVE_BOUND,
            ],
            Reason.OK,
        )
    return time_value, reason.astype(np.int8)


def prices(columns: Columns, size: int, rows: int, threads: int | None) -> Floats:  # noqa: ARG001 one thread
    """Return price (and Greeks) as rows; see `kit.pricing.engines.Engine`."""
    out = np.empty((rows, size))
    for part, block in _blocks(columns, size):
        with np.errstate(all="ignore"):  # NaN in, NaN out; s = 0 gives the limits
            s = np.where(block[0] >= 0, block[0], np.nan) * np.sqrt(np.maximum(block[3], 0.0))
            out[0, part] = _price(s, *block[1:])
            if rows > 1:
                out[1:, part] = _sensitivities(out[0, part], s, *block[1:])
    return out


def volatilities(
    columns: Columns,
    size: int,
    rows: int,
    threads: int | None,  # noqa: ARG001 one thread
) -> tuple[Floats, Codes]:
    """Return volatility (and Greeks) as rows, and reason codes; see `kit.pricing.engines.Engine`."""
    out, codes = np.empty((rows, size)), np.empty(size, np.int8)
    for part, block in _blocks(columns, size):
        price, forward, strike, years, _, _ = block
        time_value, codes[part] = classify(*block)
        good = codes[part] == Reason.OK
        s = np.full(price.size, np.nan)
        f, k = forward[good], strike[good]
        s[good] = total_volatility(time_value[good], np.abs(f - k), f, k)
        with np.errstate(all="ignore"):  # as above
            out[0, part] = s / np.sqrt(years)
            if rows > 1:
                out[1:, part] = _sensitivities(price, s, *block[1:])
    return out, codes


def _blocks(columns: Columns, size: int) -> Iterator[tuple[slice, Columns]]:
    first, forward, strike, years, discount, is_call = columns
    for start in range(0, size, BLOCK):
        part = slice(start, min(start + BLOCK, size))
        n = part.stop - start
        f, k, t, d = (
            _cut(forward, part, n),
            _cut(strike, part, n),
            _cut(years, part, n),
            _cut(discount, part, n),
        )
        call = np.broadcast_to(is_call, (n,)) if is_call.size == 1 else is_call[part]
        yield part, (_cut(first, part, n), f, k, t, d, call)


def _cut(column: Floats, part: slice, size: int) -> Floats:
    return np.broadcast_to(column, (size,)) if column.size == 1 else column[part]


def _price(
    s: Floats, forward: Floats, strike: Floats, years: Floats, discount: Floats, is_call: Bools
) -> Floats:
    sound = np.isfinite(forward + strike + years + discount) & (forward > 0) & (strike > 0) & (discount > 0)
    root = np.where(sound, np.sqrt(forward * strike), np.nan)
    h, t = np.abs(np.log(forward / strike)) / np.maximum(s, 1e-300), s / 2
    low, high = (h - t) * SQRT_HALF, (h + t) * SQRT_HALF
    small = 0.5 * root * np.exp(-(h * h + t * t) / 2) * (erfcx(np.maximum(low, -2.0)) - erfcx(high))
    large = np.minimum(forward, strike) * ndtr(t - h) - np.maximum(forward, strike) * ndtr(-h - t)
    signed = np.where(is_call, forward - strike, strike - forward)
    value: Floats = discount * (np.maximum(signed, 0.0) + np.where(low > -2.0, small, large + 0 * root))
    return value


def _sensitivities(
    price: Floats,
    s: Floats,
    forward: Floats,
    strike: Floats,
    years: Floats,
    discount: Floats,
    is_call: Bools,
) -> Floats:
    """Return delta, gamma, theta, vega and rho as rows, from ``s`` and the price; NaN where either is."""
    alive = years > 0
    safe, years = np.maximum(s, 1e-300), np.maximum(years, 0.0)
    h, t = np.abs(np.log(forward / strike)) / safe, s / 2
    density = discount * VEGA_SCALE * np.sqrt(forward * strike) * np.exp(-(h * h + t * t) / 2)
    call_is_out = forward <= strike
    out = ndtr(np.where(call_is_out, t - h, -h - t))
    delta = np.where(is_call == call_is_out, out, 1 - out) * np.where(is_call, discount, -discount)
    carry = np.where(alive, -np.log(discount) * price - 0.5 * density * s, 0.0)
    return np.stack(
        [
            delta + 0 * price,
            density / (forward * forward * safe),
            carry / (365 * np.where(alive, years, 1.0)) + 0 * s,
            0.01 * density * np.sqrt(years),
            -0.01 * years * price,
        ]
    )
