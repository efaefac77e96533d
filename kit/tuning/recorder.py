"""Records what a notebook asks, so that the tuner can work on the user's own habits."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import pandas as pd

from kit.market.manager import DataManager
from kit.market.price import Price
from kit.model import ChainSnapshot
from kit.tuning.trace import Request


class Recorder:
    """A data manager that notes each question before it passes it on.

    Parameters
    ----------
    data : DataManager
        Answers; whatever is not recorded is passed on as it is.
    timer : callable, optional
        Monotonic seconds.

    Attributes
    ----------
    requests : list of Request
        What was asked, seconds from the start; `kit.tuning.tuner.record` adds the prices.

    Examples
    --------
    Work with the recorder instead of ``desk.data`` for an hour, then::

        trace = record(desk, recorder.requests)
        trace.save("trace.csv")          # kit tune --trace trace.csv
    """

    def __init__(self, data: DataManager, timer: Callable[[], float] = monotonic) -> None:
        self.requests: list[Request] = []
        self._data, self._timer = data, timer
        self._started = timer()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)

    def option_chain(self, underlying: str = "BANKNIFTY", *more: Any) -> ChainSnapshot:
        """Note and pass on `DataManager.option_chain`."""
        self._note("options_chain", " ".join([underlying, *map(str, more)]))
        return self._data.option_chain(underlying, *more)

    def candles(self, symbol: str, *more: Any, **options: Any) -> pd.DataFrame:
        """Note and pass on `DataManager.candles`."""
        self._note("historical_data", symbol)
        return self._data.candles(symbol, *more, **options)

    def spot(self, underlying: str = "BANKNIFTY") -> Price:
        """Note and pass on `DataManager.spot`."""
        self._note("ltp", underlying)
        return self._data.spot(underlying)

    def ltp(self, symbol: str) -> Price:
        """Note and pass on `DataManager.ltp`."""
        self._note("ltp", symbol)
        return self._data.ltp(symbol)

    def atm_strike(self, underlying: str = "BANKNIFTY", *more: Any, **options: Any) -> float:
        """Note and pass on `DataManager.atm_strike`."""
        self._note("atm", underlying)
        return self._data.atm_strike(underlying, *more, **options)

    def _note(self, kind: str, key: str) -> None:
        self.requests.append(Request(self._timer() - self._started, kind, key))
