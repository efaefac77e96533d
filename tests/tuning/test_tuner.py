"""The tuner end to end, on the simulated exchange and this machine."""

from time import sleep

import pytest

from kit import cli
from kit.broker.endpoints import PROFILE
from kit.clock import previous_session
from kit.desk import open_desk
from kit.errors import SettingsError, TaskFailed, UnreadableFile
from kit.settings import Settings, WorkersConfig
from kit.simulator.distance import ROUND_TRIP_S
from kit.simulator.process import launch
from kit.tuning import tuner
from kit.tuning.lifetimes import advise_lifetimes
from kit.tuning.trace import Trace, read_trace
from kit.tuning.tuner import record, tune, worker_plans
from kit.tuning.workload import (
    IDEAS,
    REQUESTS,
    WorkerPlan,
    Workload,
    ideas_from,
    read_ideas,
    speedups,
    worker_counts,
)

SETTINGS = Settings(workers=WorkersConfig(backend="serial", max_workers=1))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Return a trace recorded on a desk, through its file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        with open_desk(SETTINGS) as desk:
            return read_trace(record(desk).save(tmp_path_factory.mktemp("trace") / "trace.csv"))


def test_a_recorded_trace_is_a_session_of_requests_over_real_paths(recorded):
    """Every request has a price path as long as the session, and option prices are option prices."""
    assert isinstance(recorded, Trace)
    index, option = recorded.prices["BANKNIFTY"], recorded.prices["ATM option"]
    assert len(index.price) > 20_000
    assert 10_000 < index.price.min() < index.price.max() < 200_000
    assert 0 < option.price.mean() < index.price.mean() / 10
    assert {request.key for request in recorded.requests} == set(recorded.prices)


def test_what_a_notebook_asked_becomes_a_trace():
    """Every question is noted once, with its own key and without its answer, and can be replayed."""
    with open_desk(SETTINGS) as desk:
        expiry = desk.data.expiries()[1]
        symbol = desk.data.option_chain("BANKNIFTY", expiry).table["symbol"].iloc[0]
        desk.data.spot()
        desk.data.atm_strike(tie="higher")
        desk.data.ltp(symbol)
        day = previous_session(desk.clock.now().date())
        desk.data.candles("BANKNIFTY", "ONE_HOUR", day, day)
        trace = record(desk, desk.data.questions.listed())
    assert [(asked.kind, asked.key) for asked in trace.requests] == [
        ("options_chain", f"BANKNIFTY {expiry}"),
        ("ltp", "BANKNIFTY"),
        ("atm", "BANKNIFTY"),
        ("ltp", symbol),
        ("historical_data", "BANKNIFTY"),
    ]
    assert trace.requests[0].at_s == 0
    assert set(trace.prices) == {"BANKNIFTY", f"BANKNIFTY {expiry}", symbol}
    assert len(advise_lifetimes(trace)) == 4


def test_the_candidates_start_with_the_leanest():
    """Small pools and few workers come first, and one worker is always among them."""
    found = worker_plans(4)
    assert found[0] == WorkerPlan(1, 1)
    assert {plan.workers for plan in found} == {1, 2, 4}
    assert {plan.workers for plan in worker_plans(1)} == {1}


def test_tune_recommends_explains_and_writes(recorded, monkeypatch, tmp_path, capsys):
    """The advice changes the settings it names and nothing else, and the written file reads back."""
    monkeypatch.setattr(tuner, "POOL_SIZES", (1, 8))
    monkeypatch.setattr(tuner, "worker_plans", lambda _: [WorkerPlan(1, 12)])
    seen = []
    advice = tune(SETTINGS, recorded, 20.0, progress=lambda share, _: seen.append(share))
    for one in advice.lifetimes:
        if one.chosen is not None:
            assert getattr(advice.settings.cache_config, one.setting) == one.chosen.lifetime_s
    assert advice.settings.connection_pool.pool_size == 8  # 12 waits of 40 ms each
    assert advice.settings.broker == SETTINGS.broker
    assert advice.settings.cache_config.max_size == SETTINGS.cache_config.max_size
    assert "pool_size 8" in str(advice)
    assert "rate-limit head-room" in str(advice)
    assert all(0 <= share <= 1 for share in seen)
    assert Settings.load(advice.settings.save(tmp_path / "kit.yaml")) == advice.settings


def test_the_command_prints_and_writes_on_request(recorded, monkeypatch, tmp_path, capsys):
    """The command prints the advice, and writes the settings file it was given only when it is told to."""
    monkeypatch.setattr(tuner, "POOL_SIZES", (4,))
    monkeypatch.setattr(tuner, "worker_plans", lambda _: [WorkerPlan(1, 12)])
    file, trace = SETTINGS.save(tmp_path / "kit.yaml"), recorded.save(tmp_path / "trace.csv")
    words = ["--settings", str(file), "tune", "--trace", str(trace), "--tolerance-inr", "50"]
    assert cli.main(words) == 0
    assert "Lifetimes" in capsys.readouterr().out
    assert Settings.load(file) == SETTINGS
    assert cli.main([*words, "--write"]) == 0
    assert f"Written: {file}" in capsys.readouterr().out
    assert Settings.load(file).connection_pool.pool_size == 4


