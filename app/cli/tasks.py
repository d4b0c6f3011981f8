"""Tasks of a run: looked at, held back, done by hand, left out, done again; their DAG edited."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from app.cli import completion, outcomes, references, task_edits, text
from app.cli.amounts import BUDGET, FIELDS, budgeted, spent
from app.cli.arguments import Reason, RunArgument, TaskArgument
from app.cli.lists import Listing, list_command
from app.cli.paging import Node
from app.cli.run_views import MARKS, attempt
from app.cli.screen import Screen
from app.cli.session import Session, server_command
from app.cli.wording import told
from app.domain.tasks import TaskStatus

app = typer.Typer(no_args_is_help=True, help="Tasks: look at them, steer them, change the DAG.")
app.add_typer(task_edits.app)

LIST = """
query ($id: ID!, $statuses: [TaskStatus!], $phase: String, $search: String, $first: Int!, $after: String) {
  run(id: $id) {
    tasks(filter: {statuses: $statuses, phase: $phase, search: $search}, first: $first, after: $after) {
      edges { node {
        id key title status statusReason priority attempts maxAttempts lastError retryAt dependencyKeys
        startedAt completedAt phase { key } worker { id }
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
SHOW = f"""
query ($id: ID!) {{
  task(id: $id) {{
    id key title description status statusReason priority attempts maxAttempts timeoutSeconds lastError retryAt
    runtime skill paths blocks startedAt completedAt dependencyKeys
    dependencies {{ id key title status }} dependents {{ id key title status }}
    subtasks {{ id title completed }} {BUDGET} usage {{ {FIELDS} }}
    phase {{ key title }} run {{ id name }} worker {{ id status currentActivity progress }}
  }}
}}
"""
_AFTER: Final = """
    task { id key title status statusReason run { id name } }
    command { id status }
    userErrors { code message path suggestion }
"""
BLOCK = f"mutation ($input: TaskReasonInput!) {{ blockTask(input: $input) {{ {_AFTER} }} }}"
UNBLOCK = f"mutation ($input: TaskReasonInput!) {{ unblockTask(input: $input) {{ {_AFTER} }} }}"
COMPLETE = f"mutation ($input: CompleteTaskInput!) {{ completeTask(input: $input) {{ {_AFTER} }} }}"
SKIP = f"mutation ($input: SkipTaskInput!) {{ skipTask(input: $input) {{ {_AFTER} }} }}"
RETRY = f"mutation ($input: RetryTaskInput!) {{ retryTask(input: $input) {{ {_AFTER} }} }}"


@app.command("list")
@list_command
async def list_tasks(
    session: Session,
    run: RunArgument,
    status: Annotated[
        list[TaskStatus] | None, typer.Option(case_sensitive=False, help="In this status; may be repeated.")
    ] = None,
    phase: Annotated[
        str | None, typer.Option(help="Of the phase with this key.", autocompletion=completion.phase)
    ] = None,
    search: Annotated[str | None, typer.Option(help="Part of the title, or a whole key.")] = None,
) -> Listing:
    r"""A run's tasks, in the order of its plan.

    \b
      trackside tasks list nightly
      trackside tasks list nightly --status FAILED --status BLOCKED --all
      trackside tasks list nightly --search report --output jsonl
      trackside tasks list nightly --watch
    """
    run_id = await references.run(session.client, run)
    narrowed = status or phase or search
    return Listing(
        document=LIST,
        path=("run", "tasks"),
        header=("KEY", "STATUS", "PHASE", "TRIES", "AFTER", "TITLE"),
        row=_row,
        none="No such tasks." if narrowed else "No tasks.",
        variables={
            "id": run_id,
            "statuses": [one.value for one in status] if status else None,
            "phase": phase,
            "search": search,
        },
        events={"runIds": [run_id]},
        page=1000,
    )


@app.command("show")
@server_command
async def show_task(session: Session, task: TaskArgument) -> None:
    r"""One task: what it is, what it waits for, what waits for it, how it went.

    \b
      trackside tasks show nightly/T012
      trackside tasks show nightly/T012 --output json
    """
    meant = await references.task_of(session.client, task)
    found = (await session.client.query(SHOW, {"id": meant.id}))["task"]
    if session.screen.json:
        session.screen.document(found)
    else:
        _show(session.screen, found)


@app.command("block")
@server_command
async def block_task(session: Session, task: TaskArgument, reason: Reason = None) -> None:
    r"""Hold a task back until it is unblocked. A worker on it is told to pause.

    \b
      trackside tasks block nightly/T012 --reason 'the licence is not settled'
    """
    await _act(session, BLOCK, task, reason)


@app.command("unblock")
@server_command
async def unblock_task(session: Session, task: TaskArgument, reason: Reason = None) -> None:
    r"""Let a blocked task go on.

    \b
      trackside tasks unblock nightly/T012
    """
    await _act(session, UNBLOCK, task, reason)


@app.command("complete")
@server_command
async def complete_task(session: Session, task: TaskArgument, reason: Reason = None) -> None:
    r"""Say that a task is done that is done by hand.

    \b
      trackside tasks complete nightly/T012
      trackside tasks complete nightly/T012 --reason 'signed by hand'
    """
    await _act(session, COMPLETE, task, reason)


@app.command("skip")
@server_command
async def skip_task(session: Session, task: TaskArgument, reason: Reason = None) -> None:
    r"""Leave a task out. What depends on it goes on as if it were done.

    \b
      trackside tasks skip nightly/T012 --reason 'not in this release'
    """
    await _act(session, SKIP, task, reason)


@app.command("retry")
@server_command
async def retry_task(session: Session, task: TaskArgument, reason: Reason = None) -> None:
    r"""Do a task again, also one that was done or skipped. Dependents that have not started wait for it again.

    \b
      trackside tasks retry nightly/T012
      trackside tasks retry nightly/T012 --output json
    """
    await _act(session, RETRY, task, reason)


async def _act(session: Session, document: str, task: str, reason: str | None) -> None:
    meant = await references.task_of(session.client, task)
    payload = await session.client.mutate(document, {"taskId": meant.id, "reason": reason})
    after = payload["task"]
    outcomes.show(session, payload, "task", outcomes.state(after, f"{after['run']['name']}/{after['key']}"))


def _row(task: Node) -> tuple[str, ...]:
    tries = f"{task['attempts']}/{task['maxAttempts']}" if task["attempts"] <= task["maxAttempts"] else None
    return (
        task["key"],
        task["status"],
        task["phase"]["key"] if task["phase"] else "-",
        tries or str(task["attempts"]),
        ", ".join(task["dependencyKeys"]) or "-",
        task["title"],
    )


def _show(screen: Screen, task: Mapping[str, Any]) -> None:
    mark, style = MARKS.get(task["status"], ("?", ""))
    screen.line(
        f"{mark} {text.printable(task['key'])}  {text.printable(task['title'])}", style=style or "bold"
    )
    where = f"{task['run']['name']}, phase {task['phase']['title']}" if task["phase"] else task["run"]["name"]
    why = f": {told(task['statusReason'])}" if task["statusReason"] else ""
    rows = [
        ("id", task["id"]),
        ("in", where),
        ("status", f"{task['status']}{why}"),
        ("runs", task["runtime"] or "nothing: it is done by hand"),
        ("tried", attempt(task) if task["attempts"] else ""),
        ("again at", text.exact(task["retryAt"]) if task["retryAt"] else ""),
        ("error", task["lastError"] or ""),
        ("started", text.exact(task["startedAt"]) if task["startedAt"] else ""),
        ("ended", text.exact(task["completedAt"]) if task["completedAt"] else ""),
        ("worker", task["worker"]["id"] if task["worker"] else ""),
        ("priority", str(task["priority"]) if task["priority"] else ""),
        ("time", text.duration(task["timeoutSeconds"]) if task["timeoutSeconds"] else ""),
        ("used", spent(task["usage"])),
        ("budget", budgeted(task["budget"])),
        ("skill", task["skill"] or ""),
        ("paths", ", ".join(task["paths"])),
        ("after", _named(task["dependencies"])),
        ("before", _named(task["dependents"])),
        ("blocks", text.count(task["blocks"], "task") if task["blocks"] else ""),
    ]
    screen.facts(rows)
    for subtask in task["subtasks"]:
        done = MARKS[TaskStatus.COMPLETED if subtask["completed"] else TaskStatus.READY][0]
        screen.line(f"  {done} {text.printable(subtask['title'])}")
    for line in (task["description"] or "").splitlines():
        screen.line(f"  {text.printable(line)}".rstrip())


def _named(tasks: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['key']} ({one['status']})" for one in tasks)
