"""An option for every setting, made from the settings themselves."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.settings import Loaded, Settings, load

_PLAIN: Final = (bool, int, float, str, Path)
_NO_OPTION: Final = frozenset({"agents"})
"""What is more than fits into an option."""
_ALSO: Final = {
    "token": " Others on this machine may see it in the list of processes; they do not see TRACKSIDE_TOKEN."
}


def with_settings(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options to a command, which gets what was given as keywords."""
    own = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    parameters = [*own, *_options()]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {one.name: one.annotation for one in parameters}
    return function


def loaded(given: Mapping[str, Any], environment: Mapping[str, str]) -> Loaded:
    """The settings, from whatever says something about them. AppError where one is no good."""
    flags = {name: value for name, value in given.items() if value is not None}
    config = flags.pop("config", None)
    return load(flags, environment, config)


def _options() -> Iterator[inspect.Parameter]:
    yield _option(
        "config", Path, "A settings file, TOML; TRACKSIDE_CONFIG, or trackside/config.toml in ~/.config."
    )
    for name, field in Settings.model_fields.items():
        if name in _NO_OPTION:
            continue
        kind = field.annotation
        plain = isinstance(kind, type) and (kind in _PLAIN or issubclass(kind, StrEnum))
        words = (field.description or "").replace("`", "") + _default(name, field) + _ALSO.get(name, "")
        yield _option(name, kind if plain else str, words)


def _option(name: str, kind: Any, words: str) -> inspect.Parameter:
    option = typer.Option(help=words, case_sensitive=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _default(name: str, field: Any) -> str:
    if not isinstance(field.default, str | int | float) or field.default == "":
        return ""
    shown = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
    return f" ({shown})"
