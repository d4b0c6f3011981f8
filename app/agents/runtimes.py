"""Which kind of agent a runtime's name stands for."""

from collections.abc import Callable, Mapping

from app.agents import command
from app.agents.assignments import Assignment, Launch, Place

Prepare = Callable[[Assignment, Place, Mapping[str, str]], Launch]

_RUNTIMES: dict[str, Prepare] = {"command": command.prepare}


class UnknownRuntime(Exception):
    """The runner is older or newer than the server that sent the assignment."""


def find(runtime: str) -> Prepare:
    try:
        return _RUNTIMES[runtime.lower()]
    except KeyError:
        known = ", ".join(sorted(_RUNTIMES))
        raise UnknownRuntime(
            f"This runner does not know the runtime {runtime!r}; it knows: {known}."
        ) from None
