"""No secret reaches the disk, a log, a repr or a traceback, whatever a call's outcome."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import subprocess
import sys
import traceback
from datetime import date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from kit.broker.client import AngelAPIClient
from kit.clock import IST
from kit.errors import KitError, SettingsError
from kit.settings import Credentials, Settings, cache_folder
from kit.simulator.server import SimulatedExchange

pytestmark = pytest.mark.usefixtures("wide_limits")
ROOT = Path(__file__).parents[2]
DAY = (datetime(2026, 11, 19, 9, 15, tzinfo=IST), datetime(2026, 11, 19, 15, 39, tzinfo=IST))


def secrets_of(credentials: Credentials) -> list[str]:
    """Return what must never show: the account's secrets and what every token begins with."""
    account = [getattr(credentials, name).get_secret_value() for name in ("api_key", "pin", "totp_secret")]
    return [*account, "eyJ"]


def use(client: AngelAPIClient) -> None:
    """Make every kind of call."""
    client.profile()
    client.funds()
    client.instruments()
    client.candles("NSE", "99926009", "FIVE_MINUTE", *DAY)
    client.quotes([("NSE", "99926009")])
    client.ltp("NSE", "Nifty Bank", "99926009")
    client.option_greeks("BANKNIFTY", date(2026, 11, 23))
    client.put_call_ratio()
    client.search("NFO", "BANKNIFTY")


