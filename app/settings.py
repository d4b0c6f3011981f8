"""Everything an operator may set, from flags, the environment (TRACKSIDE_…) or the defaults here."""

import os
import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.domain.runs import STALE_AFTER


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


def configuration_directory() -> Path:
    """Where a user keeps what every project shares: XDG_CONFIG_HOME, or ~/.config."""
    stated = os.environ.get("XDG_CONFIG_HOME", "")
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
        description="Whether phases are left only when somebody confirms, in runs and phases that do not say so themselves.",
    )
    auto_advance: bool = Field(
        default=True,
        description="Whether runs that do not say so themselves go on when the gate of a phase holds.",
    )
    auto_complete: bool = Field(
        default=True,
        description="Whether runs that do not say so themselves complete behind their last gate, instead of waiting for `checkCompletion`.",
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
    heartbeat_seconds: float = Field(
        default=10.0, gt=0, description="How often a runner says that it is alive."
    )
    heartbeat_timeout_seconds: float = Field(
        default=60.0, gt=0, description="How long a runner may be silent before its worker is LOST."
    )
    stale_after_seconds: float = Field(
        default=STALE_AFTER.total_seconds(),
        ge=1,
        description="How long a run that should be getting on may do nothing before StaleDetected says so.",
    )
    stale_check_seconds: float = Field(
        default=60.0, ge=1, description="How often runs are looked through for that."
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
        return self

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'trackside.db'}"
