"""What `kit doctor` looks at: whether everything that the kit needs is there and in order.

Each check looks at one thing and returns a `Finding`; none changes anything, none tells a secret. In live
mode the broker is asked once, without logging in.
"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from kit.errors import KitError, SettingsError
from kit.settings import Credentials, Settings, cache_folder
from kit.shown import counted

State = Literal["ok", "note", "bad"]
_KIT = "banknifty-kit"
_OF_A_CHECKOUT = ("docs", "peers", "test")  # extras of whoever works on the kit; no analyst misses them
_OLDEST = (3, 11)
_NOTEBOOK_PORT = 8888
_PASSWORD_S = 30  # a one-time password lives so long (RFC 6238)
_DRIFT_S = 5.0  # a server tells whole seconds, and its answer travels
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Parameters
    ----------
    what : str
        What was looked at.
    state : {"ok", "note", "bad"}
        In order, worth knowing, or something that will fail.
    words : str
        What was found, and the remedy where one is needed.
    """

    what: str
    state: State
    words: str


def examine(path: Path | None = None) -> list[Finding]:
    """Look at everything; nothing is changed.

    Parameters
    ----------
    path : Path, optional
        The settings file; default as `kit.settings.Settings.load`.
    """
    found = [python(), packages(), ports(), proxy(), cache_file(), store(), notebooks()]
    try:
        settings = Settings.load(path)
    except SettingsError as error:
        return [Finding("settings", "bad", str(error)), *found]
    where = path or os.environ.get("KIT_YAML") or "kit.yaml"
    words = str(Path(where).resolve()) if Path(where).is_file() else "no kit.yaml here: every default holds"
    mode = Finding("settings", "ok", f"{words}; {settings.broker.mode} exchange")
    return [mode, *found, clock(settings), limits(settings)]


def as_text(findings: list[Finding]) -> str:
    """Return the findings as a table of three columns."""
    wide = max(len(finding.what) for finding in findings)
    lines = [f"{finding.state:<4}  {finding.what:<{wide}}  {finding.words}" for finding in findings]
    bad = sum(finding.state == "bad" for finding in findings)
    return "\n".join([*lines, "", f"{bad} to mend" if bad else "All in order."])


def python() -> Finding:
    """Look at the interpreter."""
    said = f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.prefix}"
    if sys.version_info >= _OLDEST:
        return Finding("Python", "ok", said)
    return Finding("Python", "bad", f"{said}: install {'.'.join(map(str, _OLDEST))} or newer.")


def packages() -> Finding:
    """Look at what the kit requires, and which extras are complete."""
    wanted: dict[str, list[str]] = {"": []}
    for line in metadata.requires(_KIT) or ():
        if not line.startswith(_KIT):
            extra = re.search(r"extra == ['\"](\w+)", line)
            wanted.setdefault(extra[1] if extra else "", []).append(line.partition(";")[0].strip())
    lacking = {
        extra: [*filter(None, map(_lacks, lines))]
        for extra, lines in wanted.items()
        if extra not in _OF_A_CHECKOUT
    }
    if own := lacking.pop(""):
        return Finding("packages", "bad", f"{', '.join(own)}: run pip install -U {_KIT}.")
    extras = ", ".join(extra for extra, gaps in lacking.items() if not gaps) or "none"
    absent = [extra for extra, gaps in lacking.items() if gaps and len(gaps) == len(wanted[extra])]
    words = [f"complete; extras: {extras}", *([f"not installed: {', '.join(absent)}"] if absent else [])]
    words += [
        f"{extra} lacks {', '.join(gaps)}" for extra, gaps in lacking.items() if gaps and extra not in absent
    ]
    state: State = "note" if lacking.get("lab") or lacking.get("plot") else "ok"
    return Finding("packages", state, "; ".join(words))


def _lacks(requirement: str) -> str | None:
    """Say what a requirement such as ``numpy>=2.1`` lacks; None where it is met."""
    parts = re.match(r"([\w.-]+)(?:\[[^]]*])?(?:[>=]=([\d.]+))?", requirement)
    assert parts is not None, "the project's own requirements have one of two forms"
    name, least = parts[1], parts[2] or "0"
    try:
        have = metadata.version(name)
    except metadata.PackageNotFoundError:
        return name
    return f"{name} {have} (needs {least})" if _numbers(have) < _numbers(least) else None


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def ports() -> Finding:
    """Look whether the simulated exchange and JupyterLab can listen on this machine."""
    if not _opens(0):
        return Finding("ports", "bad", "127.0.0.1 gives no port: the simulated exchange cannot start.")
    if _opens(_NOTEBOOK_PORT):
        return Finding("ports", "ok", f"127.0.0.1 listens; {_NOTEBOOK_PORT} is free for JupyterLab")
    return Finding("ports", "note", f"{_NOTEBOOK_PORT} is in use: JupyterLab takes the next one.")


