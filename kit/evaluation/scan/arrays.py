"""The sums of `kit.evaluation.scan.kernel` with NumPy, a column of all positions at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.distribution import Distribution
from kit.evaluation.scan import columns as col
from kit.evaluation.verdict import OFF_SMILE
from kit.pricing.arrays import Bools, Floats


def score_all(
    contracts: Floats,
    terms: Floats,
    likely: Distribution,
    places: NDArray[np.int32],
    lots: NDArray[np.int32],
    out: Floats,
) -> None:
    """Fill a row of figures for every position; the arguments are those of the compiled loops."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        legs = [contracts[places[:, leg]] for leg in range(places.shape[1])]
        columns = dict.fromkeys(col.PLACES, np.empty(0))
        _shape(legs, terms, likely, lots, columns)
        _sums(legs, terms, lots, columns)
        _told(legs, terms, lots, columns)
        _blocked(legs, terms, lots, columns)
        _risked(columns)
        for name, place in col.PLACES.items():
            out[:, place] = columns[name]


def _shape(
    legs: list[Floats],
    terms: Floats,
    likely: Distribution,
    lots: NDArray[np.int32],
    columns: dict[str, Floats],
) -> None:
    """Work out the profit at every level, and what follows from its shape."""
    price = [_entry(leg, terms, number) for leg, number in zip(legs, lots.tolist(), strict=True)]
    knots, profits, slope = _knots(legs, price, lots)
    premium = -sum(
        number * leg[:, col.IS_OPTION] * paid for leg, paid, number in zip(legs, price, lots, strict=True)
    )
    best = np.where(slope > 0, np.inf, profits.max(axis=0))
    worst = np.where(slope < 0, -np.inf, profits.min(axis=0))
    crossings = _breakevens(knots, profits, slope)
    none = np.isnan(crossings).all(axis=0)
    columns["premium_inr"] = terms[col.LOT] * _rounded(premium)
    columns["max_profit_inr"], columns["max_loss_inr"] = terms[col.LOT] * best, terms[col.LOT] * -worst
    first, last = np.where(none, 0.0, crossings), np.where(none, 0.0, crossings)
    columns["breakeven_low"] = np.where(none, np.nan, np.nanmin(first, axis=0))
    columns["breakeven_high"] = np.where(none, np.nan, np.nanmax(last, axis=0))
    columns["probability_of_profit"] = _chance(knots, profits, slope, crossings, likely)
    low, high = terms[col.LOW], terms[col.HIGH]
    inside = (knots > low) & (knots < high)
    ends = np.array([_profit_at(knots, profits, slope, np.full(slope.size, level)) for level in (low, high)])
    known = low <= high
    least = np.minimum(np.where(inside, profits, np.inf).min(axis=0), ends.min(axis=0))
    most = np.maximum(np.where(inside, profits, -np.inf).max(axis=0), ends.max(axis=0))
    columns["risk_inr"] = np.where(known, -terms[col.LOT] * least, np.nan)
    columns["reward_inr"] = np.where(known, terms[col.LOT] * most, np.nan)


def _entry(leg: Floats, terms: Floats, number: int) -> Floats:
    return leg[:, col.MID] if not terms[col.AT_TOUCH] > 0 else leg[:, col.BUY if number > 0 else col.SELL]


def _rounded(value: Floats) -> Floats:
    return np.rint(value * 1e9) / 1e9


def _knots(legs: list[Floats], price: list[Floats], lots: NDArray[np.int32]) -> tuple[Floats, Floats, Floats]:
    """Return levels and profits, each of shape (levels, n), and the slope beyond the last."""
    puts = [leg[:, col.IS_PUT] for leg in legs]
    profit = sum(
        number * (put * leg[:, col.STRIKE] - paid)
        for leg, put, paid, number in zip(legs, puts, price, lots, strict=True)
    )
    slope = -sum(number * put for put, number in zip(puts, lots, strict=True))
    knots, profits = [np.zeros(len(legs[0]))], [_rounded(profit)]
    for leg, number in zip(legs, lots, strict=True):
        profit = profit + slope * (leg[:, col.STRIKE] - knots[-1])
        slope = slope + number
        knots.append(leg[:, col.STRIKE])
        profits.append(_rounded(profit))
    return np.array(knots), np.array(profits), slope


