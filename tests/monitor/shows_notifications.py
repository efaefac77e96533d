"""A desktop that shows nothing and says what it was asked to show, and an alert that is sent to it."""

# ruff: noqa: ARG002, F722, F821 - the protocol's own types stand where annotations do, and must not be text
import asyncio
import json
import sys
from threading import Event, Thread

from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, method

from kit.monitor import PerformanceMonitor, desktop_alerts

READY, DONE = Event(), Event()
SHOWN: dict[str, object] = {}


class Notifications(ServiceInterface):
    """The part of org.freedesktop.Notifications that a sender uses."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.Notifications")

    @method()
    def GetCapabilities(self) -> "as":
        """Say what it can."""
        return ["body"]

    @method()
    def GetServerInformation(self) -> "ssss":
        """Say what it is."""
        return ["a test", "nobody", "1", "1.2"]

    @method()
    def Notify(self, a: "s", b: "u", c: "s", title: "s", text: "s", d: "as", hints: "a{sv}", e: "i") -> "u":
        """Remember what was to be shown."""
        SHOWN.update(title=title, text=text, urgency=hints["urgency"].value)
        return 7


async def serve() -> None:
    """Show notifications until the alert was sent."""
    bus = await MessageBus().connect()
    bus.export("/org/freedesktop/Notifications", Notifications())
    await bus.request_name("org.freedesktop.Notifications")
    READY.set()
    await asyncio.to_thread(DONE.wait, 60)
    bus.disconnect()


if __name__ == "__main__":
    desktop = Thread(target=lambda: asyncio.run(serve()), daemon=True)
    desktop.start()
    READY.wait(60)
    monitor, channel = PerformanceMonitor(), desktop_alerts()
    monitor.add_alert_callback(channel)
    monitor.record_execution("order_placement", 9.0)
    channel.close(60)
    DONE.set()
    desktop.join(60)
    json.dump({**SHOWN, "sent": channel.sent, "failed": channel.failed}, sys.stdout)
