"""One account in several programs: a session taken over is said, and a login may be shared."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from kit.broker import auth
from kit.broker.client import AngelAPIClient
from kit.broker.tokens import Tokens
from kit.clock import IST
from kit.errors import KeyRefused, SessionExpired, SessionTakenOver, SettingsError
from kit.settings import Settings
from kit.simulator.server import SimulatedExchange

MEMORY = {"broker": {"share_tokens": "memory"}}
needs_sockets = pytest.mark.skipif(sys.platform == "win32", reason="no sockets with a path")
_OTHER = """
import json, os, sys
from datetime import datetime
from kit.broker.client import AngelAPIClient
from kit.settings import Credentials, Settings
from kit.simulator.market_clock import MarketClock
told = json.loads(sys.stdin.readline())
settings = Settings(broker={"share_tokens": "memory"}, connection_pool={"max_retries": 0})
client = AngelAPIClient(
    Credentials(**told["credentials"]), settings, base_url=told["url"], master_url=told["master_url"],
    clock=MarketClock(datetime.fromisoformat(told["now"])),
)
for line in sys.stdin:
    try:
        said = {"funds": lambda: client.funds().data["net"], "fork": os.fork}[line.strip()]()
    except Exception as error:
        said = type(error).__name__
    if said == 0:  # the fork: it keeps the socket open and answers nobody
        sys.stdin.read()
        os._exit(0)
    print(json.dumps(said), flush=True)
os._exit(0)
"""


class Other:
    """A client in a process of its own that does as it is told."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        secrets = {name: value.get_secret_value() for name, value in dict(exchange.credentials).items()}
        told = {"credentials": secrets, "url": exchange.url, "master_url": exchange.master_url}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._write(json.dumps({**told, "now": exchange.clock.now().isoformat()}))

    def _write(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, what: str = "funds") -> Any:
        """Return what it answers."""
        self._write(what)
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        """Kill it: nothing is tidied up."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def other(exchange: SimulatedExchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Other]]:
    """Start clients in other processes; all of a test share a folder with a short name."""
    made: list[Other] = []
    with TemporaryDirectory(prefix="kit") as folder:
        monkeypatch.setenv("KIT_CACHE_DIR", folder)

        def start() -> Other:
            made.append(Other(exchange))
            return made[-1]

        yield start
        for each in made:
            each.end()


@pytest.fixture(params=[False, True], ids=["several sessions", "one session"])
def sessions(request: pytest.FixtureRequest, exchange: SimulatedExchange) -> Iterator[bool]:
    """Let the broker keep several sessions of an account, or one."""
    exchange.account.one_session = request.param
    yield request.param
    exchange.account.one_session = False


def _logins(exchange: SimulatedExchange) -> int:
    return exchange.stats.requests["loginByPassword"]


def _later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to the next one-time password, which the broker accepts already."""
    later = auth.wall_s() + 30
    monkeypatch.setattr(auth, "wall_s", lambda: later)


