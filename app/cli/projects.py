"""Projects: the directories that work happens in."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import completion, outcomes, references, text
from app.cli.arguments import Reason
from app.cli.lists import Listing, list_command
from app.cli.paging import Node
from app.cli.project_options import settings, with_flags
from app.cli.session import Session, server_command
from app.client.errors import TracksideError
from app.domain.project_settings import BY_CAMEL

SETTINGS = ("SETTING", "VALUE", "ORIGIN", "DEFAULT")

app = typer.Typer(
    no_args_is_help=True,
    help="Projects: make a directory known, say what holds in it, and see which ones there are.",
)

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
    flags { name value origin default description }
    runs(first: 5) { totalCount edges { node { id name status createdAt } } }
  }
}
"""
CONFIGURE = """
mutation ($input: ConfigureProjectInput!) {
  configureProject(input: $input) {
    project { id name flags { name value origin default } }
    command { id status }
    userErrors { code message path suggestion }
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
    r"""One project: its settings, where each comes from, and its latest runs.

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
    session.screen.table(SETTINGS, [_setting(flag) for flag in found["flags"]])
    now = text.now()
    latest = [edge["node"] for edge in runs["edges"]]
    if latest:
        session.screen.table(
            ("ID", "STATUS", "CREATED", "NAME"),
            [(one["id"], one["status"], text.ago(one["createdAt"], now), one["name"]) for one in latest],
        )


@app.command("configure")
@server_command
@with_flags
async def configure_project(
    session: Session,
    project: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT", help="Its id, name or directory.", autocompletion=completion.project
        ),
    ],
    reset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SETTING",
            help="A setting that the project is to say nothing of any more; may be repeated.",
            autocompletion=lambda: list(BY_CAMEL),
        ),
    ] = None,
    reason: Reason = None,
    **given: Any,
) -> None:
    r"""Change the settings of a project; what is left out stays as it is.

    \b
      trackside projects configure . --max-workers 8 --phase-guard
      trackside projects configure . --no-skills --command 'sh agent.sh'
      trackside projects configure . --agent claude --model opus
      trackside projects configure . --reset maxWorkers --reset phaseGuard
    """
    changes = {**settings(given), **({"reset": reset} if reset else {})}
    if not changes:
        raise TracksideError(
            "INVALID_INPUT", "There is nothing to change.", suggestion="Name something: --max-workers 8"
        )
    project_id = await references.project(session.client, project)
    payload = await session.client.mutate(CONFIGURE, {"projectId": project_id, "reason": reason, **changes})
    outcomes.show(session, payload, "project", f"{payload['project']['name']} ({project_id}) is configured")
    if not session.screen.json:
        session.screen.table(SETTINGS, [_setting(flag) for flag in payload["project"]["flags"]])


@app.command("create")
@server_command
async def create_project(
    session: Session,
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="An existing directory, on the server's machine.")
    ] = Path(),
    name: Annotated[str | None, typer.Option(help="What to call it; as the directory otherwise.")] = None,
) -> None:
    r"""Make a directory known as a project. Of one that is a project already, it tells which.

    \b
      trackside projects create
      trackside projects create ../website --name Website
    """
    root = directory.resolve()
    payload = await session.client.mutate(CREATE, {"name": name or root.name, "root": str(root)})
    made = payload["project"]
    outcomes.show(session, payload, "project", made["id"])
    other = name is not None and name != made["name"]
    session.screen.note(
        text.printable(f"{made['name']} in {made['root']}{', a project before this' if other else ''}")
    )


def _setting(flag: Node) -> tuple[str, ...]:
    return (flag["name"], _shown(flag["value"]), flag["origin"], _shown(flag["default"]))


def _shown(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "on" if value else "off"
        case {"command": argv}:
            return text.printable(shlex.join(argv))
        case {"agent": {"name": name}}:
            return text.printable(name)
    return str(value)


def _row(project: Node) -> tuple[str, ...]:
    return (project["id"], f"{project['runs']['totalCount']:,}", project["name"], project["root"])
