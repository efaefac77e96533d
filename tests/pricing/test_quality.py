"""Of what kind a price is, and how much its volatility says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kit.chains.readers import read_chain
from kit.pricing.quality import iv_error, iv_quality, price_kind
from kit.pricing.reasons import Reason

NAN = float("nan")


@pytest.mark.parametrize(
    ("bid", "ask", "ltp", "volume", "kind"),
    [
        (99.0, 101.0, 100.0, 500.0, Reason.OK),
        (99.0, 101.0, 150.0, 0.0, Reason.OK),  # a live quote needs no trade
        (439.0, 439.0, NAN, 0.0, Reason.SETTLEMENT),
        (2_913.05, 2_913.05, 2_300.0, 480.0, Reason.STALE),
        (107.3, 107.3, 107.3, 480.0, Reason.OK),
        (NAN, 100.0, 90.0, 500.0, Reason.OK),
        (NAN, 100.0, 90.0, 0.0, Reason.UNTRADED),
        (NAN, 100.0, 90.0, NAN, Reason.UNTRADED),
        (NAN, 100.0, 150.0, 500.0, Reason.STALE),
        (95.0, NAN, 90.0, 500.0, Reason.STALE),
        (101.0, 99.0, 100.0, 500.0, Reason.OK),  # crossed, and a trade between
        (101.0, 99.0, 150.0, 500.0, Reason.STALE),
        (NAN, NAN, 100.0, 500.0, Reason.OK),
        (NAN, NAN, 100.0, 0.0, Reason.UNTRADED),
    ],
)
def test_each_kind_of_price_is_named(bid: float, ask: float, ltp: float, volume: float, kind: Reason) -> None:
    """A settlement, a last trade of another day and one that its quote contradicts are told apart."""
    codes, doubt = price_kind(*(np.array([number]) for number in (bid, ask, ltp, volume)))
    assert Reason(codes[0]) is kind
    assert (doubt[0] >= 0.5) == (kind is not Reason.OK)


def test_quality_falls_as_the_spread_grows_and_gives_the_error_back() -> None:
    """Half a spread worth a tenth of the volatility leaves a half; the error follows from the quality."""
    half = np.array([0.0, 0.5, 1.5, 6.0, NAN])
    quality = iv_quality(np.full(5, 0.15), np.full(5, 1.0), half, np.zeros(5))
    assert quality[2] == pytest.approx(0.5)
    assert (np.diff(quality[:4]) < 0).all()
    assert quality[4] == quality[0]  # no spread: a tick
    assert iv_error(np.full(5, 0.15), quality)[1:4] == pytest.approx([0.005, 0.015, 0.06])
    nothing = iv_quality(np.array([NAN, 0.15]), np.array([NAN, 0.0]), np.zeros(2), np.zeros(2))
    assert nothing.tolist() == [0.0, 0.0]
    assert iv_error(np.array([0.15]), nothing[1:]) == np.inf


def test_theory_and_stale_closes_of_a_bhavcopy_are_no_market(shared_data: Path) -> None:
    """What closed at 2,300 and settled at 2,913 is stale, an untraded one a settlement; both say little."""
    (near, *_) = read_chain(shared_data / "eod/fo_udiff_20260826_BANKNIFTY_rows.csv")
    assert near.quote(60_500.0, "PE")["iv_reason"] == "stale"
    assert near.quote(61_800.0, "CE")["iv_reason"] == "settlement"
    table = near.table
    sound = table["iv_reason"] == "ok"
    assert sound.sum() >= 20
    assert table.loc[sound, "iv_quality"].median() > 0.8
    assert (table.loc[~sound, "iv_quality"] < 0.1).all()


def test_wide_and_untraded_quotes_of_2023_say_so(shared_data: Path) -> None:
    """No volatility that is called ok hangs on a spread worth more than a fifth of it, or on no trade."""
    chains = read_chain(shared_data / "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz")
    table = pd.concat([chain.table for chain in chains])
    mids = table[(table["iv_reason"] == "ok") & (table["ask"] > table["bid"])]
    assert len(mids) > 600
    assert (mids["iv_quality"] >= 0.5).mean() > 0.97  # the rest are a counterpart's, which is no mid
    assert (table["iv_reason"] == "wide").sum() > 50
    unknown = table[table["iv"].isna()]
    assert unknown["iv_quality"].eq(0).all()
    assert not set(unknown["iv_reason"]) & {"ok", "wide", "stale", "untraded", "settlement"}


def test_a_coarser_step_says_less():
    """Where prices move in rupees a trade beside a quote is not stale, and a volatility says less."""
    quote = (np.array([100.0]), np.array([100.0]), np.array([100.9]), np.array([75.0]))
    assert price_kind(*quote)[0] == [Reason.STALE]
    assert price_kind(*quote, step_inr=1.0)[0] == [Reason.OK]
    one = np.array([0.15]), np.array([1.0]), np.zeros(1), np.zeros(1)
    assert iv_quality(*one, step_inr=1.0) < iv_quality(*one)