def test_cancel_still_recommends_lifetimes(recorded):
    """Stopped during the search, the advice holds what was finished."""
    advice = tune(SETTINGS, recorded, should_stop=lambda: True)
    assert (advice.pools, advice.worker_plans) == ([], [])
    assert advice.lifetimes
    assert advice.settings.connection_pool == SETTINGS.connection_pool


def test_wrong_input_is_named(recorded, tmp_path):
    """A tolerance below zero and a trace that is none are refused before anything is measured."""
    with pytest.raises(SettingsError, match="-3"):
        tune(SETTINGS, recorded, tolerance_bps=-3)
    with pytest.raises(UnreadableFile, match="absent"):
        read_trace(tmp_path / "absent.csv")
    trace = tmp_path / "trace.csv"
    for text, line in (("", 1), ("1,request,a,b,", 1), ("at_s,event,kind,key,price\nx,request,a,b,\n", 2)):
        trace.write_text(text)
        with pytest.raises(UnreadableFile, match=rf"line {line}\b"):
            read_trace(trace)


def sleepy(snapshot):
    """Wait as a user's slow idea may compute: two workers take half as long as one."""
    sleep(0.05)
    return snapshot


def test_it_tunes_the_users_own_work(recorded, monkeypatch, tmp_path):
    """Ideas that take their time get workers, whatever is quick on this machine; a file names them, too."""
    monkeypatch.setattr(tuner, "POOL_SIZES", (4,))
    monkeypatch.setattr(tuner, "worker_plans", lambda _: [WorkerPlan(1, 1), WorkerPlan(2, 1)])
    threads = Settings(workers=WorkersConfig(backend="threads", max_workers=1))
    advice = tune(threads, recorded, workload=[sleepy] * 2, snapshots=["monday", "tuesday"])
    assert advice.settings.workers.max_workers == 2
    assert "No setting holds a batch size" in str(advice)
    file = tmp_path / "ideas.py"
    file.write_text("def idea(chain):\n    return chain.spot\nIDEAS = {'a': idea, 'b': idea}\n")
    assert [idea.__name__ for idea in read_ideas(f"{file}:IDEAS")] == ["idea", "idea"]
    assert len(ideas_from(None)) == len(ideas_from(sleepy)) == IDEAS


@pytest.mark.parametrize("place", ["absent.py:IDEAS", "no file at all"])
def test_a_workload_that_is_not_there_is_named(place, tmp_path):
    """A file, a name, or something to evaluate that is missing is an error before anything is measured."""
    with pytest.raises(SettingsError, match=place):
        read_ideas(place)
    file = tmp_path / "ideas.py"
    file.write_text("IDEAS = [1]\n")
    with pytest.raises(SettingsError, match="no such name"):
        read_ideas(f"{file}:OTHER")
    with pytest.raises(SettingsError, match="functions of a chain, not: 1"):
        read_ideas(f"{file}:IDEAS")


def broken(snapshot):
    """Fail, as a user's evaluation may."""
    raise ValueError(snapshot)


def test_a_workload_that_fails_says_so():
    """An evaluation that raises is an error of the search, not a fast candidate."""
    with Workload(SETTINGS, "", [broken], ["a"]) as work, pytest.raises(TaskFailed, match="ValueError"):
        work.run_seconds(WorkerPlan(1, 1))


def test_the_requests_of_a_workload_are_spread_over_the_pool():
    """Answers last a round trip each, one after the other through one socket, eight at a time else."""
    with launch(limits=False) as exchange, Workload(SETTINGS, exchange.url + PROFILE.path, [], []) as work:
        assert work.fetch_seconds(1) >= REQUESTS * ROUND_TRIP_S
        assert work.fetch_seconds(8) >= REQUESTS * ROUND_TRIP_S / 8


def test_worker_counts_double_up_to_the_most():
    """One worker is always measured, and so is the number that was asked for."""
    assert [worker_counts(most) for most in (1, 4, 6)] == [[1], [1, 2, 4], [1, 2, 4, 6]]


def test_speedups_are_over_one_worker(monkeypatch, make_chain):
    """One worker is once as fast as itself, and every number of workers is measured in turns."""
    monkeypatch.setattr("kit.tuning.workload.IDEAS", 3)
    seen = []
    threads = Settings(workers=WorkersConfig(backend="threads", max_workers=2))
    found = speedups(threads, make_chain(), seen.append, 2)
    assert found[1] == 1.0
    assert found[2] > 0
    assert seen == ["evaluation, workers: 1", "evaluation, workers: 2"] * 2
