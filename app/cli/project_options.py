"""An option for every setting of a project, made from the registry of flags."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from app.cli.commandlines import AgentOption, ModelOption, PromptOption, chosen_runtime
from app.domain.project_settings import FLAGS, Flag, FlagKind

_OF_RUNTIME: Final[dict[str, Any]] = {"agent": AgentOption, "model": ModelOption, "prompt": PromptOption}
"""A runtime is given as other commands take one: beside `--command`."""


def with_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command, which gets what was given as keywords."""
    own = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    function.__signature__ = inspect.Signature([*own, *_options()])  # type: ignore[attr-defined]
    return function


def settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as the API takes it."""
    runtime = chosen_runtime(given["command"], *(given[name] for name in _OF_RUNTIME))
    values = {
        flag.camel: runtime if flag.kind is FlagKind.RUNTIME else given[flag.name] for flag in FLAGS.values()
    }
    return {name: value for name, value in values.items() if value is not None}


def _options() -> Iterator[inspect.Parameter]:
    for flag in FLAGS.values():
        kind, option = _option(flag)
        yield _parameter(_name(flag), Annotated[kind, option])
        if flag.kind is FlagKind.RUNTIME:
            yield from (_parameter(name, more) for name, more in _OF_RUNTIME.items())


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _option(flag: Flag) -> tuple[Any, Any]:
    name = _name(flag).replace("_", "-")
    words = f"{flag.description} Where it is not set: {flag.fallback}."
    match flag.kind:
        case FlagKind.SWITCH:
            return bool | None, typer.Option(f"--{name}/--no-{name}", help=words, show_default=False)
        case FlagKind.NUMBER:
            return int | None, typer.Option(f"--{name}", min=1, max=flag.most, help=words)
        case FlagKind.CHOICE:
            choices: Any = flag.choices
            return choices | None, typer.Option(f"--{name}", case_sensitive=False, help=words)
        case FlagKind.RUNTIME:
            return str | None, typer.Option(f"--{name}", metavar="'PROGRAM ARGS'", help=words)


def _name(flag: Flag) -> str:
    return "command" if flag.kind is FlagKind.RUNTIME else flag.name
