"""Black-76 prices, implied volatility and Greeks of European options on a forward, for whole arrays.

Conventions, the same in every function:

- all arguments broadcast against each other; float32 or integers come out as float64, 0-d as 0-d;
- ``discount`` is the discount factor to the expiry, so the premium is ``discount`` times its forward value;
- volatility is an annualised fraction, time is in years (`kit.clock.years_to_expiry`);
- theta is rupees per calendar day with the forward held still, vega and rho rupees per percentage point;
- rho holds the forward still as well, so it is ``-T`` times the price;
- arithmetic gives NaN and never raises; where a price has no volatility, a `Reason` says why;
- an option's side is True or False, 1 or 0, or ``"CE"`` or ``"PE"``; another word, here or for `delta_of`, is
  no arithmetic and raises a `kit.errors.KitError`.

F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976).
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.arguments import choice
from kit.pricing.arrays import Floats, common_shape, floats, sides
from kit.pricing.engines import engine, thread_limit
from kit.pricing.numpy_engine import Columns

DeltaOf = Literal["forward", "spot"]
Values = np.float64 | NDArray[np.float64]  # a single number where every argument was 0-d
Codes = np.int8 | NDArray[np.int8]  # likewise


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
        Change of the forward delta per rupee of the forward; NaN on the forward itself once volatility or
        time is zero, where delta jumps.
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


def _columns(*given: ArrayLike) -> tuple[tuple[int, ...], int, Columns]:
    """Return the common shape, its size, and the arguments as contiguous columns of that size or of one."""
    *numbers, calls = given
    arrays = [floats(number) for number in numbers]
    is_call = sides(calls)
    shape = common_shape(*arrays, is_call)
    first, forward, strike, years, discount = (_column(array, shape) for array in arrays)
    return shape, math.prod(shape), (first, forward, strike, years, discount, _column(is_call, shape))


def _per_rupee(rows: Floats, discount: Floats, delta_of: DeltaOf) -> Floats:
    """Turn the delta of the forward, among the rows of an engine, into the delta that was asked for."""
    choice(delta_of, get_args(DeltaOf), "Delta is of no such thing")
    if delta_of == "spot":
        rows[1] /= discount
    return rows


def _column(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if array.size == 1:
        return array.reshape(1)
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    return np.require(array, requirements=("C", "ALIGNED")).reshape(-1)


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
    is_call : array_like of bool or str
        Call or put: a chain's column ``right`` will do.

    Returns
    -------
    ndarray or float64
        Rupees; NaN where an input is NaN or outside its range.
    """
    shape, size, columns = _columns(sigma, forward, strike, t_years, discount, is_call)
    prices: Values = engine(size).prices(columns, size, 1, thread_limit())[0].reshape(shape)[()]
    return prices


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
        An in-the-money price is solved as its out-of-the-money counterpart.
    """
    shape, size, columns = _columns(price, forward, strike, t_years, discount, is_call)
    rows, reason = engine(size).volatilities(columns, size, 1, thread_limit())
    return ImpliedVolatility(rows[0].reshape(shape)[()], reason.reshape(shape)[()])


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
    shape, size, columns = _columns(sigma, forward, strike, t_years, discount, is_call)
    rows = _per_rupee(engine(size).prices(columns, size, 6, thread_limit()), columns[4], delta_of)
    return Greeks(*(row.reshape(shape)[()] for row in rows[1:]))


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
    shape, size, columns = _columns(price, forward, strike, t_years, discount, is_call)
    rows, reason = engine(size).volatilities(columns, size, 6, thread_limit())
    known = (*_per_rupee(rows, columns[4], delta_of), reason)
    return IvAndGreeks(*(row.reshape(shape)[()] for row in known))
