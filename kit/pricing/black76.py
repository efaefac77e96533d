"""Black-76 prices, implied volatility and Greeks of European options on a forward, for whole arrays.

Conventions, the same in every function:

- all arguments broadcast against each other; float32 or integers come out as float64, 0-d as 0-d;
- ``discount`` is the discount factor to the expiry, so the premium is ``discount`` times its forward value;
- volatility is an annualised fraction, time is in years (`kit.clock.years_to_expiry`);
- theta is rupees per calendar day with the forward held still, vega and rho rupees per percentage point;
- rho holds the forward still as well, so it is ``-T`` times the price;
- arithmetic gives NaN and never raises; where a price has no volatility, a `Reason` says why.

F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.pricing import numpy_engine

DeltaOf = Literal["forward", "spot"]
Values = Any  # float64 ndarray, or float64 where every argument was 0-d
Codes = Any  # int8 likewise


class ImpliedVolatility(NamedTuple):
    """Volatilities and, where they are NaN, why.

    Parameters
    ----------
    iv : ndarray or float64
        Annualised fraction; NaN where there is none.
    reason : ndarray or int8
        `kit.pricing.reasons.Reason` codes.
    """

    iv: Values
    reason: Codes


class Greeks(NamedTuple):
    """Sensitivities of the price; NaN where an input is NaN.

    Parameters
    ----------
    delta : ndarray or float64
        Rupees per rupee of the forward (or of the spot, as asked).
    gamma : ndarray or float64
        Change of the forward delta per rupee of the forward.
    theta : ndarray or float64
        Rupees per calendar day, forward held still.
    vega : ndarray or float64
        Rupees per percentage point of volatility.
    rho : ndarray or float64
        Rupees per percentage point of the rate, forward held still.
    """

    delta: Values
    gamma: Values
    theta: Values
    vega: Values
    rho: Values


class IvAndGreeks(NamedTuple):
    """Volatility, the five Greeks in the units of `Greeks`, and the reason codes."""

    iv: Values
    delta: Values
    gamma: Values
    theta: Values
    vega: Values
    rho: Values
    reason: Codes


def _flat(*values: ArrayLike) -> tuple[tuple[int, ...], list[NDArray[np.float64]]]:
    """Broadcast to one shape, as flat contiguous float64 arrays."""
    arrays = np.broadcast_arrays(*[np.asarray(value, dtype=np.float64) for value in values])
    return arrays[0].shape, [np.ascontiguousarray(array).reshape(-1) for array in arrays]


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    t_years: ArrayLike,
    sigma: ArrayLike,
    discount: ArrayLike,
    is_call: ArrayLike,
) -> Values:
    """Return Black-76 prices.

    Parameters
    ----------
    forward, strike : array_like
        Rupees, positive.
    t_years : array_like
        Years to expiry; at zero and below the price is the discounted intrinsic value.
    sigma : array_like
        Annualised fraction, not negative.
    discount : array_like
        Discount factor to the expiry.
    is_call : array_like of bool
        Call or put.

    Returns
    -------
    ndarray or float64
        Rupees; NaN where an input is NaN or outside its range.
    """
    shape, (f, k, t, v, df, call) = _flat(forward, strike, t_years, sigma, discount, is_call)
    return numpy_engine.price(f, k, t, v, df, call != 0).reshape(shape)[()]


def implied_volatility(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    t_years: ArrayLike,
    discount: ArrayLike,
    is_call: ArrayLike,
) -> ImpliedVolatility:
    """Return the volatility at which Black-76 gives each price.

    Parameters
    ----------
    price : array_like
        Rupees per unit, discounted as quoted.
    forward, strike, t_years, discount, is_call : array_like
        As in `price`.

    Returns
    -------
    ImpliedVolatility
        An in-the-money price is solved as its out-of-the-money twin.
    """
    shape, (c, f, k, t, df, call) = _flat(price, forward, strike, t_years, discount, is_call)
    iv, reason = numpy_engine.implied_volatility(c, f, k, t, df, call != 0)
    return ImpliedVolatility(iv.reshape(shape)[()], reason.reshape(shape)[()])


def greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    t_years: ArrayLike,
    sigma: ArrayLike,
    discount: ArrayLike,
    is_call: ArrayLike,
    *,
    delta_of: DeltaOf = "forward",
) -> Greeks:
    """Return delta, gamma, theta, vega and rho.

    Parameters
    ----------
    forward, strike, t_years, sigma, discount, is_call : array_like
        As in `price`.
    delta_of : {"forward", "spot"}
        What delta moves; a rupee of spot moves the forward by ``1 / discount``.
    """
    shape, (f, k, t, v, df, call) = _flat(forward, strike, t_years, sigma, discount, is_call)
    rows = numpy_engine.greeks(f, k, t, v, df, call != 0)
    if delta_of == "spot":
        rows[0] /= df
    return Greeks(*(row.reshape(shape)[()] for row in rows))


def iv_and_greeks(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    t_years: ArrayLike,
    discount: ArrayLike,
    is_call: ArrayLike,
    *,
    delta_of: DeltaOf = "forward",
) -> IvAndGreeks:
    """Return implied volatility and the five Greeks in one pass.

    Parameters
    ----------
    price, forward, strike, t_years, discount, is_call : array_like
        As in `implied_volatility`.
    delta_of : {"forward", "spot"}
        As in `greeks`.

    Returns
    -------
    IvAndGreeks
        Where `reason` is not OK, everything else is NaN.
    """
    shape, (c, f, k, t, df, call) = _flat(price, forward, strike, t_years, discount, is_call)
    rows, reason = numpy_engine.iv_and_greeks(c, f, k, t, df, call != 0)
    if delta_of == "spot":
        rows[1] /= df
    iv, delta, gamma, theta, vega, rho = (row.reshape(shape)[()] for row in rows)
    return IvAndGreeks(iv, delta, gamma, theta, vega, rho, reason.reshape(shape)[()])
