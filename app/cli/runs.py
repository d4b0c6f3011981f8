"""Runs: looked at, paused, resumed, stopped, retried."""

from typing import Annotated, Any, Final

import typer

from app.cli import references, text
from app.cli.paging import nodes
from app.cli.run_views import show_one, show_runs
from app.cli.session import Session, server_command
from app.domain.runs import RunStatus

app = typer.Typer(no_args_is_help=True, help="Runs: look at them, pause, resume, stop, retry.")

LIST = """
query ($statuses: [RunStatus!], $project: ID, $first: Int!, $after: String) {
  runs(filter: {statuses: $statuses, projectId: $project}, first: $first, after: $after) {
    edges { node {
      id name status statusReason createdAt startedAt completedAt lastActivityAt openAttention maxWorkers
      project { id name root }
      progress { total completed failed running pending percent }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SHOW = """
query ($id: ID!) {
  run(id: $id) {
    id name status statusReason version createdAt startedAt completedAt lastActivityAt maxWorkers openAttention
    allowedActions
    project { id name root }
    plan { format path hash }
    progress { total completed failed running pending percent }
    phases { key title status unfinishedTasks }
    attention(first: 100) { edges { node { id title options { value } expiresAt blockedTasks } } }
  }
}
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

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="Its id, a unique beginning or end of it, or its name.")
]
Reason = Annotated[str | None, typer.Option(help="Why, for the audit trail.")]


@app.command("list")
@server_command
async def list_runs(
    session: Session,
    status: Annotated[
        list[RunStatus] | None, typer.Option(case_sensitive=False, help="In this status; may be repeated.")
    ] = None,
    project: Annotated[str | None, typer.Option(help="Of this project: its id, name or directory.")] = None,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many at most.")] = 20,
) -> None:
    r"""Runs, newest first.

    \b
      trackside runs list
      trackside runs list --status ACTIVE --status BLOCKED
      trackside runs list --project . --output json
    """
    found = await nodes(
        session.client,
        LIST,
        "runs",
        most=number,
        statuses=[one.value for one in status] if status else None,
        project=await references.project(session.client, project) if project is not None else None,
    )
    if session.screen.json:
        session.screen.document(found)
    elif not found:
        session.screen.line("No runs." if not (status or project) else "No such runs.")
    else:
        show_runs(session.screen, found)


@app.command("show")
@server_command
async def show_run(session: Session, run: Run) -> None:
    r"""One run: its phases, its tasks, what waits for an answer.

    \b
      trackside runs show 6qz3v
      trackside runs show 'Nightly build' --output json
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
    run: Run,
    at_once: Annotated[
        bool, typer.Option("--now", help="Pause the workers too, instead of letting them finish.")
    ] = False,
    reason: Reason = None,
) -> None:
    r"""Start nothing more. Running workers finish, or are paused with --now.

    \b
      trackside runs pause 6qz3v --reason 'the tests are red'
      trackside runs pause 6qz3v --now
    """
    await _act(session, PAUSE, run, reason, mode="NOW" if at_once else "DRAIN")


@app.command("resume")
@server_command
async def resume_run(session: Session, run: Run, reason: Reason = None) -> None:
    r"""Go on with a paused run and its paused workers.

    \b
      trackside runs resume 6qz3v
    """
    await _act(session, RESUME, run, reason)


@app.command("stop")
@server_command
async def stop_run(
    session: Session,
    run: Run,
    at_once: Annotated[
        bool, typer.Option("--now", help="End the workers too, instead of letting them finish.")
    ] = False,
    reason: Reason = None,
) -> None:
    r"""End a run for good: what has not started is cancelled.

    \b
      trackside runs stop 6qz3v
      trackside runs stop 6qz3v --now --reason 'wrong plan'
    """
    await _act(session, STOP, run, reason, mode="NOW" if at_once else "DRAIN")


@app.command("retry")
@server_command
async def retry_run(session: Session, run: Run, reason: Reason = None) -> None:
    r"""Make the failed tasks ready again and go on.

    \b
      trackside runs retry 6qz3v
    """
    await _act(session, RETRY, run, reason)


async def _act(session: Session, document: str, run: str, reason: str | None, **more: Any) -> None:
    run_id = await references.run(session.client, run)
    payload = await session.client.mutate(document, {"runId": run_id, "reason": reason, **more})
    after = payload["run"]
    if session.screen.json:
        session.screen.document({"run": after, "command": payload["command"]})
    else:
        why = f": {after['statusReason']}" if after["statusReason"] else ""
        session.screen.line(f"{text.printable(after['name'])} ({after['id']}) is {after['status']}{why}")
