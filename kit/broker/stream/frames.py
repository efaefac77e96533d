"""The broker's binary frames, read one by one by a compiled struct or many at once as one array.

A frame says its mode in its first byte and has the size of that mode; prices are in paise (of currencies in
ten-millionths). What does not fit is no frame: `is_sound` tells, and whoever reads sets it aside and counts.

Source: the broker's page on WebSocket streaming 2.0; depth after the official client's parser, since the page
does not describe it; a real frame is in the tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import ProtocolError
from kit.model.tick import DepthLevel, StreamMode, Tick

MODES: dict[StreamMode, int] = {"LTP": 1, "QUOTE": 2, "SNAPQUOTE": 3, "DEPTH": 4}
EXCHANGES = {"NSE": 1, "NFO": 2, "BSE": 3, "BFO": 4, "MCX": 5, "NCDEX": 7, "CDS": 13}
KEY_BYTES = 27  # mode, exchange and token: what tells one subscription's frames from another's

_MODE_NAMES: dict[int, StreamMode] = {number: name for name, number in MODES.items()}
_EXCHANGE_NAMES = {number: name for name, number in EXCHANGES.items()}
_CURRENCY = EXCHANGES["CDS"]
_MOST_PAISE = 10**13
_LEVELS, _DEPTH_LEVELS = 5, 20
_SNAPQUOTE = "qqd" + "HqqH" * (2 * _LEVELS) + "qqqq"
_STRUCTS = {
    1: Struct("<BB25sqqq"),
    2: Struct("<BB25sqqqqqqddqqqq"),
    3: Struct("<BB25sqqqqqqddqqqq" + _SNAPQUOTE),
    4: Struct("<BB25sqq" + "iih" * (2 * _DEPTH_LEVELS)),
}
SIZES = {mode: struct.size for mode, struct in _STRUCTS.items()}
_MODES = {size: mode for mode, size in SIZES.items()}
_PRICE = Struct("<q")
_PRICE_AT = 43

_HEAD = [("mode", "u1"), ("exchange", "u1"), ("token", "S25")]
_TICK = [*_HEAD, ("sequence", "<i8"), ("at_ms", "<i8"), ("ltp", "<i8")]
_DAY = [
    *_TICK,
    *((name, "<i8") for name in ("last_qty", "average", "volume")),
    *((name, "<f8") for name in ("buy_qty", "sell_qty")),
    *((name, "<i8") for name in ("open", "high", "low", "previous_close")),
]
_LEVEL = [("flag", "<u2"), ("quantity", "<i8"), ("price", "<i8"), ("orders", "<u2")]
_SNAP = [
    *_DAY,
    *(("traded_at_s", "<i8"), ("oi", "<i8"), ("oi_change", "<f8"), ("bids", _LEVEL, 5), ("asks", _LEVEL, 5)),
    *((name, "<i8") for name in ("upper_limit", "lower_limit", "high_52w", "low_52w")),
]
_DEEP = [("quantity", "<i4"), ("price", "<i4"), ("orders", "<i2")]
_DEPTH = [*_HEAD, ("at_ms", "<i8"), ("received_ms", "<i8"), ("bids", _DEEP, 20), ("asks", _DEEP, 20)]
DTYPES: dict[int, np.dtype[Any]] = {
    mode: np.dtype(fields) for mode, fields in ((1, _TICK), (2, _DAY), (3, _SNAP), (4, _DEPTH))
}


_LATEST_MS = 4_102_444_800_000  # the year 2100
_MOST_UNITS = 10**15
_TOTALS = Struct("<dd")  # of both sides of the book
_TOTALS_AT = int(DTYPES[2].fields["buy_qty"][1])  # type: ignore[index]
_TIME_AT = {mode: int(kind.fields["at_ms"][1]) for mode, kind in DTYPES.items()}  # type: ignore[index]


def _signs(kind: np.dtype[Any], start: int = 0) -> Iterator[int]:
    """Yield where the highest byte of each time, price and count stands; see `_TOP`."""
    for name, (part, offset, *_title) in (kind.fields or {}).items():
        base, _shape = part.subdtype or (part, ())
        for at in range(start + offset, start + offset + part.itemsize, base.itemsize):
            if base.fields:
                yield from _signs(base, at)
            elif base.kind == "i" and name != "sequence":
                yield at + base.itemsize - 1


_TOP = {1: 0, 2: 0, 3: 0, 4: 127}  # beyond it a number is negative or, having 64 bits, absurd
_SIGN_BYTES = {mode: tuple(_signs(kind)) for mode, kind in DTYPES.items()}
_SIGNS = {mode: itemgetter(*bytes_) for mode, bytes_ in _SIGN_BYTES.items()}


def is_sound(frame: bytes) -> bool:
    """Tell whether bytes are a frame of a known mode and exchange whose token, time and numbers can be."""
    if len(frame) < SIZES[1] or SIZES.get(frame[0]) != len(frame) or frame[1] not in _EXCHANGE_NAMES:
        return False
    if not (32 < frame[2] < 127 and frame[26] == 0):
        return False
    mode = frame[0]
    if max(_SIGNS[mode](frame)) > _TOP[mode] or _PRICE.unpack_from(frame, _TIME_AT[mode])[0] > _LATEST_MS:
        return False
    if mode == MODES["DEPTH"]:
        return True
    if mode != MODES["LTP"]:
        bought, sold = _TOTALS.unpack_from(frame, _TOTALS_AT)
        if not (0 <= bought <= _MOST_UNITS and 0 <= sold <= _MOST_UNITS):
            return False
    return bool(0 <= _PRICE.unpack_from(frame, _PRICE_AT)[0] < _MOST_PAISE)


def is_earlier(frame: bytes, kept: bytes) -> bool:
    """Tell whether a sound frame was sent before another of the same subscription, by time and sequence."""
    at = _TIME_AT[frame[0]]
    told, known = _PRICE.unpack_from(frame, at)[0], _PRICE.unpack_from(kept, at)[0]
    if told != known or frame[0] == MODES["DEPTH"]:
        return bool(told < known)
    return bool(_PRICE.unpack_from(frame, KEY_BYTES)[0] < _PRICE.unpack_from(kept, KEY_BYTES)[0])


def is_to_come(frame: bytes, now: datetime) -> bool:
    """Tell whether a sound frame is of more than a second after the present: the clock was set back."""
    return bool(_PRICE.unpack_from(frame, _TIME_AT[frame[0]])[0] > (now.timestamp() + 1) * 1000)


def key_of(mode: StreamMode, exchange: str, token: str) -> bytes:
    """Return what the frames of one subscription begin with.

    Raises
    ------
    KeyError
        The stream has no such exchange.
    """
    return bytes((MODES[mode], EXCHANGES[exchange])) + token.encode("ascii").ljust(25, b"\0")


def pair_of(key: bytes) -> tuple[str, str]:
    """Return exchange and token of a subscription."""
    return _EXCHANGE_NAMES[key[1]], key[2:KEY_BYTES].rstrip(b"\0").decode("ascii")


def last_price(frame: bytes) -> float:
    """Return the last price of a sound frame of any mode but depth, rupees; NaN where nothing has traded."""
    return _rupees(_PRICE.unpack_from(frame, _PRICE_AT)[0], _scale(frame[1]))


def decode(frame: bytes) -> Tick:
    """Return one frame as a tick.

    Raises
    ------
    ProtocolError
        It is no frame of a known mode.
    """
    if not is_sound(frame):
        shown = f"{len(frame)} bytes, mode {frame[0] if frame else 'none'}"
        raise ProtocolError("A frame of the stream cannot be read", shown, "Set it aside; report its mode.")
    mode, exchange, token, *fields = _STRUCTS[frame[0]].unpack(frame)
    scale = _scale(exchange)
    name = token.rstrip(b"\0").decode("ascii", "replace")
    values: list[Any] = [_MODE_NAMES[mode], _EXCHANGE_NAMES[exchange], name]
    if mode == MODES["DEPTH"]:
        bids, asks = (_levels(fields[start : start + 60], 3, scale) for start in (2, 62))
        values += [0, fields[0], float("nan")]
        return replace(Tick(*values), bids=bids, asks=asks)
    values += [*fields[:2], _rupees(fields[2], scale)]
    if mode >= MODES["QUOTE"]:
        values += [fields[3], _rupees(fields[4], scale), *fields[5:8]]
        values += [_rupees(price, scale) for price in fields[8:12]]
    if mode == MODES["SNAPQUOTE"]:
        values += [fields[12] * 1000, fields[13]]
        values += [_levels(fields[start : start + 20], 4, scale) for start in (15, 35)]
        values += [_rupees(price, scale) for price in fields[55:]]
    return Tick(*values)


def _scale(exchange: int) -> float:
    return 1e7 if exchange == _CURRENCY else 100.0


def _rupees(amount: int, scale: float) -> float:
    """Return a price in rupees; the broker's 0 means that there is none."""
    return amount / scale if amount else float("nan")


