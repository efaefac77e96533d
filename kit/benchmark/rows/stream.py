"""The market stream: packets decoded, ticks from socket to cache, a chain that follows."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.benchmark.measure import Arms, Figures
from kit.benchmark.registry import row
from kit.benchmark.rows.transport import neutral
from kit.benchmark.run import Run, without_disk
from kit.benchmark.targets import at_least, at_most, faster
from kit.broker.client import AngelAPIClient
from kit.broker.stream.frames import decode_batch
from kit.broker.stream.newest import NewestFrames
from kit.clock import Clock
from kit.desk import open_desk
from kit.errors import TransportError
from kit.pricing.analytics import snapshot_analytics
from kit.simulator.process import launch
from kit.simulator.stream_frames import LTP, SNAPQUOTE, packed

_PACKETS = 5_000  # of a burst, a thousand tokens
_TOKENS = 1_060  # looked at twice a second; some did not change
_FULL_S, _QUICK_S = 60.0, 4.0
_SETTLING_S = 2.0  # after which the burst of first frames is over
_FRAMES_A_SECOND = 4
_ROUND_S, _ROUNDS = 3.0, 6
_LEVEL = {"price": 101.05, "quantity": 900, "orders": 7}
_QUOTE = {
    "ltp": 101.05, "lastTradeQty": 30, "avgPrice": 99.87, "tradeVolume": 123_456, "totBuyQuan": 5_000,
    "totSellQuan": 6_000, "open": 98.0, "high": 110.55, "low": 90.1, "close": 97.2, "opnInterest": 77_700,
    "exchTradeTime": "20-Nov-2026 11:15:00", "depth": {"buy": [_LEVEL] * 5, "sell": [_LEVEL] * 5},
    "upperCircuit": 500.0, "lowerCircuit": 0.05, "52WeekHigh": 900.5, "52WeekLow": 1.25,
}  # fmt: skip


@row("transport", "M packets/s", at_least(5), peer=("the official parser", faster(25)), quick=True)
def ltp_packets(run: Run) -> Arms:
    """Decode a burst of LTP packets into prices in rupees."""
    return _decoding(run, LTP)


@row("transport", "M packets/s", at_least(0.4), peer=("the official parser", faster(25)), quick=True)
def snapquote_packets(run: Run) -> Arms:
    """Decode a burst of SNAPQUOTE packets into prices, best bids and best asks in rupees."""
    return _decoding(run, SNAPQUOTE)


def _decoding(run: Run, mode: int) -> Arms:
    frames = [
        packed(mode, 2, str(40_000 + number % 1000), number, 1_795_153_500_000 + number, _QUOTE)
        for number in range(_PACKETS)
    ]

    def ours() -> Any:
        (batch,), aside = decode_batch(frames)
        assert not aside
        prices = [batch.rupees("ltp")]
        return [*prices, batch.best("bids"), batch.best("asks")] if mode == SNAPQUOTE else prices

    with neutral(run):
        library = run.peer("SmartApi.smartWebSocketV2")
    if library is None:
        return Arms(ours, items=_PACKETS)
    parse = object.__new__(library.SmartWebSocketV2)._parse_binary_data  # its __init__ opens a log file
    return Arms(ours, lambda: [parse(frame) for frame in frames], items=_PACKETS)


@row("transport", "ms", at_most(5), cores=2)
def tick_to_cache(run: Run) -> Figures:
    """Take 2,000 ticks a second for a minute: the 99th percentile from the exchange's look to the cache."""
    exchange = run.enter(launch(seed=7, limits=False))
    client = run.enter(open_desk(without_disk(run.settings), exchange=exchange, start_workers=False)).client
    feed, kept = client.feed, _TimedFrames(exchange.clock)
    feed.newest = kept
    ahead_s = exchange.clock.now().timestamp() - monotonic()  # both read one machine's clock
    with feed.follow(_liquid(client), "SNAPQUOTE") as following:
        until_s = monotonic() + (_QUICK_S if run.quick else _FULL_S)
        for _ in following.batches():
            run.checkpoint()
            if monotonic() >= until_s:
                break
        dropped = following.dropped
    if dropped:
        raise TransportError("Ticks were dropped", dropped, "Run the row alone.")
    delays_ms, rate = kept.delays_ms(ahead_s)
    run.notes.append(f"{rate:,.0f} ticks a second, median {np.median(delays_ms):.2f} ms")
    return Figures([float(np.percentile(delays_ms, 99))])


def _liquid(client: AngelAPIClient) -> dict[tuple[str, str], str]:
    """Return the options nearest the money of both indices, which hardly stand still."""
    found: dict[tuple[str, str], str] = {}
    for name, level in (("BANKNIFTY", 57_000), ("NIFTY", 26_000)):
        rows = client.instruments().rows(name, "OPTIDX")
        rows.sort(key=lambda row: abs(float(row["strike"]) / 100 / level - 1))
        found |= {(row["exch_seg"], row["token"]): row["symbol"] for row in rows[: _TOKENS // 2]}
    return found


class _TimedFrames(NewestFrames):
    """Notes when each batch is in the cache."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._noted: list[tuple[float, list[bytes]]] = []

    def keep(self, frames: Iterable[bytes], arrived_s: float) -> list[bytes]:
        sound = super().keep(frames, arrived_s)
        self._noted.append((monotonic(), sound))
        return sound

    def delays_ms(self, ahead_s: float) -> tuple[NDArray[np.float64], float]:
        """Return how long each frame took, and frames a second; of the burst at the beginning none."""
        begin_s = self._noted[0][0] + _SETTLING_S
        noted = [(at_s, frames) for at_s, frames in self._noted if at_s > begin_s]
        frames = [frame for _, some in noted for frame in some]
        kept_s = np.repeat([at_s for at_s, _ in noted], [len(some) for _, some in noted])
        (batch,), _ = decode_batch(frames)
        rate = len(frames) / (noted[-1][0] - begin_s)
        return 1e3 * (kept_s + ahead_s) - batch.data["at_ms"], rate


@row("transport", "% of a core", at_most(25), cores=2)
def chain_follows(run: Run) -> Figures:
    """Follow a chain of 121 strikes four times a second, with its analytics: what of one core it takes."""
    desk = run.desk()
    shares: list[float] = []
    with desk.stream() as live:
        while live.chain().source != "stream":
            run.checkpoint()
        began_s, used_s = monotonic(), process_time()
        for chain in live.chains(1 / _FRAMES_A_SECOND):
            snapshot_analytics(chain)
            chain.wide(around=20)
            if monotonic() - began_s >= _ROUND_S:
                shares.append(100 * (process_time() - used_s) / (monotonic() - began_s))
                began_s, used_s = monotonic(), process_time()
                run.checkpoint()
            if len(shares) == (1 if run.quick else _ROUNDS):
                break
        if chain.source != "stream":
            raise TransportError("The chain does not follow the stream", chain.source, "Run the row alone.")
    return Figures(shares)
