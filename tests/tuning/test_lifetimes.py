"""The lifetime advisor against traces whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import SettingsError, UnreadableFile
from kit.settings import CacheConfig
from kit.tuning.lifetimes import (
    LIFETIMES_S,
    SOURCES,
    Source,
    advise_lifetimes,
    headroom_percent,
    served_from,
)
from kit.tuning.trace import (
    SESSION,
    PricePath,
    Question,
    Trace,
    analyst_requests,
    fill_between,
    read_trace,
)

TIMES = st.lists(st.floats(0, 1000), min_size=1, max_size=80).map(lambda found: np.array(sorted(found)))


def ramp(per_second=1.0, start=10_000.0, seconds=600):
    """Return a price that rises steadily, quoted once a second."""
    at_s = np.arange(float(seconds))
    return PricePath(at_s, start + per_second * at_s)


def every(gap_s, kind="ltp", key="X", until=600):
    """Return a question every `gap_s` seconds."""
    return [Question(float(at), kind, key) for at in np.arange(0, until, gap_s)]


@given(TIMES, st.floats(0, 100))
def test_no_answer_is_served_older_than_its_lifetime(asked, lifetime):
    """Every served answer was fetched at or before the question and is younger than its lifetime."""
    fetched = served_from(asked, lifetime)
    assert np.all(fetched <= asked)
    assert np.all((asked - fetched < lifetime) | (asked == fetched))


@settings(max_examples=30)
@given(TIMES)
def test_a_longer_lifetime_never_needs_more_calls_than_one_per_lifetime(asked):
    """The fetches are at most one per lifetime of the span, plus the first."""
    for lifetime in (1.0, 10.0, 100.0):
        fetches = len(np.unique(served_from(asked, lifetime)))
        assert fetches <= (asked[-1] - asked[0]) / lifetime + 1


def test_on_a_steady_ramp_the_error_is_the_age():
    """With a rupee a second and a question a second, ten seconds of lifetime err by at most nine rupees."""
    (advice,) = advise_lifetimes(Trace(every(1), {"X": ramp()}), tolerance_bps=5, lifetimes_s=(1, 10, 100))
    one, ten, _ = advice.curve
    assert one.p95_inr == 0
    assert ten.median_inr == pytest.approx(4.5)
    assert ten.p95_inr == pytest.approx(9)
    assert ten.saved_percent == pytest.approx(90)
    assert ten.p95_bps == pytest.approx(9, rel=0.1)


def test_the_advice_is_the_longest_lifetime_within_the_tolerance():
    """Five basis points of ten thousand are five rupees: five seconds of age on the ramp."""
    (advice,) = advise_lifetimes(Trace(every(0.5), {"X": ramp()}), tolerance_bps=5)
    assert advice.chosen is not None
    assert advice.chosen.lifetime_s == 5
    assert "ltp_ttl = 5 s" in str(advice)
    (in_rupees,) = advise_lifetimes(Trace(every(0.5), {"X": ramp()}), tolerance_inr=2)
    assert in_rupees.chosen is not None
    assert in_rupees.chosen.lifetime_s == 3  # ages 0 to 2.5 s, quotes once a second


def test_a_tolerance_that_no_lifetime_keeps_is_said_plainly():
    """When even the shortest lifetime errs too much, there is no recommendation but a reason."""
    (advice,) = advise_lifetimes(Trace(every(0.1), {"X": ramp(1000)}), tolerance_bps=0.1, lifetimes_s=(5, 10))
    assert advice.chosen is None
    assert "asks for no cache" in str(advice)


def test_saved_calls_and_error_grow_with_the_lifetime():
    """The curve rises: longer lifetimes save more and, on a random walk, err no less at its ends."""
    at_s = np.arange(0, 3600, 60.0)
    walk = 54_000 + np.random.default_rng(1).normal(0, 20, len(at_s)).cumsum()
    requests = [asked for asked in analyst_requests(3500) if asked.key == "BANKNIFTY"]
    for advice in advise_lifetimes(Trace(requests, {"BANKNIFTY": fill_between(at_s, walk)})):
        saved = [point.saved_percent for point in advice.curve]
        assert saved == sorted(saved)
        assert advice.curve[0].p95_bps <= advice.curve[-1].p95_bps
        assert [point.lifetime_s for point in advice.curve] == list(LIFETIMES_S)


def test_headroom_is_what_the_busiest_window_leaves():
    """Three candle calls within a second use the whole per-second limit of three; two leave a third."""
    candles = Source("historical_data_ttl", "getCandleData")
    assert headroom_percent(np.array([0.0, 0.1, 0.2, 50.0]), candles) == pytest.approx(0)
    assert headroom_percent(np.array([0.0, 0.1]), candles) == pytest.approx(100 / 3)
    assert headroom_percent(np.array([0.0, 0.1, 0.2, 0.3]), candles) < 0
    assert headroom_percent(np.array([]), candles) == 100


def test_every_source_names_a_setting_and_a_limited_endpoint():
    """The advisor writes settings that exist and reads limits that exist."""
    from kit.facts import table
    from kit.settings import CacheConfig

    limited = {row["endpoint"] for row in table("rate_limits")}
    for source in SOURCES.values():
        assert source.setting in CacheConfig.model_fields
        assert source.endpoint in limited


def test_a_filled_path_keeps_its_quotes():
    """The seconds between two quotes are invented, the quotes are not; the seed decides which."""
    at_s, price = np.arange(0, 600, 60.0), 100 + np.arange(10.0) ** 1.5
    path = fill_between(at_s, price, seed=4)
    assert path.at(at_s) == pytest.approx(price)
    assert np.array_equal(path.price, fill_between(at_s, price, seed=4).price)
    assert np.diff(path.price).std() > 0


def test_a_trace_survives_the_disk(tmp_path):
    """A saved trace reads back with the same requests and prices."""
    trace = Trace(every(7, until=60), {"X": ramp(seconds=60)})
    back = read_trace(trace.save(tmp_path / "trace.csv"))
    assert back.requests == trace.requests
    assert np.allclose(back.prices["X"].price, trace.prices["X"].price)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("at_s,event\n1,request\n", 1),
        ("", 1),
        ("\0" * 1000, 1),
        ("a,b\n", 1),
        *(
            (f"at_s,event,kind,key,price\n1,price,,X,5\n{wrong}\n", 3)
            for wrong in (
                "soon,price,,X,5", "nan,price,,X,5", "inf,request,ltp,X,", "2,price,,X,inf", "2,price,,X,-5",
                "2,price,,X,0", "2,price,,X,", "2,trade,,X,5", "2,,,X,5", "2", "2,price,,X",
            )
        ),
    ],
)  # fmt: skip
def test_a_broken_trace_names_its_line(tmp_path, content, line):
    """A trace that is not of the described form is refused with the line."""
    file = tmp_path / "trace.csv"
    file.write_text(content)
    with pytest.raises(UnreadableFile, match=f"line {line}"):
        read_trace(file)


def test_bad_questions_are_refused():
    """A negative tolerance, an unknown data type and a key without prices are named."""
    good = Trace(every(1), {"X": ramp()})
    with pytest.raises(SettingsError, match="-1"):
        advise_lifetimes(good, tolerance_bps=-1)
    with pytest.raises(SettingsError, match="rumours"):
        advise_lifetimes(Trace(every(1, kind="rumours"), good.prices))
    with pytest.raises(SettingsError, match="'Y'"):
        advise_lifetimes(Trace(every(1, key="Y"), good.prices))


def best_hit_rate(config, requests):
    """Return the hits that any cache can have over these requests with these lifetimes, percent."""
    fetches = 0
    for kind, key in {(request.kind, request.key) for request in requests}:
        asked = np.array([r.at_s for r in requests if (r.kind, r.key) == (kind, key)])
        fetches += len(np.unique(served_from(asked, getattr(config, SOURCES[kind].setting))))
    return 100 * (1 - fetches / len(requests))


def test_the_hit_rate_is_the_best_these_lifetimes_allow(replayed_hit_rate):
    """The in-process tier loses no hit, neither of a generated session nor of a recorded one."""
    for requests in (analyst_requests(22_500.0), read_trace(SESSION).requests):
        configs = CacheConfig(ltp_ttl=1), CacheConfig(), CacheConfig(ltp_ttl=60)
        rates = [replayed_hit_rate(config, requests) for config in configs]
        assert rates == sorted(rates)
        assert rates[1] == pytest.approx(best_hit_rate(CacheConfig(), requests), abs=0.01)


def test_the_recorded_session_is_what_a_notebook_asked():
    """The shipped trace holds requests of several kinds and expiries, in order of time, and no prices."""
    trace = read_trace(SESSION)
    assert {asked.kind for asked in trace.requests} >= {"options_chain", "atm", "ltp"}
    assert len({asked.key for asked in trace.requests if asked.kind == "options_chain"}) > 2
    assert trace.requests[-1].at_s > 800
    assert trace.prices == {}
    assert 0 < best_hit_rate(CacheConfig(), trace.requests) < 100
