"""Which kind of agent a runtime's name stands for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.agents import acp, command
from app.agents.assignments import Assignment, Launch, Place
from app.agents.conversations import Converse

Prepare = Callable[[Assignment, Place, Mapping[str, str]], Launch]


@dataclass(frozen=True, slots=True)
class Runtime:
    """An agent that is not talked to reads files; what it prints is its log, and its exit code its result."""

    prepare: Prepare
    converse: Converse | None = None


_RUNTIMES: dict[str, Runtime] = {
    "command": Runtime(command.prepare),
    "acp": Runtime(command.prepare, acp.AcpConversation),
}


class UnknownRuntime(Exception):
    """The runner is older or newer than the server that sent the assignment."""


def find(runtime: str) -> Runtime:
    try:
        return _RUNTIMES[runtime.lower()]
    except KeyError:
        known = ", ".join(sorted(_RUNTIMES))
        raise UnknownRuntime(
            f"This runner does not know the runtime {runtime!r}; it knows: {known}."
        ) from None
