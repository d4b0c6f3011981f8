"""Whether runs get on and somebody looks after each: for people, and for whatever watches a server."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from app.cli import completion, references, text
from app.cli.arguments import ProjectOption, Threshold, span
from app.cli.exit_codes import ExitCode
from app.cli.paging import nodes
from app.cli.session import Session, server_command
from app.domain.runs import ENDED, RunStatus

app = typer.Typer()

_PAGES: Final = "($filter: RunFilter, $first: Int!, $after: String)"
OPEN = f"""
query {_PAGES} {{
  runs(filter: $filter, first: $first, after: $after) {{
    edges {{ node {{
      id name status statusReason startedAt lastActivityAt openAttention
      supervisor {{ id state isAgent alive restarts lastHeartbeatAt currentActivity progress }}
    }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
STALE = f"""
query {_PAGES} {{
  runs(filter: $filter, first: $first, after: $after) {{
    edges {{ node {{ id }} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
HEADER: Final = ("ID", "HEALTH", "STATUS", "SUPERVISOR", "HEARD", "ACTIVE", "NAME")


class Health(StrEnum):
    DEAD = "DEAD"
    STALE = "STALE"
    OK = "OK"


_ORDER: Final = list(Health)


@app.command("health")
@server_command
async def runs_health(
    session: Session,
    run: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN", help="Only these; every open run otherwise.", autocompletion=completion.run
        ),
    ] = None,
    project: ProjectOption = None,
    threshold: Threshold = None,
) -> ExitCode:
    r"""Open runs, those in trouble first: DEAD where nothing looks after one any more, STALE where nothing happens in it.

    Ends with 8 where any is in trouble, so that whatever watches a server may ask it.

    \b
      trackside runs health
      trackside runs health nightly --threshold 10m
      trackside runs health --project . --output json
      trackside runs health --output compact
    """
    client = session.client
    given = {
        "projectId": await references.project(client, project) if project is not None else None,
        "statuses": [one.value for one in RunStatus if one not in ENDED],
    }
    filter = {name: value for name, value in given.items() if value is not None}
    silent = {"stale": True, "staleAfterSeconds": span(threshold, "--threshold")}
    named = [await references.run(client, one) for one in run or []]
    stale = {one["id"] for one in await nodes(client, STALE, "runs", filter={**filter, **silent})}
    found = await nodes(client, OPEN, "runs", filter=filter)
    shown = [
        {"health": _health(one, stale), **one}
        for one in found
        if one["startedAt"] is not None and (not named or one["id"] in named)
    ]
    shown.sort(key=lambda one: _ORDER.index(one["health"]))
    _show(session, shown)
    troubled = any(one["health"] is not Health.OK for one in shown)
    return ExitCode.UNHEALTHY if troubled else ExitCode.COMPLETED


def _health(run: Mapping[str, Any], stale: set[str]) -> Health:
    supervisor = run["supervisor"]
    if supervisor is None or not supervisor["alive"]:
        return Health.DEAD
    return Health.STALE if run["id"] in stale else Health.OK


def _show(session: Session, runs: list[dict[str, Any]]) -> None:
    screen, counted = session.screen, dict.fromkeys(Health, 0)
    for run in runs:
        counted[run["health"]] += 1
    healthy = len(runs) == counted[Health.OK]
    if screen.json:
        screen.document({"healthy": healthy, "runs": runs})
        return
    words = ", ".join(f"{number:,} {one}" for one, number in counted.items() if number) or "no run is open"
    if screen.compact:
        screen.line(words)
        for run in runs:
            if run["health"] is not Health.OK:
                screen.line(text.printable(f"{run['id'][-text.SHORT :]} {run['health']} {run['name']}"))
        return
    if runs:
        screen.table(HEADER, [_row(run) for run in runs])
    screen.line(words)
    if counted[Health.DEAD]:
        screen.note("What is dead may be taken up again: trackside runs restart-supervisor RUN")
    if counted[Health.STALE]:
        screen.note("What a run waits for: trackside runs show RUN --verbose")


def _row(run: Mapping[str, Any]) -> tuple[str, ...]:
    now, one = text.now(), run["supervisor"]
    who = f"{one['state']}{', an agent' if one['isAgent'] else ''}" if one else "none"
    heard = text.ago(one["lastHeartbeatAt"], now) if one else "-"
    active = text.ago(run["lastActivityAt"], now)
    return (run["id"], run["health"], run["status"], who, heard, active, run["name"])
