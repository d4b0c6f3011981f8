"""The event log as it grows, one line each."""

import asyncio
from contextlib import aclosing
from typing import Annotated, Any

import typer

from app.cli import completion, references
from app.cli.event_stream import PAST, show, stream
from app.cli.paging import pages
from app.cli.screen import Output, Screen
from app.cli.session import Session, server_command
from app.domain.runs import ENDED

app = typer.Typer()

START = "query ($runs: [ID!]!) { cursor nodes(ids: $runs) { ... on Run { id status } } }"


@app.command("monitor")
@server_command
async def monitor(
    session: Session,
    run: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Only these runs; ends when they have ended.",
            autocompletion=completion.run,
        ),
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
      trackside monitor nightly --format json
      trackside monitor nightly --after 0 --output jsonl
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
        async for found, _ in pages(session.client, PAST, "events", start=after, filter=filter):
            for event in found:
                show(screen, event)
        return
    async with aclosing(stream(session, screen, filter, after if after is not None else head)) as shown:
        async for data in shown:
            event = data["events"]
            show(screen, event)
            if ids and int(event["cursor"]) > int(head) and _ended(event, going_on):
                return


def _ended(event: dict[str, Any], going_on: set[str]) -> bool:
    """Whether with this event the last of the runs has ended; one that is retried goes on again."""
    if event["type"] == "RunStatusChanged" and event["run"]:
        going_on.discard(event["run"]["id"])
        if event["newRunStatus"] not in ENDED:
            going_on.add(event["run"]["id"])
    return not going_on
