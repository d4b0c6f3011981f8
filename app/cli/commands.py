"""The audit trail: who asked for what, why, and what became of it."""

import json
from typing import Annotated

import typer

from app.cli import completion, references, text
from app.cli.arguments import ProjectOption, RunOption, Since, TaskOption, Until, WorkerOption, instant
from app.cli.lists import Listing, list_command
from app.cli.paging import Node
from app.cli.session import Session, server_command
from app.cli.wording import told
from app.domain.commands import CommandStatus

app = typer.Typer(no_args_is_help=True, help="The audit trail: who asked for what, and what became of it.")

LIST = """
query ($filter: CommandFilter, $first: Int!, $after: String) {
  commands(filter: $filter, first: $first, after: $after) {
    edges { node {
      id verb actor status reason error errorCode at updatedAt
      run { id name } task { id key } worker { id }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SHOW = """
query ($id: ID!) {
  node(id: $id) {
    ... on Command {
      id verb actor status reason error errorCode at updatedAt idempotencyKey input
      run { id name } task { id key } worker { id }
    }
  }
}
"""


@app.command("list")
@list_command
async def list_commands(
    session: Session,
    run: RunOption = None,
    task: TaskOption = None,
    worker: WorkerOption = None,
    project: ProjectOption = None,
    actor: Annotated[str | None, typer.Option(help="Asked for by this one.")] = None,
    verb: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MUTATION",
            help="Of this mutation, such as pauseRun; may be repeated.",
            autocompletion=completion.verb,
        ),
    ] = None,
    status: Annotated[
        list[CommandStatus] | None,
        typer.Option(case_sensitive=False, help="In this status; may be repeated."),
    ] = None,
    since: Since = None,
    until: Until = None,
) -> Listing:
    r"""Requests to change something, newest first; also those that were refused.

    \b
      trackside commands list
      trackside commands list --run nightly --status REJECTED
      trackside commands list --actor admin --verb pauseRun --verb stopRun --since 7d
      trackside commands list --since 1h --all --output jsonl
    """
    run_id = await references.run(session.client, run) if run is not None else None
    given = {
        "runId": run_id,
        "taskId": (await references.task_of(session.client, task)).id if task is not None else None,
        "workerId": await references.worker(session.client, worker) if worker is not None else None,
        "projectId": await references.project(session.client, project) if project is not None else None,
        "actor": actor,
        "verbs": verb or None,
        "statuses": [one.value for one in status] if status else None,
        "since": instant(since, "--since"),
        "until": instant(until, "--until"),
    }
    filter = {name: value for name, value in given.items() if value is not None}
    return Listing(
        document=LIST,
        path=("commands",),
        header=("ID", "STATUS", "AT", "COMMAND", "BY", "ON", "WHY"),
        row=_row,
        none="No such commands." if filter else "No commands.",
        variables={"filter": filter},
        events={"types": ["CommandChanged"], **({"runIds": [run_id]} if run_id else {})},
    )


@app.command("show")
@server_command
async def show_command(
    session: Session,
    command: Annotated[
        str,
        typer.Argument(
            metavar="COMMAND",
            help="Its id, or a unique beginning or end of it.",
            autocompletion=completion.command,
        ),
    ],
) -> None:
    r"""One request: what was asked, as it was sent, and what became of it.

    \b
      trackside commands show m3c8d
      trackside commands show m3c8d --output json
    """
    command_id = await references.command(session.client, command)
    found = (await session.client.query(SHOW, {"id": command_id}))["node"]
    if session.screen.json:
        session.screen.document(found)
        return
    session.screen.line(f"{found['verb']} by {text.printable(found['actor'])}", style="bold")
    error = f" {found['errorCode']}" if found["errorCode"] else ""
    session.screen.facts(
        [
            ("id", found["id"]),
            ("status", f"{found['status']}{error}"),
            ("error", told(found["error"] or "")),
            ("reason", found["reason"] or ""),
            ("asked", text.exact(found["at"])),
            ("since", text.exact(found["updatedAt"])),
            ("run", f"{found['run']['name']} ({found['run']['id']})" if found["run"] else ""),
            ("task", f"{found['task']['key']} ({found['task']['id']})" if found["task"] else ""),
            ("worker", found["worker"]["id"] if found["worker"] else ""),
            ("key", found["idempotencyKey"] or ""),
            ("input", json.dumps(found["input"], ensure_ascii=False)),
        ]
    )


def _row(command: Node) -> tuple[str, ...]:
    run, task, worker = command["run"], command["task"], command["worker"]
    on = " ".join(
        [
            *([run["name"]] if run else []),
            *([task["key"]] if task else []),
            *([worker["id"]] if worker and not task else []),
        ]
    )
    return (
        command["id"],
        command["status"],
        text.exact(command["at"]),
        command["verb"],
        command["actor"],
        on or "-",
        command["error"] or command["reason"] or "-",
    )
