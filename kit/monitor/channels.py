"""Where alerts go besides a function: the desktop's notifications, and any service that apprise knows.

A channel is a callback that costs the measured code an entry in a queue; a thread of its own sends. The first
alert goes out at once; what rings in the next `every_s` seconds becomes one message at their end, so a slow
day is a message a minute and not one a call. The addresses of services hold secrets: they reach no log, no
error and no ``repr``, neither of the kit nor of the libraries that send.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from queue import Empty, SimpleQueue
from threading import Event, Thread, local
from typing import TYPE_CHECKING, Any

from kit.arguments import number
from kit.errors import KitError, SettingsError
from kit.monitor.requirements import Level, Violation

if TYPE_CHECKING:
    from pydantic import SecretStr

_log = logging.getLogger(__name__)
_TITLE = "Bank Nifty Kit"
_LEVELS: tuple[Level, ...] = ("warning", "alert", "critical")
_MOST_WAITING = 10_000  # alerts; more are only counted
_TALKATIVE = ("apprise", "urllib3.connectionpool", "desktop_notifier.backends.base")
_INSTALL = 'Run: pip install "banknifty-kit[alerts]".'

SendAlert = Callable[[str, str, Level], None]  # title, text and the worst level of it; raises what went wrong


class AlertChannel:
    """An alert callback that sends messages; pass it to `PerformanceMonitor.add_alert_callback`.

    Parameters
    ----------
    name : str
        Where the messages go, without secrets.
    send : callable
        Sends one message, on the channel's thread.
    every_s : float, default 60
        Seconds between two messages.

    Attributes
    ----------
    sent, failed : int
        Messages that arrived, and that did not.
    last_error : str
        Why the latest did not.
    """

    def __init__(self, name: str, send: SendAlert, every_s: float = 60.0) -> None:
        self.name, self._send = name, send
        self.every_s = number(every_s, "The seconds between two messages", above=0.0)
        self.sent = self.failed = self._uncounted = 0
        self.last_error = ""
        self._rang: SimpleQueue[Violation | None] = SimpleQueue()  # may be filled wherever an alert rings
        self._closing = Event()
        self._thread = Thread(target=self._run, name=f"alerts-{name}", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"AlertChannel({self.name!r}, sent={self.sent}, failed={self.failed})"

    def __call__(self, violation: Violation) -> None:
        """Take an alert."""
        if self._closing.is_set() or self._rang.qsize() >= _MOST_WAITING:
            self._uncounted += 1
        else:
            self._rang.put(violation)

    def close(self, patience_s: float = 5.0) -> None:
        """Send what waits, and end; harmless twice.

        Parameters
        ----------
        patience_s : float, default 5
            Seconds that sending may take.
        """
        self._closing.set()
        self._rang.put(None)
        self._thread.join(patience_s)

    def _run(self) -> None:
        while True:
            first = self._rang.get()
            rang = [first, *self._waiting()]
            found = [one for one in rang if one is not None]
            if found:
                self._deliver(found)
            if len(found) < len(rang) or (self._closing.wait(self.every_s) and self._rang.empty()):
                return

    def _waiting(self) -> Iterator[Violation | None]:
        with suppress(Empty):
            while True:
                yield self._rang.get_nowait()

    def _deliver(self, rang: list[Violation]) -> None:
        uncounted, self._uncounted = self._uncounted, 0
        try:
            with unheard():
                self._send(*message_of(rang, uncounted))
            self.sent += 1
        except Exception as error:  # noqa: BLE001  whatever the way fails by, the next message is tried
            said = str(error) if isinstance(error, KitError) else type(error).__name__
            if said != self.last_error:  # once, not every minute; without what a library puts into its words
                _log.error("Alerts do not reach %s: %s", self.name, said)
            self.failed, self.last_error = self.failed + 1, said


def message_of(rang: Iterable[Violation], uncounted: int = 0) -> tuple[str, str, Level]:
    """Return title, text and worst level of the message about some alerts: a line for each operation.

    Parameters
    ----------
    rang : iterable of Violation
        What rang since the message before.
    uncounted : int, default 0
        How many alerts more there were.
    """
    worst: dict[str, Violation] = {}
    times: dict[str, int] = {}
    for one in rang:
        name = one["operation"]
        times[name] = times.get(name, 0) + 1
        worst[name] = max(worst.get(name, one), one, key=lambda each: each["latency_ms"])
    lines = [
        f"{name}: {one['latency_ms']:,.0f} ms, {one['violation_level']} above {one['requirement_ms']:,.0f} ms"
        f", {one['timestamp']:%H:%M:%S}" + (f" ({times[name]} times, this the worst)" * (times[name] > 1))
        for name, one in worst.items()
    ]
    lines += [f"and {uncounted:,} alerts more"] * (uncounted > 0)
    level = max((one["violation_level"] for one in worst.values()), key=_LEVELS.index)
    return f"{_TITLE}: {', '.join(worst)[:60]} too slow", "\n".join(lines), level


def service_alerts(addresses: Iterable[SecretStr], *, every_s: float = 60.0) -> AlertChannel:
    """Return a channel to services by their addresses, as apprise writes them.

    Parameters
    ----------
    addresses : iterable of SecretStr
        Each for instance ``"slack://..."``, ``"tgram://..."``, ``"mailto://..."``.
    every_s : float, default 60
        Seconds between two messages.

    Raises
    ------
    SettingsError
        There is no address, one is none (only its number and scheme are named), or apprise is not installed.
    """
    try:
        import apprise
    except ImportError as error:
        raise SettingsError("Alerts to services need apprise", None, _INSTALL) from error
    asset = apprise.AppriseAsset(app_id=_TITLE, async_mode=False)
    found: list[Any] = []
    for place, address in enumerate(addresses, 1):
        with unheard():
            made = apprise.Apprise.instantiate(address.get_secret_value(), asset=asset)
        if made is None:
            remedy = "Write it as apprise does: https://github.com/caronc/apprise/wiki."
            raise SettingsError(f"Address {place} of alerts names no service", _scheme(address), remedy)
        found.append(made)
    if not found:
        raise SettingsError("No address of a service is known", None, "Set KIT_ALERT_URLS, one or several.")
    kinds = {"warning": "warning", "alert": "failure", "critical": "failure"}

    def send(title: str, text: str, level: Level) -> None:
        failed = [
            str(one.service_name) for one in found
            if not one.notify(body=text, title=title, notify_type=kinds[level])
        ]  # fmt: skip
        if failed:
            raise KitError("A service did not take the message", failed, "Look at its address and token.")

    return AlertChannel(", ".join(str(one.service_name) for one in found), send, every_s)


def _scheme(address: SecretStr) -> str:
    scheme, found, _ = address.get_secret_value().partition("://")
    return f"{scheme}://..." if found and scheme.isalnum() and len(scheme) < 20 else "no scheme"


def desktop_alerts(*, every_s: float = 60.0) -> AlertChannel:
    """Return a channel to this machine's desktop, through ``desktop-notifier``.

    Parameters
    ----------
    every_s : float, default 60
        Seconds between two messages.

    Raises
    ------
    SettingsError
        ``desktop-notifier`` is not installed.
    """
    try:
        import desktop_notifier
    except ImportError as error:
        raise SettingsError("Alerts on the desktop need desktop-notifier", None, _INSTALL) from error
    urgency = desktop_notifier.Urgency

    def send(title: str, text: str, level: Level) -> None:
        desktop = _desktop()
        shown = desktop.send(title, text, urgency=urgency.Critical if level == "critical" else urgency.Normal)
        if shown not in desktop.get_current_notifications() or not desktop.get_capabilities():
            remedy = "They need a running desktop (on macOS also a signed Python application)."
            raise KitError("This machine shows no notifications", None, remedy)

    return AlertChannel("desktop", send, every_s)


@cache
def _desktop() -> Any:
    """Return the connection to the desktop, which lives as long as the process."""
    from desktop_notifier.sync import DesktopNotifierSync

    return DesktopNotifierSync(app_name=_TITLE)


_quiet = local()


def _is_heard(record: logging.LogRecord) -> bool:  # noqa: ARG001 - the form of a filter
    return not getattr(_quiet, "on", False)


@contextmanager
def unheard() -> Iterator[None]:
    """Keep what libraries log on this thread from being heard: at the level DEBUG they write addresses."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_is_heard)  # once, however often it is added
    _quiet.on = True
    try:
        yield
    finally:
        _quiet.on = False
