"""A task's tick-boxes. They hold nothing back: a task is done when its worker or a person says so."""

from typing import Any

from app import store
from app.commands import moves
from app.commands.audit import Change
from app.domain import limits
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.runs import RunStatus
from app.domain.subtasks import SubtaskChange
from app.store.db import Tx
from app.store.tables import RunRow, SubtaskRow, TaskRow


def create(tx: Tx, *, task_id: str, title: str) -> Change:
    task, run = store.tasks.lock(tx, task_id)
    refuse_archived(run)
    if store.subtasks.count(tx, task_id) >= limits.SUBTASKS:
        raise limits.too_large("This task", limits.SUBTASKS, "subtasks", ["input", "taskId"])
    return _told(tx, run, task, store.subtasks.add(tx, task_id=task_id, title=title), SubtaskChange.CREATED)


def update(tx: Tx, *, subtask_id: str, title: str | None = None, completed: bool | None = None) -> Change:
    """Rename a subtask, tick it, or take the tick away; what is None stays as it is."""
    subtask, task, run = store.subtasks.lock(tx, subtask_id)
    refuse_archived(run)
    if title is not None:
        subtask.title = title
    if completed is not None:
        subtask.completed = completed
    return _told(tx, run, task, subtask, SubtaskChange.UPDATED)


def delete(tx: Tx, *, subtask_id: str) -> Change:
    subtask, task, run = store.subtasks.lock(tx, subtask_id)
    refuse_archived(run)
    store.subtasks.delete(tx, subtask)
    return _told(tx, run, task, subtask, SubtaskChange.DELETED)


def refuse_archived(run: RunRow) -> None:
    if run.status == RunStatus.ARCHIVED:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            "The run is ARCHIVED: it stays as it is.",
            suggestion="Keep the note with a run that is still in use.",
        )


def _told(tx: Tx, run: RunRow, task: TaskRow, subtask: SubtaskRow, change: SubtaskChange) -> Change:
    moves.touch(tx, run)
    store.events.append(
        tx,
        EventKind.SUBTASK_CHANGED,
        run=run,
        task_id=task.id,
        subtask=subtask.id,
        change=change,
        title=subtask.title,
        completed=subtask.completed,
    )
    refs: dict[str, Any] = {"task": task.id, "subtask": subtask.id}
    if change is SubtaskChange.DELETED:
        refs["was"] = {"title": subtask.title, "completed": subtask.completed}
    return Change(refs, run=run, task_id=task.id, worker_id=task.worker_id)
