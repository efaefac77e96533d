"""Scans: whole, filtered, ranked, cut short, and the same on workers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import combinations
from math import inf, isnan, nan
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import ConcurrentProcessor
from kit.errors import DataError, SettingsError, UnknownExpiry
from kit.evaluation.metrics import score
from kit.evaluation.scan import FIGURES, KNOWN, ScanResult, chunks, scan
from kit.evaluation.scan.families import named
from kit.evaluation.scan.filters import best_of, filters, pareto, rank
from kit.evaluation.views import lognormal
from kit.model import ChainSnapshot
from kit.strategies import ALL, CALENDARS, COVERED, IronCondor
from kit.strategies.base import Strategy

MakeChain = Callable[..., ChainSnapshot]
VIEW = lognormal(0.17)


@pytest.fixture(scope="module")
def chain(make_chain: MakeChain) -> ChainSnapshot:
    """Return a chain of 25 strikes, 500 apart."""
    return make_chain(strikes=25, step=500.0)


def test_the_best_condor_is_that_of_brute_force(chain: ChainSnapshot) -> None:
    """Of all condors the scan's best is the best of scoring each by itself, and its figures are its own."""
    found = scan(chain, IronCondor, widths=(500, 1500), view=VIEW, rank_by="return_on_risk", top=5)
    best, count = [], 0
    for width in (500, 1500):
        for put, call in combinations(chain.strikes, 2):
            strikes = (("PE", put - width, 1), ("PE", put, -1), ("CE", call, -1), ("CE", call + width, 1))
            if {strike for _, strike, _ in strikes} <= set(chain.strikes):
                legs = [chain.leg(right, strike, lots) for right, strike, lots in strikes]
                best.append(score(legs, chain, view=VIEW))
                count += 1
    best.sort(key=lambda one: -one.return_on_risk)
    assert found.enumerated == found.kept.scored == count
    assert [found.score(number).return_on_risk for number in range(5)] == [
        one.return_on_risk for one in best[:5]
    ]
    assert found.score().legs == best[0].legs
    assert found.table["return_on_risk"].tolist() == pytest.approx([one.return_on_risk for one in best[:5]])


@pytest.mark.parametrize("family", KNOWN)
def test_every_family_matches_its_strategy(family: str, chain: ChainSnapshot) -> None:
    """Among a family's positions is the one that its strategy takes with the same widths."""
    kind = next(kind for kind in (*ALL, *COVERED) if named(kind) == [family])
    options = {"width": 500} if "width" in kind.__dataclass_fields__ else {}
    wanted = {(leg.right, leg.strike, leg.lots) for leg in kind(**options).legs(chain)}
    found = scan(chain, family, widths=(500, 1000), top=None, tradable=False)
    held = [{(leg.right, leg.strike, leg.lots) for leg in found.legs(number)} for number in range(len(found))]
    assert wanted in held
    assert len({frozenset(one) for one in held}) == len(held) == found.enumerated


@pytest.fixture(scope="module")
def pair(make_chain: MakeChain) -> ChainSnapshot:
    """Return a chain of eleven strikes with a later one beside it that lists one of them no more."""
    near = make_chain(strikes=11, step=500.0)
    later = make_chain(strikes=11, step=500.0, days=42.0)
    table = later.frame[later.frame["strike"] != later.strikes[2]]
    return near.beside(replace(later, expiry=date(2026, 12, 29), frame=table))


@pytest.mark.parametrize("kind", CALENDARS, ids=lambda kind: kind.__name__)
def test_calendars_have_the_scores_figures(kind: type[Strategy], pair: ChainSnapshot) -> None:
    """A family over two expiries holds its strategy's position, and each row is the score of its legs."""
    options = {"width": 500} if "width" in kind.__dataclass_fields__ else {}
    wanted = {(leg.right, leg.strike, leg.lots, leg.expiry) for leg in kind(**options).legs(pair)}
    found = scan(pair, kind, widths=(500,), top=None, tradable=False)
    assert found.missing > 0
    assert len(found) == found.enumerated
    every = [found.legs(number) for number in range(len(found))]
    assert wanted in [{(leg.right, leg.strike, leg.lots, leg.expiry) for leg in legs} for legs in every]
    for number in range(0, len(found), 5):
        scored = found.score(number)
        for name in set(FIGURES) - {"breakeven_low", "breakeven_high", "sound"}:
            assert found.table[name][number] == pytest.approx(getattr(scored, name), nan_ok=True)
        highest = scored.breakevens[-1] if scored.breakevens else nan
        assert found.table["breakeven_high"][number] == pytest.approx(highest, nan_ok=True)