def _opens(port: int) -> bool:
    with socket.socket() as door:
        if sys.platform != "win32":  # there the option would let two servers share a port
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def proxy() -> Finding:
    """Look at the proxies of the environment; their hosts are told, not their passwords."""
    set_ones = {name: os.environ.get(name) or os.environ.get(name.lower()) for name in _PROXIES}
    hosts = {name: _shown_proxy(value) for name, value in set_ones.items() if value}
    if not hosts:
        return Finding("proxy", "ok", "none")
    bad = [name for name, host in hosts.items() if not host]
    if bad:
        return Finding("proxy", "bad", f"{', '.join(bad)} cannot be used: write http://host:port.")
    told = ", ".join(f"{name} {host}" for name, host in hosts.items())
    return Finding("proxy", "note", f"{told}; this machine itself is reached without it")


def _shown_proxy(address: str) -> str:
    """Return host and port of a proxy's address, empty where the kit cannot go through it."""
    from kit.transport.proxies import checked_proxy

    return urlsplit(checked_proxy(address)).netloc.rpartition("@")[2]


def cache_file() -> Finding:
    """Look whether the cache's folder can be written and its files are whole."""
    folder = cache_folder()
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding("cache", "bad", f"{there} cannot be written: set KIT_CACHE_DIR to a folder of yours.")
    files = sorted(folder.glob("*.sqlite"))
    damaged = [file.name for file in files if not _whole(file)]
    if damaged:
        return Finding("cache", "bad", f"{', '.join(damaged)} in {folder} is damaged: run kit cache clear.")
    mib = sum(file.stat().st_size for file in files) / 2**20
    return Finding("cache", "ok", f"{counted(len(files), 'file')} of {mib:.1f} MiB in {folder}")


def _whole(file: Path) -> bool:
    try:
        rows = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return bool(rows.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        finally:
            rows.close()
    except sqlite3.OperationalError as error:
        return "locked" in str(error)  # at work, not damaged
    except sqlite3.DatabaseError:
        return False


def store() -> Finding:
    """Look at the store of option minutes in this folder."""
    from kit.bars.minute_store import MinuteStore

    minutes = MinuteStore()
    try:
        days = minutes.days()
    except KitError as error:
        return Finding("store", "bad", str(error))
    if not days:
        return Finding("store", "note", f"no option minutes in {minutes.folder}: see kit collect, kit import")
    held = counted(len(days), "session")
    return Finding("store", "ok", f"{held}, {days[0]} to {days[-1]}, in {minutes.folder}")


def notebooks() -> Finding:
    """Look whether JupyterLab is there, and which notebook servers run; a token is never told."""
    if _lacks("jupyterlab"):
        return Finding("notebooks", "note", 'no JupyterLab: run pip install "banknifty-kit[lab]".')
    from jupyter_server.serverapp import list_running_servers

    servers: Iterator[dict[str, str]] = list_running_servers()
    running = [server["url"] for server in servers]
    said = f"JupyterLab {metadata.version('jupyterlab')}"
    beyond = [url for url in running if urlsplit(url).hostname not in {"127.0.0.1", "localhost", "::1"}]
    if beyond:
        return Finding("notebooks", "note", f"{said}; {', '.join(beyond)} listens beyond this machine.")
    return Finding("notebooks", "ok", f"{said}; running: {', '.join(running) or 'none'}")


def clock(settings: Settings) -> Finding:
    """Compare this machine's clock with the broker's: one-time passwords live half a minute."""
    if settings.broker.mode == "simulated":
        return Finding("clock", "ok", "the simulated exchange goes by this machine's")
    import requests

    from kit.transport.retry import http_date_s

    url, verify = settings.broker.base_url, str(settings.broker.ca_file or "") or True
    try:
        answer = requests.head(url, timeout=settings.connection_pool.connect_timeout, verify=verify)
        off_s = time.time() - http_date_s(answer.headers["Date"])
    except (OSError, KeyError, ValueError) as error:  # requests' errors are OSErrors
        why = type(error).__name__
        return Finding("clock", "bad", f"{urlsplit(url).hostname} did not tell its time ({why}): is it up?")
    said = f"{abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} {urlsplit(url).hostname}"
    if abs(off_s) <= _DRIFT_S:
        return Finding("clock", "ok", "agrees with the broker's")
    wrong = abs(off_s) >= _PASSWORD_S
    return Finding("clock", "bad" if wrong else "note", f"{said}: set it right, or logins are refused.")


def limits(settings: Settings) -> Finding:
    """Tell how many calls of each kind could go now."""
    if settings.broker.mode == "simulated":
        return Finding("limits", "ok", "each simulated exchange starts with all its calls")
    from kit.broker.client import AngelAPIClient

    try:
        client = AngelAPIClient(Credentials.from_environment(), settings)
    except KitError as error:
        return Finding("limits", "bad", str(error))
    try:
        left = client.session.allowance()
    finally:
        client.close()
    spent = [name for name, calls in left.items() if not calls]
    told = ", ".join(f"{name} {calls}" for name, calls in left.items())
    if spent:
        return Finding("limits", "note", f"spent for now: {', '.join(spent)}; others: {told}")
    return Finding("limits", "ok", f"calls that could go now: {told}")
