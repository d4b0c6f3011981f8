"""Workers: who is at work, what they wrote, and how to end one."""

from contextlib import aclosing
from typing import Annotated, Any

import typer

from app.cli import references, text
from app.cli.paging import nodes
from app.cli.screen import Screen
from app.cli.session import Session, server_command
from app.client.following import Line
from app.domain.workers import LIVE, WorkerStatus

app = typer.Typer(no_args_is_help=True, help="Workers: look at them, read what they wrote, end one.")

LIST = """
query ($run: ID, $statuses: [WorkerStatus!], $first: Int!, $after: String) {
  workers(filter: {runId: $run, statuses: $statuses}, first: $first, after: $after) {
    edges { node {
      id name status statusReason command pid exitCode attempt startedAt endedAt currentActivity progress
      task { id key title } run { id name }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
LOGS = """
query ($id: ID!, $first: Int!, $after: String) {
  worker(id: $id) {
    logs(first: $first, after: $after) {
      edges { node { cursor stream text at } } pageInfo { hasNextPage endCursor }
    }
  }
}
"""
LAST_LOGS = """
query ($id: ID!, $last: Int!, $before: String) {
  worker(id: $id) {
    status
    logs(last: $last, before: $before) {
      edges { node { cursor stream text at } } pageInfo { hasPreviousPage startCursor }
    }
  }
}
"""
STATUS = "query ($id: ID!) { worker(id: $id) { status } }"
FOLLOW = """
subscription ($id: ID!, $after: String) {
  logs(workerId: $id, after: $after) { cursor lines { cursor stream text at } }
}
"""
KILL = """
mutation ($input: KillWorkerInput!) {
  killWorker(input: $input) {
    worker { id name status statusReason }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""

WorkerArgument = Annotated[
    str, typer.Argument(metavar="WORKER", help="Its id, or a unique beginning or end of it.")
]


@app.command("list")
@server_command
async def list_workers(
    session: Session,
    run: Annotated[str | None, typer.Option(help="Of this run.")] = None,
    status: Annotated[
        list[WorkerStatus] | None, typer.Option(case_sensitive=False, help="In this status; may be repeated.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Only those that are alive.")] = False,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many at most.")] = 20,
) -> None:
    r"""Workers, newest first.

    \b
      trackside workers list --live
      trackside workers list --run 6qz3v
      trackside workers list --status FAILED --output json
    """
    wanted = [one for one in WorkerStatus if (not status or one in status) and (not live or one in LIVE)]
    found = await nodes(
        session.client,
        LIST,
        "workers",
        most=number,
        run=await references.run(session.client, run) if run is not None else None,
        statuses=[one.value for one in wanted] if status or live else None,
    )
    if session.screen.json:
        session.screen.document(found)
    elif not found:
        session.screen.line("No such workers." if status or live else "No workers.")
    else:
        _show(session.screen, found)


@app.command("logs")
@server_command
async def worker_logs(
    session: Session,
    worker: WorkerArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it has ended.")] = False,
    last: Annotated[int | None, typer.Option("--last", min=0, help="Only the last lines, so many.")] = None,
) -> None:
    r"""What a worker wrote. With --follow and --output json, each line is a JSON document of its own.

    \b
      trackside workers logs wrk_01k… --last 20
      trackside workers logs 6qz3v --follow
    """
    worker_id = await references.worker(session.client, worker)
    if last is not None:
        lines = await _last(session, worker_id, last)
    elif follow:
        lines = []
    else:
        lines = await nodes(session.client, LOGS, "worker", "logs", id=worker_id)
    if session.screen.json and not follow:
        session.screen.document(lines)
        return
    for line in lines:
        _show_line(session.screen, line)
    if follow:
        await _follow(session, worker_id, lines[-1]["cursor"] if lines else "0")


@app.command("kill")
@server_command
async def kill_worker(
    session: Session,
    worker: WorkerArgument,
    grace: Annotated[
        int | None,
        typer.Option(min=0, max=3600, help="Seconds from SIGTERM to SIGKILL; 10 where it is left out."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit trail.")] = None,
) -> None:
    r"""End a worker and everything it started. Its task is tried again or fails, by its own rules.

    \b
      trackside workers kill 6qz3v --reason 'it goes round in circles'
      trackside workers kill 6qz3v --grace 0
    """
    worker_id = await references.worker(session.client, worker)
    payload = await session.client.mutate(
        KILL, {"workerId": worker_id, "graceSeconds": grace, "reason": reason}
    )
    if session.screen.json:
        session.screen.document({"worker": payload["worker"], "command": payload["command"]})
    else:
        session.screen.line(f"{worker_id} is {payload['worker']['status']}")


async def _last(session: Session, worker_id: str, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before = None
    while len(found) < number:
        variables = {"id": worker_id, "last": min(100, number - len(found)), "before": before}
        page = (await session.client.query(LAST_LOGS, variables))["worker"]["logs"]
        found = [edge["node"] for edge in page["edges"]] + found
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = page["pageInfo"]["startCursor"]
    return found


async def _follow(session: Session, worker_id: str, after: str) -> None:
    """Until the worker has ended: a server that goes away ends the subscription too."""
    line = Line(
        session.server, lost=lambda words: session.screen.note(f"Connection lost ({words}); trying again.")
    )
    while True:
        stream = line.follow(
            FOLLOW,
            {"id": worker_id},
            after=after,
            cursor=lambda data: str(data["logs"]["cursor"]),
            endless=False,
        )
        async with aclosing(stream):
            async for data in stream:
                after = data["logs"]["cursor"]
                for one in data["logs"]["lines"]:
                    _show_line(session.screen, one)
        found = (await session.client.query(STATUS, {"id": worker_id}))["worker"]
        if found is None or found["status"] not in LIVE:
            return


def _show_line(screen: Screen, line: dict[str, Any]) -> None:
    if screen.json:
        screen.record(line)
    else:
        screen.raw(line["text"], style="" if line["stream"] in ("STDOUT", "AGENT") else "dim")


def _show(screen: Screen, workers: list[dict[str, Any]]) -> None:
    now = text.now()
    rows = []
    for worker in workers:
        ended = worker["endedAt"] is not None
        doing = worker["statusReason"] if ended else worker["currentActivity"]
        task = worker["task"]
        began = text.ago(worker["startedAt"], now)
        what = task["key"] if task is not None else "-"
        rows.append((worker["id"], worker["status"], what, began, doing or " ".join(worker["command"])))
    screen.table(("ID", "STATUS", "TASK", "STARTED", "WHAT"), rows)