def test_another_login_is_recognised(
    exchange: SimulatedExchange,
    open_client: Callable[..., AngelAPIClient],
    sessions: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client whose session another login ended goes on with a new one and says so in one line."""
    first, second = open_client(), open_client()
    first.login()
    second.login()
    _later(monkeypatch)
    with caplog.at_level("WARNING", "kit.broker"):
        assert first.funds().data["net"] == 1_000_000.0
        assert first.funds().data["net"] == 1_000_000.0
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == sessions
    assert all("another login has taken it over" in line for line in said)


def test_a_session_that_is_fought_over(
    exchange: SimulatedExchange,
    open_client: Callable[..., AngelAPIClient],
    sessions: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A session lost again as soon as it was regained ends in an error with the way out; login() works on."""
    first, second = open_client(), open_client()
    first.login()
    second.login()
    _later(monkeypatch)
    first.funds()
    exchange.account.login(*_secrets(exchange))
    before = _logins(exchange)
    if not sessions:
        assert first.funds().data
        return
    with pytest.raises(SessionTakenOver, match="share_tokens") as caught:
        first.funds()
    assert isinstance(caught.value, SessionExpired)
    assert _logins(exchange) == before
    monkeypatch.undo()
    first.session.access._used_step = -1
    first.login()
    assert first.funds().data["net"] == 1_000_000.0


def _secrets(exchange: SimulatedExchange) -> tuple[str, str, str]:
    secrets = exchange.credentials
    password = auth.totp(secrets.totp_secret.get_secret_value(), auth.wall_s())
    return secrets.client_code.get_secret_value(), secrets.pin.get_secret_value(), password


@needs_sockets
def test_processes_share_one_login(
    exchange: SimulatedExchange, open_client: Callable[..., AngelAPIClient], other: Callable[[], Other],
    sessions: bool,
) -> None:  # fmt: skip
    """Processes of one machine that share use one login between them, whatever becomes of a second."""
    before = _logins(exchange)
    ours, theirs, third = open_client(**MEMORY), other(), other()
    assert ours.funds().data["net"] == theirs.ask() == third.ask() == 1_000_000.0
    assert [ours.funds().source, theirs.ask()] == ["network", 1_000_000.0]
    assert _logins(exchange) == before + 1


@needs_sockets
@pytest.mark.usefixtures("sessions")
def test_the_first_process_may_end(
    exchange: SimulatedExchange, open_client: Callable[..., AngelAPIClient], other: Callable[[], Other],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """When the process that answers is killed, the next one that needs tokens takes its place."""
    theirs = other()
    theirs.ask()
    ours = open_client(**MEMORY)
    ours.funds()
    theirs.end()
    before = _logins(exchange)
    ours.funds()  # its tokens are still good
    assert _logins(exchange) == before
    _later(monkeypatch)
    exchange.account.expire_all()
    assert ours.funds().data["net"] == 1_000_000.0
    assert other().ask() == 1_000_000.0
    assert _logins(exchange) == before + 1


@needs_sockets
@pytest.mark.usefixtures("sessions")
def test_a_fork_that_keeps_the_socket(
    exchange: SimulatedExchange, open_client: Callable[..., AngelAPIClient], other: Callable[[], Other],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A socket that a fork keeps open while nobody answers holds nobody up for long."""
    theirs = other()
    theirs.ask()
    theirs.ask("fork")
    theirs.end()
    _later(monkeypatch)
    assert open_client(**MEMORY).funds().data["net"] == 1_000_000.0


@needs_sockets
def test_a_login_refused_is_refused_to_all(
    exchange: SimulatedExchange, open_client: Callable[..., AngelAPIClient], other: Callable[[], Other]
) -> None:
    """What befalls the login in the process that answers is told in the others by its name and words."""
    theirs = other()
    theirs.ask()
    exchange.account.expire_all()
    exchange.faults.add("generateTokens", "gateway-error:AG8004", times=9)
    with pytest.raises(KeyRefused, match="refuses the API key") as caught:
        open_client(**MEMORY).funds()
    assert caught.value.code == "AG8004"


@needs_sockets
def test_tokens_are_in_no_file(
    exchange: SimulatedExchange, open_client: Callable[..., AngelAPIClient], other: Callable[[], Other]
) -> None:
    """No file holds a token; the socket's folder is the user's alone, and is empty when the client closes."""
    client = open_client(**MEMORY)
    client.funds()
    other().ask()
    tokens = client.session.access.current()
    assert tokens is not None
    folder = Path(os.environ["KIT_CACHE_DIR"])
    for file in folder.rglob("*"):
        if file.is_file():
            assert tokens.jwt.get_secret_value()[-40:].encode() not in file.read_bytes()
    assert stat.S_IMODE((folder / "login").stat().st_mode) == 0o700
    client.close()
    assert list((folder / "login").iterdir()) == []


@needs_sockets
@pytest.mark.usefixtures("other")
def test_a_folder_that_others_may_enter(open_client: Callable[..., AngelAPIClient]) -> None:
    """A folder that is not the user's alone is refused: somebody else might answer there."""
    folder = Path(os.environ["KIT_CACHE_DIR"]) / "login"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(SettingsError, match="not yours alone"):
        open_client(**MEMORY).login()


@needs_sockets
def test_a_path_too_long(open_client: Callable[..., AngelAPIClient], tmp_path: Path, monkeypatch) -> None:
    """Where no socket can be made, the error says how to go on."""
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / ("x" * 120)))
    with pytest.raises(SettingsError, match="keyring"):
        open_client(**MEMORY).login()


@needs_sockets
def test_nonsense_at_the_socket(
    exchange: SimulatedExchange, open_client: Callable[..., AngelAPIClient], other: Callable[[], Other]
) -> None:
    """Who asks nonsense, or nothing, gets no token and disturbs nobody."""
    client = open_client(**MEMORY)
    client.login()
    (path,) = (Path(os.environ["KIT_CACHE_DIR"]) / "login").iterdir()
    for said in (b"", b"\n", b"[]\n", b"{}\n", b'["tokens"]\n', b'["steal", ""]\n', b"\xff\n", b"[" * 9999):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(path))
            assert line.recv(4) == b"kit\n"
            line.sendall(said)
            line.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):  # what it did not read
                assert line.recv(100) == b""
    assert other().ask() == 1_000_000.0


