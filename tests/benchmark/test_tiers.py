"""What the tuning panel shows: tiers, hit rate and speed-up under given settings."""

import math

import pytest

from kit.benchmark import speedup, tiers
from kit.benchmark.tiers import OPERATIONS, measure_tiers, tiers_of
from kit.settings import CacheConfig, DataManagerConfig, Settings, WorkersConfig
from kit.tuning.lifetimes import best_hit_rate, replayed_hit_rate
from kit.tuning.trace import SESSION, SESSION_S, analyst_requests, read_trace

SERIAL = WorkersConfig(backend="serial", max_workers=1)


@pytest.fixture
def brief(monkeypatch):
    """Make one round of each tier and a small evaluation."""
    monkeypatch.setattr(tiers, "_ROUNDS", 1)
    monkeypatch.setattr(speedup, "IDEAS", 3)


def test_every_operation_goes_through_every_tier(brief):
    """Cold, warm and hot are measured for each operation, and a tier nearer the user is faster."""
    seen = []
    settings = Settings(workers=SERIAL)
    found = measure_tiers(settings, lambda share, word: seen.append((share, word)))
    assert set(found.latency_ms) == set(OPERATIONS)
    for operation, by_tier in found.latency_ms.items():
        assert list(by_tier) == ["cold", "warm", "hot"], operation
        assert by_tier["hot"].figure < by_tier["cold"].figure, operation
    assert found.budget_ms["chain"] == settings.latency_requirements.options_chain_processing
    assert math.isnan(found.budget_ms["ltp"])
    assert found.speedup == {1: 1.0}
    assert 0 < found.hit_rate_percent < 100
    assert not found.stopped
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert seen[-1] == (1.0, "done")


def test_cancel_keeps_what_was_found(brief):
    """Stopped in the middle, the measurement ends at once and says so."""
    asked = []

    def should_stop():
        asked.append(1)
        return len(asked) > len(OPERATIONS) * 2 + 2

    found = measure_tiers(Settings(workers=SERIAL), should_stop=should_stop)
    assert found.stopped
    assert set(found.latency_ms["chain"]) == {"cold", "warm", "hot"}
    assert found.latency_ms["atm"] == {}
    assert found.speedup == {}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), ["cold", "warm", "hot"]),
        (Settings(cache_config=CacheConfig(disk=False)), ["cold", "hot"]),
        (Settings(cache_config=CacheConfig(options_chain_ttl=0)), ["cold"]),
        (Settings(data_manager=DataManagerConfig(enable_caching=False)), ["cold", "warm"]),
    ],
)
def test_a_tier_that_is_off_is_not_measured(settings, expected):
    """Without disk, without lifetime or without caching, the tier is absent instead of wrong."""
    assert tiers_of(settings, "chain") == expected


def test_worker_counts_double_up_to_the_most():
    """One worker is always measured, and so is the number that was asked for."""
    assert speedup.worker_counts(1) == [1]
    assert speedup.worker_counts(4) == [1, 2, 4]
    assert speedup.worker_counts(6) == [1, 2, 4, 6]


def test_the_hit_rate_is_the_best_these_lifetimes_allow():
    """The in-process tier loses no hit of a whole session, and longer lifetimes hit more."""
    requests = analyst_requests(SESSION_S)
    rates = [
        replayed_hit_rate(config, requests)
        for config in (CacheConfig(ltp_ttl=1), CacheConfig(), CacheConfig(ltp_ttl=60))
    ]
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
