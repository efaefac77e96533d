"""The monitor panel, over a real desk."""

import asyncio

import pytest

from kit.desk import open_desk
from kit.settings import Settings
from kit.widgets.panels.monitor import MonitorPanel


@pytest.fixture
def desk():
    """Open a desk without a disk tier."""
    with open_desk(Settings(cache_config={"disk": False}, workers={"backend": "serial"})) as opened:
        yield opened


def told(desk):
    """Return what the cache counts of its answers."""
    found = desk.cache.get_stats()
    return {name: found[name] for name in ("entries", "hits", "misses")}


def test_it_shows_what_the_parts_say(desk):
    """Hit rate, entries, latency and limits are those of the desk, before and after it was asked."""
    panel = MonitorPanel(desk)
    empty = panel.plot.value
    assert panel.errors.value == ""
    assert "No alert so far" in panel.alerts.value
    desk.data.option_chain()
    desk.data.option_chain()
    panel.again.click()
    now = panel.readings[-1]
    assert {name: now.cache[name] for name in ("entries", "hits", "misses")} == told(desk)
    assert now.p95_ms["options_chain_processing"] > 0
    assert now.connections["requests"] > 0
    assert f"{now.cache['hit_rate_percent']:.0f} %" in panel.tiles.value
    made = {name: action.make() for name, action in panel.toolbar._actions.items()}
    compile(made["code"], "cell", "exec")
    assert b"cache.hit_rate_percent" in made["csv"].content
    assert made["csv"].content.decode().count("\n") == 1 + len(panel.readings)
    assert b"data:image/png" in made["html"].content
    assert panel.plot.value != empty
    assert len(panel.readings) == 2


def test_an_alert_is_shown_with_its_level(desk):
    """An operation beyond its budget is told, marked in the words, and its name is escaped."""
    desk.monitor.record_execution("atm_calculation", 1.5)
    desk.monitor.set_requirement("<b>", 1)
    desk.monitor.record_execution("<b>", 0.5)
    panel = MonitorPanel(desk)
    assert "atm_calculation: 1,500 ms, asked 1,000 ms" in panel.alerts.value
    assert "&lt;b&gt;: 500 ms" in panel.alerts.value
    assert "Too slow at P95: atm_calculation" in panel.words.value


def test_it_reads_by_itself_until_told_otherwise(desk):
    """With a running loop it reads again and again; by hand it stops."""

    async def watched():
        panel = MonitorPanel(desk)
        panel.inputs["every"].options = {"often": 0.01, "by hand": 0.0}
        panel.inputs["every"].value = 0.01
        while len(panel.readings) < 4:
            await asyncio.sleep(0.01)
        panel.inputs["every"].value = 0.0
        seen = len(panel.readings)
        await asyncio.sleep(0.1)
        return panel, seen

    panel, seen = asyncio.run(asyncio.wait_for(watched(), 60))
    assert len(panel.readings) == seen
    assert [one.at for one in panel.readings] == sorted(one.at for one in panel.readings)


def test_after_close_it_keeps_what_it_shows(desk):
    """A closed desk is not read any more; the last picture stays, and the button says why."""
    panel = MonitorPanel(desk)
    before = panel.plot.value
    desk.close()
    panel.refresh()
    assert panel.plot.value == before
    assert panel.errors.value == ""
    assert panel.again.disabled
    assert "closed" in panel.again.tooltip
