"""The event log: what happened, and what happens."""

from typing import Annotated, Any, Final

import typer

from app.cli import completion, events, references
from app.cli.arguments import ProjectOption
from app.cli.event_stream import PAST, follow, show
from app.cli.paging import pages
from app.cli.session import Session, server_command
from app.domain.runs import RunStatus

app = typer.Typer(no_args_is_help=True, help="The event log: read what happened, follow what happens.")

LAST = f"""
query ($filter: EventFilter, $last: Int!, $before: Cursor) {{
  events(filter: $filter, last: $last, before: $before) {{
    edges {{ node {{ {events.SELECTION} }} }} pageInfo {{ hasPreviousPage startCursor }}
  }}
}}
"""
_PAGE: Final = 100

Runs = Annotated[
    list[str] | None,
    typer.Option("--run", metavar="RUN", help="Of this run; may be repeated.", autocompletion=completion.run),
]
Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task", metavar="TASK", help="Of this task; may be repeated.", autocompletion=completion.task
    ),
]
Workers = Annotated[
    list[str] | None,
    typer.Option(
        "--worker",
        metavar="WORKER",
        help="Of this worker; may be repeated.",
        autocompletion=completion.worker,
    ),
]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="Of this type, such as TaskStatusChanged; may be repeated.",
        autocompletion=completion.event_type,
    ),
]
RunStatuses = Annotated[
    list[RunStatus] | None,
    typer.Option(
        "--run-status", case_sensitive=False, help="While their run was in this status; may be repeated."
    ),
]


@app.command("list")
@server_command
async def list_events(
    session: Session,
    run: Runs = None,
    task: Tasks = None,
    worker: Workers = None,
    type: Types = None,
    run_status: RunStatuses = None,
    project: ProjectOption = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="CURSOR", help='From after this event on; "0" is the whole log. The last ones otherwise.'
        ),
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many at most.")] = _PAGE,
    every: Annotated[bool, typer.Option("--all", help="Every one there is, however many.")] = False,
) -> None:
    r"""What happened, oldest first: the last events, or those after a cursor.

    \b
      trackside events list
      trackside events list --run nightly --type TaskStatusChanged -n 500
      trackside events list --after 0 --all --output jsonl
      trackside events list --run nightly --all | grep 'task T012'
    """
    filter = await _filter(session, run, task, worker, type, run_status, project)
    if after is None and not every:
        found = await _last(session, filter, limit)
    else:
        found = []
        read = pages(
            session.client, PAST, "events", most=None if every else limit, start=after or "0", filter=filter
        )
        async for some, _ in read:
            if session.screen.json and not session.screen.records:
                found += some
                continue
            for event in some:  # a log is long: it is shown while it is read
                show(session.screen, event, filter)
    if session.screen.json and not session.screen.records:
        session.screen.document(found)
        return
    for event in found:
        show(session.screen, event, filter)


@app.command("follow")
@server_command
async def follow_events(
    session: Session,
    run: Runs = None,
    task: Tasks = None,
    worker: Workers = None,
    type: Types = None,
    run_status: RunStatuses = None,
    project: ProjectOption = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="CURSOR", help='Go on after this event; "0" is the whole log. From now on otherwise.'
        ),
    ] = None,
) -> None:
    r"""What happens, one line for each event, until Ctrl-C. `trackside monitor RUN` ends with its run.

    A lost connection is made again, without gaps or repeats.

    \b
      trackside events follow
      trackside events follow --run nightly --type WorkerStatusChanged --type AttentionOpened
      trackside events follow --after 0 --output jsonl
    """
    filter = await _filter(session, run, task, worker, type, run_status, project)
    await follow(session, session.screen, filter, after)


async def _filter(
    session: Session,
    run: list[str] | None,
    task: list[str] | None,
    worker: list[str] | None,
    type: list[str] | None,
    run_status: list[RunStatus] | None,
    project: str | None,
) -> dict[str, Any] | None:
    client = session.client
    given = {
        "runIds": [await references.run(client, one) for one in run or []],
        "taskIds": [(await references.task_of(client, one)).id for one in task or []],
        "workerIds": [await references.worker(client, one) for one in worker or []],
        "types": type,
        "runStatuses": [one.value for one in run_status or []],
        "projectId": await references.project(client, project) if project is not None else None,
    }
    return {name: value for name, value in given.items() if value} or None


async def _last(session: Session, filter: Any, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before = None
    while len(found) < limit:
        variables = {"filter": filter, "last": min(_PAGE, limit - len(found)), "before": before}
        page = (await session.client.query(LAST, variables))["events"]
        found = [edge["node"] for edge in page["edges"]] + found
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = page["pageInfo"]["startCursor"]
    return found
