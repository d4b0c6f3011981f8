from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, not_, or_
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain import limits
from app.domain.attention import AttentionKind, AttentionStatus
from app.domain.conflicts import ConflictAnswer
from app.domain.errors import not_found
from app.domain.phases import PhaseStatus
from app.domain.tasks import FINISHED, TaskStatus
from app.domain.workers import LIVE
from app.store import events, ids, runs, tasks
from app.store.db import Tx, reread
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import AskerRow, AttentionRow, PhaseRow, RunRow, TaskRow, WorkerRow

ASKED: Final = frozenset({AttentionKind.QUESTION, AttentionKind.PERMISSION})
"""What workers ask, and wait for; the rest the control plane itself wants to know."""


AT_ONCE: Final = 100


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


def find_answer_before_restart(tx: Tx, supervisor_id: str, question_key: str) -> AttentionRow | None:
    """The newest settled item in which this supervisor's agent has asked the same, where it was restarted since."""
    query = (
        select(AttentionRow, AskerRow.restarts, SupervisorRow.restarts)
        .join(AskerRow, col(AskerRow.attention_id) == AttentionRow.id)
        .join(SupervisorRow, col(SupervisorRow.id) == AskerRow.supervisor_id)
        .where(
            AskerRow.supervisor_id == supervisor_id,
            AttentionRow.question_key == question_key,
            AttentionRow.status == AttentionStatus.ANSWERED,
        )
        .order_by(col(AttentionRow.id).desc(), col(AskerRow.restarts).desc())
    )
    found = tx.session.exec(query.limit(1)).first()
    if found is None:
        return None
    item, asked_after, restarts = found
    return item if asked_after < restarts else None


def open_of_run(tx: Tx, run_id: str, *, kind: AttentionKind | None = None) -> Sequence[AttentionRow]:
    """Of one kind, where it is said: there may be thousands of questions, and few of anything else."""
    query = select(AttentionRow).where(
        AttentionRow.run_id == run_id, AttentionRow.status == AttentionStatus.OPEN
    )
    return tx.session.exec(query if kind is None else query.where(AttentionRow.kind == kind)).all()


def overdue(tx: Tx) -> Sequence[AttentionRow]:
    """The oldest of them; no more than are settled at once, while nobody else writes."""
    return tx.session.exec(
        select(AttentionRow)
        .where(AttentionRow.status == AttentionStatus.OPEN, col(AttentionRow.expires_at) <= tx.now)
        .order_by(col(AttentionRow.id))
        .limit(AT_ONCE)
    ).all()


def runs_with_open(tx: Tx) -> Sequence[str]:
    return tx.session.exec(select(RunRow.id).where(RunRow.open_attention > 0)).all()


def askers(tx: Tx, item_id: str) -> Sequence[AskerRow]:
    return tx.session.exec(
        select(AskerRow).where(AskerRow.attention_id == item_id).order_by(col(AskerRow.id))
    ).all()


def find_asker(tx: Tx, item_id: str, **who: str | None) -> AskerRow | None:
    """Who waits for an item, by all of `task_id`, `worker_id` and `supervisor_id`."""
    query = select(AskerRow).where(AskerRow.attention_id == item_id)
    for name, id in who.items():
        query = query.where(col(getattr(AskerRow, name)) == id)
    return tx.session.exec(query).first()


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


def abandoned(tx: Tx, run_id: str, *, over: bool) -> Sequence[AttentionRow]:
    """Open questions for which nobody waits: every worker that asked is over, and so is its task.

    The run's supervisor waits for its own, whichever of its agents it was that asked, until the run is `over`; people and
    programs wait for theirs even then.
    """
    of_supervisor = col(AskerRow.supervisor_id).is_not(None)
    waits = or_(
        and_(not_(of_supervisor), col(AskerRow.worker_id).is_(None)),
        col(WorkerRow.status).in_(sorted(LIVE)),
        col(TaskRow.status).not_in(sorted(FINISHED | {TaskStatus.FAILED})),
        *([] if over else [of_supervisor]),
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
            col(AttentionRow.kind).in_(sorted(ASKED)),
            ~awaited.exists(),
        )
        .order_by(col(AttentionRow.id))
    )
    return tx.session.exec(query).all()


def resolved(tx: Tx, run_id: str) -> Sequence[AttentionRow]:
    """Open items about tasks that failed, of which none is FAILED any more."""
    of_tasks = select(AskerRow.id).where(
        AskerRow.attention_id == AttentionRow.id, col(AskerRow.task_id).is_not(None)
    )
    still = of_tasks.join(TaskRow, col(TaskRow.id) == AskerRow.task_id).where(
        TaskRow.status == TaskStatus.FAILED
    )
    query = (
        select(AttentionRow)
        .where(
            AttentionRow.run_id == run_id,
            AttentionRow.status == AttentionStatus.OPEN,
            AttentionRow.kind == AttentionKind.FAILURE,
            of_tasks.exists(),
            ~still.exists(),
        )
        .order_by(col(AttentionRow.id))
    )
    return tx.session.exec(query).all()


