"""Logarithm, exponential and scaled complementary error function that a compiler can vectorise.

The C library's functions are calls, and a loop with a call in it runs one option at a time. These are short
polynomials without a branch, correct to about two units in the last place on the stated ranges; outside
they return a wrong number without complaint, so `kit.pricing.kernels` keeps inside.

The coefficients are our own fits: Chebyshev interpolation in 60-digit arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

_SQRT_HALF_BITS = np.uint64(0x3FE6A09E667F3BCD)
_ONE_MINUS_IT = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
_MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
_TWO_TO_52 = np.uint64(0x4330000000000000)
_52 = np.uint64(52)
_LN2 = 0.6931471805599453


def _inline(function: F) -> F:
    options: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}
    bare = {**options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # only loops call it
    return cast(F, njit(**bare)(function))


@_inline
def _log_near_one(f: float) -> float:
    """Return ``ln(1 + f)`` for ``-0.293 < f < 0.415``."""
    f2 = f * f
    f4 = f2 * f2
    a = (-0.5 + f * 0.3333333333333326) + f2 * (-0.24999999999992914 + f * 0.2000000000003205)
    b = (-0.16666666668629757 + f * 0.1428571428268799) + f2 * (-0.1249999978954668 + f * 0.11111111107647632)
    c = (-0.10000011277649974 + f * 0.09090921328672855) + f2 * (-0.0833299913609137 + f * 0.076916546465268)
    d = (-0.07148420480023412 + f * 0.06682375886233116) + f2 * (
        -0.062025600107261776 + f * 0.05686585537339873
    )
    e = (-0.05669643772565927 + f * 0.06444421108963665) + f2 * (
        -0.0594377125876568 + f * 0.026259864395059444
    )
    series = a + f4 * (b + f4 * (c + f4 * (d + f4 * e)))
    return f + f2 * series


@_inline
def log_positive(x: float) -> float:
    """Return the natural logarithm of a normal positive number."""
    bits = np.float64(x).view(np.uint64) + _ONE_MINUS_IT
    exponent = np.uint64((bits >> _52) | _TWO_TO_52).view(np.float64) - (4503599627370496.0 + 1023.0)
    f = np.uint64((bits & _MANTISSA) + _SQRT_HALF_BITS).view(np.float64) - 1.0
    return exponent * _LN2 + _log_near_one(f)


@_inline
def log_ratio(x: float, y: float) -> float:
    """Return ``ln(x / y)`` of normal positive numbers, right to the last digits however near they are."""
    inverse = 1.0 / y
    bits = np.float64(x * inverse).view(np.uint64) + _ONE_MINUS_IT
    exponent = np.uint64((bits >> _52) | _TWO_TO_52).view(np.float64) - (4503599627370496.0 + 1023.0)
    f = np.uint64((bits & _MANTISSA) + _SQRT_HALF_BITS).view(np.float64) - 1.0
    exact = (x - y) * inverse  # the ratio has rounded away the last digits of this
    return exponent * _LN2 + _log_near_one(exact if exponent == 0.0 else f)


@_inline
def exp_negative(x: float) -> float:
    """Return ``exp(-x)`` for ``0 <= x <= 708``."""
    whole = np.floor(x * -1.4426950408889634 + 0.5)
    r = (-x - whole * 0.6931471803691238) - whole * 1.9082149292705877e-10
    r2 = r * r
    r4 = r2 * r2
    a = (0.5 + r * 0.1666666666666667) + r2 * (0.04166666666666667 + r * 0.008333333333326141)
    b = (0.0013888888888883752 + r * 0.00019841269874800493) + r2 * (
        2.4801587325533363e-05 + r * 2.7557255425746435e-06
    )
    c = (2.7557273661348637e-07 + r * 2.510520637395701e-08) + r2 * 2.0914679376583935e-09
    mantissa = 1.0 + (r + r2 * (a + r4 * (b + r4 * c)))
    bits = np.float64(whole + (6755399441055744.0 + 1023.0)).view(np.uint64) << _52
    return float(mantissa * np.uint64(bits).view(np.float64))


@_inline
def erfcx_top(x: float) -> float:
    """Return the numerator of ``exp(x²) erfc(x)`` for ``-1 <= x <= 28``."""
    total = 0.564189583547253
    total = 16.619664342413035 + x * total
    total = 234.57948063201002 + x * total
    total = 2088.290239756284 + x * total
    total = 13005.32943137676 + x * total
    total = 59450.69826672994 + x * total
    total = 203633.2840509768 + x * total
    total = 523569.8011774326 + x * total
    total = 993925.481458872 + x * total
    total = 1335442.3485571726 + x * total
    total = 1155969.6602831113 + x * total
    return 499356.64939132956 + x * total


@_inline
def erfcx_bottom(x: float) -> float:
    """Return the denominator of ``exp(x²) erfc(x)`` for ``-1 <= x <= 28``."""
    total = 29.457588064318447 + x
    total = 416.28130380086054 + x * total
    total = 3716.1268707824383 + x * total
    total = 23258.73690086816 + x * total
    total = 107209.5889620963 + x * total
    total = 372249.63726182794 + x * total
    total = 978876.1568686384 + x * total
    total = 1931142.718823436 + x * total
    total = 2782806.7652589562 + x * total
    total = 2776258.414555276 + x * total
    total = 1719433.3004069056 + x * total
    return 499356.6493913295 + x * total