def found_in(folder: Path, secrets: list[str]) -> list[tuple[str, str]]:
    """Return the files of a folder that hold a secret, journals included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [
        (path.name, secret) for path in files for secret in secrets if secret.encode() in path.read_bytes()
    ]


def test_disk_and_logs(exchange: SimulatedExchange, open_client, caplog: pytest.LogCaptureFixture, capfd):
    """After every call, failed ones too, neither the cache folder nor a log nor a stream holds a secret."""
    caplog.set_level(logging.DEBUG)
    client = open_client(connection_pool={"max_retries": 1, "backoff_factor": 0.01})
    use(client)
    for fault in ("gateway-error:AG8001", "truncated-json", "html-502", "drop-after"):
        exchange.faults.add("getRMS", fault)
        client.funds()
    exchange.faults.add("getRMS", "denied-html")
    with pytest.raises(KitError):
        client.funds()
    client.get_performance_stats()
    secrets = secrets_of(exchange.credentials)
    assert found_in(cache_folder(), secrets) == []
    client.logout()
    client.close()
    assert found_in(cache_folder(), secrets) == []
    out, err = capfd.readouterr()
    shown = caplog.text + out + err
    assert not [secret for secret in secrets if secret in shown]


def test_reprs(exchange: SimulatedExchange, client: AngelAPIClient):
    """No repr of a part that holds secrets may show one, nor may its statistics."""
    client.login()
    session = client.session
    parts = [client, exchange.credentials, session, session.access, session.access.current(), session.replies]
    shown = " ".join([*(f"{part!r} {part}" for part in parts), str(client.get_performance_stats())])
    assert not [secret for secret in secrets_of(exchange.credentials) if secret in shown]


def test_tracebacks(exchange: SimulatedExchange, open_client):
    """The traceback of a refused login may not show what was sent, also when it crosses processes."""
    wrong = exchange.credentials.model_copy(update={"pin": SecretStr("7391")})
    client = open_client(credentials=wrong)
    with pytest.raises(KitError) as caught:
        client.login()
    copied = pickle.loads(pickle.dumps(caught.value))
    told = "".join(traceback.format_exception(caught.value)) + repr(copied) + json.dumps(copied.args)
    assert not [secret for secret in secrets_of(wrong) if secret in told]


def told_with_locals(error: BaseException | None) -> str:
    """Return all that a verbose traceback prints, and all that hangs on the errors behind it."""
    told = []
    while error is not None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        told += ["".join(shown.format()), repr(vars(error)), repr(error.args)]
        error = error.__cause__ or error.__context__
    return "".join(told)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pin": "739155"},
        {"totp_secret": "JBSWY3DPEHPK3PXP"},
        {"totp_secret": "not base32 1890"},
        {"totp_secret": "schlüssel"},
        {"api_key": "two\nlines"},
        {"api_key": "schlüssel→"},
    ],
    ids="".join,
)
def test_verbose_tracebacks(exchange: SimulatedExchange, open_client, wrong):
    """A traceback with every local, and every error behind the error, may not show a secret."""
    update = {name: SecretStr(value) for name, value in wrong.items()}
    credentials = exchange.credentials.model_copy(update=update)
    client = open_client(credentials=credentials, connection_pool={"max_retries": 0})
    del wrong, update
    with pytest.raises(KitError) as caught:
        client.login()
    caught.value.__traceback__ = caught.value.__traceback__.tb_next  # this function's own locals
    told = told_with_locals(caught.value)
    assert not [secret for secret in secrets_of(credentials) if secret in told or repr(secret)[1:-1] in told]


@pytest.mark.parametrize("pin", [7391, 7391.0, None, ["7391"]])
def test_a_pin_that_is_no_text(pin):
    """A refused credential may show neither itself nor its neighbours in a verbose traceback."""
    hidden = ["key-of-mine", "code-of-mine", "totp-of-mine"]
    with pytest.raises(SettingsError, match="pin") as caught:
        Credentials(api_key=hidden[0], client_code=hidden[1], pin=pin, totp_secret=hidden[2])
    caught.value.__traceback__ = caught.value.__traceback__.tb_next
    told = told_with_locals(caught.value)
    assert not [secret for secret in [*hidden, "7391"] if secret in told]


def test_a_missing_credential_shows_no_other(monkeypatch):
    """When one variable is missing, a verbose traceback may not show the environment."""
    with pytest.raises(SettingsError, match="KIT_PIN") as caught:
        Credentials.from_environment({"KIT_API_KEY": "key-of-mine", "KIT_CLIENT_CODE": "code"})
    caught.value.__traceback__ = caught.value.__traceback__.tb_next
    assert "key-of-mine" not in told_with_locals(caught.value)


def test_secrets_do_not_travel(exchange: SimulatedExchange, client: AngelAPIClient):
    """Credentials and tokens cannot be pickled, so no worker, file or cache can get them."""
    client.login()
    for part in (exchange.credentials, client.session.access.current()):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises((SettingsError, TypeError)):
                pickle.dumps(part, protocol)
    assert exchange.credentials.model_copy() == exchange.credentials


_CURIOUS = """
from pathlib import Path
from kit.broker.client import AngelAPIClient
names = ("api_key", "client_code", "pin", "totp_secret")
hidden = [getattr(desk.exchange.credentials, name).get_secret_value() for name in names]
desk.client.login()
hidden += [str(token.get_secret_value()) for token in (desk.client.session.access.current().jwt,)]
Path({file!r}).write_text("\\n".join(hidden))
del hidden
display(desk, desk.client, desk.exchange, desk.exchange.credentials, desk.client.session.access.current())
display(desk.settings, desk.client.get_performance_stats())
refused = desk.exchange.credentials.model_copy(update={{"pin": type(desk.exchange.credentials.pin)("8402")}})
get_ipython().run_line_magic("xmode", "Verbose")
AngelAPIClient(refused, base_url=desk.exchange.url, clock=desk.clock).login()
"""


def test_notebook_outputs(tmp_path: Path):
    """Neither the first notebook's outputs, nor a curious user's with verbose tracebacks, show a secret."""
    notebook = json.loads((ROOT / "notebooks" / "00_start_here.ipynb").read_text())
    file = tmp_path / "hidden.txt"
    curious = {"cell_type": "code", "execution_count": None, "id": "curious", "metadata": {}, "outputs": []}
    curious["source"] = _CURIOUS.format(file=str(file))
    last = max(at for at, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code")
    notebook["cells"].insert(last, curious)  # before the desk is closed
    words = [
        "-m",
        "jupyter",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--allow-errors",
        "--stdin",
        "--stdout",
    ]
    ran = subprocess.run(
        [sys.executable, *words], input=json.dumps(notebook), capture_output=True, text=True, check=True
    )
    outputs = json.dumps([cell.get("outputs") for cell in json.loads(ran.stdout)["cells"]])
    secrets = file.read_text().split()
    assert len(secrets) == 5
    assert "LoginRefused" in outputs
    assert not [secret for secret in [*secrets, "eyJ"] if secret in outputs + ran.stderr]
    assert found_in(cache_folder(), secrets[:1] + secrets[2:]) == []


def test_an_address_that_is_none(exchange: SimulatedExchange, open_client):
    """A base URL without scheme or host must be refused by name."""
    for address in ("apiconnect.angelone.in", "https://", "ftp://host", "https://host:99999"):
        with pytest.raises(SettingsError, match="https://host"):
            open_client(base_url=address).login()


def test_refresh_token_in_no_address(exchange: SimulatedExchange, client: AngelAPIClient):
    """Nothing may travel in the address of a GET, and the key only in its header."""
    client.profile()
    headers = exchange.stats.last["getProfile"]["headers"]
    assert headers["authorization"].startswith("Bearer eyJ")
    assert headers["x-privatekey"] == exchange.credentials.api_key.get_secret_value()
    assert "cookie" not in headers


@pytest.mark.parametrize(
    "proxy",
    [
        "http://anna:s3cret@127.0.0.1:9",
        "anna:s3cret@127.0.0.1:9",
        "http://anna:s3cret@[::1",
        "socks5h://anna:s3cret@127.0.0.1:9",
        "http://anna:s3cret@127.0.0.1:99999",
        "http://anna:pass s3cret@127.0.0.1:9",
        "http://anna:s3cret@",
        "ftp://anna:s3cret@127.0.0.1:9",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxys_password(exchange, monkeypatch, caplog, proxy, scheme):
    """Whatever its proxy, a call that fails shows no password of it: in no local, at no level of logs."""
    caplog.set_level("DEBUG")
    monkeypatch.setenv("ALL_PROXY", proxy)
    settings = Settings(connection_pool={"max_retries": 0})
    client = AngelAPIClient(exchange.credentials, settings, base_url=f"{scheme}://192.0.2.1:9")
    with pytest.raises(KitError) as caught, client:
        client.login()
    told = told_with_locals(caught.value) + caplog.text + repr(client) + repr(vars(client.session))
    assert "s3cret" not in told.replace(repr(proxy), "")  # but for this test's own
    assert base64.b64encode(b"anna:s3cret").decode() not in told
