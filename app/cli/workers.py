"""Workers: who is at work, what they wrote, and how to start, pause and end one."""

import shlex
from typing import Annotated, Any, Final

import typer

from app.cli import completion, outcomes, references, text, worker_logs
from app.cli.amounts import BUDGET, FIELDS, NewBudget, budgeted, new_budget, spent
from app.cli.arguments import ProjectOption, Reason, RunOption, TaskOption, WorkerArgument
from app.cli.commandlines import AgentOption, ModelOption, PromptOption, chosen_runtime
from app.cli.lists import Listing, list_command
from app.cli.paging import Node
from app.cli.screen import Screen
from app.cli.session import Session, server_command
from app.cli.wording import told
from app.client.errors import TracksideError
from app.domain.access import Role
from app.domain.workers import LIVE, WorkerStatus

app = typer.Typer(
    no_args_is_help=True, help="Workers: start them, look at them, read what they wrote, steer them."
)
app.add_typer(worker_logs.app)

LIST = """
query (
  $run: ID, $task: ID, $project: ID, $statuses: [WorkerStatus!], $search: String, $runtime: String
  $first: Int!, $after: String
) {
  workers(
    filter: {
      runId: $run, taskId: $task, projectId: $project, statuses: $statuses, search: $search, runtime: $runtime
    }
    first: $first, after: $after
  ) {
    edges { node {
      id name role status statusReason command pid exitCode attempt startedAt endedAt currentActivity progress
      task { id key title } run { id name }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
KILL = """
mutation ($input: KillWorkerInput!) {
  killWorker(input: $input) {
    worker { id name status statusReason }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""

_AFTER: Final = """
    worker { id name status statusReason }
    command { id status }
    userErrors { code message path suggestion }
"""
PAUSE = f"mutation ($input: WorkerVerbInput!) {{ pauseWorker(input: $input) {{ {_AFTER} }} }}"
RESUME = f"mutation ($input: WorkerVerbInput!) {{ resumeWorker(input: $input) {{ {_AFTER} }} }}"
SPAWN = f"mutation ($input: SpawnWorkerInput!) {{ spawnWorker(input: $input) {{ {_AFTER} }} }}"
SHOW = f"""
query ($id: ID!) {{
  worker(id: $id) {{
    id name status statusReason runtime capabilities command pid exitCode attempt startedAt endedAt
    lastHeartbeatAt currentActivity progress model {BUDGET} usage {{ {FIELDS} }}
    context {{ id kind path tokens deliveredAt }}
    task {{ id key title }} run {{ id name }}
  }}
}}
"""


@app.command("list")
@list_command
async def list_workers(
    session: Session,
    run: RunOption = None,
    task: TaskOption = None,
    project: ProjectOption = None,
    status: Annotated[
        list[WorkerStatus] | None, typer.Option(case_sensitive=False, help="In this status; may be repeated.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Only those that are alive.")] = False,
    search: Annotated[str | None, typer.Option(help="Part of the name, or a whole id.")] = None,
    runtime: Annotated[str | None, typer.Option(help="Of this runtime: command, or an agent's name.")] = None,
) -> Listing:
    r"""Workers, newest first.

    \b
      trackside workers list --run nightly
      trackside workers list --live --watch
      trackside workers list --task nightly/T012 --status FAILED --output json
    """
    wanted = [one for one in WorkerStatus if (not status or one in status) and (not live or one in LIVE)]
    run_id = await references.run(session.client, run) if run is not None else None
    given = (run, task, project, status, live, search, runtime)
    return Listing(
        document=LIST,
        path=("workers",),
        header=("ID", "STATUS", "TASK", "STARTED", "WHAT"),
        row=_row,
        none="No such workers." if any(given) else "No workers.",
        variables={
            "run": run_id,
            "task": (await references.task_of(session.client, task)).id if task is not None else None,
            "project": await references.project(session.client, project) if project is not None else None,
            "statuses": [one.value for one in wanted] if status or live else None,
            "search": search,
            "runtime": runtime,
        },
        events={
            "types": ["WorkerStatusChanged", "WorkerReported"],
            **({"runIds": [run_id]} if run_id else {}),
        },
    )


@app.command("show")
@server_command
async def show_worker(session: Session, worker: WorkerArgument) -> None:
    r"""One worker: what it runs, how it stands, what it was given to read.

    \b
      trackside workers show 7xk2p
      trackside workers show 7xk2p --output json
    """
    worker_id = await references.worker(session.client, worker)
    found = (await session.client.query(SHOW, {"id": worker_id}))["worker"]
    if session.screen.json:
        session.screen.document(found)
    else:
        _show(session.screen, found)


@app.command("spawn")
@server_command
async def spawn_worker(
    session: Session,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run it belongs to.", autocompletion=completion.run)
    ],
    task: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="A ready task; without one the worker stands beside the DAG.",
            autocompletion=completion.key,
        ),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(metavar="'PROGRAM ARGS'", help="What it runs; the task's or the run's own otherwise."),
    ] = None,
    agent: AgentOption = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    skill: Annotated[str | None, typer.Option(help="The skill it is started with.")] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A variable of its environment; may be repeated."),
    ] = None,
    budget: NewBudget = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help="A label that its host has to have; may be repeated."),
    ] = None,
    reason: Reason = None,
) -> None:
    r"""Start an agent by hand, on a ready task or beside the DAG.

    \b
      trackside workers spawn nightly --command 'true' --name helper
      trackside workers spawn nightly --task T012 --command 'true' --env MODE=quick
      trackside workers spawn nightly --agent claude --prompt 'Look for what is missing.'
      trackside workers spawn nightly --command 'true' --budget 2.50
      trackside workers spawn nightly --command './train.sh' --label gpu
    """
    run_id = await references.run(session.client, run)
    task_id = await references.task(session.client, run_id, task) if task is not None else None
    given = {
        "runId": run_id,
        "taskId": task_id,
        "name": name,
        "skill": skill,
        "runtime": chosen_runtime(command, agent, model, prompt),
        "env": [_variable(one) for one in env] if env else None,
        "budgetUsd": new_budget(budget),
        "hostLabels": label,
        "reason": reason,
    }
    payload = await session.client.mutate(SPAWN, given)
    outcomes.show(session, payload, "worker", outcomes.state(payload["worker"], payload["worker"]["name"]))


