"""Everything the control plane knows, for debugging, export, or a copy elsewhere."""

from contextlib import aclosing
from enum import StrEnum
from typing import Annotated

import typer

from app.cli import references
from app.cli.arguments import ProjectOption
from app.cli.session import Session, server_command
from app.client import dumps

app = typer.Typer()

STATE = "query ($project: ID) { state(projectId: $project) }"


class Include(StrEnum):
    EVENTS = "events"
    LOGS = "logs"


@app.command("state")
@server_command
async def state(
    session: Session,
    project: ProjectOption = None,
    include: Annotated[
        list[Include] | None,
        typer.Option(
            case_sensitive=False, help="The event log and what workers wrote as well; may be repeated."
        ),
    ] = None,
) -> None:
    r"""Print everything the control plane knows, a JSON object a line. For ADMINs.

    With --output json it is one document instead, true of one instant, and holds as much as the server's limits let it.

    \b
      trackside state
      trackside state > state.ndjson
      trackside state --project . --include events --include logs | tail -n 1
      trackside state --output json
    """
    project_id = await references.project(session.client, project) if project is not None else None
    if session.screen.json and not session.screen.records:
        session.screen.document((await session.client.query(STATE, {"project": project_id}))["state"])
        return
    given = {"projectId": project_id, "include": ",".join(one.value for one in include or [])}
    parameters = {name: value for name, value in given.items() if value}
    async with aclosing(dumps.lines(session.server.locate(), parameters)) as lines:
        async for line in lines:
            session.screen.verbatim(f"{line}\n")
