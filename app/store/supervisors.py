from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from app.domain.hosts import LEASE
from app.domain.tasks import WORKED_ON
from app.store import ids, leases
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import RunRow, TaskRow


def add(tx: Tx, run_id: str, state: str) -> SupervisorRow:
    supervisor = SupervisorRow(id=ids.new("sup"), run_id=run_id, state=state)
    tx.session.add(supervisor)
    return supervisor


def of_run(tx: Tx, run_id: str) -> SupervisorRow:
    """That of a run which the caller holds locked, or only looks at."""
    return tx.session.exec(select(SupervisorRow).where(SupervisorRow.run_id == run_id)).one()


def of_runs(tx: Tx, run_ids: Sequence[str]) -> dict[str, SupervisorRow]:
    query = select(SupervisorRow).where(col(SupervisorRow.run_id).in_(run_ids))
    if tx.scope is not None:
        query = query.join(RunRow, col(RunRow.id) == SupervisorRow.run_id).where(
            RunRow.project_id == tx.scope
        )
    return {row.run_id: row for row in tx.session.exec(query)}


def tasks_under_way(tx: Tx, run_id: str, limit: int) -> Sequence[TaskRow]:
    """Tasks of a run that are worked on, in the order of the plan."""
    query = select(TaskRow).where(TaskRow.run_id == run_id, col(TaskRow.status).in_(sorted(WORKED_ON)))
    return tx.session.exec(query.order_by(col(TaskRow.ordinal)).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class Leader:
    """Whether a server leads, and when that one, or the last one that did, said so."""

    lives: bool
    heard_at: datetime | None


def leader(tx: Tx) -> Leader:
    lease = leases.find(tx, leases.ENGINE)
    if lease is None or not lease.fence:
        return Leader(lives=False, heard_at=None)
    return Leader(lives=leases.is_held(tx, leases.ENGINE), heard_at=lease.expires_at - LEASE)
