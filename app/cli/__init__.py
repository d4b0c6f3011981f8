"""The command line program."""

import os
import sys
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Final

import typer

from app.cli.exit_codes import ExitCode, table
from app.cli.lazy import MODULES, LazyGroup, placeholder
from app.cli.screen import FOR_PROGRAMS, Output, Screen
from app.client.errors import TracksideError

HELP = """A control plane for fleets of coding agents, spoken to in GraphQL.

\b
  trackside demo                                see it at work
  trackside run plan.md --command 'make check'  carry out a plan
  trackside serve                               a server that stays
"""

root = typer.Typer(
    name="trackside",
    cls=LazyGroup,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # shows local variables, among them tokens
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExit statuses:\n" + table(),
)
_OUTPUT: Final = ("--output", "--format")

for _name, (_, _help) in MODULES.items():
    root.command(_name, help=_help)(placeholder)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"trackside {_version()}")
        raise typer.Exit


def _version() -> str:
    metadata = import_module("importlib.metadata")  # takes longer to load than anything else here
    try:
        return str(metadata.version("trackside"))
    except metadata.PackageNotFoundError:
        return "(not installed)"


@root.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Which version this is.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Errors of usage are told as JSON too, where JSON is asked for."""
    try:
        code = root(prog_name="trackside", standalone_mode=not wants_json(sys.argv[1:]))
    except BrokenPipeError:
        code = _nobody_reads()
    except SystemExit as ended:
        code = _nobody_reads() if isinstance(ended.__context__, BrokenPipeError) else ended.code
    except Exception as error:
        words = getattr(error, "format_message", None)  # what Typer raises for wrong usage
        if words is None:
            raise
        suggestion = "Add --help to see what there is."
        Screen(Output.JSON).complain(TracksideError("USAGE", str(words()), suggestion=suggestion))
        code = ExitCode.REFUSED
    sys.exit(code)


def wants_json(arguments: list[str]) -> bool:
    return any(
        (option in _OUTPUT and value in FOR_PROGRAMS)
        or any(option == f"{name}={output}" for name in _OUTPUT for output in FOR_PROGRAMS)
        for option, value in pairwise([*arguments, ""])
    )


def _nobody_reads() -> ExitCode:
    """As `trackside events list | head` ends it. What is still buffered must not be written at the end either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            os.dup2(nowhere, stream.fileno())
    return ExitCode.PIPE_CLOSED
