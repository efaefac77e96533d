"""Whose distribution of the index a score is under."""

from __future__ import annotations

import pickle
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kit.chains.contracts import Contracts
from kit.chains.readers import read_chain
from kit.chains.snapshot import Listed, snapshots
from kit.clock import IST, expiries, parse_day, session, sessions
from kit.errors import DataError, SettingsError
from kit.evaluation.history import sessions_left
from kit.evaluation.metrics import score
from kit.evaluation.views import View, empirical, lognormal, market
from kit.model import ChainSnapshot
from kit.strategies import ALL, IronCondor

MakeChain = Callable[..., ChainSnapshot]
FILES = (
    "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz",
    "chain/option-chain-ED-BANKNIFTY-28-Apr-2026.csv",
    "chain/option-chain-ED-BANKNIFTY-26-May-2026.csv",
)


def closes(days: int = 800, seed: int = 5) -> pd.Series:
    """Return daily closes before the chains of these tests."""
    moves = np.random.default_rng(seed).normal(0.0004, 0.012, days)
    before = sessions(date(2023, 1, 1), date(2026, 11, 19))
    return pd.Series(50_000 * np.exp(np.cumsum(moves)), pd.to_datetime(before[-days:]))


def every_view() -> list[View]:
    """Return one of each kind."""
    return [market, lognormal(0.2, 0.05), empirical(closes(), 5)]


def pages_of_2019(shared_data: Path) -> Iterator[ChainSnapshot]:
    """Yield every tenth chain page of May 2019, an election week."""
    with tarfile.open(shared_data / "chain/rohm_BANKNIFTY_nse_chain_2019-05.tar.xz") as archive:
        for member in archive.getmembers()[::10]:
            stamp = re.search(r"(\d\d)-(\d\d)-(\d{4})_(\d\d)-(\d\d)\.csv$", member.name)
            content = archive.extractfile(member) if stamp else None
            if content is None or stamp is None:
                continue
            day, month, year, hour, minute = map(int, stamp.groups())
            folder = Path(member.name).parent.name
            named = folder[0].isdigit()
            expiry = parse_day(folder.zfill(9)) if named else expiries(date(year, month, day))[0]
            at = datetime(year, month, day, hour, minute, tzinfo=IST)
            if at < session(expiry).close:
                yield page_chain(pd.read_csv(content, na_values=["-"]), expiry, at)


def page_chain(page: pd.DataFrame, expiry: date, at: datetime) -> ChainSnapshot:
    """Return a saved page as a chain."""
    named = {"bid": "BidPrice", "ask": "AskPrice", "ltp": "LTP", "oi": "OI", "volume": "Volume"}
    named |= {"oi_change": "ChnginOI", "ltp_change": "NetChng"}
    numbers = {
        name: page[[f"Call{column}", f"Put{column}"]].to_numpy(np.float64).ravel()
        for name, column in named.items()
    }
    strike, none = np.repeat(page["StrikePrice"].to_numpy(np.float64), 2), [""] * (2 * len(page))
    columns = Contracts(strike, np.arange(strike.size) % 2 == 0, numbers, none, none)
    spot = float(page["CurrentVal"].iloc[0]) if "CurrentVal" in page else float("nan")
    listed = [Listed(columns, expiry, 20)]
    return snapshots(listed, underlying="BANKNIFTY", taken_at=at, spot=spot, source="file")[0]


def test_under_the_market_no_family_earns_before_charges(shared_data: Path) -> None:
    """On real chains no family wins or loses, in the median at the middle, by more than its stated error."""
    chains = [
        *pages_of_2019(shared_data),
        *(chain for file in FILES for chain in read_chain(shared_data / file)),
    ]
    found: dict[str, list[tuple[float, float, float]]] = {}
    for chain in chains:
        if not chain.t_years > 0 or np.isnan(chain.forward):
            continue
        for kind in ALL:
            try:
                legs = kind().legs(chain)
            except DataError:  # the chain lacks a strike of it
                continue
            ours, flat = score(legs, chain, entry="mid"), score(legs, chain, entry="mid", view="lognormal")
            if ours.verdict == "ok":
                found.setdefault(kind.__name__, []).append((ours.edge_inr, ours.fit_error_inr, flat.edge_inr))
    assert len(found) > 20
    medians = {name: np.median(rows, axis=0) for name, rows in found.items() if len(rows) > 20}
    for name, (edge, error, _) in medians.items():
        assert abs(edge) < error, (name, medians[name])
    missed = np.concatenate([np.abs(np.array(rows)[:, 0]) / np.array(rows)[:, 1] for rows in found.values()])
    assert len(missed) > 1_000
    assert np.mean(missed > 1) < 0.1  # of single chains; the error is what one in sixteen misses
    assert np.max(missed) < 3
    edge, error, flat_edge = medians["BearPutSpread"]
    assert flat_edge > 2 * error  # what one volatility for all strikes makes of the skew
    assert abs(edge) < flat_edge / 4


@pytest.mark.parametrize("view", every_view(), ids=lambda view: view.name)
def test_arrays_give_what_single_levels_give(view: View, make_chain: MakeChain) -> None:
    """A distribution answers arrays as it answers single levels, and its density sums to its chances."""
    likely = view.on(make_chain())
    levels = np.array([50_000.0, 54_990.0, 55_040.0, 56_000.0, 60_000.0])
    assert [likely.cdf_at(level) for level in levels] == pytest.approx(likely.cdf(levels).tolist())
    assert [likely.call_at(level) for level in levels] == pytest.approx(likely.call(levels).tolist())
    assert likely.call_at(0.0) == likely.mean
    grid = np.linspace(0.5 * likely.mean, 2 * likely.mean, 40_001)
    assert np.trapezoid(likely.pdf(grid), grid) == pytest.approx(1.0, abs=1e-3)
    assert likely.cdf_at(likely.low) == pytest.approx(0.00135, abs=2e-3)
    assert likely.low < levels[2] < likely.high
    assert likely.note


