"""Between which forwards quotes leave no certain profit, strike by strike and together."""

from __future__ import annotations

import numpy as np
import pytest

from kit.pricing.parity_bounds import Bounds, held, parity_bounds

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("call_bid", "call_ask", "put_bid", "put_ask", "low", "high", "settled"),
    [
        (5, 6, 3, 4, 102, 106, False),
        (5, 6, NAN, 4, 102, 112, False),  # a put that nobody bids for is sold for nothing
        (0, 6, 3, 4, 92, 106, False),
        (5, 6, 3, NAN, -INF, 106, False),
        (5, 0, 3, 4, 102, INF, False),
        (5, 5, 3, 4, 102, 104, False),
        (5, 5, 3, 3, 104, 104, True),
        (NAN, NAN, 3, 3, 94, INF, True),
        (NAN, NAN, NAN, NAN, -INF, INF, True),
    ],
)
def test_each_strike_bounds_the_forward(
    call_bid: float, call_ask: float, put_bid: float, put_ask: float, low: float, high: float, settled: bool
) -> None:
    """Bought at the asks, sold at the bids, and grown by the discount factor."""
    sides = (np.array([side], np.float64) for side in (call_bid, call_ask, put_bid, put_ask))
    found = parity_bounds(np.array([100.0]), *sides, 0.5)
    assert tuple(column.item() for column in found) == (low, high, settled)


def bounds(*stretches: tuple[float, float], settled: tuple[float, ...] = ()) -> Bounds:
    """Return live stretches and settled levels as bounds."""
    both = np.array([*stretches, *((level, level) for level in settled)], np.float64).reshape(-1, 2)
    return Bounds(both[:, 0], both[:, 1], np.arange(len(both)) >= len(stretches))


@pytest.mark.parametrize(
    ("stretches", "common", "most"),
    [
        ([(90, 100), (100, 110)], (100, 100), (100, 100)),
        ([(100, 100)], (100, 100), (100, 100)),
        ([(100, INF)], (100, INF), (100, INF)),
        ([(90, 104), (-INF, INF), (95, INF)], (95, 104), (95, 104)),
        ([(1, 2), (3, 5), (4, 6)], (-INF, INF), (4, 5)),
        ([(1, 2), (5, 6), (9, 10)], (-INF, INF), (5, 6)),  # the nearest to the guess
        ([(6, 5), (7, 8)], (7, 8), (7, 8)),  # crossed, it says nothing
        ([], (-INF, INF), (-INF, INF)),
    ],
)
def test_what_strikes_allow_together(stretches: list, common: tuple, most: tuple) -> None:
    """All of them where they agree, else most of them; ends belong to a stretch."""
    found = bounds(*stretches, settled=(50.0,))
    assert found.common == common
    assert found.most_agreed(5.2) == most


@pytest.mark.parametrize(
    ("stretches", "settled", "expected"),
    [
        ([(101, 102)], (), 101),
        ([(101, 102)], (100.2,), 101),  # live quotes decide
        ([(99, 102)], (100.2,), 100.2),
        ([], (100.2, 100.21, 100.28), 100.21),
        ([], (100.2, 100.31), 100),  # more than a thousandth apart
        ([], (100.7,), 100.7),
        ([], (101.5,), 100),  # more than a hundredth off
        ([], (), 100),
    ],
)
def test_a_guess_is_moved_as_little_as_quotes_demand(
    stretches: list, settled: tuple, expected: float
) -> None:
    """Into what is quoted live, else to the middle of settlements that agree and are near."""
    assert held(100.0, bounds(*stretches, settled=settled)) == expected
