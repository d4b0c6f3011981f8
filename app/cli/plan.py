"""Plans: which there are, and what Trackside makes of one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import plan_changes, references, text
from app.cli.plan_files import read_plan
from app.cli.run_views import MARKS
from app.cli.screen import Screen
from app.cli.session import Session, local_command, server_command
from app.domain.plans import Plan, PlanFormat, PlanStatus, PlanSubtask, PlanTask
from app.domain.tasks import TaskStatus

app = typer.Typer(
    no_args_is_help=True, help="Plans: find them, see what Trackside makes of one, import it again."
)

LIST = """
query ($project: ID!) { plans(projectId: $project) { id path format title taskCount completedCount } }
"""

_MARKS = {
    PlanStatus.PENDING: "○",
    PlanStatus.IN_PROGRESS: "◐",
    PlanStatus.DONE: MARKS[TaskStatus.COMPLETED][0],
    PlanStatus.CANCELLED: MARKS[TaskStatus.SKIPPED][0],
}


_SHOWN = 8
"""Dependencies of a task that are named."""


@app.callback()
def plan() -> None:
    """Plans: find them, see what Trackside makes of one, import it again."""


@app.command("show")
@local_command
def show_plan(
    screen: Screen,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The plan.")],
    format: Annotated[
        PlanFormat | None,
        typer.Option(case_sensitive=False, help="How it is written; found out where it is left out."),
    ] = None,
) -> None:
    r"""The phases, tasks and dependencies that are read from a plan, and what could not be read.

    \b
      trackside plan show plan.md
      trackside plan show tasks.md --format conductor --output json
    """
    read = read_plan(file, format)[0]
    if screen.json:
        screen.document(as_json(read))
    else:
        _show(screen, read)


@app.command("list")
@server_command
async def list_plans(
    session: Session,
    project: Annotated[
        str, typer.Option(help="The project: its id, name or directory; the current directory's.")
    ] = ".",
) -> None:
    r"""The plans that lie in a project: files that are called after plans or tasks, in every format.

    \b
      trackside plan list
      trackside plan list --project website --output json
    """
    project_id = await references.project(session.client, project)
    found = (await session.client.query(LIST, {"project": project_id}))["plans"]
    if session.screen.json:
        session.screen.document(found)
    elif not found:
        session.screen.line("No plans.")
    else:
        rows = [
            (one["path"], one["format"], f"{one['completedCount']}/{one['taskCount']}", one["title"] or "")
            for one in found
        ]
        session.screen.table(("PATH", "FORMAT", "DONE", "TITLE"), rows)


app.command("diff")(plan_changes.diff)
app.command("apply")(plan_changes.apply)


def as_json(plan: Plan) -> dict[str, Any]:
    return {
        "format": plan.format,
        "title": plan.title,
        "phases": [
            {
                "key": phase.key,
                "title": phase.title,
                "tasks": [
                    {
                        "key": task.key,
                        "title": task.title,
                        "status": task.status,
                        "dependsOn": task.depends_on,
                        "subtasks": [_subtask_as_json(subtask) for subtask in task.subtasks],
                    }
                    for task in phase.tasks
                ],
            }
            for phase in plan.phases
        ],
        "warnings": [{"line": warning.line, "message": warning.message} for warning in plan.warnings],
    }


def _subtask_as_json(subtask: PlanSubtask) -> dict[str, Any]:
    """With its key and what it waits for, where the format has such."""
    named = {"key": subtask.key, "dependsOn": list(subtask.depends_on)} if subtask.key else {}
    return {**named, "title": subtask.title, "status": subtask.status}


def _show(screen: Screen, plan: Plan) -> None:
    tasks = list(plan.tasks())
    screen.line(text.printable(plan.title or "Untitled"), style="bold")
    phases, done = text.count(len(plan.phases), "phase"), sum(one.status is PlanStatus.DONE for one in tasks)
    edges = text.count(sum(len(task.depends_on) for task in tasks), "edge")
    warnings = f", {text.count(len(plan.warnings), 'warning')}" if plan.warnings else ""
    screen.line(
        f"  {plan.format}: {text.count(len(tasks), 'task')} in {phases}, {done:,} of them done; {edges}{warnings}"
    )
    for phase in plan.phases:
        screen.line("")
        finished = sum(one.status is PlanStatus.DONE for one in phase.tasks)
        screen.line(
            f"{text.printable(phase.title)}  ({finished:,} of {len(phase.tasks):,} done)", style="bold"
        )
        for task in phase.tasks:
            screen.line(
                f"  {_MARKS[task.status]} {text.printable(task.key)}  {text.printable(task.title + _after(task))}"
            )
            for subtask in task.subtasks:
                screen.line(f"      {_MARKS[subtask.status]} {text.printable(subtask.title)}")
    for warning in plan.warnings:
        screen.note(f"line {warning.line}: {text.printable(warning.message)}")


def _after(task: PlanTask) -> str:
    if not task.depends_on:
        return ""
    more = len(task.depends_on) - _SHOWN
    shown = ", ".join(task.depends_on[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
    return f"  (after {shown})"
