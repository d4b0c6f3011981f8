"""The same done to many runs at once: told first, done on request."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from app.cli import completion, references, text
from app.cli.arguments import ProjectOption, Reason
from app.cli.session import Session, server_command
from app.cli.wording import told
from app.domain.runs import RunStatus

app = typer.Typer()

BATCH = """
mutation ($input: BatchRunsInput!) {
  batchRuns(input: $input) {
    affectedCount affectedIds
    runs { id name status }
    failures { runId code message }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""


class Batch(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    ARCHIVE = "archive"
    CLEANUP = "cleanup"
    RESTART = "restart"


_OPERATIONS: Final = {
    Batch.PAUSE: "PAUSE_ALL",
    Batch.RESUME: "RESUME_ALL",
    Batch.ARCHIVE: "ARCHIVE_OLD",
    Batch.CLEANUP: "CLEANUP_ARCHIVED",
    Batch.RESTART: "RESTART_STALE",
}


@app.command("batch")
@server_command
async def batch_runs(
    session: Session,
    operation: Annotated[
        Batch,
        typer.Argument(
            metavar="OPERATION",
            case_sensitive=False,
            help="pause or resume runs, archive those that have ended long ago, cleanup: delete archived ones for good, "
            "restart: have what looks after silent ones begin again.",
        ),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do it, instead of only telling which runs are meant.")
    ] = False,
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than",
            metavar="HOURS",
            min=0,
            help="Only runs that have done nothing for so long; a week for archive and cleanup, half an hour for restart.",
        ),
    ] = None,
    project: ProjectOption = None,
    status: Annotated[
        list[RunStatus] | None, typer.Option(case_sensitive=False, help="In this status; may be repeated.")
    ] = None,
    search: Annotated[str | None, typer.Option(help="Part of the name, or a whole id.")] = None,
    phase: Annotated[
        str | None,
        typer.Option(help="In the phase with this key.", autocompletion=completion.phase),
    ] = None,
    reason: Reason = None,
) -> None:
    r"""Do the same to many runs at once. Without --yes it only tells which.

    \b
      trackside runs batch archive --older-than 720
      trackside runs batch pause --project . --yes --reason 'the tests are red'
      trackside runs batch cleanup --search old- --output json
      trackside runs batch restart
    """
    project_id = await references.project(session.client, project) if project is not None else None
    given: dict[str, Any] = {
        "projectId": project_id,
        "statuses": [one.value for one in status] if status else None,
        "search": search,
        "phase": phase,
    }
    filter = {name: value for name, value in given.items() if value is not None}
    payload = await session.client.mutate(
        BATCH,
        {
            "operation": _OPERATIONS[operation],
            "filter": filter or None,
            "olderThanHours": older_than,
            "dryRun": not yes,
            "reason": reason,
        },
    )
    if session.screen.json:
        shown = ("affectedCount", "affectedIds", "runs", "failures", "command")
        session.screen.document({"done": yes, **{name: payload[name] for name in shown}})
        return
    count = text.count(payload["affectedCount"], "run")
    session.screen.line(f"{operation.value.capitalize()}: {count}" + ("" if yes else " would be meant"))
    if payload["runs"]:
        session.screen.table(
            ("ID", "STATUS", "NAME"), [(one["id"], one["status"], one["name"]) for one in payload["runs"]]
        )
    for failure in payload["failures"]:
        session.screen.line(f"{failure['runId']}: {text.printable(told(failure['message']))}", style="red")
    if not yes:
        session.screen.note("Nothing was changed: --yes does it.")