def _breakevens(knots: Floats, profits: Floats, slope: Floats) -> Floats:
    """Return the levels without profit or loss by the stretch they end, NaN where there is none."""
    low, high, left, right = profits[:-1], profits[1:], knots[:-1], knots[1:]
    crossed = np.where(low * high < 0, left + (right - left) * low / (low - high), np.nan)
    ended = np.where((high == 0) & (low != 0), right, np.nan)
    begun = np.where((low == 0) & (high != 0) & (left > 0), left, np.nan)
    last, level = profits[-1], knots[-1]
    beyond = np.where(last * slope < 0, level - last / slope, np.nan)
    at_end = np.where((last == 0) & (slope != 0) & (level > 0), level, np.nan)
    found = np.concatenate([crossed, ended, begun, beyond[None], at_end[None]])
    found.sort(axis=0)  # NaN last; a level found twice is a stretch of no length
    return found


def _profit_at(knots: Floats, profits: Floats, slope: Floats, level: Floats) -> Floats:
    found: Floats = profits[-1] + slope * (level - knots[-1])
    for at in range(len(knots) - 2, -1, -1):
        width = knots[at + 1] - knots[at]
        part = profits[at] + (profits[at + 1] - profits[at]) * (level - knots[at]) / width
        found = np.where((level < knots[at + 1]) & (level >= knots[at]) & (width > 0), part, found)
    return found


def _chance(knots: Floats, profits: Floats, slope: Floats, crossings: Floats, likely: Distribution) -> Floats:
    total = np.zeros(slope.size) + 0.0 * likely.mean  # NaN where nothing is known
    left, below = np.zeros(slope.size), np.zeros(slope.size)
    done = np.zeros(slope.size, np.bool_)
    for crossing in [*crossings, np.full(slope.size, np.nan)]:
        final = np.isnan(crossing)
        above = np.where(final, 1.0, likely.cdf(np.where(final, 1.0, crossing)))
        inside = np.where(final, np.maximum(left, knots[-1]) + 1, (left + crossing) / 2)
        earns = ~done & (_profit_at(knots, profits, slope, inside) > 0)
        total += np.where(earns, above - below, 0.0)
        done |= final
        left, below = np.where(final, left, crossing), above
        if done.all():
            break
    return total


def _sums(legs: list[Floats], terms: Floats, lots: NDArray[np.int32], columns: dict[str, Floats]) -> None:
    lot, count = terms[col.LOT], len(legs[0])
    total = np.zeros((col.RHO + 1, count))
    spread, charges, missed = (np.zeros(count) for _ in range(3))
    for leg, number in zip(legs, lots.tolist(), strict=True):
        at_once = leg[:, col.BUY if number > 0 else col.SELL]
        spread += number * (at_once - leg[:, col.MID])
        missed += number**2 * leg[:, col.MISSED]
        fee = leg[:, col.BUY_FEE if number > 0 else col.SELL_FEE]
        charges += leg[:, col.FIXED_FEE] + abs(number) * _entry(leg, terms, number) * fee
        total[col.TAXED] += max(number, 0) * leg[:, col.IS_OPTION] * leg[:, col.TAXED]
        total[col.MID] -= number * leg[:, col.IS_OPTION] * leg[:, col.MID]
        total[col.MEAN] += number * leg[:, col.MEAN]
        total[col.DELTA :] += number * leg[:, col.DELTA : col.RHO + 1].T
    spread = _rounded(spread)
    charges += total[col.TAXED] * terms[col.EXERCISE_FEE]
    paid = terms[col.CROSSED] * spread
    cost, expected = charges + lot * paid, lot * (total[col.MEAN] - paid / terms[col.DISCOUNT]) - charges
    columns |= {
        "premium_mid_inr": lot * _rounded(total[col.MID]), "spread_inr": lot * spread,
        "edge_inr": lot * total[col.MEAN], "charges_inr": charges, "cost_inr": cost,
        "fit_error_inr": lot * np.sqrt(missed),
        "expected_profit_inr": expected,
    }  # fmt: skip
    for name, column in zip(("delta", "gamma", "theta", "vega", "rho"), total[col.DELTA :], strict=True):
        columns[f"{name}_inr"] = lot * column


