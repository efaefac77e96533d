"""Every part of the kit, wired from the settings."""

import pytest

from kit.desk import open_desk
from kit.errors import SettingsError
from kit.settings import Settings


def test_desk_runs_the_main_job_on_its_own_exchange():
    """With no account, a desk opens its own exchange and gives a ranked table from its chain."""
    from kit.strategies import ShortStraddle

    settings = Settings(workers={"backend": "serial"})
    with open_desk(settings) as desk:
        chain = desk.data.option_chain("BANKNIFTY")
        results = desk.evaluation.evaluate_strategies_concurrent({"short": ShortStraddle()}, chain)
        assert results.table().loc["short", "status"] == "completed"
        assert desk.monitor.get_metrics("options_chain_processing").calls == 1
        pid = desk.exchange.pid
    assert not _alive(pid)


def test_two_desks_share_a_running_exchange(exchange):
    """A desk on an exchange that already runs leaves it running, and shows itself in one line."""
    settings = Settings(workers={"backend": "serial"})
    for _ in range(2):
        with open_desk(settings, exchange=exchange) as desk:
            assert desk.data.spot("BANKNIFTY") > 0
            assert repr(desk).startswith("Desk(simulated, AngelAPIClient('http")
            assert len(repr(desk)) < 160


def test_a_desk_that_only_asks_starts_no_workers(exchange):
    """Workers that are not asked for at once come with the first evaluation."""
    from psutil import Process

    before = set(Process().children())
    with open_desk(Settings(), exchange=exchange, start_workers=False) as desk:
        assert desk.data.spot("BANKNIFTY") > 0
        assert set(Process().children()) == before
        asked = {"mine": lambda chain: len(chain.strikes)}
        results = desk.evaluation.evaluate_strategies_concurrent(asked, desk.data.option_chain("BANKNIFTY"))
        assert results.table().loc["mine", "status"] == "completed"
        assert set(Process().children()) > before


def test_live_without_credentials_names_what_is_missing():
    """Live mode without credentials is an error that names the variables, and nothing is started."""
    with pytest.raises(SettingsError, match="KIT_API_KEY"):
        open_desk(Settings(broker={"mode": "live"}))


def _alive(pid):
    from psutil import pid_exists

    return pid_exists(pid)