def test_a_view_of_ones_own_moves_mean_and_chances(make_chain: MakeChain) -> None:
    """A drift moves the mean and a volatility widens it; the view is named in the score."""
    chain = make_chain()
    call = [chain.leg("CE", 55_000.0, 1)]
    plain, up, wide = (
        score(call, chain, view=view) for view in (lognormal(0.14), lognormal(0.14, 0.5), lognormal(0.3))
    )
    assert up.edge_inr > plain.edge_inr
    assert wide.edge_inr > plain.edge_inr
    assert up.view == "lognormal 14.0 %, drift +50.0 %"
    assert isnan(up.fit_error_inr)
    assert lognormal(0.14, 0.5).on(chain).mean == pytest.approx(chain.forward * np.exp(0.5 * chain.t_years))


def test_history_knows_nothing_of_the_day_itself(make_chain: MakeChain) -> None:
    """The view says how many moves, of how many sessions, from when to when, and uses none of the day."""
    chain = make_chain()
    known = closes()
    later = pd.concat([known, pd.Series([1e6, 1e6], pd.to_datetime(["2026-11-20", "2026-11-23"]))])
    likely, hindsight = empirical(known, 5).on(chain), empirical(later, 5).on(chain)
    assert likely.note == hindsight.note
    assert likely.mean == hindsight.mean
    assert likely.view == "empirical, 5 sessions"
    assert (
        "795 moves of 5 sessions that overlap (about 159 independent), 2023-08-30 to 2026-11-19;"
        in likely.note
    )
    apart = empirical(known, 5, overlapping=False).on(chain)
    assert "159 moves of 5 sessions that share no day" in apart.note
    moves = known.to_numpy()[5:] / known.to_numpy()[:-5]
    assert likely.mean == pytest.approx(chain.spot * moves.mean())


def test_a_move_spans_as_many_sessions_as_it_says(make_chain: MakeChain) -> None:
    """Moves from and to a missing day are left out, a day without a session is none, in any zone."""
    chain, known = make_chain(), closes()
    holed = known.drop(known.index[400])
    note = empirical(holed, 5).on(chain).note
    assert note.startswith("793 moves of 5 sessions that overlap (about 159 independent), ")
    assert "2026-11-19 (2 more lack a close);" in note
    assert "799 moves of 1 session that share no day" in empirical(known, 1).on(chain).note
    padded = known.resample("D").ffill()  # weekends and holidays, too
    for same in (padded, known.tz_localize(IST), known.tz_localize(IST).tz_convert("UTC")):
        assert empirical(same, 5).on(chain).mean == pytest.approx(empirical(known, 5).on(chain).mean)
    with pytest.raises(DataError, match="day by day"):
        empirical(known[::5], 2).on(chain)


@pytest.mark.parametrize(
    ("taken_at", "left"),
    [("19T15:40", 2), ("20T09:00", 2), ("20T11:15", 2), ("20T12:40", 1), ("21T12:00", 1), ("23T15:00", 1)],
)
def test_sessions_left_count_today_while_half_of_it_is_to_come(taken_at: str, left: int) -> None:
    """From Friday morning to Monday's close are two sessions, from its afternoon or a weekend one."""
    moment = datetime.fromisoformat(f"2026-11-{taken_at}").replace(tzinfo=IST)
    assert sessions_left(moment, date(2026, 11, 23)) == left


def test_views_refuse_what_they_cannot_use(make_chain: MakeChain) -> None:
    """Too short a history, closes out of order and volatilities that are none raise and say what to do."""
    with pytest.raises(DataError, match="at least 65"):
        empirical(closes(40), 5).on(make_chain())
    with pytest.raises(DataError, match="ascending"):
        empirical(closes()[::-1])
    for sigma in (0.0, -0.1, 22.0):
        with pytest.raises(SettingsError, match=r"0\.15"):
            lognormal(sigma)
    with pytest.raises(SettingsError, match="session"):
        empirical(closes(), 0)


def test_where_nothing_is_known_nothing_is_said(make_chain: MakeChain) -> None:
    """A chain without a volatility gives NaN and says so; an expired one is certain."""
    chain = make_chain()
    blank = replace(chain, frame=chain.table.assign(iv=np.nan))
    for view in (market, lognormal()):
        likely = view.on(blank)
        assert isnan(likely.mean)
        assert isnan(likely.cdf_at(50_000.0))
        assert np.isnan(likely.pdf([1.0, 2.0])).all()
        assert likely.doubt
    for view in every_view():
        over = view.on(replace(chain, t_years=0.0))
        assert (over.cdf_at(chain.forward - 1), over.cdf_at(chain.forward + 1)) == (0.0, 1.0)


def test_a_smile_without_quotes_of_its_own_is_a_doubt(shared_data: Path) -> None:
    """The row of a chain whose smile is lent, or misses its quotes, says so."""
    far = read_chain(shared_data / FILES[0])[-2]
    assert "smile" in market.on(far).doubt or "fit" in market.on(far).doubt
    strike = next(strike for strike, row in far.contracts["CE"].items() if row.price > 0)
    legs = (far.leg("CE", strike, 1),)
    assert market.on(far).doubt in score(legs, far).verdict


@pytest.mark.parametrize("view", every_view(), ids=lambda view: view.name)
def test_a_view_travels(view: View, make_chain: MakeChain) -> None:
    """A view that was sent away scores as it did at home."""
    chain = make_chain()
    legs = IronCondor().legs(chain)
    assert score(legs, chain, view=pickle.loads(pickle.dumps(view))) == score(legs, chain, view=view)