def test_calendars_on_workers_and_without_a_later_chain(pair: ChainSnapshot, chain: ChainSnapshot) -> None:
    """Workers find the same calendars; without a later chain the error says how to have one."""
    wanted = ("call_calendar", "short_straddle")
    with ConcurrentProcessor(max_workers=1, backend="threads") as processor:
        assert scan(pair, wanted, processor=processor).table.equals(scan(pair, wanted).table)
    with pytest.raises(UnknownExpiry, match="beside"):
        scan(chain, "call_calendar")
    assert not set(named("all")) & set(named(CALENDARS))


def test_filters_keep_what_passes_and_count_what_does_not(chain: ChainSnapshot) -> None:
    """What is kept is what passes in the whole table, and the counts are of one filter after the other."""
    whole = scan(chain, "all", top=None, view=VIEW, tradable=False).table
    where = "probability_of_profit > 0.7 and max_loss_inr < 40_000, return_on_risk >= -0.5"
    found = scan(chain, "all", top=None, view=VIEW, tradable=False, where=where)
    first = whole["probability_of_profit"] > 0.7
    second = first & (whole["max_loss_inr"] < 40_000)
    third = second & (whole["return_on_risk"] >= -0.5)
    assert len(found) == third.sum()
    assert [*found.removed.values()] == [(~first).sum(), (first & ~second).sum(), (second & ~third).sum()]
    assert found.table["return_on_risk"].is_monotonic_decreasing
    assert (
        scan(chain, "all", top=None, view=VIEW, where=["pop > 0.7", "tradable == true"])
        .table["tradable"]
        .all()
    )


@pytest.mark.parametrize(
    ("rank_by", "ascending"),
    [("probability_of_profit", False), ("margin_inr", True), ("+margin_inr", False), ("-vega_inr", True)],
)
def test_any_figure_ranks(rank_by: str, ascending: bool, chain: ChainSnapshot) -> None:
    """A figure where less is better comes least first, any other greatest first, unless a sign says so."""
    found = scan(chain, ["iron_condor", "short_strangle"], rank_by=rank_by, top=50).table
    assert len(found) == 50
    column = found[rank_by.lstrip("+-")]
    assert column.is_monotonic_increasing if ascending else column.is_monotonic_decreasing


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60))
def test_a_pareto_front_is_what_nothing_beats(points: list[tuple[int, ...]]) -> None:
    """A row is in the front exactly when no other is as good in all figures and better in one."""
    keys = np.array(points, np.float64)
    beaten = [((keys >= row).all(axis=1) & (keys > row).any(axis=1)).any() for row in keys]
    assert pareto(keys).tolist() == np.flatnonzero(~np.array(beaten)).tolist()


@given(st.lists(st.one_of(st.floats(-9, 9), st.just(-inf)), min_size=1, max_size=80), st.integers(1, 12))
def test_the_best_few_are_those_of_sorting(values: list[float], top: int) -> None:
    """Taking the first few gives the rows that sorting all of them does, ties in their order."""
    column = np.array(values)
    assert best_of(column[:, None], top).tolist() == np.argsort(-column, kind="stable")[:top].tolist()


def test_a_front_of_a_scan(chain: ChainSnapshot) -> None:
    """Ranked by several figures a scan keeps their front, by the first of them."""
    found = scan(chain, "iron_condor", rank_by=("probability_of_profit", "margin_inr"), top=None, view=VIEW)
    assert found.order == rank(["probability_of_profit", "margin_inr"])
    assert found.table["probability_of_profit"].is_monotonic_decreasing
    assert found.table["margin_inr"].is_monotonic_decreasing


