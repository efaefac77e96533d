"""A session replayed under other settings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.market.questions import Question
from kit.settings import CacheConfig, DataManagerConfig, Settings
from kit.tuning.lifetimes import SOURCES
from kit.tuning.replay import replay
from kit.tuning.trace import SESSION, read_trace

KINDS = st.sampled_from(list(SOURCES))
SESSIONS = st.lists(
    st.builds(Question, st.integers(0, 400).map(float), KINDS, st.sampled_from("abcdef")), min_size=1
).map(lambda asked: sorted(asked, key=lambda one: one.at_s))


@given(SESSIONS, st.integers(1, 8), st.sampled_from([0.0, 3.0, 60.0]))
@example([Question(0.0, kind, "a") for kind in ("ltp", "options_chain", "ltp")], 1, 0.0)
def test_the_in_process_tier_is_followed_exactly(
    replayed_hit_rate, asked: Sequence[Question], size: int, ttl_s: float
) -> None:
    """Without a disk tier, the replay has the hit rate of the kit's own cache in simulated time."""
    config = CacheConfig(max_size=size, disk=False, options_chain_ttl=ttl_s, ltp_ttl=5)
    found = replay(Settings(cache_config=config), asked)
    assert found.hit_rate_percent == pytest.approx(replayed_hit_rate(config, asked), abs=0.01)
    assert found.most_entries <= size
    assert found.total.total() == len(asked)


def test_a_restart_is_answered_from_disk() -> None:
    """After a restart what still lives comes from SQLite, and without a disk tier from the broker again."""
    asked = [Question(at_s, "historical_data", "BANKNIFTY") for at_s in (0.0, 1.0, 10.0, 11.0)]
    kept = replay(Settings(), asked, restart_s=5)
    lost = replay(Settings(cache_config=CacheConfig(disk=False)), asked, restart_s=5)
    assert kept.total == {"network": 1, "hot": 2, "sqlite": 1}
    assert lost.total == {"network": 2, "hot": 2}


@pytest.mark.parametrize(("stale", "answer"), [(True, "stale"), (False, "error")])
def test_while_the_broker_is_away(stale: bool, answer: str) -> None:
    """An expired answer is served only where the setting says so; what still lives is served anyway."""
    asked = [Question(at_s, "ltp", "BANKNIFTY") for at_s in (0.0, 4.0, 8.0)]
    config = CacheConfig(stale_if_error=stale, ltp_ttl=5)
    found = replay(Settings(cache_config=config), asked, away_s=(1, 60))
    assert found.total == {"network": 1, "hot": 1, answer: 1}


def test_bytes_are_bounded_and_evictions_counted() -> None:
    """A bound of bytes that holds one chain evicts the other each time."""
    asked = [Question(float(at), "options_chain", "ab"[at % 2]) for at in range(6)]
    config = CacheConfig(max_bytes=100_000, options_chain_ttl=600)
    found = replay(Settings(cache_config=config), asked)
    assert found.evictions == 5
    assert found.most_bytes <= 100_000
    assert found.total["network"] == 2  # the evicted ones come from SQLite


def test_caching_can_be_switched_off_per_kind() -> None:
    """Without the in-process tier nothing is hot, and strikes at the money can be left out alone."""
    asked = read_trace(SESSION).requests
    off = replay(Settings(data_manager=DataManagerConfig(enable_caching=False)), asked)
    no_atm = replay(Settings(data_manager=DataManagerConfig(cache_atm_results=False)), asked)
    assert off.total["hot"] == 0
    assert no_atm.answers["atm"]["hot"] == 0 < no_atm.answers["options_chain"]["hot"]
