"""Which tasks hold back which, by the paths that they mean to change.

While an item of kind CONFLICT is open, its second task is not started; the item is the whole of what is remembered.
Nothing can hold back each other in a circle: a task is held back by one that was at work at that moment, and is not started
until then.
"""

from collections.abc import Sequence

from app import store
from app.domain import globs
from app.domain.conflicts import is_in_the_way, stays_in_the_way
from app.domain.tasks import TaskStatus
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow


def key_of(one: TaskRow, other: TaskRow) -> str:
    """The key of the item about two tasks, whichever comes first."""
    return f"conflict {min(one.id, other.id)} {max(one.id, other.id)}"


def at_work(tx: Tx, run: RunRow) -> list[TaskRow]:
    """Tasks of a run that are at work and say what they change: few, however many tasks there are."""
    tx.session.flush()
    return [
        task
        for task in store.tasks.with_live_workers(tx, run.id)
        if task.paths and is_in_the_way(TaskStatus(task.status), has_worker=True)
    ]


def in_the_way(task: TaskRow, others: Sequence[TaskRow]) -> list[TaskRow]:
    """Those of `others` that may change what a task means to change."""
    return [
        other
        for other in others
        if other.id != task.id and globs.overlap(task.paths, other.paths) is not None
    ]


def settled(tx: Tx, run: RunRow) -> list[AttentionRow]:
    """Open items about conflicts that there are no more."""
    return [item for item in store.attention.open_conflicts(tx, run.id) if not _holds(*tasks_of(tx, item))]


def tasks_of(tx: Tx, item: AttentionRow) -> tuple[TaskRow, TaskRow]:
    """The task that was at work, and the one that is held back."""
    assert item.subject is not None
    return store.tasks.get(tx, item.subject["first"]), store.tasks.get(tx, item.subject["second"])


def _holds(first: TaskRow, second: TaskRow) -> bool:
    return (
        second.status == TaskStatus.READY
        and second.worker_id is None
        and stays_in_the_way(
            TaskStatus(first.status),
            has_worker=first.worker_id is not None,
            failures=first.failures,
            has_runtime=first.runtime is not None,
        )
        and globs.overlap(first.paths, second.paths) is not None
    )
