"""What gates wait for, by name. Whether they hold is told by the counters of their phases alone."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select as sql_select
from sqlmodel import col, func, select

from app.domain.deliverables import DeliverableStatus
from app.domain.phases import PhaseStanding, PhaseStatus, TaskRequirement, gate_holds
from app.domain.tasks import FINISHED, SATISFIES
from app.store import phases
from app.store.db import Tx
from app.store.deliverable_tables import DeliverableRow
from app.store.tables import PhaseRow, RunRow, TaskRow

NAMED_AT_MOST: Final = 100
"""How many unfinished tasks of a phase are named; the rest is counted."""
CHUNK: Final = 100
"""How many gates one statement asks for: each may name 200 tasks."""


def standing(run: RunRow, phase: PhaseRow) -> PhaseStanding:
    return PhaseStanding(
        status=PhaseStatus(phase.status),
        requirement=TaskRequirement(phase.requirement),
        minimum=phase.minimum or 0,
        unfinished=phase.unfinished,
        done=phase.done,
        named_left=phase.named_left,
        owed=phase.owed,
        guarded=is_guarded(run, phase),
        auto_advance=run.auto_advance,
    )


def is_guarded(run: RunRow, phase: PhaseRow) -> bool:
    """As the phase says, or as its run does where the phase says nothing."""
    return run.phase_guard if phase.guard is None else phase.guard


def holds(run: RunRow, phase: PhaseRow) -> bool:
    return gate_holds(standing(run, phase))


def missing(tx: Tx, phase: PhaseRow) -> list[str]:
    return missing_of(tx, [phase.id])[phase.id]


def missing_of(tx: Tx, phase_ids: Sequence[str]) -> dict[str, list[str]]:
    """What each phase waits for, in words; nothing where its gate holds. Two statements, however many there are."""
    rows = list(phases.by_ids(tx, phase_ids).values())
    found: dict[str, list[str]] = {phase_id: [] for phase_id in phase_ids}
    for row in rows:
        if row.status == PhaseStatus.PENDING:
            found[row.id].append(f"phase {row.key!r} to begin")
    _deliverables(tx, [row for row in rows if row.owed], found)
    wanted = [row for row in rows if _waits_for_tasks(row)]
    for start in range(0, len(wanted), CHUNK):
        _tasks(tx, wanted[start : start + CHUNK], found)
    for row in wanted:
        if row.requirement == TaskRequirement.MIN:
            found[row.id].append(
                f"{(row.minimum or 0) - row.done} more of {row.unfinished} tasks that are not done"
            )
            continue
        waited_for = row.unfinished if row.requirement == TaskRequirement.ALL else row.named_left
        if waited_for > NAMED_AT_MOST:
            found[row.id].append(f"{waited_for - NAMED_AT_MOST:,} more tasks")
    return found


def _waits_for_tasks(phase: PhaseRow) -> bool:
    match TaskRequirement(phase.requirement):
        case TaskRequirement.NONE:
            return False
        case TaskRequirement.ALL:
            return phase.unfinished > 0
        case TaskRequirement.MIN:
            return phase.done < (phase.minimum or 0)
        case TaskRequirement.NAMED:
            return phase.named_left > 0


def _deliverables(tx: Tx, owing: Sequence[PhaseRow], found: dict[str, list[str]]) -> None:
    if not owing:
        return
    query = (
        select(DeliverableRow)
        .where(
            col(DeliverableRow.phase_id).in_([row.id for row in owing]),
            DeliverableRow.required,
            DeliverableRow.status == DeliverableStatus.PENDING,
        )
        .order_by(col(DeliverableRow.ordinal))
    )
    for row in tx.session.exec(query):
        found[row.phase_id].append(f"deliverable {row.key!r}")


def _tasks(tx: Tx, wanted: Sequence[PhaseRow], found: dict[str, list[str]]) -> None:
    """Name the tasks that gates of ALL and NAMED wait for; the first of each phase only."""
    conditions = [_unmet(row) for row in wanted if row.requirement != TaskRequirement.MIN]
    if not conditions:
        return
    place = func.row_number().over(partition_by=TaskRow.phase_id, order_by=col(TaskRow.ordinal))
    inner = (
        sql_select(
            col(TaskRow.phase_id),
            col(TaskRow.key),
            col(TaskRow.status),
            col(TaskRow.ordinal),
            place.label("place"),
        )
        .where(or_(*conditions))
        .subquery()
    )
    query = (
        sql_select(inner.c.phase_id, inner.c.key, inner.c.status)
        .where(inner.c.place <= NAMED_AT_MOST)
        .order_by(inner.c.ordinal)
    )
    for phase_id, key, status in tx.session.connection().execute(query):
        found[phase_id].append(f"task {key!r}, which is {status}")


def _unmet(phase: PhaseRow) -> ColumnElement[bool]:
    if phase.requirement == TaskRequirement.NAMED:
        return and_(
            col(TaskRow.run_id) == phase.run_id,
            col(TaskRow.key).in_(phase.gate_tasks or []),
            col(TaskRow.status).not_in(sorted(SATISFIES)),
        )
    return and_(col(TaskRow.phase_id) == phase.id, col(TaskRow.status).not_in(sorted(FINISHED)))
