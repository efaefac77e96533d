"""Targets, judged lines and the score over them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.benchmark.measure import Figures
from kit.benchmark.registry import Row
from kit.benchmark.score import WEIGHTS, components, score
from kit.benchmark.targets import at_least, at_most, faster, within
from kit.benchmark.verdict import failed, judge
from kit.errors import KitError, SettingsError

KEYS = [
    "name", "part", "figure", "low", "high", "unit", "target", "peer", "peer_figure", "ratio", "met",
    "samples", "load", "pace_ms",
]  # fmt: skip


def line(ours, target=None, peer=(), peer_target=None, unit="us", part="cache", cores=1, machine_cores=2):
    """Return the judged line of these samples."""
    row = Row("a row", part, unit, lambda _: Figures(ours), target, "peer", peer_target, cores=cores)
    return judge(row, Figures(ours, peer), machine_cores)


@pytest.mark.parametrize(
    ("target", "figure", "met"),
    [
        (at_most(2), 2.0, True),
        (at_most(2), 2.1, False),
        (at_least(5), 5.0, True),
        (at_least(5), 4.9, False),
        (at_most(2), math.nan, False),
        (at_least(2), math.nan, False),
    ],
)
def test_a_limit_includes_itself_and_nan_never_keeps_it(target, figure, met):
    """A figure on the limit is met, one beyond it or NaN is not."""
    assert target.met(figure) is met
    assert (target.attained(figure) == 1) is met


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.booleans())
def test_the_share_attained_is_between_0_and_1_and_1_only_when_met(limit, figure, most):
    """Beating a target by a hundred times cannot make up for another missed one."""
    target = at_most(limit) if most else at_least(limit)
    assert 0 <= target.attained(figure) <= 1
    assert (target.attained(figure) == 1) == target.met(figure) or math.isclose(limit, figure)


def test_speed_against_a_peer_reads_the_same_for_times_and_rates():
    """'Ten times faster' is a tenth of the peer's time, or ten times its rate."""
    assert line([1.0] * 6, peer=[10.0] * 6, peer_target=faster(10)).met is True
    assert line([1.1] * 6, peer=[10.0] * 6, peer_target=faster(10)).met is False
    rate = {"unit": "M options/s", "peer_target": faster(10)}
    assert line([10.0] * 6, peer=[1.0] * 6, **rate).met is True
    assert line([9.0] * 6, peer=[1.0] * 6, **rate).met is False
    assert line([2.9] * 6, peer=[1.0] * 6, peer_target=within(3)).met is True


def test_targets_read_as_words():
    """A reader sees the limit with its unit, and what is asked beside the peer."""
    assert line([1.0], at_most(2), peer_target=within(3)).target == "<= 2 us, within 3 x the peer"
    assert line([1.0], peer_target=faster(500)).target == "500 x as fast as the peer"
    assert line([1.0]).target is None


def test_a_miss_within_noise_is_not_a_miss_beyond_it():
    """The median misses, yet the interval reaches the target: not met, and not counted as missed."""
    found = line([1.8, 1.9, 2.05, 2.1, 2.2], at_most(2))
    assert found.met is False
    assert found.missed is False
    assert line([2.1, 2.2, 2.3], at_most(2)).missed is True


def test_a_row_without_its_peer_keeps_its_own_target():
    """The peer's target cannot be judged without the peer; the row's own can."""
    found = line([1.0], at_most(2), peer_target=within(3))
    assert found.met is True
    assert found.peer_missing
    assert found.as_json()["ratio"] is None
    assert line([1.0], peer_target=within(3)).met is None


def test_a_machine_with_one_core_is_not_judged_on_two():
    """The target of a speed-up is waived with a word, and the figure still stands."""
    found = line([1.0], at_least(1.8), unit="times", cores=2, machine_cores=1)
    assert found.met is None
    assert found.figure == 1.0
    assert "this machine has 1" in found.note


def test_the_json_of_a_line_has_exactly_the_published_keys():
    """Fourteen keys, in order, and None where there is no number."""
    found = line([1.0]).as_json()
    assert list(found) == KEYS
    assert found["peer_figure"] is None


def test_the_score_is_100_at_the_reference_and_no_higher():
    """Every row at or beyond its target gives exactly 100."""
    lines = [line([1.0], at_most(1), part=part) for part in WEIGHTS]
    assert score(components(lines)) == pytest.approx(100)
    assert score(components([line([0.001], at_most(1))])) == pytest.approx(100)


@pytest.mark.parametrize("part", WEIGHTS)
def test_one_slow_part_costs_its_weight(part):
    """A part at half its speed loses half its published weight, and its component says so."""
    lines = [line([2.0 if name == part else 1.0], at_most(1), part=name) for name in WEIGHTS]
    parts = components(lines)
    assert score(parts) == pytest.approx(100 - 50 * WEIGHTS[part] / sum(WEIGHTS.values()))
    assert "a row 50%" in str(next(found for found in parts if found.part == part))


def test_a_failed_row_attains_nothing_and_says_why():
    """A row that raised counts as zero and carries its error."""
    row = Row("broken", "cache", "us", lambda _: Figures([]), at_most(1))
    found = failed(row, KitError("It broke", 3, "Mend it."))
    assert found.attained == 0
    assert found.missed
    assert "It broke: 3. Mend it." in found.note
    assert score(components([found, line([1.0], at_most(1))])) == pytest.approx(50)


def test_nothing_judged_is_no_score():
    """Without a judged row there is no score, rather than a perfect one."""
    assert math.isnan(score(components([line([1.0])])))


def test_units_convert_and_a_wrong_one_is_refused():
    """Microseconds per item, millions per second; a unit that is neither raises."""
    row = Row("a", "cache", "us", lambda _: Figures([]))
    assert row.in_unit(0.001, 10) == pytest.approx(100)
    rate = Row("a", "cache", "M options/s", lambda _: Figures([]))
    assert rate.in_unit(0.1, 2_000_000) == pytest.approx(20)
    with pytest.raises(SettingsError, match="parsecs"):
        Row("a", "cache", "parsecs", lambda _: Figures([])).in_unit(1, 1)


def test_the_ratio_shown_is_the_one_that_is_judged():
    """The ratio is the median over the rounds, so that it lies inside its own interval."""
    found = line([1, 2, 3, 100, 100, 100, 100], peer=[0.4, 0.9, 1.4, 49, 49, 49, 49], peer_target=within(3))
    assert found.ratio == pytest.approx(100 / 49)


def test_a_peer_that_was_not_measured_leaves_its_target_unjudged():
    """The line says that one of its targets was not judged, whatever the other one did."""
    assert line([1.0] * 6, at_most(2), peer_target=within(3)).unjudged
    assert not line([1.0] * 6, at_most(2), peer=[1.0] * 6, peer_target=within(3)).unjudged
    assert not line([1.0] * 6).unjudged
