"""What an agent says of itself, as agents and their scripts say it."""

from typing import Annotated

import typer

from app.cli import completion, outcomes, references
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer()

REPORT = """
mutation ($input: ReportProgressInput!) {
  reportProgress(input: $input) {
    worker { id name status currentActivity progress }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""


@app.command("progress")
@server_command
async def progress(
    session: Session,
    percent: Annotated[
        int | None, typer.Argument(metavar="PERCENT", min=0, max=100, help="How far it is.")
    ] = None,
    activity: Annotated[str | None, typer.Option(help="What it is doing, in a line.")] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            metavar="WORKER",
            help="Which worker; inside one, the worker itself.",
            autocompletion=completion.worker,
        ),
    ] = None,
) -> None:
    r"""Say what a worker is doing and how far it is. Agents say it of themselves.

    \b
      trackside progress 40 --activity 'Writing the tests' --worker 7xk2p
      trackside progress --activity 'Reading' --worker 7xk2p
    """
    if percent is None and activity is None:
        raise TracksideError(
            "INVALID_INPUT",
            "There is nothing to say.",
            suggestion="trackside progress 40 --activity 'Testing'",
        )
    own = session.server.environment.get("TRACKSIDE_WORKER_ID")
    if worker is None and not own:
        raise TracksideError(
            "INVALID_INPUT", "This is no worker.", suggestion="Say which one it is about: --worker WORKER"
        )
    worker_id = await references.worker(session.client, worker) if worker is not None else own
    payload = await session.client.mutate(
        REPORT, {"workerId": worker_id, "progress": percent, "activity": activity}
    )
    told = payload["worker"]
    at = f"{told['progress']} %" if told["progress"] is not None else ""
    said = ", ".join(one for one in (at, told["currentActivity"]) if one)
    outcomes.show(session, payload, "worker", f"{told['id']}: {said}")
