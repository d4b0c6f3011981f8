"""Everything an operator may set, from flags, the environment (TRACKSIDE_…), a file, or the defaults here."""

import os
import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app import agent_settings
from app.agent_settings import AgentSettings
from app.domain.agents import PRESETS, Agents
from app.domain.conflicts import ConflictPolicy
from app.domain.errors import AppError, ErrorCode
from app.domain.runs import STALE_AFTER

_PASSWORD: Final = re.compile(r"(://[^:/@]*:).+(?=@)|([?&]\w*password=)[^&]*", re.IGNORECASE)
_YEARS: Final = 10 * 366
"""Days. What is longer is longer than the calendar, or a slip."""
_DATABASES: Final = ("sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://")


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"

    @classmethod
    def _missing_(cls, value: object) -> "LogLevel | None":
        return cls.__members__.get(str(value).upper())


def state_directory() -> Path:
    """Where a program keeps what outlives it: XDG_STATE_HOME, or ~/.local/state."""
    stated = os.environ.get("XDG_STATE_HOME", "")
    base = Path(stated) if os.path.isabs(stated) else Path.home() / ".local" / "state"
    return base / "trackside"


def configuration_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Where a user keeps what every project shares: XDG_CONFIG_HOME, or ~/.config."""
    stated = environment.get("XDG_CONFIG_HOME", "")
    base = Path(stated) if os.path.isabs(stated) else Path.home() / ".config"
    return base / "trackside"


def _list(description: str) -> frozenset[str]:
    value: frozenset[str] = Field(default=frozenset(), description=description)
    return value


class Settings(BaseSettings):
    """Read by main and cli alone, and handed on as values."""

    model_config = SettingsConfigDict(env_prefix="TRACKSIDE_", extra="ignore", frozen=True)

    host: str = Field(
        default="127.0.0.1", description="Address to bind. Anything but loopback wants a proxy with TLS."
    )
    port: int = Field(default=8642, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    data_dir: Path = Field(
        default_factory=state_directory,
        description="Directory for the database, the first token, the address of the running server, and workers' files.",
    )
    database_url: str = Field(
        default="",
        description="`sqlite:///path` or `postgresql://user@host/name`; `trackside.db` in the data directory where empty.",
    )
    events_url: str = Field(
        default="memory://",
        description="What carries wake-ups between servers: `redis://host`, `postgresql://user@host/name`, or `memory://` for a single one.",
    )
    token: SecretStr | None = Field(
        default=None,
        description="The first ADMIN token. Made, and kept in the file `token` of the data directory, where empty.",
    )
    slots: int = Field(
        default_factory=lambda: max(4, 2 * (os.cpu_count() or 1)),
        ge=1,
        le=10_000,
        description="How many workers this host runs at once; twice its processors where it is not set.",
    )
    host_name: str = Field(
        default_factory=socket.gethostname,
        min_length=1,
        max_length=200,
        description="What people call the machine that this server runs workers on; its own name where it is not set.",
    )
    host_labels: Annotated[frozenset[str], NoDecode] = _list(
        "What sets this host apart, separated by commas."
    )
    phase_guard: bool = Field(
        default=False,
        description="Whether phases are left only when somebody confirms, in runs and phases that do not say so themselves, of projects that say nothing either.",
    )
    auto_advance: bool = Field(
        default=True,
        description="Whether runs go on, where neither they nor their project say so, when the gate of a phase holds.",
    )
    auto_complete: bool = Field(
        default=True,
        description="Whether runs complete, where neither they nor their project say so, behind their last gate, instead of waiting for `checkCompletion`.",
    )
    conflict_policy: ConflictPolicy = Field(
        default=ConflictPolicy.ASK,
        description="What becomes of ready tasks whose `paths` overlap, where neither a run, its plan nor its project says so: `ASK` people, "
        "`SERIALIZE` them, or `ALLOW` them to run side by side.",
    )
    allowed_hosts: Annotated[frozenset[str], NoDecode] = _list(
        "Host names, separated by commas, that requests may name beside loopback and the bound address."
    )
    allowed_origins: Annotated[frozenset[str], NoDecode] = _list(
        "Origins, separated by commas, whose pages may send requests beside the server's own."
    )
    slow_reader_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How long a subscriber may take nothing before it is closed with a hint to resume.",
    )
    drain_seconds: float = Field(
        default=10.0, ge=0, description="How long a server that is told to stop may finish what is under way."
    )
    request_timeout_seconds: float = Field(
        default=60.0,
        gt=0,
        description="How long a query may take, and how long a mutation may wait to begin; subscriptions take as long as they like.",
    )
    max_sockets: int = Field(
        default=10_000, ge=1, description="How many WebSockets may be open; runners come in beyond that."
    )
    max_sockets_per_token: int = Field(
        default=1_000,
        ge=1,
        description="How many WebSockets one token may have open; runners are not counted.",
    )
    max_operations_per_socket: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="How many operations one WebSocket may have at a time, subscriptions among them.",
    )
    mutations_per_second: float = Field(
        default=100.0,
        ge=0,
        description="How many mutations one token may send, ten seconds' worth of them at once; 0 is no limit. Runners are not counted.",
    )
    failed_logins_per_second: float = Field(
        default=10.0,
        ge=0,
        description="How many tokens that are no good one address may present, ten seconds' worth of them at once; 0 is no limit.",
    )
    heartbeat_seconds: float = Field(
        default=10.0, gt=0, description="How often a runner says that it is alive."
    )
    heartbeat_timeout_seconds: float = Field(
        default=60.0, gt=0, description="How long a runner may be silent before its worker is LOST."
    )
    supervisor_heartbeat_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How often an agent that looks after a run should say that it is alive.",
    )
    supervisor_timeout_seconds: float = Field(
        default=120.0,
        gt=0,
        description="How long such an agent may be silent before it is given up, and may do nothing until it is restarted.",
    )
    stale_after_seconds: float = Field(
        default=STALE_AFTER.total_seconds(),
        ge=1,
        description="How long a run that should be getting on may do nothing before StaleDetected says so, and before "
        "lists and the dashboard show it as stale where nothing else is asked.",
    )
    stale_check_seconds: float = Field(
        default=60.0, ge=1, description="How often runs are looked through for that."
    )
    agents: Annotated[dict[str, AgentSettings], NoDecode] = Field(
        default={},
        description="Agents that tasks may name, each with its `command`, `model`, `mode` and `env`; beside those that Trackside "
        "knows: claude, codex, gemini, opencode. A table of the settings file each, or JSON in the variable.",
    )
    keep_local_days: float = Field(
        default=30.0,
        ge=0,
        le=_YEARS,
        description="How long the files of a `trackside run` that did not complete are kept after anything was written to "
        "them; 0 keeps them for ever.",
    )
    log_format: LogFormat = Field(
        default=LogFormat.CONSOLE, description="`console` for people, `json` for programs."
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="The least urgent lines that are logged.")

    metrics_public: bool = Field(
        default=False,
        description="Whether `/metrics` answers without a token. There are numbers in it, and no names.",
    )

    @model_validator(mode="before")
    @classmethod
    def _split(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("allowed_hosts", "allowed_origins", "host_labels"):
            value = values.get(name)
            if isinstance(value, str):
                values[name] = frozenset(part.strip() for part in value.split(",") if part.strip())
        return values

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.heartbeat_timeout_seconds < 2 * self.heartbeat_seconds:
            raise ValueError("heartbeat_timeout_seconds must be at least twice heartbeat_seconds")
        if self.supervisor_timeout_seconds < 2 * self.supervisor_heartbeat_seconds:
            raise ValueError("supervisor_timeout_seconds must be at least twice supervisor_heartbeat_seconds")
        return self

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, url: str) -> str:
        if url and not url.startswith(_DATABASES):
            raise ValueError("give sqlite:///path or postgresql://user@host/name")
        return url

    @field_validator("agents", mode="before")
    @classmethod
    def _read_agents(cls, agents: Any) -> Any:
        return agent_settings.read(agents)

    @field_validator("agents")
    @classmethod
    def _agents_can_start(cls, agents: dict[str, AgentSettings]) -> dict[str, AgentSettings]:
        agent_settings.check(agents)
        return agents

    def configured_agents(self) -> Agents:
        """By name: those that Trackside knows, and those of the operator, who has the last word."""
        known = {name: AgentSettings() for name in PRESETS} | self.agents
        return {name: known[name].configured(name) for name in sorted(known)}

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'trackside.db'}"


class Source(StrEnum):
    """Where a setting comes from; the first of these that says something holds."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """`at` is the flag, the variable or the file."""

    kind: Source
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    origins: Mapping[str, Origin]

    def shown(self, name: str) -> Any:
        """A setting as it may be told, in JSON."""
        value = getattr(self.settings, name)
        if isinstance(value, SecretStr):
            return "********" if value.get_secret_value() else None
        if name.endswith("_url") and isinstance(value, str):
            return _PASSWORD.sub(r"\1\2********", value)
        if isinstance(value, frozenset):
            return sorted(value)
        if isinstance(value, dict):
            return sorted(value)  # names: what agents are given by environment may be secret
        return str(value) if isinstance(value, Path | StrEnum) else value


def config_file(environment: Mapping[str, str]) -> Path:
    """Where the settings file is looked for: TRACKSIDE_CONFIG, or config.toml in the user's configuration directory."""
    named = environment.get("TRACKSIDE_CONFIG", "")
    if named:
        return Path(named)
    return configuration_directory(environment) / "config.toml"


