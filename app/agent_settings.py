"""What an operator may set of an agent: a table of the settings file each, or JSON in one variable."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.domain import limits
from app.domain.agents import PRESETS, AgentProtocol, ConfiguredAgent
from app.domain.errors import AppError

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_TAKEN: Final = frozenset({"command", "agent"})
"""What runtimes of other kinds are called by."""


class AgentSettings(BaseModel):
    """A table `[agents.NAME]` of the settings file. Of an agent that Trackside knows, what is left out is as it knows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: list[str] = Field(
        default=[],
        max_length=1_000,
        description="The executable, found on the server's PATH, and its arguments; needed but for the agents that Trackside "
        "knows.",
    )
    protocol: AgentProtocol = Field(
        default=AgentProtocol.ACP, description="How it is talked to: `acp`, on its standard input and output."
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The model it is asked for where a task names none.",
    )
    mode: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The mode of its own that a session is put into, such as how much it may do unasked.",
    )
    env: dict[str, str] = Field(
        default={},
        description="Variables added to its environment, TRACKSIDE_… excepted; they are never shown.",
    )

    @field_validator("env")
    @classmethod
    def _not_ours(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            wrong = "=" in name or limits.storable(name + value) != name + value
            if not name or name.startswith("TRACKSIDE_") or wrong:
                raise ValueError(f"{limits.storable(name) or 'an empty name'} may not be set")
        return env

    @field_validator("command", "model", "mode")
    @classmethod
    def _can_be_given(cls, said: list[str] | str | None) -> list[str] | str | None:
        try:
            if isinstance(said, str):
                return limits.name(said)
            return limits.argv(said) if said and said[0] else said
        except AppError as error:
            raise ValueError(error.message) from error

    def configured(self, name: str) -> ConfiguredAgent:
        argv = tuple(self.command) or PRESETS[name]
        return ConfiguredAgent(argv, self.protocol, self.model, self.mode, self.env)


def read(agents: Any) -> Any:
    """As the file or the variable has them. What is wrong with JSON is not told: it would tell what is in it."""
    try:
        return json.loads(agents) if isinstance(agents, str) else agents
    except (ValueError, RecursionError):
        raise ValueError("this is not JSON") from None


def check(agents: Mapping[str, AgentSettings]) -> None:
    """Refuse what could not be named, or never start."""
    for name, agent in agents.items():
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise ValueError(f"{name!r} cannot be the name of an agent")
        if not (agent.command or name in PRESETS) or (agent.command and not agent.command[0]):
            raise ValueError(f"the agent {name} needs a command")
