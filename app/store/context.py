from collections.abc import Sequence

from sqlmodel import col, func, select

from app.store.db import Tx
from app.store.tables import ContextItemRow, RunRow


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, ContextItemRow]:
    query = select(ContextItemRow).where(col(ContextItemRow.id).in_(wanted))
    if tx.scope is not None:
        query = query.join(RunRow, col(RunRow.id) == ContextItemRow.run_id).where(
            RunRow.project_id == tx.scope
        )
    return {row.id: row for row in tx.session.exec(query)}


def of_workers(tx: Tx, worker_ids: Sequence[str]) -> dict[str, list[ContextItemRow]]:
    found: dict[str, list[ContextItemRow]] = {worker_id: [] for worker_id in worker_ids}
    query = (
        select(ContextItemRow)
        .where(col(ContextItemRow.worker_id).in_(worker_ids))
        .order_by(col(ContextItemRow.id))
    )
    for item in tx.session.exec(query):
        if item.worker_id is not None:
            found[item.worker_id].append(item)
    return found


def undelivered(tx: Tx, worker_id: str) -> Sequence[ContextItemRow]:
    return tx.session.exec(
        select(ContextItemRow)
        .where(ContextItemRow.worker_id == worker_id, col(ContextItemRow.delivered_at).is_(None))
        .order_by(col(ContextItemRow.id))
    ).all()


def kept_for_task(tx: Tx, task_id: str) -> Sequence[ContextItemRow]:
    """What waits for the task's next worker."""
    return tx.session.exec(
        select(ContextItemRow)
        .where(ContextItemRow.task_id == task_id, col(ContextItemRow.worker_id).is_(None))
        .order_by(col(ContextItemRow.id))
    ).all()


def waiting_of_command(tx: Tx, command_id: str) -> int:
    """How many of the items that one request gave are not delivered yet."""
    return tx.session.exec(
        select(func.count())
        .select_from(ContextItemRow)
        .where(ContextItemRow.command_id == command_id, col(ContextItemRow.delivered_at).is_(None))
    ).one()
