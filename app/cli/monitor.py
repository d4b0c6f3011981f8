"""The event log as it grows, one line each."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from app.cli import completion, references, text
from app.cli.arguments import ProjectOption
from app.cli.event_stream import PAST, show, stream
from app.cli.paging import pages
from app.cli.screen import Output, Screen
from app.cli.session import Session, server_command
from app.client.errors import TracksideError
from app.domain.runs import ENDED, RunStatus
from app.domain.supervisors import DEAD

app = typer.Typer()

START = "query ($runs: [ID!]!) { cursor nodes(ids: $runs) { ... on Run { id status } } }"
SILENT = """
query ($filter: RunFilter, $first: Int!, $after: String) {
  runs(filter: $filter, first: $first, after: $after) {
    edges { node { id name status lastActivityAt } } pageInfo { hasNextPage endCursor }
  }
}
"""
STALENESS: Final = ("StaleDetected", "SupervisorStateChanged")
URGENT: Final = ("AttentionOpened", "AttentionClosed", *STALENESS)
ENDINGS: Final = ("RunStatusChanged",)
"""Heard whatever is shown: by them it is known when there is no more to come."""
_HALTED: Final = {*ENDED, RunStatus.BLOCKED, RunStatus.PAUSED}
"""Statuses in which a run stands still until somebody does something, but for answers: their items are told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are followed: `filter` as the API takes it; `quiet` and `stale` leave out more."""

    filter: Mapping[str, Any] | None
    quiet: bool
    stale: bool

    def shows(self, event: Mapping[str, Any]) -> bool:
        kind = event["type"]
        if kind == "SupervisorStateChanged" and (self.quiet or self.stale):
            return event["newState"] in DEAD
        if kind == "RunStatusChanged" and self.quiet:
            return event["newRunStatus"] in _HALTED
        return kind in STALENESS or not self.stale or self.quiet


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
    status: Annotated[
        list[RunStatus] | None,
        typer.Option(case_sensitive=False, help="While their run is in this status; may be repeated."),
    ] = None,
    project: ProjectOption = None,
    stale: Annotated[
        bool,
        typer.Option(
            "--stale",
            help="Only silence: runs that are stale now, those that become it, and what looks after them being given up.",
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Only what needs people: questions, runs that stand still, and ends."
        ),
    ] = False,
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
      trackside monitor nightly --quiet --after 0
    """
    if run and status:
        raise TracksideError(
            "INVALID_INPUT",
            "Runs are named, and meant by their status as well.",
            suggestion="Leave out the names, or --status. Their events by status: trackside events list --run-status",
        )
    screen = Screen(format) if format is not None else session.screen
    ids = [await references.run(session.client, one) for one in run or []]
    project_id = await references.project(session.client, project) if project is not None else None
    given = {
        "runIds": ids,
        "projectId": project_id,
        "runStatuses": [one.value for one in status or []],
        "types": [*(URGENT if quiet else STALENESS), *ENDINGS] if quiet or stale else [],
    }
    wanted = Wanted({name: value for name, value in given.items() if value} or None, quiet, stale)
    try:
        if stale:
            await _tell_silent(session, screen, ids, project_id)
        await _monitor(session, screen, ids, after, wanted)
    except asyncio.CancelledError:  # Ctrl-C
        return


async def _tell_silent(session: Session, screen: Screen, ids: list[str], project_id: str | None) -> None:
    """Runs that are stale already: what tells of it may have happened long ago."""
    filter = {"stale": True, "projectId": project_id}
    async for found, _ in pages(session.client, SILENT, "runs", filter=filter):
        for run in found:
            if ids and run["id"] not in ids:
                continue
            if screen.json:
                screen.record({"stale": True, "run": run})
            else:
                since = text.ago(run["lastActivityAt"], text.now())
                screen.line(f"     -  {text.printable(run['name'])}:  run is stale, last active {since}")


async def _monitor(
    session: Session, screen: Screen, ids: list[str], after: str | None, wanted: Wanted
) -> None:
    start = await session.client.query(START, {"runs": ids})
    head = start["cursor"]
    going_on = {node["id"] for node in start["nodes"] if node and node["status"] not in ENDED}
    if ids and not going_on:
        if after is None:
            screen.note("It has ended already. Its past: trackside monitor … --after 0")
            return
        async for found, _ in pages(session.client, PAST, "events", start=after, filter=wanted.filter):
            for event in found:
                _show(screen, event, wanted)
        return
    async with aclosing(
        stream(session, screen, wanted.filter, after if after is not None else head)
    ) as shown:
        async for data in shown:
            event = data["events"]
            _show(screen, event, wanted)
            if ids and int(event["cursor"]) > int(head) and _ended(event, going_on):
                return


def _show(screen: Screen, event: dict[str, Any], wanted: Wanted) -> None:
    if wanted.shows(event):
        show(screen, event, wanted.filter)


def _ended(event: dict[str, Any], going_on: set[str]) -> bool:
    """Whether with this event the last of the runs has ended; one that is retried goes on again."""
    if event["type"] == "RunStatusChanged" and event["run"]:
        going_on.discard(event["run"]["id"])
        if event["newRunStatus"] not in ENDED:
            going_on.add(event["run"]["id"])
    return not going_on
