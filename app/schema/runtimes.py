"""What a worker runs, as input."""

import shutil
from dataclasses import dataclass
from typing import Any

import strawberry

from app.domain import limits
from app.domain.agents import Agents, ConfiguredAgent
from app.domain.plans import AgentRuntime, CommandRuntime, Plan, Runtime, runtime_from, runtime_values
from app.schema import files
from app.schema.inputs import given, optional


@dataclass(frozen=True, slots=True)
class Site:
    """Where workers would start: a project's root, on a server with these agents."""

    root: str
    agents: Agents


@strawberry.input(
    description="An agent by its configured name, such as claude, codex, gemini or an ACP agent."
)
class AgentInput:
    name: str = strawberry.field(description="What the server's settings call it.")
    model: str | None = optional("The model to ask it for; that of the settings, or its own, otherwise.")
    prompt: str | None = optional("What it is told before its task.")


@strawberry.input(one_of=True, description="What a task's worker runs: exactly one of these.")
class RuntimeInput:
    command: list[str] | None = optional(
        "An executable and its arguments; no shell. Found on the server's PATH, or by its path from the project's root."
    )
    agent: AgentInput | None = optional("An agent by its configured name.")


def as_input(values: dict[str, Any]) -> dict[str, Any]:
    """A runtime as it is kept, in the form in which it is given."""
    runtime = runtime_from(values)
    if isinstance(runtime, CommandRuntime):
        return {"command": list(runtime.argv)}
    said = {"name": runtime.name, "model": runtime.model, "prompt": runtime.prompt}
    return {"agent": {name: value for name, value in said.items() if value is not None}}


def runtime_of(runtime: Any, site: Site, *path: str) -> dict[str, Any] | None:
    """A runtime as it is stored, or None where none was given. Looks the executable up."""
    runtime = given(runtime)
    if runtime is None:
        return None
    found = _runtime(runtime, *path)
    check(found, site, *path, "agent" if isinstance(found, AgentRuntime) else "command")
    return runtime_values(found)


def check(runtime: Runtime, site: Site, *path: str) -> None:
    """Refuse what could never start on this server."""
    if isinstance(runtime, CommandRuntime):
        files.check_executable(runtime.argv, site.root, path)
        return
    agent = site.agents.get(runtime.name)
    if agent is None:
        raise limits.invalid(
            f"There is no agent {runtime.name!r}.",
            path,
            f"Name one of {', '.join(site.agents) or 'none'}, or add it to the server's settings.",
        )
    if not _is_there(agent):
        ready = [name for name, other in site.agents.items() if _is_there(other)]
        others = (
            f", or name one that is there: {', '.join(ready)}"
            if ready
            else "; no other that is known is there"
        )
        raise limits.invalid(
            f"The agent {runtime.name!r} is not installed: there is no executable {agent.argv[0]!r}.",
            path,
            f"Install it{others}.",
        )


def check_plan(plan: Plan, site: Site) -> None:
    """Refuse a plan with a task that could never start."""
    for task in plan.tasks():
        if task.runtime is not None:
            check(task.runtime, site, "input", "plan", "tasks", task.key)


def _runtime(runtime: RuntimeInput, *path: str) -> Runtime:
    agent: Any = given(runtime.agent)
    if agent is None:
        command: Any = runtime.command
        return CommandRuntime(tuple(limits.argv(command, *path, "command")))
    model, prompt = given(agent.model), given(agent.prompt)
    return AgentRuntime(
        name=limits.name(agent.name, *path, "agent", "name"),
        model=limits.name(model, *path, "agent", "model") if model is not None else None,
        prompt=limits.text(prompt, *path, "agent", "prompt") if prompt is not None else None,
    )


def _is_there(agent: ConfiguredAgent) -> bool:
    return shutil.which(agent.argv[0], path=agent.env.get("PATH")) is not None
