from pathlib import Path

import pytest
from pydantic import ValidationError

from app.domain.agents import ConfiguredAgent
from app.domain.errors import AppError
from app.settings import LogLevel, Origin, Settings, Source, config_file, load


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TRACKSIDE_{name.upper()}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "TRACKSIDE_CONFIG"):
        monkeypatch.delenv(name, raising=False)


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
    [
        ("PORT", "70000"),
        ("PORT", "x"),
        ("SLOTS", "0"),
        ("DRAIN_SECONDS", "-1"),
        ("LOG_LEVEL", "loud"),
        *(("KEEP_LOCAL_DAYS", days) for days in ("inf", "nan", "1e9", "3661")),
        ("DATABASE_URL", "mysql://here"),
    ],
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TRACKSIDE_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


def test_a_heartbeat_may_be_missed_once() -> None:
    with pytest.raises(ValidationError):
        Settings(heartbeat_seconds=10, heartbeat_timeout_seconds=19)
    with pytest.raises(ValidationError):
        Settings(supervisor_timeout_seconds=59)
    Settings(supervisor_timeout_seconds=60)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


SETTINGS = 'port = 7000\nslots = 3\nallowed_hosts = ["a.example", "b.example"]\nlog_level = "debug"\n'


def test_a_flag_comes_before_the_environment_and_that_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / ".config" / "trackside" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(SETTINGS)
    environment = {"TRACKSIDE_SLOTS": "5", "trackside_token": "a-secret"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = load({"log_level": "error"}, environment)
    settings = found.settings
    assert (settings.port, settings.slots, settings.log_level) == (7000, 5, LogLevel.ERROR)
    assert settings.allowed_hosts == {"a.example", "b.example"}
    assert {name: origin for name, origin in found.origins.items() if origin.kind is not Source.DEFAULT} == {
        "port": Origin(Source.FILE, str(path)),
        "slots": Origin(Source.ENVIRONMENT, "TRACKSIDE_SLOTS"),
        "token": Origin(Source.ENVIRONMENT, "TRACKSIDE_TOKEN"),
        "allowed_hosts": Origin(Source.FILE, str(path)),
        "log_level": Origin(Source.FLAG, "--log-level"),
    }


def test_where_the_file_is_looked_for(tmp_path: Path) -> None:
    usual = tmp_path / ".config" / "trackside" / "config.toml"
    assert config_file({}) == config_file({"XDG_CONFIG_HOME": "relative"}) == usual
    assert config_file({"XDG_CONFIG_HOME": "/etc/xdg"}) == Path("/etc/xdg/trackside/config.toml")
    assert config_file({"TRACKSIDE_CONFIG": "mine.toml", "XDG_CONFIG_HOME": "/etc/xdg"}) == Path("mine.toml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("port = ", "Invalid value"),
        ("prot = 1\nmoon = 2", "no setting moon, prot .did you mean port"),
    ],
)
def test_a_file_that_is_no_good_is_refused(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_text(content)
    for config, environment in ((path, {}), (None, {"TRACKSIDE_CONFIG": str(path)})):
        with pytest.raises(AppError, match=words):
            load({}, environment, config)


def test_no_secret_is_shown() -> None:
    found = load({"token": "a-secret", "database_url": "postgresql://me:hush@db/name"}, {})
    assert found.shown("token") == "********"
    assert found.shown("database_url") == "postgresql://me:********@db/name"
    assert load({"token": ""}, {}).shown("token") is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hu/sh@db:5432/name", "postgresql://me:********@db:5432/name"),
        ("postgresql://me:hu@sh:hush@db/name", "postgresql://me:********@db/name"),
        ("redis://:hush@host:6379/0", "redis://:********@host:6379/0"),
        ("postgresql://me@db:5432/name?password=hush&x=y", "postgresql://me@db:5432/name?password=********&x=y"),
        ("postgresql://me@db:5432/name", "postgresql://me@db:5432/name"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("sqlite:////srv/trackside.db", "sqlite:////srv/trackside.db"),
    ],
)  # fmt: skip
def test_a_password_in_an_address_is_not_shown(url: str, shown: str) -> None:
    for name in ["events_url"] if url.startswith("redis:") else ["database_url", "events_url"]:
        assert load({name: url}, {}).shown(name) == shown


@pytest.mark.parametrize("text", ["{", '{"a": "a-secret"', "[" * 100_000])
def test_agents_that_are_no_json_are_refused_without_telling_them(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TRACKSIDE_AGENTS", text)
    with pytest.raises(AppError) as refused:
        load({}, {"TRACKSIDE_AGENTS": text})
    assert "agents (TRACKSIDE_AGENTS)" in refused.value.message
    assert "not JSON" in refused.value.message
    assert "secret" not in refused.value.message


def test_agents_are_known_and_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        """
        [agents.claude]
        env = { KEY = "a-secret" }
        [agents.goose]
        command = ["goose", "acp"]
        model = "m-1"
        mode = "calm"
        """
    )
    found = load({}, {}, config)
    agents = found.settings.configured_agents()
    assert list(agents) == ["claude", "codex", "gemini", "goose", "opencode"]
    assert agents["claude"] == ConfiguredAgent(("claude-agent-acp",), env={"KEY": "a-secret"})
    assert agents["goose"] == ConfiguredAgent(("goose", "acp"), model="m-1", mode="calm")
    assert found.shown("agents") == ["claude", "goose"]
    monkeypatch.setenv("TRACKSIDE_AGENTS", '{"claude": {"command": ["other", "claude"]}}')
    assert Settings().configured_agents()["claude"].argv == ("other", "claude")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[agents.mine]", "the agent mine needs a command"),
        ("[agents.mine]\ncommand = ['']", "the agent mine needs a command"),
        ("[agents.command]\ncommand = ['x']", "'command' cannot be the name of an agent"),
        ("[agents.'a b']\ncommand = ['x']", "'a b' cannot be the name of an agent"),
        ("[agents.mine]\ncommand = ['x']\nprotocol = 'smoke'", "'acp'"),
        ("[agents.mine]\ncommand = ['x']\ncomand = ['x']", "Extra inputs"),
        ("[agents.mine]\ncommand = ['x']\nenv = { TRACKSIDE_TOKEN = 'x' }", "TRACKSIDE_TOKEN may not be set"),
        ('[agents.mine]\ncommand = ["x", "\\u0000"]', "NUL"),
        ('[agents.mine]\ncommand = ["x"]\nmodel = "\\u0000"', "Control characters"),
        ('[agents.mine]\ncommand = ["x"]\nenv = { KEY = "\\u0000" }', "KEY may not be set"),
    ],
)
def test_agents_that_are_no_good_are_refused(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)
    with pytest.raises(AppError) as refused:
        load({}, {}, config)
    assert words in refused.value.message
    assert str(config) in refused.value.message