@app.command("pause")
@server_command
async def pause_worker(session: Session, worker: WorkerArgument, reason: Reason = None) -> None:
    r"""Pause a worker where its runtime can.

    \b
      trackside workers pause 7xk2p --reason 'it is in the way'
    """
    await _act(session, PAUSE, worker, reason)


@app.command("resume")
@server_command
async def resume_worker(session: Session, worker: WorkerArgument, reason: Reason = None) -> None:
    r"""Let a paused worker go on.

    \b
      trackside workers resume 7xk2p
    """
    await _act(session, RESUME, worker, reason)


@app.command("kill")
@server_command
async def kill_worker(
    session: Session,
    worker: WorkerArgument,
    grace: Annotated[
        int | None,
        typer.Option(min=0, max=3600, help="Seconds from SIGTERM to SIGKILL; 10 where it is left out."),
    ] = None,
    reason: Reason = None,
) -> None:
    r"""End a worker and everything it started. Its task is tried again or fails, by its own rules.

    \b
      trackside workers kill 7xk2p --reason 'it goes round in circles'
      trackside workers kill 7xk2p --grace 0
    """
    await _act(session, KILL, worker, reason, graceSeconds=grace)


async def _act(session: Session, document: str, worker: str, reason: str | None, **more: Any) -> None:
    worker_id = await references.worker(session.client, worker)
    payload = await session.client.mutate(document, {"workerId": worker_id, "reason": reason, **more})
    outcomes.show(session, payload, "worker", outcomes.state(payload["worker"], payload["worker"]["name"]))


def _variable(words: str) -> dict[str, str]:
    name, equals, value = words.partition("=")
    if not equals or not name:
        raise TracksideError(
            "INVALID_INPUT", f"--env {words!r} is no variable.", suggestion="Say --env NAME=VALUE"
        )
    return {"name": name, "value": value}


def _task(worker: Node) -> str:
    """What it works on; the one that looks after its run works on none."""
    if worker["task"] is not None:
        return str(worker["task"]["key"])
    return "(supervisor)" if worker["role"] == Role.ORCHESTRATOR else "-"


def _row(worker: Node) -> tuple[str, ...]:
    ended = worker["endedAt"] is not None
    doing = worker["statusReason"] if ended else worker["currentActivity"]
    percent = f"{worker['progress']} % " if worker["progress"] is not None and not ended else ""
    return (
        worker["id"],
        worker["status"],
        _task(worker),
        text.ago(worker["startedAt"], text.now()),
        f"{percent}{doing or shlex.join(worker['command']) or worker['runtime']}",
    )


def _show(screen: Screen, worker: Node) -> None:
    screen.line(text.printable(worker["name"]), style="bold")
    why = f": {told(worker['statusReason'])}" if worker["statusReason"] else ""
    percent = f"{worker['progress']} % " if worker["progress"] is not None else ""
    task = worker["task"]
    rows = [
        ("id", worker["id"]),
        ("status", f"{worker['status']}{why}"),
        ("doing", f"{percent}{worker['currentActivity'] or ''}".strip()),
        ("task", f"{task['key']}  {task['title']}, attempt {worker['attempt']}" if task else ""),
        ("run", f"{worker['run']['name']} ({worker['run']['id']})" if worker["run"] else ""),
        ("runs", ": ".join(filter(None, (worker["runtime"], shlex.join(worker["command"]))))),
        ("model", worker["model"] or ""),
        ("used", spent(worker["usage"])),
        ("budget", budgeted(worker["budget"])),
        ("can", ", ".join(worker["capabilities"])),
        ("process", str(worker["pid"] or "")),
        ("started", text.exact(worker["startedAt"])),
        ("heard", text.ago(worker["lastHeartbeatAt"], text.now())),
        ("ended", text.exact(worker["endedAt"]) if worker["endedAt"] else ""),
        ("exit code", str(worker["exitCode"]) if worker["exitCode"] is not None else ""),
    ]
    screen.facts(rows)
    for item in worker["context"]:
        state = (
            f"delivered {text.ago(item['deliveredAt'], text.now())}" if item["deliveredAt"] else "on its way"
        )
        screen.line(
            f"  {text.printable(item['path'] or 'text')}: {text.count(item['tokens'], 'token')}, {state}"
        )
