from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import LogLevel, Settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TRACKSIDE_{name.upper()}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


def test_defaults(tmp_path: Path) -> None:
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8642)
    assert settings.data_dir == tmp_path / ".local/state/trackside"
    assert settings.database == f"sqlite:///{tmp_path}/.local/state/trackside/trackside.db"


def test_the_state_directory_of_the_desktop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert Settings().data_dir == tmp_path / "state/trackside"
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert Settings().data_dir == tmp_path / ".local/state/trackside"


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKSIDE_ALLOWED_HOSTS", "a.example, b.example,")
    monkeypatch.setenv("TRACKSIDE_LOG_LEVEL", "warning")
    monkeypatch.setenv("TRACKSIDE_TOKEN", "a-secret")
    settings = Settings()
    assert settings.allowed_hosts == {"a.example", "b.example"}
    assert settings.log_level is LogLevel.WARNING
    assert "a-secret" not in repr(settings)
    assert Settings(log_level=LogLevel.ERROR).log_level is LogLevel.ERROR  # a flag wins


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("PORT", "x"), ("SLOTS", "0"), ("DRAIN_SECONDS", "-1"), ("LOG_LEVEL", "loud")],
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TRACKSIDE_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


def test_a_heartbeat_may_be_missed_once() -> None:
    with pytest.raises(ValidationError):
        Settings(heartbeat_seconds=10, heartbeat_timeout_seconds=19)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
