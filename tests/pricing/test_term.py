"""Smiles of several expiries fitted together."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kit.chains.readers import read_chain
from kit.model import ChainSnapshot
from kit.pricing.smile_fit import Points
from kit.pricing.snapshot_smile import smile_of
from kit.pricing.surface import fit_surface
from kit.pricing.term import Quoted, fit_term

FILES = (
    "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz",
    "eod/fo01JAN2020bhav.csv.zip",
    "eod/fo02JAN2020bhav.csv.zip",
    "eod/fo_udiff_20260826_BANKNIFTY_rows.csv",
)


def expiry_of(years: float, level: float, k: np.ndarray, error: float) -> Quoted:
    """Return an expiry on a skewed smile."""
    return Quoted(43_000.0, years, Points(k, level - 0.2 * k, np.full(k.size, error)))


WIDE_LADDER = np.linspace(-0.12, 0.12, 41)


def test_a_thin_expiry_leans_on_its_neighbours() -> None:
    """Two wide quotes far from the money, six points off, hardly move what the neighbours say."""
    near, far = expiry_of(0.05, 0.13, WIDE_LADDER, 0.001), expiry_of(0.2, 0.13, WIDE_LADDER, 0.001)
    thin = expiry_of(0.1, 0.19, np.array([-0.04, 0.05]), 0.04)
    fitted = fit_term([near, thin, far])
    assert fitted[1] is not None
    assert fitted[1].atm_iv == pytest.approx(0.13, abs=0.006)
    assert fitted[1].atm_error > 0.005


def test_a_thin_expiry_without_neighbours_keeps_its_own_level() -> None:
    """Alone, three quotes are fitted by a nearly flat smile through them."""
    (fitted,) = fit_term([expiry_of(0.1, 0.15, np.array([-0.02, 0.01, 0.03]), 0.004)])
    assert fitted is not None
    assert fitted.atm_iv == pytest.approx(0.15, abs=0.004)


def test_an_expiry_without_quotes_is_lent_all_of_it() -> None:
    """Beyond the last quoted expiry the volatility stands still; nothing quoted, nothing known."""
    none = Quoted(43_500.0, 0.5, Points(*[np.empty(0)] * 3))
    quoted, lent = fit_term([expiry_of(0.2, 0.14, WIDE_LADDER, 0.001), none])
    assert quoted is not None
    assert lent is not None
    assert lent.atm_iv == pytest.approx(quoted.atm_iv, abs=0.002)
    assert np.isnan(lent.fit_error)
    assert fit_term([none]) == (None,)
    assert fit_term([none._replace(t_years=0.0)]) == (None,)


def test_total_variance_never_falls() -> None:
    """Where two firm expiries contradict each other both move to where they agree, the surer one less."""
    sure, doubtful = expiry_of(0.1, 0.16, WIDE_LADDER, 0.001), expiry_of(0.11, 0.12, WIDE_LADDER, 0.02)
    near, far = fit_term([sure, doubtful])
    assert near is not None
    assert far is not None
    assert far.total_variance(0.0) == pytest.approx(near.total_variance(0.0))
    assert near.atm_iv > 0.155
    for piece in (near, far):
        assert (piece.density_sign(np.linspace(-0.5, 0.5, 201)) >= 0).all()


@pytest.mark.parametrize("file", FILES)
def test_the_money_of_real_thin_expiries_is_where_the_smile_is(shared_data: Path, file: str) -> None:
    """On real files variance at the money rises, and theory hardly counts beside what was traded."""
    chains = [chain for chain in read_chain(shared_data / file) if chain.t_years > 0]
    total = [chain.iv_at(chain.forward) ** 2 * chain.t_years for chain in chains]
    assert (np.diff(total) >= -1e-12).all()
    for chain, after in pairwise(chains):
        level, next_level = chain.iv_at(chain.forward), after.iv_at(after.forward)
        assert abs(np.log(next_level / level)) < 0.25, (chain.expiry, level, next_level)
    surface = fit_surface(chains)
    assert [piece.atm_iv for piece in surface.slices] == pytest.approx(
        [chain.iv_at(chain.forward) for chain in chains]
    )


def test_untraded_theory_at_20_percent_does_not_lift_a_smile_at_10(shared_data: Path) -> None:
    """November 2026, of three settlements nobody traded, has the volatility of the traded September."""
    september, _, november = read_chain(shared_data / FILES[3])
    assert november.frame["iv"].min() > 0.18
    assert november.iv_at(november.forward) == pytest.approx(september.iv_at(september.forward), abs=0.01)


def test_a_smile_travels_and_belongs_to_its_numbers(shared_data: Path) -> None:
    """A chain that was sent away brings its smile; one whose numbers were changed is fitted anew."""
    chain = read_chain(shared_data / FILES[0])[3]
    level = chain.iv_at(chain.forward)
    there = pickle.loads(pickle.dumps(chain))
    assert there.iv_at(there.forward) == level
    changed = replace(chain, frame=chain.table.assign(iv=chain.frame["iv"] + 0.1))
    assert changed.iv_at(chain.forward) == pytest.approx(level + 0.1, abs=0.01)
    assert replace(chain, t_years=0.0).smile is None


def test_a_single_chain_is_fitted_where_it_arrives(shared_data: Path) -> None:
    """Sending one that nobody has fitted fits nothing here, and there the smile is the same."""
    (chain,) = read_chain(shared_data / "chain/option-chain-ED-BANKNIFTY-28-Apr-2026.csv")
    there = pickle.loads(pickle.dumps(chain))
    assert "smile" not in vars(chain)
    assert there.iv_at(there.forward) == chain.iv_at(chain.forward)
    assert pickle.loads(pickle.dumps(chain)).smile == chain.smile


def test_a_chain_made_by_hand_is_fitted_once(make_chain: Callable[..., ChainSnapshot]) -> None:
    """It has no smile of its own, and is given one."""
    chain = make_chain()
    assert chain.smile is None
    found = smile_of(chain)
    assert found is smile_of(chain)
    assert found is not None
    assert found.atm_iv == pytest.approx(0.14, abs=0.001)
