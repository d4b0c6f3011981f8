"""Projects: looked through, made known."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.paging import nodes
from app.cli.session import Session, server_command

app = typer.Typer(no_args_is_help=True, help="Projects: directories that work happens in.")

LIST = """
query ($first: Int!, $after: String) {
  projects(first: $first, after: $after) {
    edges { node { id name root runs { totalCount } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CREATE = """
mutation ($input: CreateProjectInput!) {
  createProject(input: $input) {
    project { id name root }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""


@app.callback()
def projects() -> None:
    """Projects: directories that work happens in."""


@app.command("list")
@server_command
async def list_projects(session: Session) -> None:
    r"""Every project that the token may see, by name.

    \b
      trackside projects list
      trackside projects list --output json
    """
    found = await nodes(session.client, LIST, "projects")
    if session.screen.json:
        session.screen.document(found)
        return
    rows = [(one["id"], one["name"], str(one["runs"]["totalCount"]), one["root"]) for one in found]
    session.screen.table(("ID", "NAME", "RUNS", "DIRECTORY"), rows)


@app.command("create")
@server_command
async def create_project(
    session: Session,
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="An existing directory, on the server's machine.")
    ] = Path(),
    name: Annotated[
        str | None, typer.Option(help="What people call it; the directory's own name where it is left out.")
    ] = None,
) -> None:
    r"""Make a directory known as a project.

    \b
      trackside projects create
      trackside projects create ../website --name Website
    """
    root = directory.resolve()
    payload = await session.client.mutate(CREATE, {"name": name or root.name, "root": str(root)})
    if session.screen.json:
        session.screen.document({"project": payload["project"], "command": payload["command"]})
    else:
        session.screen.line(payload["project"]["id"])
