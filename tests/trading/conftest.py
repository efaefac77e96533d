"""A contract, its quotes and an account at a moment of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from importlib.util import module_from_spec, spec_from_file_location
from math import isfinite
from pathlib import Path
from typing import Any

import pytest

from kit.backtest.plan import Plan
from kit.clock import IST, ManualClock
from kit.model import Instrument
from kit.model.tick import DepthLevel, Tick
from kit.trading import PaperAccount

BESIDE = Path(__file__).parents[1] / "backtest" / "random_plans.py"
EXPIRY = date(2026, 12, 29)


def _contract(strike: float = 55_000.0, right: str = "CE", token: str = "101") -> Instrument:
    symbol = f"BANKNIFTY29DEC26{strike:.0f}{right}"
    return Instrument(token, symbol, "BANKNIFTY", "NFO", "OPTIDX", EXPIRY, strike, right, 30, 0.05, 600)


@pytest.fixture
def contract() -> Callable[..., Instrument]:
    """Return a maker of options of one expiry; lots of 30, frozen beyond 600."""
    return _contract


@pytest.fixture
def clock() -> ManualClock:
    """Stand at 10:00 of a Wednesday session."""
    return ManualClock(datetime(2026, 11, 25, 10, 0, tzinfo=IST))


@pytest.fixture
def quote(clock: ManualClock) -> Callable[..., Tick]:
    """Return a maker of quotes of now: bid, ask, and what else differs."""

    def make(bid: float, ask: float, *, size: float = 300, token: str = "101", **rest: Any) -> Tick:
        bids = (DepthLevel(bid, rest.pop("bid_size", size), 1),) if isfinite(bid) else ()
        asks = (DepthLevel(ask, size, 1),) if isfinite(ask) else ()
        at_ms = round(clock.now().timestamp() * 1000)
        ltp = rest.pop("ltp", round((bid + ask) / 2, 2))
        return Tick(
            "SNAPQUOTE", "NFO", token, rest.pop("sequence", 0), at_ms, ltp, bids=bids, asks=asks, **rest
        )

    return make


@pytest.fixture
def opened(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., PaperAccount]]:
    """Return a maker of accounts on one journal; the one before is closed."""
    made: list[PaperAccount] = []

    def make(**rest: Any) -> PaperAccount:
        if made:
            made[-1].close()
        made.append(PaperAccount(tmp_path / "paper.sqlite", clock=clock, **rest))
        return made[-1]

    yield make
    if made:
        made[-1].close()


@pytest.fixture(scope="session")
def random_plan() -> Callable[[int], Plan]:
    """Return the backtest's own maker of plans with any mixture of rules."""
    place = spec_from_file_location("random_plans", BESIDE)
    module = module_from_spec(place)
    place.loader.exec_module(module)
    return module.random_plan
