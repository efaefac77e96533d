"""The analyst's desk: every part of the kit, built once from the settings.

This is the only place where live and simulated part: with ``broker.mode: simulated`` the desk starts
its own exchange and logs in there, otherwise it talks to the broker with the environment's credentials.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from kit.arguments import instance
from kit.broker.client import AngelAPIClient
from kit.cache import CacheManager
from kit.clock import Clock, SystemClock
from kit.errors import DataError, SettingsError
from kit.evaluation.batches import PRELOAD
from kit.evaluation.manager import StrategyEvaluationManager
from kit.market.live import LiveChain
from kit.market.manager import DataManager
from kit.monitor import AlertCallback, AlertChannel, PerformanceMonitor, requirements_from
from kit.monitor.channels import desktop_alerts, service_alerts
from kit.parallel import ConcurrentProcessor
from kit.settings import Credentials, Settings, alert_addresses
from kit.shown import Showable, table
from kit.simulator.process import ExchangeProcess, launch

if TYPE_CHECKING:
    from kit.backtest.plan import FillRules
    from kit.evaluation.costs import Plan as Brokerage
    from kit.trading import PaperAccount


@dataclass(repr=False)
class Desk(Showable):
    """All parts, wired; use it as a context manager or call `close`.

    Parameters
    ----------
    settings : Settings
        What everything was built from.
    clock : Clock
        The present of the exchange behind it.
    monitor, cache, client, data, processor, evaluation
        The kit's parts; see each class.
    exchange : ExchangeProcess or None
        The simulated exchange, when the desk started one.
    """

    settings: Settings
    clock: Clock
    monitor: PerformanceMonitor
    cache: CacheManager
    client: AngelAPIClient
    data: DataManager
    processor: ConcurrentProcessor
    evaluation: StrategyEvaluationManager
    exchange: ExchangeProcess | None = None
    _alerts: list[AlertCallback] = field(default_factory=list)
    _parts: ExitStack = field(default_factory=ExitStack)
    _closing: ExitStack = field(default_factory=ExitStack)
    _closed: bool = False

    def __repr__(self) -> str:
        return f"Desk({self.settings.broker.mode}, {self.client!r}, {self.cache!r})"

    def _figures(self) -> dict[str, object]:
        return {
            "Exchange": self.settings.broker.mode,
            "State": "closed" if self.is_closed else "open",
            "Exchange's time": f"{self.clock.now():%d %b %Y %H:%M:%S} IST",
            "Workers": f"{self.settings.workers.max_workers} {self.settings.workers.backend}",
        }

    def _details(self) -> list[str]:
        names = ("data", "client", "cache", "processor", "evaluation", "monitor", "settings")
        rows = [{"part": f"desk.{name}", "is": repr(getattr(self, name))} for name in names]
        return [table(rows)]

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called: nothing can be asked any more."""
        return self._closed

    def close(self) -> None:
        """Stop the workers, close the connections, end the simulated exchange; harmless twice."""
        self._closed = True
        self._parts.close()
        self._closing.close()

    def stream(self, underlying: str = "BANKNIFTY", expiry: str | date | None = None) -> LiveChain:
        """Let one expiry follow the market stream until the answer is closed: `DataManager.stream`."""
        return self.data.stream(underlying, expiry)

    def paper(
        self,
        journal: str | Path = "paper.sqlite",
        *,
        fills: FillRules | None = None,
        capital_inr: float | None = None,
        brokerage: Brokerage | None = None,
        daily_loss_inr: float | None = None,
    ) -> PaperAccount:
        """Open a paper account on this desk's clock; it is closed with the desk.

        Parameters
        ----------
        journal, fills, capital_inr, brokerage, daily_loss_inr
            As in `kit.trading.account.PaperAccount`.

        Raises
        ------
        SettingsError, UnwritableFile, UnreadableFile
            As there.
        """
        from kit.trading import PaperAccount  # a desk that trades nothing loads no backtest

        account = PaperAccount(
            journal, fills=fills, capital_inr=capital_inr, brokerage=brokerage,
            daily_loss_inr=daily_loss_inr, clock=self.clock,
        )  # fmt: skip
        self._closing.callback(account.close)
        return account

    def alert(
        self, to: AlertCallback | Literal["desktop", "services"], *, every_s: float = 60.0
    ) -> AlertCallback:
        """Send the monitor's alerts somewhere until the desk is closed, whatever settings are applied.

        Parameters
        ----------
        to : callable, "desktop" or "services"
            A function of one `Violation`; the notifications of this machine's desktop; or the services whose
            addresses are in ``KIT_ALERT_URLS`` (the extra ``alerts``).
        every_s : float, default 60
            Seconds between two messages; what rings meanwhile is in the next. A function gets every alert.

        Returns
        -------
        AlertCallback
            What is called: a channel counts its messages.

        Raises
        ------
        SettingsError
            No address is set, one is none, or the extra is not installed.
        KitError
            It cannot be called.
        """
        if to == "services":
            to = service_alerts(alert_addresses(), every_s=every_s)
        elif to == "desktop":
            to = desktop_alerts(every_s=every_s)
        self.monitor.add_alert_callback(to)
        if isinstance(to, AlertChannel):
            self._closing.callback(to.close)
        self._alerts.append(to)
        return to

    def apply(self, settings: Settings) -> None:
        """Use other settings from now on: cache, connections, workers and monitor are made anew.

        What was taken from the desk before, for instance ``data = desk.data``, is closed; take it again.

        Raises
        ------
        SettingsError
            They name another exchange; open another desk for it.
        DataError
            The desk is closed.
        """
        if self.is_closed:
            raise DataError("The desk is closed", None, "Open one with open_desk(settings).")
        if settings.broker != self.settings.broker:
            raise SettingsError(
                "An open desk keeps its exchange", settings.broker.mode, "Open another desk for another one."
            )
        with ExitStack() as stack:
            fresh = _wired(settings, _workers(settings, stack), self.exchange, stack)
            earlier, self._parts = self._parts, stack.pop_all()
        for part in ("settings", "monitor", "cache", "client", "data", "processor", "evaluation"):
            setattr(self, part, getattr(fresh, part))
        for callback in self._alerts:
            self.monitor.add_alert_callback(callback)
        earlier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_desk(
    settings: Settings | None = None, *, exchange: ExchangeProcess | None = None, start_workers: bool = True
) -> Desk:
    """Build every part from the settings.

    Parameters
    ----------
    settings : Settings, optional
        Default: ``kit.yaml`` and the environment.
    exchange : ExchangeProcess, optional
        A simulated exchange that already runs; it is left running on close.
    start_workers : bool, default True
        Have workers start now; else they do with the first evaluation, which who only asks never pays for.

    Returns
    -------
    Desk
        Ready to use; nothing is asked of the broker yet.

    Raises
    ------
    SettingsError
        Live mode without credentials, or settings that do not fit.
    SimulatorError
        The simulated exchange cannot start.
    """
    settings = Settings.load() if settings is None else instance(settings, Settings, "settings")
    with ExitStack() as stack, ExitStack() as parts:
        processor = _workers(settings, parts, start_workers)  # they start while everything else opens
        if settings.broker.mode == "simulated" and exchange is None:
            exchange = stack.enter_context(launch(settings.broker.seed, settings.broker.speed))
        desk = _wired(settings, processor, exchange, parts)
        desk._parts, desk._closing = parts.pop_all(), stack.pop_all()
    return desk


