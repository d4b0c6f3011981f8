"""Projects: the directories that work happens in."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import completion, outcomes, references, text
from app.cli.lists import Listing, list_command
from app.cli.paging import Node
from app.cli.session import Session, server_command

app = typer.Typer(no_args_is_help=True, help="Projects: make a directory known, and see which ones are.")

LIST = """
query ($first: Int!, $after: String) {
  projects(first: $first, after: $after) {
    edges { node { id name root runs(first: 0) { totalCount } } } pageInfo { hasNextPage endCursor }
  }
}
"""
SHOW = """
query ($id: ID!) {
  project(id: $id) {
    id name root
    runs(first: 5) { totalCount edges { node { id name status createdAt } } }
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


@app.command("list")
@list_command
async def list_projects(session: Session) -> Listing:
    r"""Every project that you may see, by name.

    \b
      trackside projects list
      trackside projects list --all --output json
    """
    return Listing(
        document=LIST,
        path=("projects",),
        header=("ID", "RUNS", "NAME", "DIRECTORY"),
        row=_row,
        none="No projects.",
        events={"types": ["CommandChanged", "RunStatusChanged"]},
    )


@app.command("show")
@server_command
async def show_project(
    session: Session,
    project: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT", help="Its id, name or directory.", autocompletion=completion.project
        ),
    ],
) -> None:
    r"""One project, and its latest runs.

    \b
      trackside projects show .
      trackside projects show . --output json
    """
    project_id = await references.project(session.client, project)
    found = (await session.client.query(SHOW, {"id": project_id}))["project"]
    if session.screen.json:
        session.screen.document(found)
        return
    runs = found["runs"]
    session.screen.line(text.printable(found["name"]), style="bold")
    rows = [("id", found["id"]), ("in", found["root"]), ("runs", f"{runs['totalCount']:,}")]
    session.screen.facts(rows)
    now = text.now()
    latest = [edge["node"] for edge in runs["edges"]]
    if latest:
        session.screen.table(
            ("ID", "STATUS", "CREATED", "NAME"),
            [(one["id"], one["status"], text.ago(one["createdAt"], now), one["name"]) for one in latest],
        )


@app.command("create")
@server_command
async def create_project(
    session: Session,
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="An existing directory, on the server's machine.")
    ] = Path(),
    name: Annotated[str | None, typer.Option(help="What to call it; as the directory otherwise.")] = None,
) -> None:
    r"""Make a directory known as a project.

    \b
      trackside projects create
      trackside projects create ../website --name Website
    """
    root = directory.resolve()
    payload = await session.client.mutate(CREATE, {"name": name or root.name, "root": str(root)})
    made = payload["project"]
    outcomes.show(session, payload, "project", made["id"])
    session.screen.note(text.printable(f"{made['name']} in {made['root']}"))


def _row(project: Node) -> tuple[str, ...]:
    return (project["id"], f"{project['runs']['totalCount']:,}", project["name"], project["root"])
