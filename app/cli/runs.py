"""Runs: looked at, started, paused, resumed, stopped, retried, put away."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from app.cli import gates, outcomes, references, run_batches, run_creation
from app.cli.amounts import FIELDS
from app.cli.arguments import Expect, ProjectOption, Reason, RunArgument, Since, instant
from app.cli.lists import Listing, list_command
from app.cli.paging import nodes
from app.cli.run_views import RUN_HEADER, run_row, show_one
from app.cli.session import Session, server_command
from app.client.errors import TracksideError
from app.domain.runs import RunStatus

app = typer.Typer(no_args_is_help=True, help="Runs: make them, look at them, steer them.")
for _part in (run_creation, gates, run_batches):
    app.registered_commands += _part.app.registered_commands

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
    id name status statusReason version createdAt startedAt completedAt lastActivityAt maxWorkers openAttention
    allowedActions usage {{ {FIELDS} }}
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
_AFTER: Final = """
    run { id name status statusReason version }
    command { id status }
    userErrors { code message path suggestion }
"""
PAUSE = f"mutation ($input: PauseRunInput!) {{ pauseRun(input: $input) {{ {_AFTER} }} }}"
RESUME = f"mutation ($input: RunVerbInput!) {{ resumeRun(input: $input) {{ {_AFTER} }} }}"
STOP = f"mutation ($input: StopRunInput!) {{ stopRun(input: $input) {{ {_AFTER} }} }}"
RETRY = f"mutation ($input: RetryRunInput!) {{ retryRun(input: $input) {{ {_AFTER} }} }}"

START = f"mutation ($input: RunVerbInput!) {{ startRun(input: $input) {{ {_AFTER} }} }}"
ARCHIVE = f"mutation ($input: RunVerbInput!) {{ archiveRun(input: $input) {{ {_AFTER} }} }}"
RESTART_SUPERVISOR = f"mutation ($input: RunVerbInput!) {{ restartSupervisor(input: $input) {{ {_AFTER} }} }}"
SYNC_SUPERVISOR = f"mutation ($input: RunVerbInput!) {{ syncSupervisor(input: $input) {{ {_AFTER} }} }}"
CONFIGURE = f"mutation ($input: ConfigureRunInput!) {{ configureRun(input: $input) {{ {_AFTER} }} }}"


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
    asking: Annotated[
        bool, typer.Option("--asking", help="Only those in which something waits for you.")
    ] = False,
    stale: Annotated[
        bool,
        typer.Option("--stale", help="Only those that should be getting on and are silent for half an hour."),
    ] = False,
    sort: Annotated[
        RunSort,
        typer.Option(
            case_sensitive=False, help="Newest first, last active first, dearest first, or by name."
        ),
    ] = RunSort.CREATED,
) -> Listing:
    r"""Runs, newest first.

    \b
      trackside runs list
      trackside runs list --status ACTIVE --status BLOCKED --watch
      trackside runs list --project . --since 24h --all --output json
      trackside runs list --search night --sort active -n 5
      trackside runs list --asking
    """
    project_id = await references.project(session.client, project) if project is not None else None
    given = {
        "statuses": [one.value for one in status] if status else None,
        "projectId": project_id,
        "search": search,
        "createdAfter": instant(since, "--since"),
        "phase": phase,
        "waitingForInput": asking or None,
        "stale": stale or None,
    }
    filter = {name: value for name, value in given.items() if value is not None}
    return Listing(
        document=LIST,
        path=("runs",),
        header=RUN_HEADER,
        row=run_row,
        none="No such runs." if filter else "No runs.",
        variables={"filter": filter, "order": _ORDERS[sort]},
        events={"projectId": project_id} if project_id is not None else None,
    )


@app.command("show")
@server_command
async def show_run(session: Session, run: RunArgument) -> None:
    r"""One run: its phases, its tasks, what waits for an answer.

    \b
      trackside runs show nightly
      trackside runs show nightly --output json
    """
    run_id = await references.run(session.client, run)
    found = (await session.client.query(SHOW, {"id": run_id}))["run"]
    items = [edge["node"] for edge in found.pop("attention")["edges"]]
    tasks = await nodes(session.client, TASKS, "run", "tasks", page=1000, id=run_id)
    if session.screen.json:
        session.screen.document({**found, "attention": items, "tasks": tasks})
    else:
        show_one(session.screen, found, items, tasks)


@app.command("pause")
@server_command
async def pause_run(
    session: Session,
    run: RunArgument,
    at_once: Annotated[
        bool, typer.Option("--now", help="Pause the workers too, instead of letting them finish.")
    ] = False,
    reason: Reason = None,
    expect_version: Expect = None,
) -> None:
    r"""Start nothing more. Running workers finish, or are paused with --now.

    \b
      trackside runs pause nightly --reason 'the tests are red'
      trackside runs pause nightly --now
    """
    await _act(session, PAUSE, run, reason, expect_version, mode="NOW" if at_once else "DRAIN")


@app.command("resume")
@server_command
async def resume_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Go on with a paused run and its paused workers.

    \b
      trackside runs resume nightly
    """
    await _act(session, RESUME, run, reason, expect_version)


