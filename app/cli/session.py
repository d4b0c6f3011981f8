"""What every command has in common: where the server is, how to answer, how to fail."""

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec

import typer

from app.cli.exit_codes import ExitCode
from app.cli.screen import Output, Screen
from app.cli.wording import in_commands
from app.client import retries
from app.client.discovery import Discovery
from app.client.errors import NotAllowed, Refused, TracksideError, Unreachable
from app.domain.errors import AppError

if TYPE_CHECKING:
    from app.client.following import Line
    from app.client.http import Client

P = ParamSpec("P")

EXAMPLES: Final = "Examples:"
_PANEL: Final = "Server"
_BROKEN: Final = frozenset({"FAILED", "INTERNAL"})
"""Codes that say that something broke, and not that something was refused."""

Url = Annotated[
    str | None,
    typer.Option(
        help="Address of the server; TRACKSIDE_URL, or the server of this machine, where it is left out.",
        rich_help_panel=_PANEL,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        help="Its token; TRACKSIDE_TOKEN, or the one in its data directory, where it is left out.",
        rich_help_panel=_PANEL,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Use the server that runs with this data directory.", rich_help_panel=_PANEL),
]
OutputOption = Annotated[
    Output,
    typer.Option(
        help="Text or a table for people, of a list no more than a short line for each entry (compact), one JSON "
        "document, or a JSON document a line. Fields are called as in the API."
    ),
]


@dataclass(frozen=True, slots=True)
class Session:
    """One command at work. `given` tells whether its caller named a server."""

    client: "Client"
    server: Discovery
    screen: Screen

    @property
    def given(self) -> bool:
        """Whether the caller or the environment names a server."""
        return bool(self.server.url or self.server.data_dir or self.server.environment.get("TRACKSIDE_URL"))

    def line(self, screen: Screen | None = None) -> "Line":
        """To follow something by. It says so when the connection is lost, and makes it again."""
        shown = screen or self.screen
        following = import_module("app.client.following")  # WebSockets take time to load
        line: Line = following.Line(
            self.server, lost=lambda words: shown.note(f"Connection lost ({words}); trying again.")
        )
        return line


def server_command(
    function: Callable[Concatenate[Session, P], Awaitable[ExitCode | None]],
) -> Callable[..., None]:
    """A command that speaks to a server: `function` gets a session; the options for it are added to its own."""

    def command(
        *, url: str | None, token: str | None, data_dir: Path | None, output: Output, **arguments: Any
    ) -> None:
        screen = Screen(output)
        with told(screen):
            discovery = Discovery(os.environ, url=url, token=token, data_dir=data_dir)
            code = asyncio.run(_session(function, discovery, screen, arguments))
        raise typer.Exit(code)

    options = [described("output", OutputOption, Output.TEXT)]
    options += [
        described("url", Url, None),
        described("token", Token, None),
        described("data_dir", DataDir, None),
    ]
    return _described(command, function, leave_out=1, options=options)


def local_command(function: Callable[Concatenate[Screen, P], ExitCode | None]) -> Callable[..., None]:
    """A command that needs no server."""

    def command(*, output: Output, **arguments: Any) -> None:
        screen = Screen(output)
        with told(screen):
            code = function(screen, **arguments)  # type: ignore[call-arg]
        raise typer.Exit(code or ExitCode.COMPLETED)

    return _described(
        command, function, leave_out=1, options=[described("output", OutputOption, Output.TEXT)]
    )


@contextmanager
def told(screen: Screen) -> Iterator[None]:
    """Tell refusals and failures in their own words, and end with the status that stands for them."""
    try:
        yield
    except (TracksideError, AppError) as error:
        screen.complain(in_commands(error))
        raise typer.Exit(_exit_code(error)) from error


async def _session(
    function: Callable[..., Awaitable[ExitCode | None]],
    discovery: Discovery,
    screen: Screen,
    arguments: dict[str, Any],
) -> ExitCode:
    http = import_module("app.client.http")  # takes time to load, which a tab and --help need not wait for
    async with http.Client(discovery, tries_again=retries.retries(discovery.environment)) as client:
        return await function(Session(client, discovery, screen), **arguments) or ExitCode.COMPLETED


def _exit_code(error: TracksideError | AppError) -> ExitCode:
    if isinstance(error, Unreachable):
        return ExitCode.UNREACHABLE
    refused = isinstance(error, AppError | Refused | NotAllowed) or error.code not in _BROKEN
    return ExitCode.REFUSED if refused else ExitCode.FAILED


def described(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """An option that is added to a command's own."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _described(
    command: Callable[..., None],
    function: Callable[..., Any],
    *,
    leave_out: int,
    options: list[inspect.Parameter],
) -> Callable[..., None]:
    """Typer reads names, types and help from the signature: give it the function's own, and the common options."""
    own = list(inspect.signature(function).parameters.values())[leave_out:]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    command.__name__ = function.__name__
    command.__doc__ = help_of(inspect.getdoc(function) or "")
    command.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *options]}
    return command


def help_of(docstring: str) -> str:
    """Paragraphs as one line each, for the terminal to break; those that begin with a backslash and b are examples."""
    paragraphs = docstring.replace("\\b\n", f"\b\n{EXAMPLES}\n").split("\n\n")
    return "\n\n".join(one if one.startswith("\b") else " ".join(one.split("\n")) for one in paragraphs)