def _ratio(amount: Floats, risk: Floats) -> Floats:
    certain = np.where(np.isnan(amount), np.nan, np.where(amount == 0, 0.0, np.copysign(np.inf, amount)))
    return np.where((risk > 0) | np.isnan(risk), amount / risk, certain)


def _told(legs: list[Floats], terms: Floats, lots: NDArray[np.int32], columns: dict[str, Floats]) -> None:
    sides = [number > 0 for number in lots.tolist()]
    offered = [leg[:, col.OFFERED if buys else col.BID_FOR] for leg, buys in zip(legs, sides, strict=True)]
    nobody = sum(leg[:, col.NO_OFFER if buys else col.NO_BID] for leg, buys in zip(legs, sides, strict=True))
    doubtful = sum(leg[:, col.DOUBTFUL] for leg in legs)
    lot = terms[col.LOT]
    best, worst = columns["max_profit_inr"] / lot, -columns["max_loss_inr"] / lot
    beyond = columns["spread_inr"] / lot if terms[col.AT_TOUCH] > 0 else 0.0
    bad = (worst >= 0) & (best > 0)
    bad |= (best > worst) & ((worst + beyond > 0) | (best + beyond < 0))
    bad |= columns["max_profit_inr"] <= columns["charges_inr"]
    had: Bools = ~bad & (nobody == 0)
    doubted = (doubtful > 0) | (terms[col.DOUBT] > 0)
    doubted |= np.abs(columns["edge_inr"]) > OFF_SMILE * columns["fit_error_inr"]
    columns |= {
        "spread_pct": np.maximum(0.0, np.max([leg[:, col.SPREAD] for leg in legs], axis=0)),
        "size_lots": np.min(offered, axis=0),
        "traded_lots": np.minimum.reduce([leg[:, col.TRADED] for leg in legs]),
        "iv_quality": np.minimum(1.0, np.min([leg[:, col.QUALITY] for leg in legs], axis=0)),
        "tradable": had.astype(np.float64),
        "sound": (had & ~doubted).astype(np.float64),
    }


def _blocked(legs: list[Floats], terms: Floats, lots: NDArray[np.int32], columns: dict[str, Floats]) -> None:
    losses = sum(number * leg[:, col.LOSSES :] for leg, number in zip(legs, lots, strict=True))
    value = sum(
        number * leg[:, col.IS_OPTION] * leg[:, col.MID] for leg, number in zip(legs, lots, strict=True)
    )
    blocks = [col.HELD_BLOCKS if number > 0 else col.SOLD_BLOCKS for number in lots]
    beside = sum(abs(number) * leg[:, at] for leg, at, number in zip(legs, blocks, lots, strict=True))
    floor = sum(-min(number, 0) * leg[:, col.SOLD_LEAST] for leg, number in zip(legs, lots, strict=True))
    span = np.maximum(np.maximum(np.maximum(losses.max(axis=1), 0.0) - value, floor), 0.0)
    span = np.where(beside == 0.0, 0.0, span)  # nothing but bought options
    columns["margin_inr"] = terms[col.LOT] * (span + beside)


def _risked(columns: dict[str, Floats]) -> None:
    tied_up = columns["margin_inr"] + np.maximum(-columns["premium_inr"], 0.0)
    risk, greatest = columns["risk_inr"], columns["max_loss_inr"]
    risk = np.where(tied_up > risk, tied_up, risk)
    risk = np.where(greatest < risk, greatest, risk)
    unknown = np.isnan(tied_up) & (columns["risk_inr"] <= 0) & (greatest > 0)
    columns["risk_inr"] = risk = np.where(unknown, np.nan, risk)
    columns["loss_to_risk"] = _ratio(greatest, risk)
    columns["cost_on_risk"] = _ratio(columns["cost_inr"], risk)
    columns["return_on_risk"] = _ratio(columns["expected_profit_inr"], risk)
    columns["reward_to_risk"] = _ratio(columns["reward_inr"], risk)
    columns["return_on_margin"] = _ratio(columns["expected_profit_inr"], tied_up)
