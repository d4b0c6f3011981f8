"""Lists of a run's tasks: filters, orders, pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, literal, or_, type_coerce, union_all
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.events import EventKind
from app.domain.tasks import FINISHED, SATISFIES, TaskOrder
from app.store import events, paging, searching, tasks
from app.store.db import Tx
from app.store.paging import Key, Page, Window
from app.store.tables import EventRow, Instant, TaskRow

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """`changed_since` is a position of the log: tasks about which something is told past it."""

    statuses: Sequence[str] | None = None
    phase: str | None = None
    search: str | None = None
    changed_since: int | None = None


def _started(task: TaskRow) -> datetime:
    return task.started_at or NEVER


ORDERS: Final[dict[TaskOrder, Sequence[Key]]] = {
    TaskOrder.PLAN: [Key(TaskRow.ordinal), Key(TaskRow.id)],
    TaskOrder.TOPOLOGICAL: [Key(TaskRow.depth), Key(TaskRow.ordinal), Key(TaskRow.id)],
    TaskOrder.STARTED_DESC: [
        Key(type_coerce(func.coalesce(TaskRow.started_at, literal(NEVER, Instant)), Instant), True, _started),
        Key(TaskRow.ordinal),
        Key(TaskRow.id),
    ],
}
"""Orders that the database keeps. How much a task blocks is in no column: it follows from the whole graph."""


def select_of_run(tx: Tx, run_id: str, only: TaskFilter | None = None) -> SelectOfScalar[TaskRow]:
    query = select(TaskRow).where(TaskRow.run_id == run_id)
    if only is None:
        return query
    if only.statuses is not None:
        query = query.where(col(TaskRow.status).in_(only.statuses))
    if only.phase is not None:
        query = query.where(TaskRow.phase_id == only.phase)
    if only.search:
        query = query.where(
            or_(searching.contains(tx, TaskRow.title, only.search), col(TaskRow.key) == only.search)
        )
    if only.changed_since is not None:
        changed = _changed_since(tx, run_id, only.changed_since)
        if changed is not None:
            query = query.where(changed)
    return query


def page(
    tx: Tx, run_id: str, only: TaskFilter, order: TaskOrder, window: Window, *, most: int
) -> Page[TaskRow]:
    query = select_of_run(tx, run_id, only)
    if order is not TaskOrder.BLOCKS_DESC:
        return paging.page(tx, query, ORDERS[order], window, most=most)
    return _most_blocking_first(tx, run_id, query, window, most)


def _changed_since(tx: Tx, run_id: str, position: int) -> ColumnElement[bool] | None:
    """Every change of a task leaves an event that names it. None where all of the run is newer than the position.

    Asked of the log by run and position, which it has an index for: no task has to be written to for this.
    """
    first = events.first_of_run(tx, run_id)
    if first is None or first > position:
        return None
    of_run = (EventRow.run_id == run_id, col(EventRow.seq) > position)
    named = select(col(EventRow.task_id)).where(*of_run, col(EventRow.task_id).is_not(None))
    edited = [
        _ids_in(tx, part).where(*of_run, EventRow.kind == EventKind.DAG_MUTATED)
        for part in ("added", "changed", "removed")
    ]
    return col(TaskRow.id).in_(union_all(named, *edited))


def _ids_in(tx: Tx, part: str) -> Any:
    """The ids in one list of an event's data."""
    if tx.session.get_bind().dialect.name == "sqlite":
        listed = func.json_each(EventRow.data, f"$.{part}").table_valued("value")
    else:
        listed = func.json_array_elements_text(col(EventRow.data)[part]).table_valued("value")
    return select(listed.c.value).select_from(EventRow).join(listed, literal(True))


def _most_blocking_first(
    tx: Tx, run_id: str, query: SelectOfScalar[TaskRow], window: Window, most: int
) -> Page[TaskRow]:
    """Counts over the whole graph, sorts ids, and reads the rows of the page alone."""
    columns = query.with_only_columns(col(TaskRow.id), col(TaskRow.ordinal), col(TaskRow.status))
    wanted = tx.session.connection().execute(columns)
    behind = tasks.behind_in_run(tx, run_id)
    entries = [
        (0 if status in SATISFIES else behind[task_id] - (status not in FINISHED), ordinal, task_id)
        for task_id, ordinal, status in wanted
    ]
    order = [Key(literal(0), True), Key(TaskRow.ordinal), Key(TaskRow.id)]
    cut = paging.cut(entries, order, window, most=most)
    rows = tasks.by_ids(tx, [task_id for _, _, task_id in cut.rows])
    return Page([rows[task_id] for _, _, task_id in cut.rows], cut.cursors, cut.has_next, cut.has_previous)
