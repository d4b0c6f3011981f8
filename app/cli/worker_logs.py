"""What a worker wrote: `trackside workers logs`."""

import asyncio
from contextlib import aclosing, suppress
from typing import Annotated, Any

import typer

from app.cli import references
from app.cli.arguments import WorkerArgument
from app.cli.paging import nodes
from app.cli.screen import Screen
from app.cli.session import Session, server_command
from app.domain.workers import LIVE

app = typer.Typer()

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
      trackside workers logs 7xk2p --last 20
      trackside workers logs 7xk2p --follow
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
        with suppress(asyncio.CancelledError):  # Ctrl-C
            await _follow(session, worker_id, lines[-1]["cursor"] if lines else "0")


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
    line = session.line()
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
