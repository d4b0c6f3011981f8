"""The command line, described from its Typer apps."""

import inspect
import textwrap
from enum import Enum
from importlib import import_module
from typing import Any, Final, get_args

import typer

from app.cli import HELP
from app.cli.lazy import MODULES
from app.cli.session import DataDir, OutputOption, Token, Url

COMMON: Final = {"output": OutputOption, "url": Url, "token": Token, "data_dir": DataDir}
SERVER: Final = ("url", "token", "data_dir")


def parts() -> list[str | list[str]]:
    """What the page says."""
    found: list[str | list[str]] = [
        HELP.split("\n")[0],
        "`trackside COMMAND --help` says the same of a command; `trackside --version` which version it is. What commands end "
        "with is on the page on [exit statuses](exit-codes.md).",
        "## Options of every command that speaks to a server",
        _table([(f"`--{name.replace('_', '-')}`", _help(COMMON[name])) for name in COMMON]),
    ]
    for name, (_, line) in MODULES.items():
        app = _app(name)
        command = typer.main.get_command(app)
        if not hasattr(command, "commands"):
            found += _one(f"trackside {name}", command, app.registered_commands[0].callback)
            continue
        found += [f"## trackside {name}", line]
        callbacks = _callbacks(app)
        for key, one in command.commands.items():
            found += _one(f"trackside {name} {key}", one, callbacks[key])
    return found


def flags_of(name: str, under: str = "") -> dict[str, list[str]]:
    """The options of a command, or of one `under` it: how each is written."""
    command: Any = typer.main.get_command(_app(name))
    if under:
        command = command.commands[under]
    return {one.name or "": list(one.opts) for one in command.params if one.param_type_name == "option"}


def commands() -> list[str]:
    """Every command there is, by what one types."""
    found = []
    for name in MODULES:
        command = typer.main.get_command(_app(name))
        found += [f"trackside {name} {key}" for key in getattr(command, "commands", {})] or [
            f"trackside {name}"
        ]
    return found


def _app(name: str) -> typer.Typer:
    app: typer.Typer = import_module(MODULES[name][0]).app
    return app


def _callbacks(app: typer.Typer) -> dict[str, Any]:
    """What each command calls, by its name; the commands of its parts stand among its own."""
    found = {info.name or "": info.callback for info in app.registered_commands}
    for part in app.registered_groups:
        assert part.typer_instance is not None
        found |= _callbacks(part.typer_instance)
    return found


def _one(words: str, command: Any, callback: Any) -> list[str | list[str]]:
    annotations = {name: one.annotation for name, one in inspect.signature(callback).parameters.items()}
    own = [one for one in command.params if one.name in annotations and not _is_common(one.name, annotations)]
    arguments = [_placeholder(one) for one in own if one.param_type_name == "argument"]
    found: list[str | list[str]] = [
        f"{'#' * len(words.split())} {words}",
        f"`{' '.join([words, '[OPTIONS]', *arguments])}`",
        *_paragraphs(command.help or ""),
    ]
    if own:
        found.append(_table([(_written(one), _says(one, annotations[one.name])) for one in own]))
    if "output" in annotations:
        common = [name for name in COMMON if _is_common(name, annotations)]
        more = ", ".join(f"`--{name.replace('_', '-')}`" for name in common)
        found.append(f"And {more}.")
    found += _paragraphs(command.epilog or "")
    return found


def _is_common(name: str, annotations: dict[str, Any]) -> bool:
    return annotations.get(name) == COMMON.get(name, inspect.Parameter.empty)


def _paragraphs(text: str) -> list[str | list[str]]:
    """Those that begin with a backspace stand as they are, and so do examples."""
    found: list[str | list[str]] = []
    for part in inspect.cleandoc(text).replace("\n\n  trackside", "\n  trackside").split("\n\n"):
        rows = part.strip("\b\n").rstrip().split("\n")
        if "\b" not in part and not any(row.startswith("  trackside") for row in rows):
            found.append(" ".join(rows))
            continue
        if not rows[0].startswith(" "):
            found.append(rows.pop(0))
        language = "sh" if any("trackside" in row for row in rows) else "text"
        found.append([f"```{language}", *textwrap.dedent("\n".join(rows)).split("\n"), "```", ""])
    return [one for one in found if one]


def _placeholder(one: Any) -> str:
    word = one.metavar or (one.name or "").upper()
    return word if one.required else f"[{word}]"


def _written(one: Any) -> str:
    if one.param_type_name == "argument":
        return f"`{one.metavar or one.name.upper()}`"
    value = "" if getattr(one, "is_flag", False) else f" {one.metavar or one.name.upper()}"
    return ", ".join(f"`{opt}{value}`" for opt in one.opts)


def _says(one: Any, annotation: Any) -> str:
    said = str(one.help)
    choices = _choices(annotation)
    if choices is not None:
        said += " One of " + ", ".join(f"`{member.value}`" for member in choices) + "."
    if one.default not in (None, False) and not callable(one.default):
        shown = one.default.value if isinstance(one.default, Enum) else one.default
        said += f" `{shown}` where it is left out."
    return said


def _choices(annotation: Any) -> type[Enum] | None:
    """The enum that a value is taken from, wherever it stands in the annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return annotation
    inner = [one for one in get_args(annotation) if isinstance(one, type) or get_args(one)]
    return next((found for one in inner if (found := _choices(one)) is not None), None)


def _help(annotation: Any) -> str:
    said = str(annotation.__metadata__[0].help)
    choices = _choices(annotation)
    return said if choices is None else f"{said} One of {', '.join(f'`{one.value}`' for one in choices)}."


def _table(rows: list[tuple[str, str]]) -> list[str]:
    return [
        "| option or argument | what it says |",
        "|---|---|",
        *(f"| {name} | {words.replace('|', chr(92) + '|')} |" for name, words in rows),
        "",
    ]