def _workers(settings: Settings, stack: ExitStack, start: bool = True) -> ConcurrentProcessor:
    processor = ConcurrentProcessor.from_settings(settings.workers, monitor_of(settings))
    stack.callback(processor.shutdown)
    if start:
        processor.start(PRELOAD)
    return processor


def monitor_of(settings: Settings) -> PerformanceMonitor:
    """Return a monitor with the latency budgets of the settings."""
    timing = settings.performance_monitor
    monitor = PerformanceMonitor(timing.max_samples, timing.enable_alerts)
    for requirement in requirements_from(settings.latency_requirements.model_dump()):
        monitor.set_requirement(requirement)
    return monitor


def _wired(
    settings: Settings, processor: ConcurrentProcessor, exchange: ExchangeProcess | None, stack: ExitStack
) -> Desk:
    broker, monitor = settings.broker, processor.monitor
    cache = CacheManager(settings.cache_config)
    clock: Clock = exchange.clock if exchange else SystemClock()
    client = AngelAPIClient(
        exchange.credentials if exchange else Credentials.from_environment(),
        settings,
        performance_monitor=monitor,
        base_url=exchange.url if exchange else broker.base_url,
        master_url=exchange.master_url if exchange else broker.master_url,
        clock=clock,
        ca_file=exchange.ca_file if exchange else broker.ca_file,
    )
    stack.callback(client.close)
    data = DataManager(
        api_client=client, cache_manager=cache, performance_monitor=monitor, settings=settings, clock=clock
    )
    evaluation = StrategyEvaluationManager(processor)
    return Desk(settings, clock, monitor, cache, client, data, processor, evaluation, exchange)
