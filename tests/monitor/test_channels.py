"""Alerts as messages: they arrive, they are few, and the addresses stay secret."""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from kit.desk import open_desk
from kit.errors import KitError, SettingsError
from kit.monitor import AlertChannel, PerformanceMonitor, desktop_alerts, service_alerts
from kit.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # apprise looks for it on 3.11
SECRET = "hush4711tok"
SHOWN = Path(__file__).with_name("shows_notifications.py")


class Receiver(ThreadingHTTPServer):
    """A service that takes messages as JSON; refuses them while `status` is no 200."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: Queue[dict[str, Any]] = Queue()

    def address(self) -> SecretStr:
        """Return its address with a password in it, as apprise writes one."""
        return SecretStr(f"json://user:{SECRET}@127.0.0.1:{self.server_port}/{SECRET}")


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.end_headers()
        self.server.taken.put(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Serve messages on this machine."""
    with Receiver() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def slow(monitor: PerformanceMonitor, times: int = 1, seconds: float = 9.0) -> None:
    """Let an operation be too slow."""
    for _ in range(times):
        monitor.record_execution("order_placement", seconds)


def test_an_alert_reaches_a_service(receiver):
    """The message names operation, latency and budget, and a secret of the address goes nowhere else."""
    monitor, channel = PerformanceMonitor(), service_alerts([receiver.address()])
    monitor.add_alert_callback(channel)
    slow(monitor)
    taken = receiver.taken.get(timeout=60)
    channel.close()
    assert taken["title"] == "Bank Nifty Kit: order_placement too slow"
    assert taken["message"].startswith("order_placement: 9,000 ms, critical above 6,000 ms")
    assert (taken["type"], channel.sent, channel.failed) == ("failure", 1, 0)
    assert SECRET not in repr(channel)


def test_many_slow_calls_are_one_message(receiver):
    """The first alert goes out at once; a thousand after it are one message more, with the worst of them."""
    monitor, channel = PerformanceMonitor(), service_alerts([receiver.address()], every_s=3600)
    monitor.add_alert_callback(channel)
    slow(monitor)
    receiver.taken.get(timeout=60)
    slow(monitor, 999)
    slow(monitor, seconds=12.0)
    monitor.record_execution("atm_calculation", 1.5)
    channel.close(60)
    text = receiver.taken.get(timeout=60)["message"].splitlines()
    assert "12,000 ms" in text[0]
    assert "1000 times" in text[0]
    assert text[1].startswith("atm_calculation: 1,500 ms, alert")
    assert receiver.taken.empty()
    assert channel.sent == 2


def test_a_flood_is_counted_and_not_kept():
    """More alerts than a channel keeps are counted in the next message."""
    told: list[str] = []
    channel = AlertChannel("list", lambda *said: told.append(said[1]), every_s=3600)
    monitor = PerformanceMonitor()
    monitor.add_alert_callback(channel)
    slow(monitor)
    while not told:
        channel._thread.join(0.01)
    slow(monitor, 10_003)
    assert channel._rang.qsize() <= 10_000
    channel.close(60)
    assert "and 3 alerts more" in told[1]


def test_no_secret_of_an_address_is_told(receiver, caplog):
    """At the level DEBUG, with a service that refuses and one that is gone, nobody writes the password."""
    receiver.status = 500
    gone = Receiver()
    gone.server_close()
    with caplog.at_level(logging.DEBUG):
        channel = service_alerts([receiver.address(), gone.address()], every_s=0.01)
        monitor = PerformanceMonitor()
        monitor.add_alert_callback(channel)
        for _ in range(2):
            slow(monitor)
            receiver.taken.get(timeout=60)
        channel.close(60)
    assert channel.failed == 2
    assert "did not take" in channel.last_error
    assert len([row for row in caplog.records if row.name == "kit.monitor.channels"]) == 1
    everything = caplog.text + repr(vars(channel)) + repr(monitor.get_summary())
    assert SECRET not in everything


@pytest.mark.parametrize("address", [f"nothing://{SECRET}", f"slack://{SECRET}", SECRET, ""])
def test_a_wrong_address_is_named_by_number_and_scheme(address, caplog):
    """What is no address of a service is refused when the channel is made, and not quoted."""
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(SettingsError, match=r"Address 1 .*apprise") as refused,
    ):
        service_alerts([SecretStr(address)])
    assert SECRET not in caplog.text + "".join(traceback.format_exception(refused.value))


def test_no_address_at_all_names_the_variable():
    """Without an address the error names the variable of the environment."""
    with pytest.raises(SettingsError, match="KIT_ALERT_URLS"):
        service_alerts([])


def test_a_desk_sends_alerts_under_any_settings(receiver, exchange, monkeypatch, tmp_path):
    """A desk takes a function and the environment's services; settings keep both, and no file has them."""
    monkeypatch.setenv("KIT_ALERT_URLS", f" {receiver.address().get_secret_value()}\n")
    heard: list[Any] = []
    with open_desk(Settings(workers={"backend": "serial"}), exchange=exchange) as desk:
        desk.alert(heard.append)
        channel = desk.alert("services", every_s=3600)
        desk.apply(Settings(workers={"backend": "serial"}, cache_config={"max_size": 7}))
        slow(desk.monitor)
        assert receiver.taken.get(timeout=60)["type"] == "failure"
        assert len(heard) == 1
        assert (
            SECRET
            not in desk.settings.save(tmp_path / "kit.yaml").read_text() + repr(desk) + desk._repr_html_()
        )
        pickle.dumps(desk.monitor)
    assert not channel._thread.is_alive()
    with pytest.raises(KitError, match="plain function"):
        PerformanceMonitor().add_alert_callback("services")


def test_a_machine_without_a_desktop_says_so_once(monkeypatch, caplog):
    """Where no notification can be shown the channel counts it, says why, and harms nothing."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    monitor, channel = PerformanceMonitor(), desktop_alerts(every_s=3600)
    monitor.add_alert_callback(channel)
    slow(monitor)
    channel.close(60)
    assert channel.failed == 1
    assert "shows no notifications" in channel.last_error


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs the D-Bus daemon of a Linux desktop")
def test_an_alert_is_a_notification_of_the_desktop():
    """A service of the desktop's own protocol is asked to show title, text and urgency."""
    with _bus() as address:
        run = subprocess.run(
            [sys.executable, str(SHOWN)],
            env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": address},
            capture_output=True, text=True, timeout=100, check=True,
        )  # fmt: skip
    shown = json.loads(run.stdout)
    assert shown["title"] == "Bank Nifty Kit: order_placement too slow"
    assert shown["urgency"] == 2
    assert (shown["sent"], shown["failed"]) == (1, 0)


class _bus:  # noqa: N801 - used like a function
    """A session bus of the test's own."""

    def __enter__(self) -> str:
        call = ["dbus-daemon", "--session", "--nofork", "--print-address"]
        self._daemon = subprocess.Popen(call, stdout=subprocess.PIPE, text=True)
        return self._daemon.stdout.readline().strip()

    def __exit__(self, *error: object) -> None:
        self._daemon.terminate()
        self._daemon.communicate(timeout=30)
