"""Runs: which there are, and all of one."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from app.cli import (
    gates,
    references,
    run_batches,
    run_cleanup,
    run_creation,
    run_details,
    run_export,
    run_health,
    run_verbs,
)
from app.cli.amounts import BUDGET, FIELDS
from app.cli.arguments import ProjectOption, RunArgument, Since, Threshold, instant, span
from app.cli.lists import Listing, list_command
from app.cli.paging import nodes
from app.cli.run_views import RUN_HEADER, compact_run, run_row, show_one
from app.cli.session import Session, server_command
from app.domain.runs import RunStatus

app = typer.Typer(no_args_is_help=True, help="Runs: make them, look at them, steer them.")
for _part in (run_creation, run_verbs, gates, run_batches, run_cleanup, run_export, run_health):
    app.add_typer(_part.app)

LIST = """
query ($filter: RunFilter, $order: RunOrder, $first: Int!, $after: String) {
  runs(filter: $filter, orderBy: $order, first: $first, after: $after) {
    edges { node {
      id name status statusReason createdAt startedAt completedAt lastActivityAt openAttention maxWorkers
      project { id name root }
      progress { total completed failed running pending cancelled percent }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SHOW = f"""
query ($id: ID!) {{
  run(id: $id) {{
    id name status statusReason version createdAt startedAt completedAt lastActivityAt maxWorkers conflictPolicy openAttention
    allowedActions {BUDGET} usage {{ {FIELDS} }}
    project {{ id name root }}
    plan {{ format path hash }}
    progress {{ total completed failed running pending cancelled percent }}
    phases {{
      key title status unfinishedTasks guard confirmedBy
      gate {{ taskRequirement minimum tasks }}
      deliverables {{ key title required status }}
      readiness {{ ready missing }}
    }}
    attention(first: 100) {{ edges {{ node {{ id title options {{ value }} expiresAt blockedTasks }} }} }}
  }}
}}
"""
TASKS = """
query ($id: ID!, $first: Int!, $after: String) {
  run(id: $id) {
    tasks(first: $first, after: $after) {
      edges { node {
        id key title status statusReason attempts maxAttempts lastError retryAt dependencyKeys startedAt completedAt
        phase { key } worker { id }
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


class RunSort(StrEnum):
    CREATED = "created"
    ACTIVE = "active"
    COST = "cost"
    NAME = "name"


_ORDERS: Final = {
    RunSort.CREATED: "CREATED_DESC",
    RunSort.ACTIVE: "LAST_ACTIVITY_DESC",
    RunSort.COST: "COST_DESC",
    RunSort.NAME: "NAME_ASC",
}


@app.command("list")
@list_command
async def list_runs(
    session: Session,
    status: Annotated[
        list[RunStatus] | None, typer.Option(case_sensitive=False, help="In this status; may be repeated.")
    ] = None,
    project: ProjectOption = None,
    search: Annotated[str | None, typer.Option(help="Part of the name, or a whole id.")] = None,
    since: Since = None,
    phase: Annotated[str | None, typer.Option(help="Now in the phase with this key.")] = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", "--asking", help="Only those in which something waits for a person.")
    ] = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Only those that should be getting on and are silent.")
    ] = False,
    threshold: Threshold = None,
    sort: Annotated[
        RunSort,
        typer.Option(
            case_sensitive=False, help="Newest first, last active first, dearest first, or by name."
        ),
    ] = RunSort.CREATED,
) -> Listing:
    r"""Runs, newest first. As compact lines: the end of the id, the status, tasks done, items that ask, the name.

    \b
      trackside runs list
      trackside runs list --status ACTIVE --status BLOCKED --watch
      trackside runs list --project . --since 24h --all --output json
      trackside runs list --search night --sort active -n 5
      trackside runs list --stale --threshold 10m
      trackside runs list --waiting
      trackside runs list --output compact
    """
    project_id = await references.project(session.client, project) if project is not None else None
    given = {
        "statuses": [one.value for one in status] if status else None,
        "projectId": project_id,
        "search": search,
        "createdAfter": instant(since, "--since"),
        "phase": phase,
        "waitingForInput": waiting or None,
        "stale": stale or threshold is not None or None,
        "staleAfterSeconds": span(threshold, "--threshold"),
    }
    filter = {name: value for name, value in given.items() if value is not None}
    return Listing(
        document=LIST,
        path=("runs",),
        header=RUN_HEADER,
        row=run_row,
        compact=compact_run,
        none="No such runs." if filter else "No runs.",
        variables={"filter": filter, "order": _ORDERS[sort]},
        events={"projectId": project_id} if project_id is not None else None,
    )


@app.command("show")
@server_command
async def show_run(
    session: Session,
    run: RunArgument,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Also what looks after it, its settings, its gates and what they wait for, what is owed, its workers "
            "and what they have used.",
        ),
    ] = False,
) -> None:
    r"""One run: its phases, its tasks, what waits for an answer.

    \b
      trackside runs show nightly
      trackside runs show nightly --verbose
      trackside runs show nightly --output json
    """
    run_id = await references.run(session.client, run)
    found = (await session.client.query(SHOW, {"id": run_id}))["run"]
    items = [edge["node"] for edge in found.pop("attention")["edges"]]
    tasks = await nodes(session.client, TASKS, "run", "tasks", page=1000, id=run_id)
    if verbose:
        await run_details.add(session, found)
    if session.screen.json:
        session.screen.document({**found, "attention": items, "tasks": tasks})
    elif verbose:
        more = run_details.facts(found)
        show_one(session.screen, found, items, tasks, more=more, tell_phase=run_details.gate)
    else:
        show_one(session.screen, found, items, tasks)