def load(flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None = None) -> Loaded:
    """Flags before the environment, that before the file, that before the defaults."""
    path = config or config_file(environment)
    kept = _read(path, needed=config is not None or bool(environment.get("TRACKSIDE_CONFIG")))
    set_ = {name.upper() for name in environment}
    origins = {}
    for name in Settings.model_fields:
        variable = f"TRACKSIDE_{name.upper()}"
        if name in flags:
            origins[name] = Origin(Source.FLAG, f"--{name.replace('_', '-')}")
        elif variable in set_:
            origins[name] = Origin(Source.ENVIRONMENT, variable)
        elif name in kept:
            origins[name] = Origin(Source.FILE, str(path))
        else:
            origins[name] = Origin(Source.DEFAULT)
    of_file = {name: value for name, value in kept.items() if origins[name].kind is Source.FILE}
    try:
        return Loaded(Settings(**of_file, **flags), origins)
    except ValidationError as error:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "; ".join(_wrong(problem["loc"], problem["msg"], origins) for problem in error.errors()),
            suggestion="trackside serve --help says what each setting may be.",
        ) from None


def _wrong(place: tuple[int | str, ...], words: str, origins: Mapping[str, Origin]) -> str:
    name = str(place[0]).removeprefix("TRACKSIDE_").lower() if place else ""
    at = origins[name].at if name in origins else None
    return f"{name or 'settings'}{f' ({at})' if at else ''}: {words.removeprefix('Value error, ')}"


def _read(path: Path, *, needed: bool) -> dict[str, Any]:
    try:
        kept = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        if not needed:
            return {}
        raise _refused(path, "there is no such file") from error
    except (OSError, ValueError) as error:
        raise _refused(path, str(getattr(error, "strerror", None) or error)) from error
    unknown = kept.keys() - Settings.model_fields.keys()
    if unknown:
        raise _refused(path, f"there is no setting {', '.join(map(_with_the_nearest, sorted(unknown)))}")
    return kept


def _with_the_nearest(name: str) -> str:
    close = get_close_matches(name, Settings.model_fields, n=1)
    return f"{name} (did you mean {close[0]}?)" if close else name


def _refused(path: Path, words: str) -> AppError:
    return AppError(
        ErrorCode.INVALID_INPUT,
        f"The settings file {path} cannot be used: {words}.",
        suggestion="Settings are named as in docs/reference/settings.md, in small letters without TRACKSIDE_.",
    )
