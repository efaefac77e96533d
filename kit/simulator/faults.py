"""Everything that goes wrong between a client and a broker, on demand.

A fault is asked for by the header ``X-Kit-Fault: name`` or ``name:argument`` of one request, by
``POST /_admin/faults`` with ``{"route": ..., "fault": ..., "times": n}``, or by `Faults.add`.

==========================  ==============================================================  ==========
name                        what happens                                                    argument
==========================  ==============================================================  ==========
``drop-before``             the connection breaks before the request is processed
``drop-after``              the request is processed, then the connection breaks
``drop-midway``             half of the body arrives, then the connection breaks
``stall``                   nothing is sent for a while, then the ordinary answer           seconds, 30
``slow-body``               the body arrives in twenty pieces                               seconds, 5
``truncated-json``          the answer ends in the middle, and the length says so
``html-502``                a proxy's HTML page with HTTP 502
``empty-body``              HTTP 200 with nothing in it
``application-error``       the application's dialect                                       code, AB1004
``gateway-error``           the gateway's dialect                                           code, AG8001
``rate-text``               rate refusal: HTTP 403 in plain text
``rate-json``               rate refusal: AB1021 as JSON
``rate-429``                rate refusal: HTTP 429
``denied-html``             HTTP 403 with a firewall's HTML page
``expired-token``           every session has ended, this request learns it first
``data-null``               success without data
``wrong-types``             numbers as text, lists as objects
``missing-keys``            rows and data lack half of their fields
``missing-last-bars``       the last bars of every day are not there                        bars, 15
``negative-volume``         some bars have a negative volume                                bars, 3
``high-below-low``          some bars have their high below their low                       bars, 3
==========================  ==============================================================  ==========

The handshakes of the streams are the routes ``smart-stream`` and ``smart-order-update``; what is answered
instead of them, drops, a stall and ended sessions reach them like any request. The frames of the one are the
route ``stream-frames``, the updates of the other ``update-frames``, which have faults of their own; ``times``
counts frames, and ``"*"`` does not mean them.

==========================  ==============================================================  ==========
name                        what happens to the next frame                                  argument
==========================  ==============================================================  ==========
``drop``                    the connection breaks in its place
``stall``                   the connection stays open and silent, text pings included       seconds, 30
``garbage-frame``           random bytes in its place
``short-frame``             its end is missing
``long-frame``              it is longer than its mode
``huge-frame``              100,000 bytes, more than anybody needs
``unknown-frame``           its mode is one that nobody documented
``text-frame``              words that are neither an answer nor a refusal
==========================  ==============================================================  ==========
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from kit.errors import SimulatorError
from kit.simulator.answers import (
    HTML,
    MESSAGES,
    Answer,
    application_error,
    encoded,
    gateway_error,
    rate_refusal,
)
from kit.simulator.guard import bounded

_PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_FIREWALL_PAGE = b"<html><head><title>Access Denied</title></head><body><h1>Access Denied</h1></body></html>"


_MOST_ARGUMENT, _MOST_TIMES, _MOST_WAITING = 3600, 1_000_000, 1000


class Fault(NamedTuple):
    """A fault and its argument, empty for the usual one."""

    name: str
    argument: str = ""


FRAMES = ("stream-frames", "update-frames")  # of the market stream, of the order stream


def parse(text: str, route: str = "*") -> Fault:
    """Read ``name`` or ``name:argument`` of a route.

    Raises
    ------
    SimulatorError
        No fault of the route has this name, or the argument does not fit.
    """
    name, _, argument = text.partition(":")
    names = FRAME_NAMES if route in FRAMES else NAMES
    if name not in names:
        raise SimulatorError("No fault has this name", name, f"It knows: {', '.join(names)}.")
    if argument and name in ("application-error", "gateway-error"):
        if argument not in MESSAGES:
            raise SimulatorError("No error has this code", argument, f"It knows: {', '.join(MESSAGES)}.")
    elif argument:
        plain = argument.isascii() and argument.replace(".", "", 1).isdigit()
        bounded(float(argument) if plain else argument, _MOST_ARGUMENT, "The argument of a fault")
    return Fault(name, argument)


class Faults:
    """Faults that wait for requests."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[Fault, int]]] = {}

    def add(self, route: str, fault: str, times: int = 1) -> None:
        """Let the next requests of a route fail.

        Parameters
        ----------
        route : str
            The last part of its path, for instance ``"getCandleData"``; ``"*"`` for any request.
        fault : str
            As in the module's table.
        times : int, default 1
            How many requests.

        Raises
        ------
        SimulatorError
            No fault has this name, or there are too many.
        """
        found, many = parse(fault, route), int(bounded(times, _MOST_TIMES, "How often a fault happens"))
        waiting = self._waiting.setdefault(route, deque())
        if len(waiting) >= _MOST_WAITING or len(self._waiting) > _MOST_WAITING:
            raise SimulatorError("Too many faults wait", route[:40], "Clear them first.")
        if many:
            waiting.append((found, many))

    def clear(self) -> None:
        """Forget the faults that still wait."""
        self._waiting.clear()

    def take(self, route: str, header: str = "", *, only_named: bool = False) -> Fault | None:
        """Return the fault of a request: the header's, else the next one that waits for its route.

        What waits for any route is left alone by `only_named`.
        """
        if header:
            return parse(header)
        waiting = self._waiting.get(route) or (None if only_named else self._waiting.get("*"))
        if not waiting:
            return None
        fault, left = waiting.popleft()
        if left > 1:
            waiting.appendleft((fault, left - 1))
        return fault


