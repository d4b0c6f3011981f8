"""Edits of a run's DAG: each is one atomic change, may be rehearsed, and tells what it does."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli import completion, references, text
from app.cli.amounts import Budget, NewBudget, limit, new_budget
from app.cli.arguments import Expect, Reason, RunArgument, TaskArgument
from app.cli.commandlines import AgentOption, ModelOption, PromptOption, chosen_runtime
from app.cli.screen import Screen
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer()

MUTATE = """
mutation ($input: MutateDagInput!) {
  mutateDag(input: $input) {
    run { id name status version }
    impact {
      added { key title phase dependsOn task { id } }
      removed { id key title }
      ready { id key title }
      pending { id key title }
      killedWorkers { id name task { key } }
    }
    command { id status }
    userErrors { code message path suggestion ... on VersionConflict { expected actual } }
  }
}
"""
_PIPE: Final = "-"

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what it would do; nothing is changed.")]
Title = Annotated[str | None, typer.Option(help="What is to be done, in a line.")]
Description = Annotated[str | None, typer.Option(help="What is to be done, in full.")]
Phase = Annotated[str | None, typer.Option(help="Key of its phase.", autocompletion=completion.phase)]
Priority = Annotated[int | None, typer.Option(help="Higher starts first among those that are ready.")]
Attempts = Annotated[
    int | None, typer.Option("--max-attempts", min=1, help="How often it is tried before it has failed.")
]
Timeout = Annotated[int | None, typer.Option("--timeout", min=1, help="Seconds that one attempt may work.")]
Command = Annotated[
    str | None, typer.Option(metavar="'PROGRAM ARGS'", help="What its worker runs; no shell.")
]
Skill = Annotated[str | None, typer.Option(help="The skill its worker is started with.")]
Paths = Annotated[
    list[str] | None, typer.Option("--path", metavar="GLOB", help="What it means to change; may be repeated.")
]
Others = Annotated[
    list[str],
    typer.Argument(metavar="KEY", help="Keys of tasks of the same run.", autocompletion=completion.key),
]


@app.command("add")
@server_command
async def add_task(
    session: Session,
    run: RunArgument,
    key: Annotated[str, typer.Argument(metavar="KEY", help="What it is named by within its run.")],
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be done, in a line.")],
    command: Command = None,
    agent: AgentOption = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    after: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="A task it waits for; may be repeated.", autocompletion=completion.key
        ),
    ] = None,
    before: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="A task that is to wait for it; may be repeated.",
            autocompletion=completion.key,
        ),
    ] = None,
    description: Description = None,
    phase: Phase = None,
    priority: Priority = None,
    max_attempts: Attempts = None,
    timeout: Timeout = None,
    skill: Skill = None,
    budget: NewBudget = None,
    path: Paths = None,
    dry_run: DryRun = False,
    expect_version: Expect = None,
    reason: Reason = None,
) -> None:
    r"""Add a task to a run. Without --command or --agent it runs what the run runs, or is done by hand.

    \b
      trackside tasks add nightly lint 'Look for slips' --command 'true' --after T012
      trackside tasks add nightly sign 'Sign the report' --before T013 --dry-run
      trackside tasks add nightly retry-me 'Fetch the data' --command 'true' --max-attempts 3 --timeout 600
      trackside tasks add nightly essay 'Write it up' --command 'true' --budget 2.50
    """
    run_id = await references.run(session.client, run)
    given = {
        "key": key,
        "title": title,
        "dependsOn": after,
        "runtime": chosen_runtime(command, agent, model, prompt),
        **_details(description, phase, priority, max_attempts, timeout, skill, path),
    }
    operations = [{"addTask": _kept({**given, "budgetUsd": new_budget(budget)})}]
    operations += [{"addDependency": {"task": one, "dependsOn": key}} for one in before or []]
    await _mutate(session, run_id, operations, dry_run, expect_version, reason)


@app.command("edit")
@server_command
async def edit_task(
    session: Session,
    task: TaskArgument,
    title: Title = None,
    description: Description = None,
    phase: Phase = None,
    priority: Priority = None,
    max_attempts: Attempts = None,
    timeout: Timeout = None,
    command: Command = None,
    agent: AgentOption = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    skill: Skill = None,
    budget: Budget = None,
    path: Paths = None,
    dry_run: DryRun = False,
    expect_version: Expect = None,
    reason: Reason = None,
) -> None:
    r"""Change a task. What is left out stays as it is.

    \b
      trackside tasks edit nightly/T012 --title 'Count the pears' --priority 5
      trackside tasks edit nightly/T012 --command 'make pears' --max-attempts 3
      trackside tasks edit nightly/T012 --agent codex --model gpt-5
      trackside tasks edit nightly/T012 --budget 5
    """
    meant = await references.task_of(session.client, task)
    details = _details(description, phase, priority, max_attempts, timeout, skill, path)
    runtime = chosen_runtime(command, agent, model, prompt)
    given = {**_kept({"title": title, "runtime": runtime, **details}), **limit(budget)}
    if not given:
        raise TracksideError(
            "INVALID_INPUT", "There is nothing to change.", suggestion="Name something: --title, --priority …"
        )
    operations = [{"updateTask": {"task": meant.key, **given}}]
    await _mutate(session, meant.run_id, operations, dry_run, expect_version, reason)


@app.command("remove")
@server_command
async def remove_task(
    session: Session,
    task: TaskArgument,
    kill_worker: Annotated[
        bool,
        typer.Option("--kill-worker", help="End the worker that is on it; a running task stays otherwise."),
    ] = False,
    dry_run: DryRun = False,
    expect_version: Expect = None,
    reason: Reason = None,
) -> None:
    r"""Take a task out of its run. What depends on it no longer waits for it.

    \b
      trackside tasks remove nightly/T013 --dry-run
      trackside tasks remove nightly/T013 --reason 'not needed'
    """
    meant = await references.task_of(session.client, task)
    operations = [{"removeTask": _kept({"task": meant.key, "killWorker": kill_worker or None})}]
    await _mutate(session, meant.run_id, operations, dry_run, expect_version, reason)


@app.command("depend")
@server_command
async def add_dependency(
    session: Session,
    task: TaskArgument,
    on: Others,
    dry_run: DryRun = False,
    expect_version: Expect = None,
    reason: Reason = None,
) -> None:
    r"""Let a task that has not started wait for others.

    \b
      trackside tasks depend nightly/T014 T012
      trackside tasks depend nightly/T014 T012 T013 --dry-run
    """
    await _rewire(session, "addDependency", task, on, dry_run, expect_version, reason)


@app.command("undepend")
@server_command
async def remove_dependency(
    session: Session,
    task: TaskArgument,
    on: Others,
    dry_run: DryRun = False,
    expect_version: Expect = None,
    reason: Reason = None,
) -> None:
    r"""Let a task no longer wait for others.

    \b
      trackside tasks undepend nightly/T013 T012
    """
    await _rewire(session, "removeDependency", task, on, dry_run, expect_version, reason)


@app.command("mutate")
@server_command
async def mutate_dag(
    session: Session,
    run: RunArgument,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A JSON list of the API's DagOperationInput; - for standard input."
        ),
    ],
    dry_run: DryRun = False,
    expect_version: Expect = None,
    reason: Reason = None,
) -> None:
    r"""Do many edits at once: all of them or none.

    \b
      trackside tasks mutate nightly edits.json --dry-run
      echo '[{"removeTask": {"task": "T013"}}]' | trackside tasks mutate nightly -
    """
    run_id = await references.run(session.client, run)
    await _mutate(session, run_id, _operations(file), dry_run, expect_version, reason)


async def _rewire(
    session: Session,
    operation: str,
    task: str,
    on: Sequence[str],
    dry_run: bool,
    expect_version: int | None,
    reason: str | None,
) -> None:
    meant = await references.task_of(session.client, task)
    operations = [{operation: {"task": meant.key, "dependsOn": other}} for other in on]
    await _mutate(session, meant.run_id, operations, dry_run, expect_version, reason)


async def _mutate(
    session: Session,
    run_id: str,
    operations: Sequence[Mapping[str, Any]],
    dry_run: bool,
    expect_version: int | None,
    reason: str | None,
) -> None:
    given = {
        "runId": run_id,
        "operations": operations,
        "dryRun": dry_run or None,
        "expectedVersion": expect_version,
        "reason": reason,
    }
    payload = await session.client.mutate(MUTATE, given)
    if session.screen.json:
        shown = {name: payload[name] for name in ("run", "impact", "command")}
        session.screen.document({**shown, "dryRun": dry_run})
    else:
        show_impact(session.screen, payload["run"], payload["impact"], dry_run=dry_run)


def show_impact(screen: Screen, run: Mapping[str, Any], impact: Mapping[str, Any], *, dry_run: bool) -> None:
    """What a change did, or would do."""
    name = text.printable(run["name"])
    if dry_run:
        screen.line(
            f"Nothing was changed: {name} stays at version {run['version']}. This would", style="bold"
        )
    else:
        screen.line(f"{name} is at version {run['version']}", style="bold")
    lines = 0
    for field, words, style in (
        ("added", "add", "green"),
        ("removed", "remove", "red"),
        ("ready", "make ready", "cyan"),
        ("pending", "let wait", "yellow"),
    ):
        for task in impact[field]:
            after = f"  (after {', '.join(task['dependsOn'])})" if task.get("dependsOn") else ""
            screen.line(
                f"  {words:<10}  {text.printable(task['key'])}  {text.printable(task['title'] + after)}",
                style,
            )
            lines += 1
    for worker in impact["killedWorkers"]:
        screen.line(f"  {'end':<10}  {worker['id']}", "red")
        lines += 1
    if not lines:
        screen.line("  no task becomes ready by it, and none waits that did not")


def _details(
    description: str | None,
    phase: str | None,
    priority: int | None,
    max_attempts: int | None,
    timeout: int | None,
    skill: str | None,
    path: list[str] | None,
) -> dict[str, Any]:
    return {
        "description": description,
        "phase": phase,
        "priority": priority,
        "maxAttempts": max_attempts,
        "timeoutSeconds": timeout,
        "skill": skill,
        "paths": path or None,
    }


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was said; what was not is left as it is."""
    return {name: value for name, value in given.items() if value is not None}


def _operations(file: str) -> list[dict[str, Any]]:
    try:
        content = sys.stdin.buffer.read() if file == _PIPE else Path(file).read_bytes()
        found = json.loads(content)
    except OSError as error:
        raise TracksideError("INVALID_INPUT", f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise TracksideError("INVALID_INPUT", f"{file} holds no JSON: {error}.") from error
    if not isinstance(found, list):
        raise TracksideError(
            "INVALID_INPUT",
            f"{file} holds no list of operations.",
            suggestion='Such as [{"addDependency": {"task": "b", "dependsOn": "a"}}]',
        )
    return found
