from collections.abc import Sequence

from sqlmodel import col, func, select

from app.store import ids
from app.store.db import Tx
from app.store.finding_tables import FindingRow
from app.store.tables import RunRow, TaskRow


def add(tx: Tx, *, task_id: str, title: str, content: str) -> FindingRow:
    finding = FindingRow(
        id=ids.new("find"), task_id=task_id, title=title, content=content, actor=tx.actor, at=tx.now
    )
    tx.session.add(finding)
    return finding


def count(tx: Tx, task_id: str) -> int:
    return tx.session.exec(
        select(func.count()).select_from(FindingRow).where(FindingRow.task_id == task_id)
    ).one()


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, FindingRow]:
    query = select(FindingRow).where(col(FindingRow.id).in_(wanted))
    if tx.scope is not None:
        query = (
            query.join(TaskRow, col(TaskRow.id) == FindingRow.task_id)
            .join(RunRow, col(RunRow.id) == TaskRow.run_id)
            .where(RunRow.project_id == tx.scope)
        )
    return {row.id: row for row in tx.session.exec(query)}


def of_tasks(tx: Tx, task_ids: Sequence[str]) -> dict[str, list[FindingRow]]:
    """What was found under each task, oldest first."""
    found: dict[str, list[FindingRow]] = {task_id: [] for task_id in task_ids}
    for part in ids.parts(task_ids):
        query = select(FindingRow).where(col(FindingRow.task_id).in_(part)).order_by(col(FindingRow.id))
        for row in tx.session.exec(query):
            found[row.task_id].append(row)
    return found
