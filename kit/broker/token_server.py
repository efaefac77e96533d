"""Tokens in the memory of one process, which hands them on to the others of the same user.

Whoever needs tokens first logs in and listens on a socket; later processes ask it. It also renews them for
all, so that a one-time password is used once and nobody's session is ended by a sibling. When it ends, the
next one that needs tokens takes its place. The socket lies in a folder of the user alone (mode 0700) and is
gone with its process; tokens are in no file, and no process but the user's own can ask.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, get_args

from kit import errors
from kit.broker.auth import Login, Wish
from kit.broker.tokens import Tokens
from kit.errors import BrokerError, KitError, SettingsError

_HELLO = b"kit\n"
_PATIENCE_S = 2.0  # for a greeting: without one the socket's process has died or stands still
_ANSWER_S = 90.0  # a login may wait half a minute for the next one-time password
_ATTEMPTS = 3
_LONGEST = 4096


class TokenServer:
    """Hands on the tokens of an account, or asks the process that does.

    Parameters
    ----------
    folder : Path
        Of the sockets; made if it is not there.
    account : str
        A digest of the account, which does not reveal it.
    """

    def __init__(self, folder: Path, account: str) -> None:
        self._folder, self._path = folder, folder / f"{account}.sock"
        self._server: _Server | None = None

    def newer(self, wish: Wish, stale: Tokens | None, login: Login) -> Tokens:
        """Return newer tokens from the process that answers for the account, or make them as that process.

        Raises
        ------
        SettingsError
            The folder is not the user's alone, or its path is too long for a socket.
        BrokerError, TransportError
            As the login itself, wherever it was tried.
        """
        for _attempt in range(_ATTEMPTS):
            line = None
            with self._one_at_a_time():
                if not self._serves():
                    line = self._connected()
                    if line is None:
                        self._serve(login)
            if line is None:
                break
            with closing(line):
                found = _asked(line, wish, stale)
            if found is not None:
                return found
        return login.make(wish)

    def close(self) -> None:
        """Stop answering; the next process that needs tokens logs in."""
        server, self._server = self._server, None
        if server is not None and server.pid == os.getpid():
            server.shutdown()
            server.server_close()
            self._path.unlink(missing_ok=True)

    def _serves(self) -> bool:
        return self._server is not None and self._server.pid == os.getpid()  # not a fork of the server

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Let one process at a time look for the server or become it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            remedy = "Remove it, or let KIT_CACHE_DIR be a folder of your own."
            raise SettingsError("This folder of a shared login is not yours alone", str(self._folder), remedy)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _connected(self) -> socket.socket | None:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(_PATIENCE_S)
        try:
            line.connect(str(self._path))
            if line.recv(len(_HELLO)) == _HELLO:
                line.settimeout(_ANSWER_S)
                return line
        except OSError:  # nobody listens
            pass
        line.close()
        return None

    def _serve(self, login: Login) -> None:
        self._path.unlink(missing_ok=True)
        try:
            self._server = _Server(str(self._path), login)
        except OSError as error:
            remedy = "Let KIT_CACHE_DIR be a short path on this machine, or use broker.share_tokens: keyring."
            raise SettingsError("No socket can be made here", str(self._path), remedy) from error


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers in threads of its own, beside the work of this process."""

    daemon_threads = True

    def __init__(self, path: str, login: Login) -> None:
        super().__init__(path, _Question)
        self.login, self.pid = login, os.getpid()
        threading.Thread(target=self.serve_forever, args=(0.1,), name="shared-login", daemon=True).start()

    def handle_error(self, *_request: Any) -> None:
        """Ignore a process that sent something else, or ended before its answer."""

    def answer(self, wish: Wish, mark: str) -> list[Any]:
        """Return tokens newer than those of a mark, or the error of getting them."""
        held = self.login.current()
        stale = held if held is not None and held.mark == mark else None
        try:
            return ["", self.login.newer(wish, stale).told()]
        except KitError as error:
            return [type(error).__name__, *error.args]


class _Question(socketserver.StreamRequestHandler):
    timeout = _PATIENCE_S
    server: _Server

    def handle(self) -> None:
        self.wfile.write(_HELLO)
        wish, mark = json.loads(self.rfile.readline(_LONGEST))
        if wish in get_args(Wish):
            self.wfile.write(json.dumps(self.server.answer(wish, mark), default=str).encode() + b"\n")


def _asked(line: socket.socket, wish: Wish, stale: Tokens | None) -> Tokens | None:
    """Return the answer of the process that has the tokens; None: it ended meanwhile.

    Raises
    ------
    KitError
        The error of the login there.
    """
    try:
        line.sendall(json.dumps([wish, stale.mark if stale else ""]).encode() + b"\n")
        with line.makefile("rb") as answer:
            kind, *said = json.loads(answer.readline())
    except (OSError, ValueError):
        return None
    if kind:
        found = getattr(errors, kind, BrokerError)
        raise found(*said)
    return Tokens.heard(said[0])
