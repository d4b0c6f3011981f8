"""What workers run, as it is given on a command line: programs with their arguments in one word, agents by name."""

import shlex
from typing import Annotated, Any

import typer

from app.client.errors import TracksideError
from app.domain import limits
from app.domain.errors import AppError

AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent",
        metavar="NAME",
        help="In place of --command: an agent of the server's settings, such as claude, codex, gemini.",
    ),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="The model that the agent is asked for.")
]
SupervisorOption = Annotated[
    str | None,
    typer.Option(
        "--supervisor",
        metavar="'PROGRAM ARGS'",
        help="An agent that looks after the run, started with it and again when it dies; no shell.",
    ),
]
SupervisorAgentOption = Annotated[
    str | None,
    typer.Option(
        "--supervisor-agent",
        metavar="NAME",
        help="In place of --supervisor: an agent of the server's settings.",
    ),
]
PromptOption = Annotated[
    str | None, typer.Option("--prompt", metavar="TEXT", help="What the agent is told before its task.")
]


def chosen_runtime(
    command: str | None, agent: str | None, model: str | None, prompt: str | None
) -> dict[str, Any] | None:
    """As the API takes it; None where nothing was said."""
    if agent is None:
        if model is not None or prompt is not None:
            raise TracksideError(
                "INVALID_INPUT",
                "--model and --prompt are for an agent.",
                suggestion="Name one: --agent claude.",
            )
        return {"command": split(command)} if command is not None else None
    if command is not None:
        raise TracksideError(
            "INVALID_INPUT",
            "--command and --agent are two ways to say what is run.",
            suggestion="Give one of them.",
        )
    more = {name: value for name, value in (("model", model), ("prompt", prompt)) if value is not None}
    return {"agent": {"name": agent, **more}}


def split(command: str, option: str = "--command") -> list[str]:
    """Into a program and its arguments, as a shell would; no shell runs it."""
    try:
        return limits.argv(shlex.split(command), option)
    except ValueError as error:
        raise _no_command(command, option, str(error).lower()) from error
    except AppError as error:
        raise _no_command(command, option, error.message.lower().rstrip(".")) from error


def supervising_runtime(command: str | None, agent: str | None) -> dict[str, Any] | None:
    """What looks after a run, as the API takes it; None where nothing was said."""
    if command is not None and agent is not None:
        raise TracksideError(
            "INVALID_INPUT",
            "--supervisor and --supervisor-agent are two ways to say what looks after the run.",
            suggestion="Give one of them.",
        )
    if command is not None:
        return {"command": split(command, "--supervisor")}
    return {"agent": {"name": agent}} if agent is not None else None


def _no_command(command: str, option: str, why: str) -> TracksideError:
    return TracksideError(
        "INVALID_INPUT",
        f"{option} {command!r} cannot be run: {why}.",
        suggestion=f"Give a program and its arguments: {option} 'make test'.",
    )