def test_tokens_travel_whole() -> None:
    """What one process tells of its tokens, another hears as the same tokens; nonsense is none."""
    said = {"jwtToken": "Bearer a", "refreshToken": "b", "feedToken": "c"}
    tokens = Tokens.from_reply(said, datetime(2026, 11, 20, 11, 15, tzinfo=IST), refreshed=True)
    assert Tokens.heard(tokens.told()) == tokens
    for nonsense in ("", "null", "[]", '["a"]', "{}", '["a", "b", "c", "soon", true]', '[1, 2, 3, "", 1]'):
        assert Tokens.heard(nonsense) is None


def test_the_keyring_of_the_system(
    exchange: SimulatedExchange, open_client: Callable[..., AngelAPIClient], sessions: bool, ring: Any
) -> None:
    """Clients that share through the keyring use one login, and renew it once when it has ended."""
    shared = {"broker": {"share_tokens": "keyring"}}
    before = exchange.stats.requests.copy()
    first, second = open_client(**shared), open_client(**shared)
    assert first.funds().data == second.funds().data
    exchange.account._sessions.clear()
    assert first.funds().data == second.funds().data
    assert _logins(exchange) == before["loginByPassword"] + 1
    assert exchange.stats.requests["generateTokens"] == before["generateTokens"] + 1
    assert len(ring.kept) == 1


def test_a_keyring_that_is_locked(open_client: Callable[..., AngelAPIClient], ring: Any) -> None:
    """A locked keyring is named, not what it was to keep."""
    ring.locked = True
    with pytest.raises(SettingsError, match="keyring cannot be used"):
        open_client(broker={"share_tokens": "keyring"}).login()


def test_a_keyring_that_takes_nothing(open_client: Callable[..., AngelAPIClient], ring: Any) -> None:
    """A keyring that cannot be written is named, and no traceback with our locals shows a token."""
    ring.read_only = True
    with pytest.raises(SettingsError, match="keyring cannot be used") as caught:
        open_client(broker={"share_tokens": "keyring"}).login()
    assert ring.offered
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in shown.stack if "/kit/" in frame.filename]
    assert ours
    assert not [frame for frame in ours if any(ring.offered[:40] in text for text in frame.locals.values())]


@pytest.fixture
def ring() -> Iterator[Any]:
    """Plug a keyring of this test alone into the library."""
    import keyring

    class Ring(keyring.backend.KeyringBackend):  # type: ignore[name-defined,misc]
        priority = 1

        def __init__(self) -> None:
            super().__init__()
            self.kept: dict[tuple[str, str], str] = {}
            self.locked = self.read_only = False
            self.offered = ""

        def _open(self) -> dict[tuple[str, str], str]:
            if self.locked:
                raise keyring.errors.KeyringLocked("it holds a secret")
            return self.kept

        def get_password(self, service: str, username: str) -> str | None:
            return self._open().get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            if self.read_only:
                self.offered = password
                raise keyring.errors.PasswordSetError("not written")
            self._open()[service, username] = password

    before, mine = keyring.get_keyring(), Ring()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def test_sharing_is_asked_for() -> None:
    """Nobody shares who has not said so, and nothing else is a way to share."""
    assert Settings().broker.share_tokens == "never"
    for wrong in ("file", True, "", "Memory", None, 1):
        with pytest.raises(SettingsError, match="share_tokens"):
            Settings(broker={"share_tokens": wrong})
