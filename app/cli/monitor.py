"""The event log as it grows, one line each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import typer

from app.cli import events, references, text
from app.cli.screen import Output, Screen
from app.cli.session import Session, server_command
from app.client.following import Line
from app.domain.runs import ENDED

app = typer.Typer()

START = "query ($runs: [ID!]!) { cursor nodes(ids: $runs) { ... on Run { id status } } }"
PAST = f"""
query ($filter: EventFilter, $after: Cursor!) {{
  events(filter: $filter, after: $after, first: 100) {{
    edges {{ node {{ {events.SELECTION} }} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
FOLLOW = f"""
subscription ($filter: EventFilter, $after: Cursor!) {{
  events(filter: $filter, after: $after) {{ {events.SELECTION} }}
}}
"""


@app.command("monitor")
@server_command
async def monitor(
    session: Session,
    run: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="Only these runs; ends when they have ended.")
    ] = None,
    format: Annotated[
        Output | None, typer.Option("--format", help="Text, or a JSON document a line; the same as --output.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="CURSOR", help='Go on after this event; "0" is the whole log. From now on otherwise.'
        ),
    ] = None,
) -> None:
    r"""Follow what happens, one line for each event. A lost connection is made again, without gaps or repeats.

    Each line begins with the event's cursor: give it to --after to go on from there. Ctrl-C ends it, with status 0.

    \b
      trackside monitor
      trackside monitor 6qz3v --format json
      trackside monitor --after 0 | grep FAILED
    """
    screen = Screen(format) if format is not None else session.screen
    ids = [await references.run(session.client, one) for one in run or []]
    try:
        await _monitor(session, screen, ids, after)
    except asyncio.CancelledError:  # Ctrl-C
        return


async def _monitor(session: Session, screen: Screen, ids: list[str], after: str | None) -> None:
    start = await session.client.query(START, {"runs": ids})
    head, filter = start["cursor"], {"runIds": ids} if ids else None
    going_on = {node["id"] for node in start["nodes"] if node and node["status"] not in ENDED}
    if ids and not going_on:
        if after is None:
            screen.note("It has ended already. Its past: trackside monitor … --after 0")
            return
        async for event in _past(session, filter, after):
            show(screen, event)
        return
    line = Line(session.server, lost=lambda words: screen.note(f"Connection lost ({words}); trying again."))
    stream = line.follow(
        FOLLOW,
        {"filter": filter},
        after=after if after is not None else head,
        cursor=lambda data: str(data["events"]["cursor"]),
    )
    async with aclosing(stream):
        async for data in stream:
            event = data["events"]
            show(screen, event)
            if ids and int(event["cursor"]) > int(head) and _ended(event, going_on):
                return


def show(screen: Screen, event: dict[str, Any]) -> None:
    if screen.json:
        screen.record(event)
        return
    run = f"  {text.printable(event['run']['name'])}:" if event["run"] else ""
    screen.line(f"{event['cursor']:>6}  {text.clock(event['at'])}{run}  {events.told(event)}")


async def _past(session: Session, filter: Any, after: str) -> AsyncIterator[dict[str, Any]]:
    while True:
        page = (await session.client.query(PAST, {"filter": filter, "after": after}))["events"]
        for edge in page["edges"]:
            yield edge["node"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def _ended(event: dict[str, Any], going_on: set[str]) -> bool:
    """Whether with this event the last of the runs has ended; one that is retried goes on again."""
    if event["type"] == "RunStatusChanged" and event["run"]:
        going_on.discard(event["run"]["id"])
        if event["newRunStatus"] not in ENDED:
            going_on.add(event["run"]["id"])
    return not going_on
