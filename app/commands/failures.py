"""Tasks that have finally failed, put to people: those of a run that failed the same way are one item."""

import hashlib
from enum import StrEnum
from typing import Final

from app import store
from app.commands import items
from app.domain import limits
from app.domain.attention import AttentionKind
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow, WorkerRow


class FailureAnswer(StrEnum):
    RETRY = "RETRY"
    SKIP = "SKIP"


TASK: Final = "task"
"""What the `subject` of an item about tasks says that it is about."""

MOST_OPEN: Final = 20
"""After so many items of one run there is one more, for everything that fails in yet another way."""

LINES: Final = 5
COUNTED_AT_ONCE: Final = 100


def put(tx: Tx, run: RunRow, task: TaskRow, worker: WorkerRow) -> None:
    """Ask people what becomes of a task that has just failed for good, unless it was they who had it end."""
    if store.budgets.is_given_up(tx, worker):
        return
    error = task.last_error or "It says nothing about why."
    key = f"failure {hashlib.sha256(error.encode()).hexdigest()}"
    item = store.attention.find_open(tx, run.id, key)
    title = f"Task {task.key} failed: {error}"
    if item is None and store.attention.count_open(tx, run.id, AttentionKind.FAILURE) >= MOST_OPEN:
        key, title = "failures", f"More tasks failed, each in another way, {task.key} first: {error}"
        item = store.attention.find_open(tx, run.id, key)
    if item is not None:
        _join(tx, item, task, error)
        return
    items.put(
        tx,
        run,
        AttentionKind.FAILURE,
        key=key,
        title=title,
        detail=_detail(tx, task, worker),
        options=list(FailureAnswer),
        tasks=[task],
        subject={"kind": TASK, "merged": key == "failures"},
    )


def _join(tx: Tx, item: AttentionRow, task: TaskRow, error: str) -> None:
    items.join(tx, item, task, None)
    assert item.subject is not None
    if not item.subject["merged"]:
        item.subject = {**item.subject, "merged": True}
        item.title = f"Several tasks failed: {error}"[: limits.TITLE]
        item.detail = f"The first of them: {item.detail}"
    if item.blocked_tasks < COUNTED_AT_ONCE:  # beyond, the count that is made every second will do
        items.recount(tx, item)


def _detail(tx: Tx, task: TaskRow, worker: WorkerRow) -> str:
    told = f"{task.key} ({task.title}) has had {task.attempts} of {task.max_attempts} attempts."
    lines = store.workers.last_lines(tx, worker, LINES)
    if not lines:
        return told
    return limits.storable("\n".join([f"{told} Its log ends with:", "", *lines])[: limits.TEXT])
