from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import aliased
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.tools import ToolCallStatus
from app.store import ids
from app.store.db import Tx
from app.store.tables import RunRow, WorkerRow
from app.store.tool_tables import ToolCallRow


def add(
    tx: Tx, *, worker_id: str, key: str, name: str, input_summary: str | None, at: datetime
) -> ToolCallRow:
    call = ToolCallRow(
        id=ids.new("tool"),
        worker_id=worker_id,
        key=key,
        name=name,
        input_summary=input_summary,
        status=ToolCallStatus.STARTED,
        started_at=at,
    )
    tx.session.add(call)
    tx.session.flush()
    return call


def find(tx: Tx, worker_id: str, key: str) -> ToolCallRow | None:
    """The call that the worker's agent names so."""
    return tx.session.exec(
        select(ToolCallRow).where(ToolCallRow.worker_id == worker_id, ToolCallRow.key == key)
    ).first()


def under_way(tx: Tx, worker_id: str) -> Sequence[ToolCallRow]:
    return tx.session.exec(
        select(ToolCallRow)
        .where(ToolCallRow.worker_id == worker_id, ToolCallRow.status == ToolCallStatus.STARTED)
        .order_by(col(ToolCallRow.id))
    ).all()


def of_worker(worker_id: str) -> SelectOfScalar[ToolCallRow]:
    return select(ToolCallRow).where(ToolCallRow.worker_id == worker_id)


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, ToolCallRow]:
    query = select(ToolCallRow).where(col(ToolCallRow.id).in_(wanted))
    if tx.scope is not None:
        query = (
            query.join(WorkerRow, col(WorkerRow.id) == ToolCallRow.worker_id)
            .join(RunRow, col(RunRow.id) == WorkerRow.run_id)
            .where(RunRow.project_id == tx.scope)
        )
    return {row.id: row for row in tx.session.exec(query)}


def last_of_workers(tx: Tx, worker_ids: Sequence[str]) -> dict[str, ToolCallRow | None]:
    """The newest call of each worker: one look into an index for each of them, in one statement."""
    found: dict[str, ToolCallRow | None] = dict.fromkeys(worker_ids)
    calls = aliased(ToolCallRow)
    newest = (
        select(func.max(calls.id))
        .where(col(calls.worker_id) == WorkerRow.id)
        .correlate(WorkerRow)
        .scalar_subquery()
    )
    for part in ids.parts(worker_ids):
        last = select(newest).select_from(WorkerRow).where(col(WorkerRow.id).in_(part))
        for row in tx.session.exec(select(ToolCallRow).where(col(ToolCallRow.id).in_(last))):
            found[row.worker_id] = row
    return found