def failed_of(tx: Tx, item_id: str) -> Sequence[TaskRow]:
    """The tasks of an item that are FAILED, in plan order: all of them, and there may be very many."""
    query = _tasks_behind(item_id).where(TaskRow.status == TaskStatus.FAILED)
    return tx.session.exec(
        select(TaskRow).where(col(TaskRow.id).in_(query)).order_by(col(TaskRow.ordinal))
    ).all()


def has_askers(tx: Tx, item_id: str) -> bool:
    query = select(AskerRow.id).where(AskerRow.attention_id == item_id).limit(1)
    return tx.session.exec(query).first() is not None


def blocked_behind(tx: Tx, item_ids: Sequence[str]) -> dict[str, int]:
    """How many unfinished tasks cannot go on before those of each item can; without what no task waits for."""
    found: dict[str, int] = {}
    for part in ids.parts(item_ids):
        start = (
            select(AskerRow.attention_id, TaskRow.id)
            .join(TaskRow, col(TaskRow.id) == AskerRow.task_id)
            .join(AttentionRow, col(AttentionRow.id) == AskerRow.attention_id)
            .where(
                col(AskerRow.attention_id).in_(part),
                # the others were helped already
                or_(
                    col(AttentionRow.kind) != AttentionKind.FAILURE, col(TaskRow.status) == TaskStatus.FAILED
                ),
            )
        )
        found.update(tasks.blocked_behind_by(tx, start))
    return found


def _tasks_behind(item_id: str) -> SelectOfScalar[str]:
    return (
        select(TaskRow.id)
        .join(AskerRow, col(AskerRow.task_id) == TaskRow.id)
        .where(AskerRow.attention_id == item_id)
    )


def open_conflicts(tx: Tx, run_id: str) -> Sequence[AttentionRow]:
    return tx.session.exec(_conflicts(run_id).where(AttentionRow.status == AttentionStatus.OPEN)).all()


def held_back_by(tx: Tx, task_id: str) -> AttentionRow | None:
    """The open conflict that keeps a task from being started."""
    return tx.session.exec(
        select(AttentionRow)
        .join(AskerRow, col(AskerRow.attention_id) == AttentionRow.id)
        .where(
            AskerRow.task_id == task_id,
            AttentionRow.kind == AttentionKind.CONFLICT,
            AttentionRow.status == AttentionStatus.OPEN,
        )
    ).first()


def held_back(tx: Tx, run: RunRow) -> frozenset[str]:
    """Ids of the tasks that open conflicts keep from being started."""
    if not run.open_attention:
        return frozenset()
    tx.session.flush()
    query = (
        select(AskerRow.task_id)
        .join(AttentionRow, col(AttentionRow.id) == AskerRow.attention_id)
        .where(
            AttentionRow.run_id == run.id,
            AttentionRow.kind == AttentionKind.CONFLICT,
            AttentionRow.status == AttentionStatus.OPEN,
        )
    )
    return frozenset(task_id for task_id in tx.session.exec(query) if task_id is not None)


def let_through(tx: Tx, run_id: str) -> frozenset[str]:
    """Keys of the conflicts of which people said that both may go on, or that they do not mind."""
    closed = tx.session.exec(
        _conflicts(run_id).where(
            AttentionRow.status != AttentionStatus.OPEN, col(AttentionRow.answered_by).is_not(None)
        )
    )
    return frozenset(
        item.question_key for item in closed if item.answer in (None, ConflictAnswer.PARALLELIZE)
    )


def _conflicts(run_id: str) -> SelectOfScalar[AttentionRow]:
    return (
        select(AttentionRow)
        .where(AttentionRow.run_id == run_id, AttentionRow.kind == AttentionKind.CONFLICT)
        .order_by(col(AttentionRow.id))
    )


def count_open(tx: Tx, run_id: str, kind: AttentionKind) -> int:
    query = (
        select(func.count())
        .select_from(AttentionRow)
        .where(
            AttentionRow.run_id == run_id,
            AttentionRow.status == AttentionStatus.OPEN,
            AttentionRow.kind == kind,
        )
    )
    return tx.session.exec(query).one()


def tasks_of(tx: Tx, item_ids: Sequence[str], most: int = limits.PAGE) -> dict[str, list[TaskRow]]:
    """The first tasks of each item, in plan order; no list shows more, and an item may have thousands."""
    found: dict[str, list[TaskRow]] = {item_id: [] for item_id in item_ids}
    place = func.row_number().over(
        partition_by=col(AskerRow.attention_id), order_by=(col(TaskRow.ordinal), col(TaskRow.id))
    )
    each = (
        select(AskerRow.attention_id, TaskRow.id, place.label("place"))
        .join(TaskRow, col(TaskRow.id) == AskerRow.task_id)
        .where(col(AskerRow.attention_id).in_(item_ids))
        .group_by(col(AskerRow.attention_id), col(TaskRow.id), col(TaskRow.ordinal))
        .subquery()
    )
    query = (
        select(each.c.attention_id, TaskRow)
        .join(TaskRow, col(TaskRow.id) == each.c.id)
        .where(each.c.place <= most)
        .order_by(each.c.place)
    )
    for item_id, task in tx.session.exec(query):
        found[item_id].append(task)
    return found
