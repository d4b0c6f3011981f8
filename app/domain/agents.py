"""Agents that an operator has configured, by the names that tasks call them by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class AgentProtocol(StrEnum):
    """How the runner talks to an agent."""

    ACP = "acp"


@dataclass(frozen=True, slots=True)
class ConfiguredAgent:
    """`model` is asked for where a task names none; `mode` is one of the agent's own, such as how much it may do unasked."""

    argv: tuple[str, ...]
    protocol: AgentProtocol = AgentProtocol.ACP
    model: str | None = None
    mode: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


Agents = Mapping[str, ConfiguredAgent]

PRESETS: Final[Mapping[str, tuple[str, ...]]] = {
    "claude": ("claude-agent-acp",),
    "codex": ("codex-acp",),
    "gemini": ("gemini", "--acp"),
    "opencode": ("opencode", "acp"),
}
"""What needs no configuration beyond being installed: each of them speaks ACP on its standard input and output."""
