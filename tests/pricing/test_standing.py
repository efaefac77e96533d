"""Rank and percentile among the days before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kit.chains.readers import read_chain
from kit.errors import DataError
from kit.model import ChainSnapshot
from kit.pricing.standing import iv_standing
from kit.pricing.term_structure import term_structure


@pytest.fixture(scope="module")
def vix(shared_data: Path) -> pd.Series:
    """India VIX by day, with the file's repeated days."""
    table = pd.read_csv(shared_data / "reference" / "INDIA_VIX_day_20150101_20210514.csv.gz")
    return pd.Series(table["Close"].to_numpy(np.float64), index=pd.to_datetime(table["Date"]))


@pytest.mark.parametrize("day", ["2016-03-01", "2018-10-26", "2020-03-24", "2020-12-31", "2021-05-14"])
def test_rank_of_india_vix_is_its_definition(day: str, vix: pd.Series) -> None:
    """On real days rank and percentile are those written out over the 252 days before, each counted once."""
    daily = vix[~vix.index.duplicated(keep="last")]
    on = pd.Timestamp(day)
    before = daily[daily.index < on].iloc[-252:]
    found = iv_standing(vix, on=on.date())
    now = daily[on]
    assert found.now == now
    assert found.rank == pytest.approx((now - before.min()) / (before.max() - before.min()))
    assert found.percentile == pytest.approx((before < now).mean())
    assert (found.days, found.first, found.last) == (252, before.index[0].date(), before.index[-1].date())


def test_a_short_history_says_how_short(vix: pd.Series) -> None:
    """With fewer days than asked the figure rests on those there are, and says so."""
    found = iv_standing(vix[:40], 16.0)
    assert found.days == 40
    assert f"of 40 days (2015-01-01 to {vix.index[39].date()})" in str(found)


def test_no_history_is_named(vix: pd.Series) -> None:
    """Nothing before the day, or no days to look back, is refused."""
    with pytest.raises(DataError, match="no day before"):
        iv_standing(vix, 16.0, on=date(2015, 1, 1))
    with pytest.raises(DataError, match="no day until"):
        iv_standing(vix, on=date(2014, 1, 1))
    with pytest.raises(DataError, match="days to look back"):
        iv_standing(vix, 16.0, days=0)
    with pytest.raises(DataError, match="is by day, not by: 'RangeIndex'"):
        iv_standing(vix.reset_index(drop=True))
    with pytest.raises(DataError, match="cannot take str for on: '2020-03-24'"):
        iv_standing(vix, on="2020-03-24")  # type: ignore[arg-type]


def test_term_structure_of_a_real_page(shared_data: Path) -> None:
    """A saved page gives a row per expiry: volatilities positive, puts dearer, forwards rising in time."""
    chains = read_chain(shared_data / "chain" / "nse_option_chain_BANKNIFTY_20230503_1530.json.gz")
    table = term_structure(chains[::-1])
    assert [*table.index] == [chain.expiry for chain in chains]
    known = table.dropna(subset="atm_iv")
    assert len(known) >= 5
    assert known["atm_iv"].between(0.05, 0.4).all()
    assert known["days"].is_monotonic_increasing
    assert (known["risk_reversal_25"].iloc[:4] < 0.02).all()


def test_forward_volatility_joins_the_expiries(make_chain: Callable[..., ChainSnapshot]) -> None:
    """Total variance to the far expiry is that to the near one plus the forward's between them."""
    near = make_chain(days=14.0, atm_iv=0.14, skew=0.0)
    far = replace(make_chain(days=42.0, atm_iv=0.18, skew=0.0), expiry=near.expiry + timedelta(28))
    table = term_structure([near, far])
    joined = table["atm_iv"].iloc[0] ** 2 * 14 + table["forward_iv"].iloc[1] ** 2 * 28
    assert joined == pytest.approx(table["atm_iv"].iloc[1] ** 2 * 42)
    with pytest.raises(DataError, match="one underlying"):
        term_structure([near, replace(far, underlying="NIFTY")])
