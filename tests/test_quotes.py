"""What a quote is worth."""

import numpy as np
import pytest

from kit.quotes import mid_or_last

NONE = float("nan")


@pytest.mark.parametrize(
    ("bid", "ask", "ltp", "volume", "worth"),
    [
        (99.0, 101.0, 50.0, 0.0, 100.0),
        (NONE, NONE, 50.0, 0.0, 50.0),
        (NONE, 100.0, 100.0, 0.0, 100.0),
        (100.0, NONE, 130.0, 0.0, 130.0),
        (NONE, 100.0, 1_800.0, 0.0, NONE),
        (NONE, 100.0, 1_800.0, NONE, NONE),
        (100.0, NONE, 20.0, 0.0, NONE),
        (NONE, 100.0, 103.0, 25.0, 100.0),
        (100.0, NONE, 97.0, 25.0, 100.0),
        (101.0, 99.0, 100.0, 0.0, 100.0),
        (100.0, 90.0, 5_000.0, 0.0, NONE),
        (100.0, 90.0, 5_000.0, 25.0, 100.0),
        (100.0, 90.0, 20.0, 0.0, NONE),
        (100.0, 90.0, 20.0, 25.0, 90.0),
        (NONE, 100.0, NONE, 25.0, NONE),
        (NONE, NONE, NONE, 0.0, NONE),
    ],
)
def test_mid_or_last(bid, ask, ltp, volume, worth):
    """A quote is worth its mid, else a last trade that the one side quoted does not contradict."""
    np.testing.assert_equal(float(mid_or_last(bid, ask, ltp, volume)), worth)
