"""Runs as text."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.cli import text
from app.cli.screen import Screen
from app.domain.tasks import TaskStatus

Node = Mapping[str, Any]

MARKS: Final[dict[str, tuple[str, str]]] = {
    TaskStatus.PENDING: ("·", "dim"),
    TaskStatus.READY: ("○", ""),
    TaskStatus.RUNNING: ("▶", "cyan"),
    TaskStatus.WAITING_FOR_INPUT: ("?", "yellow"),
    TaskStatus.BLOCKED: ("■", "yellow"),
    TaskStatus.COMPLETED: ("✓", "green"),
    TaskStatus.FAILED: ("✗", "red"),
    TaskStatus.SKIPPED: ("-", "dim"),
    TaskStatus.CANCELLED: ("-", "dim"),
}
"""How each status is marked, and in which style."""


def show_runs(screen: Screen, runs: Sequence[Node]) -> None:
    now = text.now()
    rows = [
        (run["id"], run["status"], done(run["progress"]), text.ago(run["createdAt"], now), run["name"])
        for run in runs
    ]
    screen.table(("ID", "STATUS", "DONE", "CREATED", "NAME"), rows)


def show_one(screen: Screen, run: Node, items: Sequence[Node], tasks: Sequence[Node]) -> None:
    screen.line(text.printable(run["name"]), style="bold")
    screen.line(f"  {run['id']}  {run['status']}  version {run['version']}")
    if run["statusReason"]:
        screen.line(f"  {text.printable(run['statusReason'])}")
    screen.line(
        f"  {counts(run['progress'])}; {_when(run)}; at most {text.count(run['maxWorkers'], 'worker')}"
    )
    if run["project"] is not None:
        screen.line(f"  in {text.printable(run['project']['root'])}")
    by_phase: defaultdict[str, list[Node]] = defaultdict(list)
    for task in tasks:
        by_phase[task["phase"]["key"] if task["phase"] else ""].append(task)
    for phase in run["phases"]:
        screen.line("")
        screen.line(f"{text.printable(phase['title'])}  [{phase['status']}]", style="bold")
        for task in by_phase[phase["key"]]:
            _show_task(screen, task)
    for item in items:
        screen.line("")
        show_question(screen, item)


def show_question(screen: Screen, item: Node, *, answerable: bool = True) -> None:
    """A question and how to answer it, where somebody still listens."""
    options = [option["value"] for option in item["options"]]
    screen.line(f"? {text.printable(item['title'])}", style="yellow")
    if options:
        screen.line(f"  {text.printable(' | '.join(options))}")
    if answerable:
        screen.line(f"  {answer_with(item['id'], options)}")


def answer_with(item_id: str, options: Sequence[str], *, suffix: str = "") -> str:
    return f"trackside answer {item_id} {text.quoted(options[0]) if options else 'ANSWER'}{suffix}"


def done(progress: Node) -> str:
    return f"{progress['completed']}/{progress['total']}"


def counts(progress: Node) -> str:
    """`3 of 12 tasks completed, 1 failed, 2 running`: what is nothing is left out."""
    words = [f"{progress['completed']:,} of {text.count(progress['total'], 'task')} completed"]
    words += [f"{progress[name]:,} {name}" for name in ("failed", "running", "pending") if progress[name]]
    return ", ".join(words)


def _show_task(screen: Screen, task: Node) -> None:
    status = task["status"]
    mark, style = MARKS.get(status, ("?", ""))
    again = f"  attempt {task['attempts']} of {task['maxAttempts']}" if task["attempts"] > 1 else ""
    plain = status in (TaskStatus.PENDING, TaskStatus.READY, TaskStatus.RUNNING, TaskStatus.COMPLETED)
    named = "" if plain else f"  [{status}]"
    screen.line(
        f"  {mark} {text.printable(task['key'])}  {text.printable(task['title'])}{named}{again}", style
    )
    why = task["lastError"] if status == TaskStatus.FAILED else task["statusReason"]
    if why and status not in (TaskStatus.COMPLETED, TaskStatus.CANCELLED):
        screen.line(f"      {text.printable(why)}")


def _when(run: Node) -> str:
    now = text.now()
    if run["startedAt"] is None:
        return f"made {text.ago(run['createdAt'], now)}, not started"
    began = text.moment(run["startedAt"])
    if run["completedAt"] is None:
        return f"started {text.ago(run['startedAt'], now)}"
    took = text.duration((text.moment(run["completedAt"]) - began).total_seconds())
    return f"took {took}, ended {text.ago(run['completedAt'], now)}"
