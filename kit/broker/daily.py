"""Today's instrument master: one download a day, and yesterday's with a warning when that fails.

A download goes into a draft and replaces the good copy in one step, only when it is complete and
names Bank Nifty; so a broken download, or a killed one, costs nothing but itself.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests

from kit.addresses import checked_address
from kit.broker.endpoints import MASTER_BUDGET, windows
from kit.broker.master import Master, fill, rows_of
from kit.broker.replies import judge, refusal
from kit.broker.session import BrokerSession
from kit.clock import Clock
from kit.errors import BrokerError, CacheUnavailable, ProtocolError, StaleData, TransportError
from kit.forks import renew_in_fork
from kit.settings import Settings, cache_folder
from kit.transport.policy import Policy, ReplyVerdict, Route
from kit.transport.pool import ConnectionPoolManager

_PUBLISHED = timedelta(hours=8, minutes=30)  # the broker writes the day's file in the early morning
_PATIENCE = 6  # usual time-outs without a byte: it has 40 MB
_PIECE = 65_536  # bytes; parsed one by one, memory stays small
_COPIES = 4  # sources whose master is kept

Fetch = Callable[[], Iterable[bytes]]


class MasterKeeper:
    """Holds today's master; eight threads that need it make one download.

    Parameters
    ----------
    url : str
        Where the broker serves it; no login is needed.
    settings : Settings
        Its lifetime, the disk tier and the retries.
    pool : ConnectionPoolManager
        The sockets.
    session : BrokerSession
        Paces the downloads, and names the market whose copies are kept apart.
    clock : Clock
        Tells the present.
    """

    def __init__(
        self, url: str, settings: Settings, pool: ConnectionPoolManager, session: BrokerSession, clock: Clock
    ) -> None:
        self._url = checked_address(url)
        self._settings = settings
        self._pool = pool
        self._session = session
        self._clock = clock
        self._lock = threading.Lock()
        self._held: Master | None = None
        renew_in_fork(self, _lock=threading.Lock, _held=lambda: None)  # whose connection is the parent's

    def today(self) -> Master:
        """Return today's master: held, stored, downloaded, or an earlier one with a warning.

        Raises
        ------
        BrokerError, TransportError
            The download failed and no earlier copy is stored.
        """
        with self._lock:
            if self._held is None or not self._fresh(self._held):
                self._held = self._stored_or_new()
                self._held.again = partial(self._fetched, self._file())  # should its file be damaged
            return self._held

    def close(self) -> None:
        """Close the file."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _fresh(self, held: Master) -> bool:
        now, life_s = self._clock.now(), self._settings.cache_config.instruments_ttl
        same_day = (now - _PUBLISHED).date() == (held.fetched_at - _PUBLISHED).date()
        return same_day and (now - held.fetched_at).total_seconds() < life_s

    def _stored_or_new(self) -> Master:
        file = self._file()
        stored = self._held or _stored(file)
        if stored and self._fresh(stored):
            return stored
        try:
            return self._fetched(file)
        except (BrokerError, TransportError) as error:
            if stored is None:
                raise
            using = f"using that of {stored.fetched_at:%d %b}"
            note = f"Today's instrument master cannot be had; {using}. {error}"
            warnings.warn(note, StaleData, stacklevel=4)
            return stored

    def _fetched(self, file: Path | None) -> Master:
        return _kept(file, self._clock.now(), self._pieces)

    def _pieces(self) -> Iterator[bytes]:
        config = self._pool.config
        limits = windows(MASTER_BUDGET, self._clock.now().date())
        route = Route("instruments", urlsplit(self._url).path, None, MASTER_BUDGET, limits, retry_safe=True)
        with requests.Session() as session:
            session.mount(self._url, self._pool.adapter(Policy([route], _judged), self._session.limiter))
            try:
                answer = session.get(self._url, timeout=(config.connect_timeout, _PATIENCE * config.timeout))
            except requests.TooManyRedirects:
                raise ProtocolError("The master's address leads in circles", None, "Try again.") from None
        if not _listed(answer):
            error = refusal(answer, "instruments")
            raise error or ProtocolError("The instrument master is no list", None, "Try again later.")
        return (answer.content[at : at + _PIECE] for at in range(0, len(answer.content), _PIECE))

    def _file(self) -> Path | None:
        if not self._settings.cache_config.disk:
            return None
        source = hashlib.blake2b((self._url + self._session.market).encode(), digest_size=4).hexdigest()
        return cache_folder() / f"instruments-{source}.sqlite"


def _listed(answer: requests.Response) -> bool:
    body = answer.content.strip()
    return answer.status_code == 200 and body.startswith(b"[") and body.endswith(b"]")


def _judged(answer: requests.Response) -> ReplyVerdict:
    return ReplyVerdict.OK if _listed(answer) else judge(answer)


def _stored(file: Path | None) -> Master | None:
    if file is None or not file.is_file():
        return None
    try:
        return Master.open(file)
    except (sqlite3.Error, TypeError, ValueError):  # not a whole master: a new one replaces it
        return None


def _kept(file: Path | None, now: datetime, fetch: Fetch) -> Master:
    """Download onto the disk; where that cannot be written, into memory with a warning."""
    if file is not None:
        draft = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}.new")
        try:
            return _replaced(file, draft, now, fetch)
        except TransportError:
            raise  # an OSError too, but not the disk's
        except (OSError, sqlite3.Error) as error:
            note = f"The instrument master is kept in memory only: {error}"
            warnings.warn(note, CacheUnavailable, stacklevel=6)
    pieces = fetch()
    database = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        fill(database, rows_of(pieces), now)
    except BaseException:
        database.close()
        raise
    return Master(database, now)


def _replaced(file: Path, draft: Path, now: datetime, fetch: Fetch) -> Master:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(draft)) as database:
            database.execute("PRAGMA journal_mode = OFF")  # the draft is thrown away unless it is whole
            fill(database, rows_of(fetch()), now)
        draft.replace(file)
        file.chmod(0o600)
    finally:
        draft.unlink(missing_ok=True)
    _forget_old(file)
    return Master.open(file)


def _forget_old(newest: Path) -> None:
    """Keep the copies of a few sources: every start of a simulated exchange is a source of its own."""
    copies = sorted(newest.parent.glob("instruments-*.sqlite"), key=_modified, reverse=True)
    for copy in [copy for copy in copies if copy != newest][_COPIES - 1 :]:
        with suppress(OSError):  # in use elsewhere, where a file in use cannot be removed
            copy.unlink(missing_ok=True)


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0
