"""Dispatch everywhere: looked at, stopped, let go on."""

from typing import Any

import typer

from app.cli import outcomes, text
from app.cli.arguments import Reason
from app.cli.session import Session, server_command

app = typer.Typer(no_args_is_help=True, help="The pipeline: stop dispatch everywhere, and let it go on.")

SHOW = "query { pipeline { id paused reason readyTasks runningWorkers } }"
PAUSE = """
mutation ($input: PipelineInput!) {
  pausePipeline(input: $input) {
    pipeline { id paused reason readyTasks runningWorkers }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""
RESUME = PAUSE.replace("pausePipeline", "resumePipeline")


@app.command("show")
@server_command
async def show_pipeline(session: Session) -> None:
    r"""Whether tasks are dispatched at all, and how much there is to do.

    \b
      trackside pipeline show
      trackside pipeline show --output json
    """
    found = (await session.client.query(SHOW))["pipeline"]
    if session.screen.json:
        session.screen.document(found)
    else:
        session.screen.line(text.printable(told(found)))


@app.command("pause")
@server_command
async def pause_pipeline(session: Session, reason: Reason = None) -> None:
    r"""Start nothing more, in any run, also after a restart. Running workers go on.

    \b
      trackside pipeline pause --reason 'the registry is down'
    """
    payload = await session.client.mutate(PAUSE, {"reason": reason})
    outcomes.show(session, payload, "pipeline", told(payload["pipeline"]))


@app.command("resume")
@server_command
async def resume_pipeline(session: Session, reason: Reason = None) -> None:
    r"""Let tasks be dispatched again.

    \b
      trackside pipeline resume
    """
    payload = await session.client.mutate(RESUME, {"reason": reason})
    outcomes.show(session, payload, "pipeline", told(payload["pipeline"]))


def told(pipeline: dict[str, Any]) -> str:
    """The pipeline in a line."""
    why = f": {pipeline['reason']}" if pipeline["reason"] else ""
    at_work = f"{text.count(pipeline['runningWorkers'], 'worker')} at work"
    ready = f"{text.count(pipeline['readyTasks'], 'task')} ready"
    return f"The pipeline is {f'paused{why}' if pipeline['paused'] else 'open'}; {at_work}, {ready}"
