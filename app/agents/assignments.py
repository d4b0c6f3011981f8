"""What a worker is asked to do, and the files it is given, whatever kind of agent does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Assignment:
    runtime: str
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    prompt: str
    timeout_seconds: float | None
    heartbeat_seconds: float
    model: str | None = None
    mode: str | None = None
    session: str | None = None
    """Of a process before: to be resumed where the agent can."""
    session_cost: Decimal = Decimal()
    """What was counted of it, in US dollars."""
    problem: str | None = None
    """Why it cannot be started; nothing else of it is of use then."""


@dataclass(frozen=True, slots=True)
class ContextItem:
    """Something that the worker was given under way."""

    id: str
    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Place:
    """The worker's own directory."""

    worker_id: str
    directory: Path

    @property
    def tag(self) -> str:
        """In the environment of every process of the worker, so that what is left of it can be found."""
        return f"TRACKSIDE_WORKER_ID={self.worker_id}"

    @property
    def prompt_file(self) -> Path:
        return self.directory / "prompt.md"

    @property
    def inbox(self) -> Path:
        return self.directory / "inbox"


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