def instead(fault: Fault) -> Answer | None:
    """Return the answer that a fault gives instead of processing the request, if it does."""
    made = _INSTEAD.get(fault.name)
    return made(fault.argument) if made else None


def spoilt(fault: Fault, reply: Answer) -> Answer:
    """Return the ordinary answer as a fault leaves it; unchanged where the fault is elsewhere."""
    if fault.name not in {*_SPOIL, *_SPOIL_BARS} or reply.status != 200:
        return reply
    content = json.loads(reply.body)
    if not isinstance(content, dict) or not content.get("status"):
        return reply
    data = content["data"]
    are_bars = isinstance(data, list) and bool(data) and isinstance(data[0], list)
    spoil = _SPOIL.get(fault.name) or (_SPOIL_BARS[fault.name] if are_bars else None)
    return encoded({**content, "data": spoil(data, fault.argument)}) if spoil else reply


def _wrong_types(data: Any, argument: str) -> Any:
    """Write numbers as text and bars as objects, at every depth."""
    if isinstance(data, dict):
        return {key: _wrong_types(value, argument) for key, value in data.items()}
    if isinstance(data, list) and data and isinstance(data[0], list):
        return {str(number): row for number, row in enumerate(data)}
    if isinstance(data, list):
        return [_wrong_types(value, argument) for value in data]
    return f"{data} rupees" if isinstance(data, int | float) and not isinstance(data, bool) else data


def _missing_keys(data: Any, argument: str) -> Any:
    if isinstance(data, dict):
        lists = {
            key: _missing_keys(value, argument) for key, value in data.items() if isinstance(value, list)
        }
        return lists or dict(list(data.items())[: len(data) // 2])
    if isinstance(data, list) and data and isinstance(data[0], str):
        return data[: len(data) // 2]
    return [_missing_keys(row, argument) for row in data] if isinstance(data, list) else data


def _missing_last_bars(data: list[Any], argument: str) -> list[Any]:
    """Drop the last bars of every day."""
    days: dict[str, list[Any]] = {}
    for row in data:
        days.setdefault(row[0][:10], []).append(row)
    return [row for rows in days.values() for row in rows[: -int(float(argument or 15))]]


def _negative_volume(data: list[Any], argument: str) -> list[Any]:
    count = int(float(argument or 3))
    return [[*row[:5], -abs(row[5]) - 1] for row in data[:count]] + data[count:]


def _high_below_low(data: list[Any], argument: str) -> list[Any]:
    count = int(float(argument or 3))
    turned = [[row[0], row[1], row[3] - 1, row[2] + 1, *row[4:]] for row in data[:count]]
    return turned + data[count:]


_INSTEAD: dict[str, Callable[[str], Answer]] = {
    "html-502": lambda _: Answer(502, _PROXY_PAGE, HTML),
    "denied-html": lambda _: Answer(403, _FIREWALL_PAGE, HTML),
    "empty-body": lambda _: Answer(200, b""),
    "application-error": lambda code: application_error(code or "AB1004"),
    "gateway-error": lambda code: gateway_error(code or "AG8001"),
    "rate-text": lambda _: rate_refusal("text"),
    "rate-json": lambda _: rate_refusal("json"),
    "rate-429": lambda _: rate_refusal("429"),
}
_SPOIL: dict[str, Callable[[Any, str], Any]] = {
    "data-null": lambda _data, _argument: None,
    "wrong-types": _wrong_types,
    "missing-keys": _missing_keys,
}
_SPOIL_BARS: dict[str, Callable[[list[Any], str], list[Any]]] = {
    "missing-last-bars": _missing_last_bars,
    "negative-volume": _negative_volume,
    "high-below-low": _high_below_low,
}
_ON_THE_WIRE = (
    "drop-before", "drop-after", "drop-midway", "stall", "slow-body", "truncated-json", "expired-token",
)  # fmt: skip
NAMES = (*_ON_THE_WIRE, *_INSTEAD, *_SPOIL, *_SPOIL_BARS)
FRAME_NAMES = (
    "drop", "stall", "garbage-frame", "short-frame", "long-frame", "huge-frame", "unknown-frame",
    "text-frame",
)  # fmt: skip
