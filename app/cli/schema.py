"""The manual of the API."""

from pathlib import Path
from typing import Final

import typer

from app.cli.screen import Screen
from app.cli.session import local_command

app = typer.Typer()

_PACKAGE: Final = Path(__file__).parents[1]
_PLACES: Final = (_PACKAGE / "_data" / "schema.graphql", _PACKAGE.parent / "schema.graphql")
"""Where it lies in an installed package, and in the repository."""


@app.command("schema")
@local_command
def schema(screen: Screen) -> None:
    r"""Print the schema of the API: every type, field and argument, described. It needs no server.

    \b
      trackside schema
      trackside schema > schema.graphql
      trackside schema | grep -A 3 'enum Urgency'
    """
    sdl = next(place for place in _PLACES if place.is_file()).read_text(encoding="utf-8")
    if screen.json:
        screen.document({"sdl": sdl})
    else:
        screen.verbatim(sdl)
