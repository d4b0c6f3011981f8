from collections.abc import Sequence

from sqlmodel import col, func, select

from app.store.db import Tx
from app.store.tables import PhaseRow, RunRow


def find(tx: Tx, phase_id: str | None) -> PhaseRow | None:
    return None if phase_id is None else tx.session.get(PhaseRow, phase_id)


def of_run(tx: Tx, run_id: str) -> Sequence[PhaseRow]:
    return tx.session.exec(
        select(PhaseRow).where(PhaseRow.run_id == run_id).order_by(col(PhaseRow.ordinal))
    ).all()


def of_runs(tx: Tx, run_ids: Sequence[str]) -> dict[str, list[PhaseRow]]:
    found: dict[str, list[PhaseRow]] = {run_id: [] for run_id in run_ids}
    query = select(PhaseRow).where(col(PhaseRow.run_id).in_(run_ids)).order_by(col(PhaseRow.ordinal))
    for phase in tx.session.exec(query):
        found[phase.run_id].append(phase)
    return found


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, PhaseRow]:
    query = select(PhaseRow).where(col(PhaseRow.id).in_(wanted))
    if tx.scope is not None:
        query = query.join(RunRow, col(RunRow.id) == PhaseRow.run_id).where(RunRow.project_id == tx.scope)
    return {row.id: row for row in tx.session.exec(query)}


def next_after(tx: Tx, phase: PhaseRow) -> PhaseRow | None:
    return tx.session.exec(
        select(PhaseRow)
        .where(PhaseRow.run_id == phase.run_id, PhaseRow.ordinal > phase.ordinal)
        .order_by(col(PhaseRow.ordinal))
        .limit(1)
    ).first()


def find_key(tx: Tx, run_id: str, key: str) -> PhaseRow | None:
    return tx.session.exec(select(PhaseRow).where(PhaseRow.run_id == run_id, PhaseRow.key == key)).first()


def unfinished_after(tx: Tx, phase: PhaseRow) -> int:
    """How many unfinished tasks the phases behind this one have."""
    query = select(func.coalesce(func.sum(PhaseRow.unfinished), 0)).where(
        PhaseRow.run_id == phase.run_id, PhaseRow.ordinal > phase.ordinal
    )
    return tx.session.exec(query).one()
