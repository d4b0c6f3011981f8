"""A project's files as context for agents."""

from typing import Annotated

import typer

from app.cli import completion, references, text
from app.cli.lists import Listing, list_command
from app.cli.paging import Node
from app.cli.session import Session

app = typer.Typer(no_args_is_help=True, help="Context: what each file would cost an agent to read.")

LIST = """
query ($projectId: ID!, $first: Int!, $after: String) {
  contextState(projectId: $projectId, first: $first, after: $after) {
    edges { node { id path language state tokens skeletonTokens error } } pageInfo { hasNextPage endCursor }
  }
}
"""


@app.callback()
def group() -> None:
    pass


@app.command("list")
@list_command
async def list_files(
    session: Session,
    project: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT", help="Its id, name or directory.", autocompletion=completion.project
        ),
    ] = ".",
) -> Listing:
    r"""The files of a project with their size in tokens, whole and without the bodies of their functions.

    The index is made when it is first asked for, which may take some seconds.

    \b
      trackside context list
      trackside context list . --all --output jsonl
    """
    return Listing(
        document=LIST,
        path=("contextState",),
        header=("STATE", "TOKENS", "SKELETON", "LANGUAGE", "PATH", ""),
        row=_row,
        none="No files. If there should be some: the index is being made, ask again in a moment.",
        variables={"projectId": await references.project(session.client, project)},
        events={"types": ["RunStatusChanged"]},
    )


def _row(file: Node) -> tuple[str, ...]:
    return (
        file["state"],
        _number(file["tokens"]),
        _number(file["skeletonTokens"]),
        file["language"] or "",
        file["path"],
        text.printable(file["error"] or ""),
    )


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
