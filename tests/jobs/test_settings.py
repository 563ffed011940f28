"""Settings."""

import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from ipaddress import ip_network
from pathlib import Path

import pytest

from jobs.database import Database
from jobs.errors import SettingsError
from jobs.settings import PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_everything_lies_under_home_if_nothing_is_said(tmp_path: Path) -> None:
    settings = load_settings()

    home = tmp_path / ".captions"
    assert settings.home == home
    assert settings.database_url == f"sqlite:///{home}/captions.sqlite3"
    assert settings.redis_url == f"unix://{home}/redis/redis.sock"
    assert settings.broker_url == f"redis+socket://{home}/redis/redis.sock"
    assert settings.store_url == f"file://{home}/store"


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTIONS_API_PORT", "9000")
    monkeypatch.setenv("CAPTIONS_FETCH_ALLOW", "10.0.0.0/8, ::1/128")
    monkeypatch.setenv("CAPTIONS_API_ALLOWED_HOSTS", "a.example,b.example")
    monkeypatch.setenv("CAPTIONS_KEEP_SECONDS", "")

    settings = load_settings()

    assert settings.api_port == 9000
    assert settings.fetch_allow == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert settings.api_allowed_hosts == ("a.example", "b.example")
    assert settings.keep_seconds is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("API_PORT", "many"),
        ("API_PORT", "65536"),
        ("BATCH_IMAGES", "0"),
        ("LEASE_SECONDS", "-1"),
        ("FETCH_ALLOW", "10.0.0.1/8"),
        ("FETCH_ALLOW", "somewhere"),
        ("DATABASE_URL", "mysql://server/captions"),
        ("REDIS_URL", "http://server"),
        ("STORE_URL", "/folder"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + variable, value)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert caught.value.variable == PREFIX + variable
    assert caught.value.reason


def test_an_embedded_run_makes_its_own_secret_once(tmp_path: Path) -> None:
    first, second = load_settings(), load_settings()

    assert first.secret == second.secret
    assert len(first.secret) >= 43
    assert stat.S_IMODE((tmp_path / ".captions" / "secret").stat().st_mode) == 0o600


def test_processes_that_start_at_once_agree_on_the_secret() -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = {settings.secret for settings in pool.map(lambda _: load_settings(), range(8))}

    assert len(secrets) == 1


def test_a_fleet_must_be_given_its_secret() -> None:
    with pytest.raises(SettingsError, match="CAPTIONS_SECRET"):
        load_settings(database_url="postgresql://server/captions")

    settings = load_settings(database_url="postgresql://server/captions", secret="common")
    assert settings.secret == "common"


def test_the_secret_is_not_shown() -> None:
    settings = load_settings(secret="common")

    assert "common" not in repr(settings)


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="CAPTIONS_HOME"):
        load_settings(home=tmp_path / "file" / "home")


def test_the_folder_of_everything_embedded_is_private_whoever_makes_it(tmp_path: Path) -> None:
    load_settings(home=tmp_path / "first")
    with closing(Database(f"sqlite:///{tmp_path}/second/captions.sqlite3")) as db:
        db.check()

    for name in ("first", "second"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700, name
