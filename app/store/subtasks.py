from collections.abc import Sequence

from sqlmodel import col, func, select

from app.domain.errors import not_found
from app.store import ids, tasks
from app.store.db import Tx
from app.store.tables import RunRow, SubtaskRow, TaskRow


def add(tx: Tx, *, task_id: str, title: str) -> SubtaskRow:
    """One more, behind those that are there. The caller holds the task's run."""
    last = tx.session.exec(select(func.max(SubtaskRow.ordinal)).where(SubtaskRow.task_id == task_id)).one()
    subtask = SubtaskRow(id=ids.new("sub"), task_id=task_id, ordinal=(last or 0) + 1, title=title)
    tx.session.add(subtask)
    return subtask


def lock(tx: Tx, subtask_id: str) -> tuple[SubtaskRow, TaskRow, RunRow]:
    """Load a subtask with its task and run for change."""
    subtask = tx.session.get(SubtaskRow, subtask_id)
    if subtask is None or tasks.find(tx, subtask.task_id) is None:
        raise not_found("subtask", subtask_id)
    task, run = tasks.lock(tx, subtask.task_id)
    if not tx.exclusive:
        fresh = tx.session.get(SubtaskRow, subtask_id, populate_existing=True)
        if fresh is None:  # deleted while the run was waited for
            raise not_found("subtask", subtask_id)
    return subtask, task, run


def delete(tx: Tx, subtask: SubtaskRow) -> None:
    tx.session.delete(subtask)


def count(tx: Tx, task_id: str) -> int:
    return tx.session.exec(
        select(func.count()).select_from(SubtaskRow).where(SubtaskRow.task_id == task_id)
    ).one()


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, SubtaskRow]:
    query = select(SubtaskRow).where(col(SubtaskRow.id).in_(wanted))
    if tx.scope is not None:
        query = (
            query.join(TaskRow, col(TaskRow.id) == SubtaskRow.task_id)
            .join(RunRow, col(RunRow.id) == TaskRow.run_id)
            .where(RunRow.project_id == tx.scope)
        )
    return {row.id: row for row in tx.session.exec(query)}


def of_tasks(tx: Tx, task_ids: Sequence[str]) -> dict[str, list[SubtaskRow]]:
    found: dict[str, list[SubtaskRow]] = {task_id: [] for task_id in task_ids}
    for part in ids.parts(task_ids):
        query = select(SubtaskRow).where(col(SubtaskRow.task_id).in_(part)).order_by(col(SubtaskRow.ordinal))
        for row in tx.session.exec(query):
            found[row.task_id].append(row)
    return found
