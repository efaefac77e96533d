"""Settings files that are wrong in ways YAML allows: refused in one sentence, at once."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from kit.errors import SettingsError
from kit.settings import Settings

NINE = ",".join(["x"] * 9)
PAIRS = zip("abcdefgh", "bcdefghi", strict=True)
LINES = [f"{name}: &{name} [{NINE.replace('x', f'*{old}')}]" for old, name in PAIRS]
BOMB = "\n".join([f"a: &a [{NINE}]", *LINES])
WRONG = {
    "a key twice": ("cache_config:\n  max_size: 1\n  max_size: 2\n", "max_size"),
    "a key twice in one line": ("cache_config: {ltp_ttl: 1, ltp_ttl: 1}\n", "ltp_ttl"),
    "a section twice": ("broker:\n  seed: 1\nbroker:\n  seed: 2\n", "broker"),
    "an empty section": ("cache_config:\nbroker:\n  seed: 1\n", "cache_config"),
    "a section of comments": ("workers:\n  # max_workers: 3\n", "empty"),
    "a tilde": ("connection_pool: ~\n", "connection_pool"),
    "true for a count": ("cache_config:\n  max_size: true\n", "max_size"),
    "yes for seconds": ("cache_config:\n  ltp_ttl: yes\n", "ltp_ttl"),
    "no for an optional count": ("cache_config:\n  max_bytes: no\n", "max_bytes"),
    "infinite": ("connection_pool:\n  timeout: .inf\n", "timeout"),
    "no number": ("connection_pool:\n  timeout: .nan\n", "timeout"),
    "beyond any clock": ("connection_pool:\n  timeout: 1.0e+300\n", "timeout"),
    "beyond any float": ("connection_pool:\n  timeout: 1.0e+400\n", "timeout"),
    "beyond any size": ("performance_monitor:\n  max_samples: " + "9" * 40 + "\n", "max_samples"),
    "beyond Python's digits": ("cache_config:\n  max_size: " + "9" * 5000 + "\n", "settings file"),
    "a broken number": ("cache_config:\n  max_size: 1.5\n", "max_size"),
    "a negative lifetime": ("cache_config:\n  ltp_ttl: -5\n", "ltp_ttl"),
    "no such day": ("cache_config:\n  default_ttl: 2020-13-45\n", "YAML"),
    "a bomb": (BOMB, "reference"),
    "a reference": ("cache_config: &a {max_size: 3}\nbroker: *a\n", "reference"),
    "a merge": ("cache_config: &a {max_size: 3}\nbroker:\n  <<: *a\n", "reference"),
    "a merge in place": ("broker:\n  <<: {seed: 3}\n  seed: 4\n", "no word"),
    "minutes for seconds": ("connection_pool:\n  timeout: 1:30\n", "timeout"),
    "hours for a count": ("cache_config:\n  max_size: 1:30:00\n", "max_size"),
    "a fraction of minutes": ("connection_pool:\n  timeout: 1:30.5\n", "timeout"),
    "deep brackets": ("cache_config: " + "[" * 20_000 + "]" * 20_000, "deep"),
    "deep braces": ("{a: " * 10_000, "deep"),
    "deep lines": ("\n".join(" " * at + "a:" for at in range(300)), "deep"),
    "a list for a key": ("[a]: 1\n", "no word"),
    "a mapping for a key": ("? {a: 1}\n: 2\n", "no word"),
    "a list for a key within": ("broker:\n  ? [seed]\n  : 2\n", "line 2"),
    "a tab": ("broker:\n\tseed: 1\n", "YAML"),
    "a time": ("cache_config:\n  ltp_ttl: 2026-01-01\n", "ltp_ttl"),
    "no for a word": ("broker:\n  share_tokens: no\n", "share_tokens"),
    "another case": ("Broker:\n  seed: 1\n", "Broker"),
    "an object": ("cache_config: !!python/object/apply:os.system [ls]\n", "YAML"),
    "a list for a section": ("cache_config: [1, 2]\n", "cache_config"),
    "a word for a section": ("cache_config: large\n", "cache_config"),
    "a list for a file": ("- cache_config\n", "sections"),
    "two documents": ("broker:\n  seed: 1\n---\nbroker:\n  seed: 2\n", "YAML"),
    "a user in an address": ("broker:\n  base_url: https://me:SECRET@host\n", "base_url"),
    "no address": ('broker:\n  base_url: ""\n', "host"),
    "a user in the stream's": ("broker:\n  stream_url: wss://me:SECRET@host\n", "host"),
    "a user in the scheduler's": ("workers:\n  dask_address: tcp://me:SECRET@host:1\n", "scheduler"),
    "endless": ("# " + "x" * 2_000_000, "64 KiB"),
    "endless keys": ("\n".join(f"k{number}: {{a: 1}}" for number in range(20_000)), "64 KiB"),
    "a null byte": ("cache_config:\n  max_size: \x00\n", "YAML"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    """A wrong settings file costs a short sentence that names the place, and no secret and no minute."""
    text, named = WRONG[kind]
    file = tmp_path / "kit.yaml"
    file.write_text(text, encoding="utf-8")
    began = perf_counter()
    with pytest.raises(SettingsError) as caught:
        Settings.load(file)
    assert perf_counter() - began < 10
    assert named in str(caught.value) or named in repr(caught.value) or named == "base_url"
    assert len(str(caught.value)) < 5000
    assert "SECRET" not in repr(caught.value)


def test_no_setting_shows_a_user() -> None:
    """An address with a user and a password never becomes a setting, so that no repr can show it."""
    for key in ("base_url", "master_url", "stream_url"):
        with pytest.raises(SettingsError) as caught:
            Settings(broker={key: "https://me:SECRET@host/path"})
        assert "SECRET" not in f"{caught.value!r}{caught.value.__context__!r}{caught.value.__cause__!r}"


ADDRESSES = [
    "", " ", "host", "//host", "http://", "https://:1", "ftp://host", "file:///etc/passwd", "javascript:1",
    "https://ho st", "https://h\nost", "https://host\t", "https://host/\x00", "https://[::1", "https://host:port",
    "https://host:0", "https://host:99999", "https://" + "a" * 64 + ".com", "https://" + "a." * 200 + "com",
    "https://a..b", "https://me:SECRET@host", "https://me@host", "https://host?key=SECRET", "https://host/#part",
    "https://host/../other", "https://host/a/./b", "https://host/..", "https://host/%2e%2E/other",
    "https://host/a/%2e", "https://host\\other", "https://host/a\\..\\b", 5, None, ["https://host"],
]  # fmt: skip


@pytest.mark.parametrize("wrong", ADDRESSES, ids=range(len(ADDRESSES)))
def test_an_address_that_is_none(wrong: object) -> None:
    """What no system would look up is refused where it is set, in every setting that is an address."""
    for key in ("base_url", "master_url"):
        with pytest.raises(SettingsError) as caught:
            Settings(broker={key: wrong})
        assert "SECRET" not in repr(caught.value)


def test_an_address_is_an_address_in_any_case() -> None:
    """A scheme may be written large; what is kept is small, and has no last slash."""
    assert (
        Settings(broker={"base_url": "HTTPS://Host:8443/Path/"}).broker.base_url == "https://Host:8443/Path"
    )


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """Settings that cannot be saved say where."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Settings().save(tmp_path / "file" / "kit.yaml")


@pytest.mark.parametrize(
    ("written", "read"), [("010", 10), ("08", 8), ("+7", 7), ("0", 0), ("0x10", 16), ("1_000", 1000)]
)
def test_a_number_is_what_it_looks_like(written: str, read: int, tmp_path: Path) -> None:
    """A leading zero does not make a number octal, as it did in old YAML."""
    file = tmp_path / "kit.yaml"
    file.write_text(f"broker:\n  seed: {written}\n", encoding="utf-8")
    assert Settings.load(file).broker.seed == read