@pytest.mark.parametrize("backend", ["processes", "threads", "dask"])
def test_workers_find_the_same(
    backend: Any, chain: ChainSnapshot, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """On a processor a scan has the very table it has in one thread, and tells of its best often."""
    monkeypatch.setattr(chunks, "CHUNK", 500)
    alone = scan(chain, "all", top=40)
    seen = list[ScanResult]()
    address = request.getfixturevalue("cluster").scheduler_address if backend == "dask" else None
    with ConcurrentProcessor(max_workers=2, backend=backend, dask_address=address) as processor:
        found = scan(chain, "all", top=40, processor=processor, on_best=seen.append)
    assert found.table.equals(alone.table)
    assert found.removed == alone.removed
    assert len(seen) > 5
    assert seen[-1].complete
    scored = [one.kept.scored for one in seen]
    assert scored == sorted(scored)
    assert not seen[0].complete


@pytest.mark.parametrize("on_workers", [False, True])
def test_a_scan_is_stopped(on_workers: bool, chain: ChainSnapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its event is set a scan returns the best so far and says that it was stopped."""
    monkeypatch.setattr(chunks, "CHUNK", 300)
    stop = Event()

    def one_chunk(_: ScanResult) -> None:
        stop.set()

    with ConcurrentProcessor(max_workers=1, backend="serial") as processor:
        found = scan(chain, "all", stop=stop, on_best=one_chunk, processor=processor if on_workers else None)
    assert 0 < found.kept.scored < found.enumerated
    assert not found.complete
    assert found.told().endswith("stopped")
    assert len(found) > 0


def test_holes_are_counted(chain: ChainSnapshot) -> None:
    """Positions that need a contract without a price, or one that is not listed, are left out and counted."""
    whole = scan(chain, "short_straddle", top=None)
    table = chain.table
    table.loc[(table["strike"] == 55_000) & (table["right"] == "CE"), ["bid", "ask", "ltp"]] = np.nan
    holed = replace(chain, frame=table[table["strike"] != 56_000])
    found = scan(holed, "short_straddle", top=None)
    assert found.enumerated == whole.enumerated - 2
    assert found.missing == 1
    assert "1 need a contract that is not listed or priced" in found.told()


def test_nothing_left_says_which_filter_removed_how_many(chain: ChainSnapshot) -> None:
    """Filters that nothing passes are an error that counts what each of them removed."""
    with pytest.raises(
        DataError, match=r"No position is left: 25.*probability_of_profit > 1 removed 25;"
    ) as caught:
        scan(chain, "short_straddle", where="probability_of_profit > 1, vega_inr > 0")
    assert "vega_inr > 0 removed 0" in caught.value.remedy


@pytest.mark.parametrize(
    ("arguments", "error", "named_as"),
    [
        ({"families": "iron_kondor"}, SettingsError, "iron_condor"),
        ({"families": []}, SettingsError, "needs a family"),
        ({"where": "max_los_inr < 3"}, SettingsError, "max_loss_inr"),
        ({"where": "max_loss_inr < lots"}, SettingsError, "Not a number"),
        ({"where": "max_loss_inr < nan"}, SettingsError, "Not a number"),
        ({"where": "cheap"}, SettingsError, "Not a filter"),
        ({"where": "probability_of_profit > 70"}, SettingsError, "Write 70% or 0.7"),
        ({"rank_by": "sharpe"}, SettingsError, "No figure"),
        ({"rank_by": []}, SettingsError, "ranks by a figure"),
        ({"families": int}, SettingsError, "class of strategies"),
        ({"top": 0}, SettingsError, "at least one position"),
        ({"widths": [0]}, DataError, "more than 0"),
        ({"view": "hopeful"}, SettingsError, "view"),
    ],
)
def test_bad_input_is_named(
    arguments: dict[str, Any], error: type[Exception], named_as: str, chain: ChainSnapshot
) -> None:
    """An unknown family, figure, view or width, and a filter that is none, are refused by name."""
    families = arguments.pop("families", "iron_condor")
    with pytest.raises(error, match=named_as):
        scan(chain, families, **arguments)


@pytest.mark.parametrize(
    ("where", "values"),
    [
        ("max_loss_inr < 20,000", [20_000]),
        ("max_loss_inr < 1,00,000, pop > .7", [100_000, 0.7]),
        ("pop > 70 % AND tradable == True", [0.7, 1]),
        ("vega_inr>-1e3&&theta_inr>=+2", [-1000, 2]),
    ],
)
def test_filters_are_read_as_people_write_them(where: str, values: list[float]) -> None:
    """Digits may be grouped by commas, shares be percents, and filters be joined by and, commas or &&."""
    assert [one.value for one in filters(where)] == values


def test_an_expiry_that_is_gone(chain: ChainSnapshot) -> None:
    """A chain whose expiry has passed, or without any price, is refused."""
    with pytest.raises(DataError, match="expiry is gone: '2026-11-23'"):
        scan(replace(chain, t_years=0.0), "iron_condor")
    silent = replace(chain, frame=chain.table.assign(bid=np.nan, ask=np.nan, ltp=np.nan))
    with pytest.raises(DataError, match="No contract of the chain has a price"):
        scan(silent, "iron_condor")


def test_an_index_without_margin_rules_says_so(chain: ChainSnapshot) -> None:
    """Where no margin rules are known the rest of the figures stand, and the result says what is missing."""
    found = scan(replace(chain, underlying="SENSEX"), "short_straddle")
    assert all(isnan(value) for value in found.table["margin_inr"])
    assert "no margin" in found.told()
    assert "nan" not in found.to_text()
    rest = scan(replace(chain, underlying="SENSEX"), "all", view=lognormal(0.02), top=None).table
    can_lose = rest[rest["max_loss_inr"] > 0]
    assert can_lose["risk_inr"].isna().any()
    assert not np.isinf(can_lose[["return_on_risk", "reward_to_risk", "cost_on_risk"]]).any(axis=None)
    number = can_lose.index[can_lose["risk_inr"].isna()][0]
    assert number >= can_lose["risk_inr"].notna().sum()  # behind what is known


def test_the_first_of_each_family_are_those_of_the_whole_table(chain: ChainSnapshot) -> None:
    """What leads each family keeps its place in the order, its legs and its score."""
    whole = scan(chain, "all", top=None)
    leaders = whole.of_each_family()
    expected = whole.table.drop_duplicates("family").reset_index(drop=True)
    assert leaders.table.equals(expected)
    assert len(leaders) > 20
    last = len(leaders) - 1
    assert leaders.score(last).name == expected["family"][last]
    assert leaders.removed == whole.removed


def test_a_result_is_readable(chain: ChainSnapshot) -> None:
    """As text and in a notebook a result shows its legs, and first under which view; rows are the table's."""
    found = scan(chain, "iron_condor", top=3)
    assert "view market, entry touch, held" in found.to_text().splitlines()[0]
    assert found.table["legs"][0] in found.to_text()
    assert "<table" in found._repr_html_()
    ranked = scan(chain, "iron_condor", top=3, rank_by="return_on_margin")
    assert [*ranked._readable().columns][2] == "return/margin"  # what it is ordered by stands first
    assert "return/margin" in ranked.to_text()
    assert "can lose" not in found.to_text()
    naked = scan(chain, ["iron_condor", "short_straddle", "covered_call"], top=None, where="premium_inr > 0")
    endless = (naked.table["max_loss_inr"] == inf).sum()
    far = (naked.table["family"] != "iron_condor").sum()  # down to nought, or without an end
    told = f"{far} of {len(naked)} can lose over 2 times what is at risk, {endless} of them without limit"
    assert f"{told} (max loss ∞); the filter loss_to_risk < 2 leaves them out." in naked.to_text()
    assert told in naked._repr_html_()
    assert not scan(chain, "all", where="loss_to_risk < 2").exposed()
    assert naked.table["legs"].str.fullmatch(r"\+1 FUT, -1 \d+CE").sum() > 10
    assert [*found.table.columns] == ["family", "legs", *FIGURES]
    with pytest.raises(DataError, match="no such row: 3"):
        found.score(3)
