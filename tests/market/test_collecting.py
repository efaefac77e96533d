"""Collecting: closed days' minutes into the store, as the exchange has them, once."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kit.bars.minute_store import MinuteStore
from kit.cli import main
from kit.clock import expiries
from kit.collecting import collect_minutes
from kit.errors import BrokerError, DataError, UnwritableFile
from kit.market.collecting import closed_range, collect
from kit.market.manager import DataManager
from kit.settings import Settings
from kit.simulator.process import launch
from kit.simulator.server import SimulatedExchange
from kit.widgets import BacktestPanel

pytestmark = pytest.mark.usefixtures("wide_limits")
THURSDAY, EXPIRY = date(2026, 11, 19), date(2026, 11, 23)


def test_a_closed_day(data: DataManager, tmp_path: Path):
    """A collected day holds the very bars that the broker serves, of index, future and every contract."""
    store = MinuteStore(tmp_path)
    client = data._present().client
    done = collect(client, store, THURSDAY - timedelta(1), THURSDAY, expiries=2, around=2, quiet=True)
    assert store.days() == done.days == [THURSDAY - timedelta(1), THURSDAY]
    day = store.day(THURSDAY)
    assert day.expiries == (EXPIRY, date(2026, 12, 29))
    index = data.candles("BANKNIFTY", "ONE_MINUTE", THURSDAY, THURSDAY)
    column = [at.hour * 60 + at.minute - 555 for at in index.index]
    np.testing.assert_allclose(day.index[3][column], index["close"])
    low, high = index["low"].min(), index["high"].max()
    for expiry in day.expiries:
        strikes = np.unique(day.strike[day.expiry == np.datetime64(expiry)])
        assert (strikes < low).sum() >= 2
        assert (strikes > high).sum() >= 2
    for row in (0, len(day.strike) - 1):
        right = "CE" if day.is_call[row] else "PE"
        symbol = f"BANKNIFTY{day.expiry[row].item():%d%b%y}{day.strike[row]}{right}".upper()
        bars = data.candles(symbol, "ONE_MINUTE", THURSDAY, THURSDAY)
        np.testing.assert_allclose(day.close[row] / 20, bars["close"])
        np.testing.assert_array_equal(day.traded[row], bars["volume"] > 0)
    assert np.isfinite(day.future[3]).all()
    assert set(day.lot_size.tolist()) == {30}


def test_a_day_is_collected_once(data: DataManager, tmp_path: Path):
    """What is stored is not asked for again, and the day that still trades is left for later."""
    store, client = MinuteStore(tmp_path), data._present().client
    first = collect(client, store, THURSDAY, date(2026, 11, 20), expiries=1, around=1, quiet=True)
    again = collect(client, store, THURSDAY, date(2026, 11, 20), expiries=1, around=1, quiet=True)
    assert (first.days, again.days, again.already) == ([THURSDAY], [], [THURSDAY])
    assert again.requests == 0
    assert "1 session already there" in str(again)


def test_a_collection_that_broke_off(exchange: SimulatedExchange, data: DataManager, tmp_path: Path):
    """A collection that broke off stores nothing half, and what had come is not asked for again."""
    client, asked = data._present().client, "getCandleData"
    exchange.faults.add(asked, "denied-html")
    with pytest.raises(BrokerError):
        collect(client, MinuteStore(tmp_path), THURSDAY, THURSDAY, expiries=1, around=2, quiet=True)
    assert MinuteStore(tmp_path).days() == []
    (tmp_path / "file").write_text("in the way")
    before = exchange.stats.as_dict()["requests"][asked]
    with pytest.raises(UnwritableFile):
        collect(client, MinuteStore(tmp_path / "file"), THURSDAY, THURSDAY, expiries=1, around=2, quiet=True)
    assert exchange.stats.as_dict()["requests"][asked] == before  # told before anything is asked for
    collect(client, MinuteStore(tmp_path / "other"), THURSDAY, THURSDAY, expiries=1, around=2, quiet=True)
    before = exchange.stats.as_dict()["requests"][asked]
    done = collect(client, MinuteStore(tmp_path), THURSDAY, THURSDAY, expiries=1, around=2, quiet=True)
    assert done.days == [THURSDAY]
    assert exchange.stats.as_dict()["requests"][asked] == before


@pytest.mark.parametrize(
    ("first", "last", "sizes"),
    [
        (date(2026, 11, 20), date(2026, 11, 20), {}),
        (date(2026, 11, 21), date(2026, 11, 22), {}),
        (date(2027, 1, 4), date(2027, 1, 5), {}),
        (THURSDAY, THURSDAY, {"expiries": 0}),
        (THURSDAY, THURSDAY, {"around": 0}),
    ],
)
def test_nothing_to_collect(data: DataManager, tmp_path: Path, first, last, sizes):
    """A range without a closed session, and no expiry or strike at all, are refused in words."""
    with pytest.raises(DataError) as caught:
        collect(data._present().client, MinuteStore(tmp_path), first, last, quiet=True, **sizes)
    assert ("Ask for 20" in caught.value.remedy) is (not sizes)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2026, 11, 21), date(2026, 11, 22), "'2026-11-21 to 2026-11-22'. Ask for 2026-11-20."),
        (date(2026, 11, 27), date(2026, 11, 30), "'2026-11-27 to 2026-11-30'. Ask for 2026-11-26."),
        (date(2026, 11, 25), date(2026, 11, 20), "ends before it begins"),
    ],
)
def test_a_range_that_has_not_closed_names_a_day_that_has(first: date, last: date, said: str):
    """On a week-end, today or later the error says for which day to ask."""
    with pytest.raises(DataError) as caught:
        closed_range(first, last, date(2026, 11, 26))
    assert said in str(caught.value)
    assert closed_range(date(2026, 11, 20), date(2027, 1, 1), date(2026, 11, 26))[1] == date(2026, 11, 26)


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the exchanges that are launched from now on answer as fast as they are asked."""
    for module in ("kit.desk", "kit.collecting"):
        monkeypatch.setattr(f"{module}.launch", partial(launch, limits=False))


def test_past_expiries_of_the_simulated_exchange(tmp_path: Path, unlimited: None):
    """Days before an expiry that is over come with its contracts, although nobody lists them now."""
    store = MinuteStore(tmp_path)
    days = [date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)]
    done = collect_minutes(Settings(), store, days[0], days[-1], expiries=1, around=1, quiet=True)
    assert done.days == days
    assert {*store.manifest()["sources"]} == {"collected from the simulated exchange"}
    assert "SIMULATED" in BacktestPanel(store=store).badge.value
    for day in days:
        assert store.day(day).expiries == (expiries(day)[0],)
    assert store.day(days[1]).expiries == (date(2026, 9, 29),)
    assert store.day(days[2]).expiries == (date(2026, 10, 27),)


def test_the_command(tmp_path: Path, unlimited: None, capsys):
    """``kit collect`` says what it did, and a day that is stored is not fetched again."""
    words = ["collect", "--store", str(tmp_path), "--from", "2026-11-18", "--to", "2026-11-18"]
    words += ["--expiries", "1", "--around", "1"]
    assert main(words) == 0
    assert "1 session collected: 2026-11-18" in capsys.readouterr().out
    assert main(words) == 0
    assert "0 requests; 1 session already there" in capsys.readouterr().out
    assert main([*words, "--expiries", "0", "--store", str(tmp_path / "other")]) == 2
