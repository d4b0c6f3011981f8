"""Runs as text."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from app.cli import text
from app.cli.amounts import budgeted, spent
from app.cli.screen import Screen
from app.cli.wording import told
from app.domain.conflicts import ConflictPolicy
from app.domain.phases import PhaseStatus, TaskRequirement
from app.domain.runs import RunStatus
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


_NAMED: Final = 5
"""How much of what a phase waits for is named."""

RUN_HEADER: Final = ("ID", "STATUS", "DONE", "ASKS", "CREATED", "NAME")


def run_row(run: Node) -> tuple[str, ...]:
    asks = str(run["openAttention"] or "-")
    return (run["id"], run["status"], done(run), asks, text.ago(run["createdAt"], text.now()), run["name"])


def compact_run(run: Node) -> tuple[str, ...]:
    """As scripts take it apart, and status bars have room for; the name last, because it may have blanks."""
    return (run["id"][-text.SHORT :], run["status"], done(run), str(run["openAttention"] or "-"), run["name"])


def show_one(
    screen: Screen,
    run: Node,
    items: Sequence[Node],
    tasks: Sequence[Node],
    *,
    more: Iterable[tuple[str, str]] = (),
    tell_phase: Callable[[Node], list[str]] | None = None,
) -> None:
    """`more` is told below its name, `tell_phase` says what is told of a phase: what is unusual of it otherwise."""
    screen.line(text.printable(run["name"]), style="bold")
    screen.line(f"  {run['id']}  {run['status']}  version {run['version']}")
    if run["statusReason"]:
        screen.line(f"  {text.printable(told(run['statusReason']))}")
    _show_terms(screen, run)
    screen.facts(more)
    by_phase: defaultdict[str, list[Node]] = defaultdict(list)
    for task in tasks:
        by_phase[task["phase"]["key"] if task["phase"] else ""].append(task)
    for phase in run["phases"]:
        screen.line("")
        screen.line(f"{text.printable(phase['title'])}  [{phase['status']}]", style="bold")
        for line in (tell_phase or agreed)(phase):
            screen.line(f"  {text.printable(line)}", style="dim")
        for task in by_phase[phase["key"]]:
            _show_task(screen, task)
    for item in items:
        screen.line("")
        show_question(screen, item)


def _show_terms(screen: Screen, run: Node) -> None:
    """How much of what it may use, and where."""
    screen.line(f"  {counts(run)}; {_when(run)}; at most {text.count(run['maxWorkers'], 'worker')}")
    if run["conflictPolicy"] != ConflictPolicy.ASK:
        screen.line(f"  tasks that change the same paths: {run['conflictPolicy']}")
    if run["usage"] is not None:
        screen.line(f"  used {spent(run['usage'])}")
    if run["budget"] is not None:
        screen.line(f"  budget: {budgeted(run['budget'])}")
    if run["project"] is not None:
        screen.line(f"  in {text.printable(run['project']['root'])}")


def agreed(phase: Node) -> list[str]:
    """How a phase is left, where that takes more than its tasks; and what is missing of it now."""
    gate = phase["gate"]
    words = {
        TaskRequirement.NONE: ["none of its tasks have to be done"],
        TaskRequirement.MIN: [f"{gate['minimum']} of its tasks have to be done"],
        TaskRequirement.NAMED: [f"has to be done: {', '.join(gate['tasks'] or ())}"],
    }.get(gate["taskRequirement"], [])
    if owed := [one["key"] for one in phase["deliverables"] if one["required"]]:
        words.append(f"owes {', '.join(owed)}")
    if phase["confirmedBy"]:
        words.append(f"confirmed by {phase['confirmedBy']}")
    elif phase["guard"]:
        words.append("somebody has to confirm")
    lines = ["; ".join(words)] if words else []
    missing = phase["readiness"]["missing"] if phase["readiness"] else []
    if words and missing and phase["status"] == PhaseStatus.ACTIVE:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        lines.append(f"waits for {', '.join(missing[:_NAMED])}{more}")
    return lines


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


def total(run: Node) -> int:
    """How many tasks there were to do: in a run that was stopped, also those that were never done."""
    progress = run["progress"]
    stopped = run["status"] in (RunStatus.STOPPING, RunStatus.CANCELLED, RunStatus.ARCHIVED)
    return int(progress["total"] + (progress["cancelled"] if stopped else 0))


def done(run: Node) -> str:
    return f"{run['progress']['completed']}/{total(run)}"


def counts(run: Node) -> str:
    """`3 of 12 tasks completed, 1 failed, 2 running`: what is nothing is left out."""
    progress = run["progress"]
    words = [f"{progress['completed']:,} of {text.count(total(run), 'task')} completed"]
    words += [
        f"{progress[name]:,} {name}"
        for name in ("failed", "running", "pending", "cancelled")
        if progress[name]
    ]
    return ", ".join(words)


def attempt(task: Node) -> str:
    """`attempt 2 of 3`. Tries after one by hand are beyond what the plan allows: `attempt 4`."""
    whole = f" of {task['maxAttempts']}" if task["attempts"] <= task["maxAttempts"] else ""
    return f"attempt {task['attempts']}{whole}"


def _show_task(screen: Screen, task: Node) -> None:
    status = task["status"]
    mark, style = MARKS.get(status, ("?", ""))
    again = f"  {attempt(task)}" if task["attempts"] > 1 else ""
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
