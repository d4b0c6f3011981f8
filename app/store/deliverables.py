from collections.abc import Sequence

from sqlmodel import col, select

from app.store.db import Tx
from app.store.deliverable_tables import DeliverableRow
from app.store.tables import RunRow


def find_key(tx: Tx, phase_id: str, key: str) -> DeliverableRow | None:
    return tx.session.exec(
        select(DeliverableRow).where(DeliverableRow.phase_id == phase_id, DeliverableRow.key == key)
    ).first()


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, DeliverableRow]:
    query = select(DeliverableRow).where(col(DeliverableRow.id).in_(wanted))
    if tx.scope is not None:
        query = query.join(RunRow, col(RunRow.id) == DeliverableRow.run_id).where(
            RunRow.project_id == tx.scope
        )
    return {row.id: row for row in tx.session.exec(query)}


def of_phases(tx: Tx, phase_ids: Sequence[str]) -> dict[str, list[DeliverableRow]]:
    """What each phase owes, in the order of the plan."""
    found: dict[str, list[DeliverableRow]] = {phase_id: [] for phase_id in phase_ids}
    query = (
        select(DeliverableRow)
        .where(col(DeliverableRow.phase_id).in_(phase_ids))
        .order_by(col(DeliverableRow.ordinal))
    )
    for row in tx.session.exec(query):
        found[row.phase_id].append(row)
    return found
