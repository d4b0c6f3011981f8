"""The server at a glance."""

import typer

from app.cli import text
from app.cli.session import Session, server_command

app = typer.Typer()

STATUS = """
query {
  viewer { name role }
  pipeline { paused reason readyTasks runningWorkers }
  attention(first: 0) { totalCount }
  projects(first: 0) { totalCount }
  runs(first: 0) { totalCount }
  open: runs(
    filter: {statuses: [ACTIVE, WAITING_FOR_INPUT, BLOCKED, PAUSING, PAUSED, COMPLETING, STOPPING]}, first: 0
  ) { totalCount }
}
"""


@app.command("status")
@server_command
async def status(session: Session) -> None:
    r"""Which server this is, who you are to it, and how much is going on.

    \b
      trackside status
      trackside status --output json
    """
    found = await session.client.query(STATUS)
    url, pipeline, viewer = session.server.locate().url, found["pipeline"], found["viewer"]
    counted = {
        name: found[field]["totalCount"]
        for name, field in (
            ("runs", "runs"),
            ("openRuns", "open"),
            ("projects", "projects"),
            ("attention", "attention"),
        )
    }
    if session.screen.json:
        session.screen.document({"url": url, "viewer": viewer, "pipeline": pipeline, "counts": counted})
        return
    line = session.screen.line
    line(f"{url}  as {text.printable(viewer['name'])} ({viewer['role']})", style="bold")
    why = f": {text.printable(pipeline['reason'])}" if pipeline["reason"] else ""
    line(f"  pipeline   {f'paused{why}' if pipeline['paused'] else 'open'}")
    line(
        f"  workers    {pipeline['runningWorkers']:,} at work, {text.count(pipeline['readyTasks'], 'task')} ready"
    )
    line(
        f"  runs       {counted['openRuns']:,} open of {counted['runs']:,}, in {text.count(counted['projects'], 'project')}"
    )
    line(f"  attention  {text.count(counted['attention'], 'item')} for you")
