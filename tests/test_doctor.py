"""What `kit doctor` finds."""

import re
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kit import doctor
from kit.cli import main
from kit.settings import Settings

SECRETS = {"api_key": "key-7", "client_code": "code-8", "pin": "pin-9", "totp_secret": "JBSWY3DPEHPK3PXP"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Give each test a folder and a cache of its own, without proxies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    for name in doctor._PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return tmp_path


@pytest.fixture
def broker():
    """Serve a clock that is off by as many seconds as the test says."""

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response_only(404)
            self.send_header("Date", format_datetime(datetime.now(UTC) - timedelta(seconds=server.ahead_s)))
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.ahead_s = 0
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def live(broker):
    """Return settings of a live broker at the test's address."""
    return Settings(broker={"mode": "live", "base_url": f"http://127.0.0.1:{broker.server_port}"})


def test_a_sound_machine_is_all_in_order(capsys):
    """Here, where the tests run, nothing is bad: a line per thing, and exit code 0."""
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    named = {line.split()[1] for line in said.splitlines() if line[:4].strip() in {"ok", "note"}}
    wanted = {"Python", "packages", "ports", "proxy", "cache", "clock", "limits", "store", "notebooks"}
    assert named == wanted | {"settings"}
    assert said.strip().endswith("All in order.")


def test_extras_are_told_as_complete_absent_or_lacking_something(monkeypatch):
    """An extra of which nothing is installed is a name; of one in part the missing packages are named."""
    there = doctor._lacks
    gone = ("apprise", "desktop-notifier", "jupyterlab")
    monkeypatch.setattr(doctor, "_lacks", lambda line: line if line.startswith(gone) else there(line))
    found = doctor.packages()
    assert found.state == "note"
    assert "not installed: alerts;" in found.words
    assert "lab lacks jupyterlab" in found.words
    assert not {"docs", "peers", "test"} & {*re.findall(r"\w+", found.words)}


def test_a_wrong_settings_file_is_one_finding_of_many(home, capsys):
    """A misspelt key is told with what was meant, beside everything else, and gives exit code 1."""
    (home / "kit.yaml").write_text("workers: {max_wrokers: 2}")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "Did you mean 'max_workers'?" in said
    assert "Python" in said
    assert "1 to mend" in said


def test_a_damaged_cache_file_is_named(home):
    """A file that is no database is named with the command that removes it; one at work is not."""
    (home / "cache").mkdir()
    (home / "cache" / "replies.sqlite").write_text("no database, however long it is " * 40)
    found = doctor.cache_file()
    assert found.state == "bad"
    assert "replies.sqlite" in found.words
    assert "kit cache clear" in found.words


def test_a_cache_whose_folder_is_a_file(home):
    """A cache folder that cannot be one is told with the variable to set."""
    (home / "cache").write_text("a file")
    assert doctor.cache_file().state == "bad"
    assert "KIT_CACHE_DIR" in doctor.cache_file().words


def test_a_damaged_month_of_the_store_is_told(home):
    """A month file that cannot be read is told by its name."""
    (home / "data/minutes/BANKNIFTY").mkdir(parents=True)
    (home / "data/minutes/BANKNIFTY/options-2024-01.parquet").write_text("cut")
    assert doctor.store().state == "bad"
    assert "options-2024-01.parquet" in doctor.store().words


@pytest.mark.parametrize(
    ("ahead_s", "state", "words"),
    [
        (0, "ok", "agrees"),
        (12, "note", "s ahead of"),
        (90, "bad", "s ahead of"),
        (-90, "bad", "s behind"),
    ],
)
def test_a_clock_that_drifts_is_told(broker, ahead_s, state, words):
    """A clock off by more than a one-time password's life is bad, by some seconds worth knowing."""
    broker.ahead_s = ahead_s
    found = doctor.clock(live(broker))
    assert found.state == state
    assert words in found.words


def test_a_broker_that_does_not_answer_is_told(broker):
    """Nobody at the address is one finding, with the host and what kind of error it was."""
    settings = Settings(broker={"mode": "live", "base_url": "http://127.0.0.1:9"})
    assert doctor.clock(settings).state == "bad"
    assert "127.0.0.1" in doctor.clock(settings).words


def test_limits_left_need_the_account_and_tell_no_secret(broker, monkeypatch):
    """Without credentials their names are told; with them the calls that could go, and none of them."""
    for name in SECRETS:
        monkeypatch.delenv(f"KIT_{name.upper()}", raising=False)
    found = doctor.limits(live(broker))
    assert found.state == "bad"
    assert "KIT_PIN" in found.words
    for name, secret in SECRETS.items():
        monkeypatch.setenv(f"KIT_{name.upper()}", secret)
    found = doctor.limits(live(broker))
    assert found.state == "ok"
    assert "quote" in found.words
    assert not [secret for secret in SECRETS.values() if secret in repr(found)]


def test_a_proxy_is_told_without_its_password(monkeypatch):
    """Host and port of a proxy are told, neither user nor password; an address without a host is bad."""
    monkeypatch.setenv("HTTPS_PROXY", "http://analyst:hush@proxy.example:3128")
    assert "proxy.example:3128" in doctor.proxy().words
    assert "hush" not in doctor.proxy().words
    assert "analyst" not in doctor.proxy().words
    monkeypatch.setenv("HTTPS_PROXY", "http://:x")
    assert doctor.proxy().state == "bad"


def test_a_package_that_is_too_old_or_absent_is_named():
    """A requirement that is not met is named with what is there and what is needed."""
    assert doctor._lacks("numpy>=1") is None
    assert "needs 999.1" in doctor._lacks("numpy>=999.1")
    assert doctor._lacks("no-such-package>=1") == "no-such-package"
    assert doctor._lacks("pytest") is None
