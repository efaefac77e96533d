"""Solve for volatility: the algorithm, in plain NumPy.

Notation, all per option: ``p = |ln(F/K)|``, ``s = sigma sqrt(T)``, ``h = p/s``, ``t = s/2``, and the price of
the out-of-the-money counterpart, undiscounted and divided by ``sqrt(F K)``::

    b(s) = exp(-(h² + t²)/2) / 2 · [erfcx((h-t)/√2) - erfcx((h+t)/√2)]

Both counterparts have the same time value, so in-the-money options are always solved on the other side.
The scaled complementary error function keeps every factor in range: nothing cancels, however small
``b`` is. The unknown ``s`` starts at the Bachelier volatility of the same time value, which has a closed
form up to a rational correction, and is polished by Householder's third-order step on ``ln b``.

The idea of starting from Bachelier: J. Choi, K. Kim, M. Kwak, "Numerical Approximation of the Implied
Volatility Under Arithmetic Brownian Motion", Applied Mathematical Finance 16 (2009). Solving for ``ln b``
and the use of erfcx: P. Jäckel, "Let's Be Rational" (2015). The coefficients are our own fit.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx

from kit.pricing.arrays import Bools, Floats

SQRT_HALF = 0.7071067811865476
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


def log_moneyness(forward: Floats, strike: Floats) -> Floats:
    """Return ``|ln(F/K)|``, right to its last digits however near to the money.

    The rounding of the ratio is undone: its logarithm is in proportion to its distance from one, of which the
    exact value is known.
    """
    ratio = forward / strike
    rounded = ratio - 1
    exact = (forward - strike) / strike
    correction = np.where(rounded == 0, 1.0, exact / rounded)
    return np.abs(np.where(rounded == 0, exact, np.log(ratio) * correction))


def first_guess(c: Floats, d: Floats, root: Floats, p: Floats) -> Floats:
    """Return ``s`` from the Bachelier volatility of the time value `c`, all 1-D; NaN where it has none."""
    straddle = 2 * c + d
    floored = d + 1e-4 * c  # keeps eta defined at the money, where it no longer changes
    eta = floored / (straddle * (0.5 * np.log(1 + floored / c)))
    normal = straddle / root * np.sqrt(eta) * _poly(GUESS_TOP, eta) / _poly(GUESS_BOTTOM, eta)
    squared = normal * normal
    to_lognormal = (p + 1e-9) / (d / root + 1e-9)  # tends to 1 at the money
    return normal * to_lognormal * (1 + squared * (1 / 24 + squared * (7 / 1920)))


def householder_step(
    p: Floats, s: Floats, log_target: Floats, upper: Bools | bool = False
) -> tuple[Floats, Floats]:
    """Return Newton's step and the third-order step that move ``ln b(s)`` towards `log_target`.

    Newton's always points the right way; the other is the better one where both are small.

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
    step = newton * (1 + 0.5 * gamma * newton) / (1 + newton * (gamma + delta * newton / 6))
    return newton, step


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
    p = log_moneyness(forward, strike)
    log_target = np.log(c / root)
    s = first_guess(c, d, root, p)
    _, step = householder_step(p, s, log_target)
    s = s + step
    newton, step = householder_step(p, s, log_target)
    s = s + step
    rest = ~((np.abs(newton) * (1 + (p / s) ** 2) < 1e-3 * s) & (s < 2))
    if rest.any():
        s[rest] = bracketed_volatility(c[rest], forward[rest], strike[rest])
    return s


def bracketed_volatility(c: Floats, forward: Floats, strike: Floats) -> Floats:
    """Solve as `total_volatility` does, from a bracket: slower, and sure for every price in bounds."""
    root = np.sqrt(forward * strike)
    p = log_moneyness(forward, strike)
    bound = np.minimum(forward, strike)
    upper = c > bound / 2
    log_target = np.log(np.where(upper, bound - c, c)) - np.log(root)
    # No double lies further than 60 deviations out of the money, or 9 from the upper bound.
    low = np.maximum(p / 60, 2.5 * c / root)
    high = np.maximum(9 + np.sqrt(81 + 2 * p), 2 * low)
    s = np.sqrt(low * high)
    for _ in range(200):
        newton, step = householder_step(p, s, log_target, upper)
        # It overflows only far on the wrong side, where the direction is known.
        newton = np.where(np.isfinite(newton), newton, np.where(upper, high, -s))
        low, high = np.where(newton > 0, s, low), np.where(newton < 0, s, high)
        moved = s + np.where(step * newton > 0, step, newton)
        moved = np.where((moved >= low) & (moved <= high), moved, np.sqrt(low * high))
        done = np.abs(moved - s) <= 4e-16 * s
        s = moved
        if done.all():
            break
    solved: Floats = s
    return solved