@app.command("stop")
@server_command
async def stop_run(
    session: Session,
    run: RunArgument,
    at_once: Annotated[
        bool, typer.Option("--now", help="End the workers too, instead of letting them finish.")
    ] = False,
    reason: Reason = None,
    expect_version: Expect = None,
) -> None:
    r"""End a run for good: what has not started is cancelled.

    \b
      trackside runs stop nightly
      trackside runs stop nightly --now --reason 'wrong plan'
    """
    await _act(session, STOP, run, reason, expect_version, mode="NOW" if at_once else "DRAIN")


@app.command("retry")
@server_command
async def retry_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Make the failed tasks ready again and go on.

    \b
      trackside runs retry nightly
    """
    await _act(session, RETRY, run, reason, expect_version)


@app.command("start")
@server_command
async def start_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Start a run that was only created.

    \b
      trackside runs start nightly
    """
    await _act(session, START, run, reason, expect_version)


@app.command("archive")
@server_command
async def archive_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Put away a run that has ended.

    \b
      trackside runs archive nightly
    """
    await _act(session, ARCHIVE, run, reason, expect_version)


@app.command("restart-supervisor")
@server_command
async def restart_supervisor(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Have what looks after a run begin again. An agent that was given up may act again after this.

    \b
      trackside runs restart-supervisor nightly
    """
    await _act(session, RESTART_SUPERVISOR, run, reason, expect_version)


@app.command("sync-supervisor")
@server_command
async def sync_supervisor(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Have what looks after a run write its state now.

    \b
      trackside runs sync-supervisor nightly
    """
    await _act(session, SYNC_SUPERVISOR, run, reason, expect_version)


@app.command("configure")
@server_command
async def configure_run(
    session: Session,
    run: RunArgument,
    max_workers: Annotated[int | None, typer.Option(min=1, help="How many workers at once.")] = None,
    guard: Annotated[
        bool | None,
        typer.Option("--guard/--no-guard", help="Whether somebody is asked at the end of each phase."),
    ] = None,
    auto_advance: Annotated[
        bool | None,
        typer.Option(
            "--auto-advance/--no-auto-advance", help="Whether it goes on by itself where a gate holds."
        ),
    ] = None,
    auto_complete: Annotated[
        bool | None,
        typer.Option("--auto-complete/--no-auto-complete", help="Whether it completes by itself at the end."),
    ] = None,
    reason: Reason = None,
    expect_version: Expect = None,
) -> None:
    r"""Change the settings of a run; what is left out stays as it is.

    \b
      trackside runs configure nightly --max-workers 8
      trackside runs configure nightly --guard --no-auto-complete
    """
    given = {
        "maxWorkers": max_workers,
        "phaseGuard": guard,
        "autoAdvance": auto_advance,
        "autoComplete": auto_complete,
    }
    if all(value is None for value in given.values()):
        raise TracksideError(
            "INVALID_INPUT", "There is nothing to change.", suggestion="Name something: --max-workers 8"
        )
    await _act(session, CONFIGURE, run, reason, expect_version, **given)


async def _act(
    session: Session, document: str, run: str, reason: str | None, expect_version: int | None, **more: Any
) -> None:
    run_id = await references.run(session.client, run)
    given = {"runId": run_id, "reason": reason, "expectedVersion": expect_version, **more}
    payload = await session.client.mutate(document, given)
    outcomes.show(session, payload, "run", outcomes.state(payload["run"], payload["run"]["name"]))
