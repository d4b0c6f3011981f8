from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.attention import AttentionKind, AttentionStatus
from app.domain.errors import not_found
from app.domain.phases import PhaseStatus
from app.domain.tasks import FINISHED, TaskStatus
from app.domain.workers import LIVE
from app.store import events, runs
from app.store.db import Tx, reread
from app.store.tables import AskerRow, AttentionRow, PhaseRow, RunRow, TaskRow, WorkerRow


@dataclass(frozen=True, slots=True)
class AttentionFilter:
    project_id: str | None = None
    run_id: str | None = None
    kinds: Sequence[str] | None = None
    statuses: Sequence[str] | None = None


def get(tx: Tx, item_id: str) -> AttentionRow:
    item = find(tx, item_id)
    if item is None:
        raise not_found("attention item", item_id)
    return item


def find(tx: Tx, item_id: str) -> AttentionRow | None:
    item = tx.session.get(AttentionRow, item_id)
    return item if item is not None and runs.find(tx, item.run_id) is not None else None


def lock(tx: Tx, item_id: str) -> tuple[AttentionRow, RunRow]:
    item = get(tx, item_id)
    run = runs.lock(tx, item.run_id)
    reread(tx, item)
    return item, run


def by_ids(tx: Tx, wanted: Sequence[str], only: AttentionFilter | None = None) -> dict[str, AttentionRow]:
    query = select_all(tx, only).where(col(AttentionRow.id).in_(wanted))
    return {row.id: row for row in tx.session.exec(query)}


def listed(tx: Tx, only: AttentionFilter) -> tuple[int, Sequence[str]]:
    """A position of the log, and the ids of what the filter selects there, the item that holds back most work first."""
    head = events.head(tx)
    order = (col(AttentionRow.blocked_tasks).desc(), col(AttentionRow.id))
    query = select_all(tx, only).with_only_columns(col(AttentionRow.id)).order_by(*order)
    return head, tx.session.connection().execute(query).scalars().all()


def select_all(tx: Tx, only: AttentionFilter | None = None) -> SelectOfScalar[AttentionRow]:
    query = select(AttentionRow)
    project_ids = [value for value in (tx.scope, only.project_id if only else None) if value is not None]
    if project_ids:
        query = query.join(RunRow, col(RunRow.id) == AttentionRow.run_id)
        for project_id in project_ids:
            query = query.where(RunRow.project_id == project_id)
    if only is None:
        return query
    if only.run_id is not None:
        query = query.where(AttentionRow.run_id == only.run_id)
    if only.kinds is not None:
        query = query.where(col(AttentionRow.kind).in_(only.kinds))
    if only.statuses is not None:
        query = query.where(col(AttentionRow.status).in_(only.statuses))
    return query


def find_open(tx: Tx, run_id: str, merge_key: str) -> AttentionRow | None:
    return tx.session.exec(
        select(AttentionRow).where(AttentionRow.run_id == run_id, AttentionRow.merge_key == merge_key)
    ).first()


def confirmation_key(phase: PhaseRow) -> str:
    """The merge key of the item that asks people to confirm a phase."""
    return f"confirm {phase.id}"


def find_confirmation(tx: Tx, run: RunRow, phase: PhaseRow) -> AttentionRow | None:
    """The open item that asks people to confirm this phase."""
    if phase.status != PhaseStatus.AWAITING_CONFIRMATION or not run.open_attention:
        return None
    tx.session.flush()
    return find_open(tx, run.id, confirmation_key(phase))


def find_answer(tx: Tx, task_id: str, question_key: str) -> AttentionRow | None:
    """The newest settled item in which this task has already asked the same."""
    return tx.session.exec(
        select(AttentionRow)
        .join(AskerRow, col(AskerRow.attention_id) == AttentionRow.id)
        .where(
            AskerRow.task_id == task_id,
            AttentionRow.question_key == question_key,
            AttentionRow.status == AttentionStatus.ANSWERED,
        )
        .order_by(col(AttentionRow.answered_at).desc())
        .limit(1)
    ).first()


def open_of_run(tx: Tx, run_id: str) -> Sequence[AttentionRow]:
    return tx.session.exec(
        select(AttentionRow).where(AttentionRow.run_id == run_id, AttentionRow.status == AttentionStatus.OPEN)
    ).all()


def overdue(tx: Tx) -> Sequence[AttentionRow]:
    return tx.session.exec(
        select(AttentionRow)
        .where(AttentionRow.status == AttentionStatus.OPEN, col(AttentionRow.expires_at) <= tx.now)
        .order_by(col(AttentionRow.id))
    ).all()


def runs_with_open(tx: Tx) -> Sequence[str]:
    return tx.session.exec(select(RunRow.id).where(RunRow.open_attention > 0)).all()


def askers(tx: Tx, item_id: str) -> Sequence[AskerRow]:
    return tx.session.exec(
        select(AskerRow).where(AskerRow.attention_id == item_id).order_by(col(AskerRow.id))
    ).all()


def askers_of(tx: Tx, item_ids: Sequence[str]) -> dict[str, list[AskerRow]]:
    found: dict[str, list[AskerRow]] = {item_id: [] for item_id in item_ids}
    query = select(AskerRow).where(col(AskerRow.attention_id).in_(item_ids)).order_by(col(AskerRow.id))
    for asker in tx.session.exec(query):
        found[asker.attention_id].append(asker)
    return found


def held_by_worker(tx: Tx, worker_id: str) -> Sequence[AttentionRow]:
    """Open items that this worker waits for."""
    return tx.session.exec(
        select(AttentionRow)
        .join(AskerRow, col(AskerRow.attention_id) == AttentionRow.id)
        .where(AskerRow.worker_id == worker_id, AttentionRow.status == AttentionStatus.OPEN)
    ).all()


def abandoned(tx: Tx, run_id: str) -> Sequence[AttentionRow]:
    """Open questions for which nobody waits: every worker that asked is over, and so is its task."""
    waits = or_(
        col(AskerRow.worker_id).is_(None),
        col(WorkerRow.status).in_(sorted(LIVE)),
        col(TaskRow.status).not_in(sorted(FINISHED | {TaskStatus.FAILED})),
    )
    awaited = (
        select(AskerRow.id)
        .outerjoin(WorkerRow, col(WorkerRow.id) == AskerRow.worker_id)
        .outerjoin(TaskRow, col(TaskRow.id) == AskerRow.task_id)
        .where(AskerRow.attention_id == AttentionRow.id, waits)
    )
    query = (
        select(AttentionRow)
        .where(
            AttentionRow.run_id == run_id,
            AttentionRow.status == AttentionStatus.OPEN,
            AttentionRow.kind == AttentionKind.QUESTION,
            ~awaited.exists(),
        )
        .order_by(col(AttentionRow.id))
    )
    return tx.session.exec(query).all()


def tasks_of(tx: Tx, item_ids: Sequence[str]) -> dict[str, list[TaskRow]]:
    found: dict[str, list[TaskRow]] = {item_id: [] for item_id in item_ids}
    query = (
        select(AskerRow.attention_id, TaskRow)
        .join(TaskRow, col(TaskRow.id) == AskerRow.task_id)
        .where(col(AskerRow.attention_id).in_(item_ids))
        .order_by(col(TaskRow.ordinal))
    )
    for item_id, task in tx.session.exec(query):
        if task not in found[item_id]:
            found[item_id].append(task)
    return found
