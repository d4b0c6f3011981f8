"""What was found out while a task was worked on: documents that stay with it."""

from app import store
from app.commands import moves
from app.commands.audit import Change
from app.commands.subtasks import refuse_archived
from app.domain import limits
from app.domain.events import EventKind
from app.store.db import Tx


def add(tx: Tx, *, task_id: str, title: str, content: str) -> Change:
    task, run = store.tasks.lock(tx, task_id)
    refuse_archived(run)
    if store.findings.count(tx, task_id) >= limits.FINDINGS:
        raise limits.too_large("This task", limits.FINDINGS, "findings", ["input", "taskId"])
    finding = store.findings.add(tx, task_id=task.id, title=title, content=content)
    moves.touch(tx, run)
    store.events.append(
        tx, EventKind.FINDING_ADDED, run=run, task_id=task.id, finding=finding.id, title=title
    )
    return Change(
        {"task": task.id, "finding": finding.id}, run=run, task_id=task.id, worker_id=task.worker_id
    )
