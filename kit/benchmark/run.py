"""What a row is given: mode, seed, folder, the running desk, progress and cancel."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from joblib import cpu_count

from kit.monitor.progress import Stopped
from kit.settings import BrokerConfig, Settings

if TYPE_CHECKING:
    from kit.desk import Desk

T = TypeVar("T")
SEED = 7


class Overrun(BaseException):
    """The row's time is over; not an error, so that no row can swallow it."""


class Unmeasured(Exception):
    """The row cannot be measured here, for the reason it states; nothing is judged."""


def without_disk(settings: Settings) -> Settings:
    """Return the settings without the disk tier."""
    plain = settings.cache_config.model_copy(update={"disk": False})
    return settings.model_copy(update={"cache_config": plain})


class Run:
    """One run of the benchmark, shared by its rows; a context manager.

    Its parts run with the settings given, always on the simulated exchange, seed 7. `should_stop` is asked
    between samples; True ends the run.
    """

    def __init__(
        self,
        quick: bool = False,
        settings: Settings | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.quick = quick
        simulated = BrokerConfig(mode="simulated", seed=SEED)
        self.settings = (settings or Settings()).model_copy(update={"broker": simulated})
        self.seconds = 0.2 if quick else 1.0  # that a row may spend sampling one arm
        self.cores = cpu_count()
        self.rng = random.Random(SEED)  # noqa: S311 - samples, not secrets; afresh for every row
        self.notes: list[str] = []
        self._should_stop = should_stop
        self._shared = ExitStack()
        self._row = ExitStack()  # of the row that runs
        self._folder: Path | None = None
        self._made: dict[Callable[[Run], Any], Any] = {}
        self._desk: Desk | None = None
        self._cold_desk: Desk | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shared.close()

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Run one row: its random numbers seeded, no notes yet, and at the end all it entered closed."""
        self.rng = random.Random(SEED)  # noqa: S311 - samples, not secrets
        self.notes = []
        with ExitStack() as self._row:
            yield

    def checkpoint(self) -> None:
        """Raise `Stopped` if the user cancelled; long rows call this between steps."""
        if self._should_stop():
            raise Stopped

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Enter a context that closes when the row ends."""
        return self._row.enter_context(context)

    def after_row(self, call: Callable[[], object]) -> None:
        """Call something when the row ends, for instance a ``shutdown``."""
        self._row.callback(call)

    def set_variable(self, name: str, value: str) -> None:
        """Set an environment variable until the row ends."""
        before = os.environ.get(name)
        self.after_row(lambda: os.environ.pop(name) if before is None else os.environ.update({name: before}))
        os.environ[name] = value

    def hush(self) -> None:
        """Keep log lines from the terminal until the row ends, those of Dask's processes, too."""
        self.set_variable("DASK_LOGGING__DISTRIBUTED", "critical")
        self.after_row(partial(logging.disable, logging.root.manager.disable))
        logging.disable(logging.CRITICAL)

    def folder(self) -> Path:
        """Return a fresh empty folder of this row, removed with the run."""
        if self._folder is None:
            self._folder = Path(self._shared.enter_context(TemporaryDirectory(prefix="kit-bench-")))
        fresh = self._folder / str(len(list(self._folder.iterdir())))
        fresh.mkdir()
        return fresh

    def once(self, make: Callable[[Run], T]) -> T:
        """Return what `make` makes of this run; it is made once, and the rows that follow share it."""
        if make not in self._made:
            self._made[make] = make(self)
        found: T = self._made[make]
        return found

    def keep(self, context: AbstractContextManager[T]) -> T:
        """Enter a context that closes when the run ends."""
        return self._shared.enter_context(context)

    def peer(self, module: str) -> ModuleType | None:
        """Import an optional peer; None, with a note on the row, where it is missing or broken."""
        try:
            return import_module(module)
        except ImportError:
            self.notes.append(f"{module} is not installed; pip install 'banknifty-kit[peers]' measures it")
        except Exception as error:  # noqa: BLE001 - a peer may fail in any way, and our own row is measured
            self.notes.append(f"{module} cannot be imported ({type(error).__name__}: {error})")
        return None

    def need(self, module: str, extra: str) -> ModuleType:
        """Import an optional part, or raise `Unmeasured`: without it the row means nothing."""
        try:
            return import_module(module)
        except ImportError:
            remedy = f"{module} is not installed; pip install 'banknifty-kit[{extra}]' measures it"
            raise Unmeasured(remedy) from None

    def renew(self) -> None:
        """Forget the desks, which a row that was given up may have left in any state."""
        self._desk = self._cold_desk = None
        self._made.clear()

    def close_row(self) -> None:
        """Close what the row has opened, on behalf of a row that hangs."""
        self._row.close()

    def need_signals(self) -> None:
        """Raise `Unmeasured` where the system has no signals to kill or interrupt a process with."""
        if os.name != "posix":
            raise Unmeasured("this system has no signals to kill a process with")

    def desk(self) -> Desk:
        """Return the desk of this run: all parts over one simulated exchange, started on first use."""
        if self._desk is None:
            from kit.desk import open_desk  # starts a process and loads every part

            self._desk = self._shared.enter_context(open_desk(self.settings))
        return self._desk

    def cold_desk(self) -> Desk:
        """Return a second desk on the same exchange, without disk tier: what it asks goes to the network."""
        if self._cold_desk is None:
            from kit.desk import open_desk

            plain = without_disk(self.settings)
            cold = open_desk(plain, exchange=self.desk().exchange, start_workers=False)
            self._cold_desk = self._shared.enter_context(cold)
        return self._cold_desk