def _levels(fields: Sequence[int], size: int, scale: float) -> tuple[DepthLevel, ...]:
    """Return the levels of one side: each of `size` fields, the last three quantity, price and orders."""
    levels = zip(*(fields[at::size] for at in range(size - 3, size)), strict=True)
    return tuple(DepthLevel(price / scale, quantity, orders) for quantity, price, orders in levels if price)


@dataclass(frozen=True)
class TickBatch:
    """Frames of one mode as one array.

    Parameters
    ----------
    mode : {"LTP", "QUOTE", "SNAPQUOTE", "DEPTH"}
        Of all of them.
    data : ndarray, shape (frames,)
        Structured, as the broker packs it: prices are whole numbers, ``rupees`` divides them.
    """

    mode: StreamMode
    data: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.data)

    def rupees(self, price: str) -> NDArray[np.float64]:
        """Return a price of every frame in rupees; NaN where there is none."""
        return _priced(self.data[price], self.data["exchange"])

    def best(self, side: str, field: str = "price") -> NDArray[np.float64]:
        """Return price (rupees, NaN where nobody quotes) or quantity of the best of ``bids`` or ``asks``."""
        found = self.data[side][:, 0][field]
        return _priced(found, self.data["exchange"]) if field == "price" else found.astype(np.float64)


