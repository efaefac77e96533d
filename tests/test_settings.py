"""Settings and credentials."""

import pytest
import yaml

from kit.errors import SettingsError
from kit.settings import CacheConfig, Credentials, Settings, cache_folder

SECRETS = {"api_key": "k3y-abc", "client_code": "S123456", "pin": "4321", "totp_secret": "JBSWY3DPEHPK3PXPX"}


def test_defaults_are_the_documented_ones():
    """Without a file every setting has the value the documentation names."""
    cache = Settings.load(environ={}).cache_config
    assert (cache.max_size, cache.default_ttl, cache.options_chain_ttl, cache.ltp_ttl) == (1000, 300, 60, 5)
    assert cache.historical_data_ttl == 3600


def test_misspelt_key_says_what_was_meant():
    """A misspelt key fails at once and names the nearest right one."""
    with pytest.raises(SettingsError, match=r"'ltp_tll'.*'ltp_ttl'"):
        CacheConfig(ltp_tll=3)
    with pytest.raises(SettingsError, match=r"'ltp_tll'.*'ltp_ttl'"):
        Settings(cache_config={"ltp_tll": 3})


def test_value_out_of_range_names_the_key_and_the_bound():
    """A value that does not fit names its key and the bound."""
    with pytest.raises(SettingsError, match=r"pool_size.*greater than or equal to 1"):
        Settings(connection_pool={"pool_size": 0})


def test_value_of_the_wrong_type_is_named():
    """A value of the wrong type is repeated, except where it may be a secret."""
    with pytest.raises(SettingsError, match=r"Settings\.cache_config\.ltp_ttl does not accept: 'soon'"):
        Settings(cache_config={"ltp_ttl": "soon"})


def test_file_round_trip(tmp_path):
    """What is saved is loaded again, whole."""
    changed = Settings(cache_config={"ltp_ttl": 9}, workers={"backend": "threads"})
    assert Settings.load(changed.save(tmp_path / "kit.yaml")) == changed
    assert [path.name for path in tmp_path.iterdir()] == ["kit.yaml"]


@pytest.mark.parametrize("text", ["cache_config: [", "\tx: 1", "just words", "- a\n- b"])
def test_a_file_that_is_no_settings_yaml_is_named(tmp_path, text):
    """A broken file is an error that names the file, not a crash inside the parser."""
    file = tmp_path / "kit.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"kit\.yaml"):
        Settings.load(file)


def test_a_broken_file_says_where_in_one_line(tmp_path):
    """The place of a mistake in the file is said by line and column, in one sentence."""
    file = tmp_path / "kit.yaml"
    file.write_text("workers:\n  backend: }\n")
    with pytest.raises(SettingsError, match=r"Look at line 2, column 12\.$"):
        Settings.load(file)


def test_bytes_that_are_no_text_are_named(tmp_path):
    """A binary file is an error that names the file."""
    file = tmp_path / "kit.yaml"
    file.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(SettingsError, match=r"kit\.yaml"):
        Settings.load(file)


def test_a_named_file_must_exist(tmp_path):
    """A path that was asked for and is not there is an error; an absent default is not."""
    with pytest.raises(SettingsError, match=r"gone\.yaml"):
        Settings.load(tmp_path / "gone.yaml")


def test_empty_file_means_defaults(tmp_path):
    """An empty file sets nothing."""
    file = tmp_path / "kit.yaml"
    file.write_text("# nothing yet\n")
    assert Settings.load(file) == Settings()


def test_credentials_never_show():
    """No form of the credentials' text shows a secret."""
    known = Credentials(**SECRETS)
    shown = f"{known!r} {known} {known.model_dump()} {known.model_dump_json()}"
    assert not any(secret in shown for secret in SECRETS.values())


def test_refused_credentials_do_not_show():
    """An error about credentials does not repeat them."""
    with pytest.raises(SettingsError) as caught:
        Credentials(**{**SECRETS, "pin": 4321.5, "totp": SECRETS["totp_secret"]})
    assert "4321" not in str(caught.value)
    assert SECRETS["totp_secret"] not in repr(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_missing_credentials_are_named():
    """A missing variable is named, the present ones are not shown."""
    with pytest.raises(SettingsError, match="KIT_PIN") as caught:
        Credentials.from_environment(
            {"KIT_API_KEY": "k3y-abc", "KIT_CLIENT_CODE": "S1", "KIT_TOTP_SECRET": "X"}
        )
    assert "k3y-abc" not in str(caught.value)


def test_credentials_come_from_the_environment():
    """All four variables make credentials."""
    known = Credentials.from_environment({f"KIT_{key.upper()}": value for key, value in SECRETS.items()})
    assert known.pin.get_secret_value() == "4321"


def test_cache_folder_follows_the_environment(tmp_path):
    """The cache folder is the system's unless the environment says otherwise."""
    assert cache_folder({"KIT_CACHE_DIR": str(tmp_path)}) == tmp_path
    assert cache_folder({}).name == "banknifty-kit"


def test_every_field_states_its_unit_or_meaning():
    """Each setting has a description, which the panel shows."""
    for name, section in Settings.model_fields.items():
        for field, info in type(section.default).model_fields.items():
            assert info.description, f"{name}.{field}"


def test_saved_file_is_plain_yaml(tmp_path):
    """The saved file holds the seven sections and no tags."""
    saved = yaml.safe_load(Settings().save(tmp_path / "kit.yaml").read_text())
    assert list(saved) == list(Settings.model_fields)