def _priced(amounts: NDArray[np.int64], exchange: NDArray[np.uint8]) -> NDArray[np.float64]:
    found = amounts / 100.0
    currency = exchange == _CURRENCY
    if currency.any():
        found[currency] /= 1e5
    found[found == 0] = np.nan
    return np.asarray(found)


def decode_batch(frames: Sequence[bytes]) -> tuple[list[TickBatch], list[bytes]]:
    """Return many frames as one array per mode, in order, and those that cannot be read.

    Parameters
    ----------
    frames : sequence of bytes
        As they came.
    """
    sizes, batches = set(map(len, frames)), []
    aside = [frame for size in sizes.difference(_MODES) for frame in frames if len(frame) == size]
    for size in sorted(sizes.intersection(_MODES)):
        alike = frames if len(sizes) == 1 else [frame for frame in frames if len(frame) == size]
        data = np.frombuffer(b"".join(alike), DTYPES[_MODES[size]])
        sound = _are_sound(data, _MODES[size])
        if not sound.all():
            aside += [alike[row] for row in np.flatnonzero(~sound).tolist()]
            data = data[sound]
        batches += [TickBatch(_MODE_NAMES[_MODES[size]], data)] if len(data) else []
    return batches, aside


_IS_EXCHANGE = np.isin(np.arange(256), list(_EXCHANGE_NAMES))


def _are_sound(data: NDArray[np.void], mode: int) -> NDArray[np.bool_]:
    """Judge many frames of one size, as `is_sound` judges one."""
    raw = data.view(np.uint8).reshape(len(data), -1)
    sound = (raw[:, 0] == mode) & _IS_EXCHANGE[raw[:, 1]] & (raw[:, 26] == 0)
    sound &= raw[:, 2] - np.uint8(33) < 94  # wraps round below 33
    sound &= (raw[:, list(_SIGN_BYTES[mode])].max(axis=1) <= _TOP[mode]) & (data["at_ms"] <= _LATEST_MS)
    if mode != MODES["DEPTH"]:
        sound &= data["ltp"].astype(np.uint64) < _MOST_PAISE  # so does what is negative
    if mode in (MODES["QUOTE"], MODES["SNAPQUOTE"]):
        for total in (data["buy_qty"], data["sell_qty"]):
            sound &= (total >= 0) & (total <= _MOST_UNITS)
    return np.asarray(sound)
