from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete as sql_delete, literal, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select
from sqlmodel.sql.expression import Select

from app.domain.dag import Dag
from app.domain.errors import not_found
from app.domain.tasks import FINISHED, SATISFIES, TaskStatus
from app.domain.workers import LIVE
from app.store import bulk, ids, runs
from app.store.db import Tx, reread
from app.store.tables import (
    DependencyRow,
    RunRow,
    SubtaskRow,
    TaskRow,
    WorkerRow,
)

FEW = 10
"""Up to so many tasks it costs less to walk from each of them than to read their whole graph."""

_DEFAULTS: Final[dict[type, dict[str, Any]]] = {
    TaskRow: {
        "description": "",
        "priority": 0,
        "depth": 0,
        "waiting_for": 0,
        "attempts": 0,
        "max_attempts": 1,
        "failures": 0,
        "budget_warned": False,
        "beyond_budget": False,
        "paths": [],
    }
}


def get(tx: Tx, task_id: str) -> TaskRow:
    task = find(tx, task_id)
    if task is None:
        raise not_found("task", task_id)
    return task


def find(tx: Tx, task_id: str) -> TaskRow | None:
    task = tx.session.get(TaskRow, task_id)
    return task if task is not None and runs.find(tx, task.run_id) is not None else None


def lock(tx: Tx, task_id: str) -> tuple[TaskRow, RunRow]:
    """Load a task and its run for change; whoever changes a task holds its run."""
    task = get(tx, task_id)
    run = runs.lock(tx, task.run_id)
    reread(tx, task)
    return task, run


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, TaskRow]:
    found: dict[str, TaskRow] = {}
    for part in ids.parts(wanted):
        query = select(TaskRow).where(col(TaskRow.id).in_(part))
        if tx.scope is not None:
            query = query.join(RunRow, col(RunRow.id) == TaskRow.run_id).where(RunRow.project_id == tx.scope)
        found.update((row.id, row) for row in tx.session.exec(query))
    return found


def by_keys(tx: Tx, run_id: str) -> dict[str, TaskRow]:
    """Every task of a run, removed ones too, by the key the plan gives it."""
    query = select(TaskRow).where(TaskRow.run_id == run_id).order_by(col(TaskRow.ordinal))
    return {row.key: row for row in tx.session.exec(query)}


def of_run(tx: Tx, run_id: str, statuses: Iterable[TaskStatus]) -> Sequence[TaskRow]:
    query = (
        select(TaskRow)
        .where(TaskRow.run_id == run_id, col(TaskRow.status).in_(sorted(statuses)))
        .order_by(col(TaskRow.ordinal))
    )
    return tx.session.exec(query).all()


def last_ordinal(tx: Tx, run_id: str) -> int:
    return tx.session.exec(select(func.max(TaskRow.ordinal)).where(TaskRow.run_id == run_id)).one() or 0


def insert(
    tx: Tx,
    *,
    tasks: Iterable[dict[str, Any]] = (),
    edges: Iterable[dict[str, Any]] = (),
    subtasks: Iterable[dict[str, Any]] = (),
) -> None:
    """Write many rows at once. Columns that are left out get the defaults of their tables."""
    for row, values in ((TaskRow, tasks), (DependencyRow, edges), (SubtaskRow, subtasks)):
        bulk.insert(tx, row, values, _DEFAULTS.get(row, {}))


def remove_edges(tx: Tx, task_id: str, needs_id: str | None = None) -> None:
    """Forget what a task waits for: one dependency, or all edges that touch the task."""
    query = sql_delete(DependencyRow)
    if needs_id is None:
        query = query.where(
            or_(col(DependencyRow.task_id) == task_id, col(DependencyRow.needs_id) == task_id)
        )
    else:
        query = query.where(col(DependencyRow.task_id) == task_id, col(DependencyRow.needs_id) == needs_id)
    tx.session.connection().execute(query)


# ---------------------------------------------------------------- the graph


def dependents(tx: Tx, task_id: str) -> Sequence[TaskRow]:
    query = (
        select(TaskRow)
        .join(DependencyRow, col(DependencyRow.task_id) == TaskRow.id)
        .where(DependencyRow.needs_id == task_id)
        .order_by(col(TaskRow.ordinal))
    )
    return tx.session.exec(query).all()


def edges(tx: Tx, run_id: str) -> Sequence[DependencyRow]:
    return tx.session.exec(select(DependencyRow).where(DependencyRow.run_id == run_id)).all()


def needs_of(tx: Tx, task_ids: Sequence[str]) -> dict[str, list[TaskRow]]:
    """What each task waits for, in plan order."""
    return _linked(tx, task_ids, by=DependencyRow.task_id, to=DependencyRow.needs_id)


def dependents_of(tx: Tx, task_ids: Sequence[str]) -> dict[str, list[TaskRow]]:
    return _linked(tx, task_ids, by=DependencyRow.needs_id, to=DependencyRow.task_id)


def _linked(tx: Tx, task_ids: Sequence[str], *, by: str, to: str) -> dict[str, list[TaskRow]]:
    found: dict[str, list[TaskRow]] = {task_id: [] for task_id in task_ids}
    for part in ids.parts(task_ids):
        query = (
            select(col(by), TaskRow)
            .join(TaskRow, col(to) == TaskRow.id)
            .where(col(by).in_(part))
            .order_by(col(TaskRow.ordinal))
        )
        for task_id, task in tx.session.exec(query):
            found[task_id].append(task)
    return found


def unmet(tx: Tx, task_id: str) -> int:
    """How many of a task's dependencies are not satisfied now."""
    query = (
        select(func.count())
        .select_from(DependencyRow)
        .join(TaskRow, col(TaskRow.id) == DependencyRow.needs_id)
        .where(DependencyRow.task_id == task_id, col(TaskRow.status).not_in(sorted(SATISFIES)))
    )
    return tx.session.exec(query).one()


def blocked_behind(tx: Tx, task_ids: Sequence[str]) -> int:
    """How many unfinished tasks cannot go on before these have: they and everything downstream."""
    if not task_ids:
        return 0
    start = select(literal("").label("held_by"), TaskRow.id).where(col(TaskRow.id).in_(task_ids))
    return blocked_behind_by(tx, start).get("", 0)


def blocked_behind_by(tx: Tx, start: Select[str, str]) -> dict[str, int]:
    """The same for many at once: `start` names who holds tasks back, and each task. Who holds back none is left out."""
    chain = start.cte("chain", recursive=True)
    held_by, id = chain.c
    needed = aliased(TaskRow)
    chain = chain.union(  # whatever waits for a task that is done does not wait
        select(held_by, DependencyRow.task_id)
        .join(chain, id == DependencyRow.needs_id)
        .join(needed, col(needed.id) == DependencyRow.needs_id)
        .where(col(needed.status).not_in(sorted(SATISFIES)))
    )
    held_by, id = chain.c
    query = (
        select(held_by, func.count())
        .select_from(TaskRow)
        .join(chain, id == TaskRow.id)
        .where(col(TaskRow.status).not_in(sorted(FINISHED)))
        .group_by(held_by)
    )
    return dict(tx.session.exec(query).all())


def blocked_behind_each(tx: Tx, task_ids: Sequence[str]) -> dict[str, int]:
    """The same for each of these by itself. Where they are many, their runs' graphs are read instead of walked."""
    if len(task_ids) <= FEW:
        return {task_id: blocked_behind(tx, [task_id]) for task_id in task_ids}
    run_ids: set[str] = set()
    for part in ids.parts(task_ids):
        run_ids.update(tx.session.exec(select(TaskRow.run_id).where(col(TaskRow.id).in_(part)).distinct()))
    behind: dict[str, int] = {}
    for run_id in run_ids:
        behind.update(behind_in_run(tx, run_id))
    return {task_id: behind.get(task_id, 0) for task_id in task_ids}


def behind_in_run(tx: Tx, run_id: str) -> dict[str, int]:
    """The same for every task of a run: its whole graph is read once."""
    statuses = dict(tx.session.exec(select(TaskRow.id, TaskRow.status).where(TaskRow.run_id == run_id)).all())
    needs: dict[str, list[str]] = {task_id: [] for task_id in statuses}
    of_run = select(DependencyRow.task_id, DependencyRow.needs_id).where(DependencyRow.run_id == run_id)
    for task_id, needed in tx.session.exec(of_run):
        if statuses[needed] not in SATISFIES:
            needs[task_id].append(needed)
    return Dag(needs).count_behind(task_id for task_id, status in statuses.items() if status not in FINISHED)


def waits_for(tx: Tx, task: TaskRow, needed: TaskRow) -> bool:
    """Whether a task waits for another, directly or not; what is no deeper than that one is not looked at."""
    if task.depth <= needed.depth:
        return False
    chain = select(DependencyRow.needs_id.label("id")).where(DependencyRow.task_id == task.id)  # type: ignore[attr-defined]
    before = chain.cte("before", recursive=True)
    before = before.union(
        select(DependencyRow.needs_id)
        .join(before, before.c.id == DependencyRow.task_id)
        .join(TaskRow, col(TaskRow.id) == DependencyRow.task_id)
        .where(TaskRow.depth > needed.depth)
    )
    return tx.session.exec(select(before.c.id).where(before.c.id == needed.id).limit(1)).first() is not None


def deepened(tx: Tx, task: TaskRow, least: int) -> dict[str, int]:
    """Which tasks have to be deeper, so that one is no less deep than `least`, and how deep.

    The least deep comes first, so that each is looked at once: what it waits for was before it. Where they are many, their
    graph is read instead of walked.
    """
    if task.depth >= least:
        return {}
    tx.session.flush()
    depths, open_ = {task.id: least}, [(task.depth, task.id)]
    graph: dict[str, list[tuple[int, str]]] | None = None
    while open_:
        _, one = heappop(open_)
        if graph is None and len(depths) > FEW:
            graph = _behind(tx, task.run_id)
        behind = graph.get(one, []) if graph is not None else _behind(tx, task.run_id, one).get(one, [])
        for depth, dependent in behind:
            if depths.get(dependent, depth) <= depths[one]:
                if dependent not in depths:
                    heappush(open_, (depth, dependent))
                depths[dependent] = depths[one] + 1
    return depths


def _behind(tx: Tx, run_id: str, needed: str | None = None) -> dict[str, list[tuple[int, str]]]:
    """The tasks that wait for one task of a run, or for each, with their depths."""
    query = (
        select(DependencyRow.needs_id, TaskRow.depth, TaskRow.id)
        .join(TaskRow, col(TaskRow.id) == DependencyRow.task_id)
        .where(DependencyRow.run_id == run_id)
    )
    found: dict[str, list[tuple[int, str]]] = {}
    for needs_id, depth, id in tx.session.exec(
        query if needed is None else query.where(DependencyRow.needs_id == needed)
    ):
        found.setdefault(needs_id, []).append((depth, id))
    return found


def add_edge(tx: Tx, task: TaskRow, needed: TaskRow) -> None:
    """Have a task wait for another, if it does not already."""
    if tx.session.get(DependencyRow, (task.id, needed.id)) is None:
        tx.session.add(DependencyRow(task_id=task.id, needs_id=needed.id, run_id=task.run_id))
        tx.session.flush()


# ---------------------------------------------------------------- scheduling


def startable(tx: Tx, run_id: str, limit: int, *, after: TaskRow | None = None) -> Sequence[TaskRow]:
    """Ready tasks that nobody works on and that have rested, the most urgent first."""
    query = (
        select(TaskRow)
        .where(
            TaskRow.run_id == run_id,
            TaskRow.status == TaskStatus.READY,
            col(TaskRow.worker_id).is_(None),
            col(TaskRow.runtime).is_not(None),
            col(TaskRow.beyond_budget).is_(False),
            _rested(tx),
        )
        .order_by(col(TaskRow.priority).desc(), col(TaskRow.ordinal))
        .limit(limit)
    )
    if after is not None:
        later = and_(col(TaskRow.priority) == after.priority, col(TaskRow.ordinal) > after.ordinal)
        query = query.where(or_(col(TaskRow.priority) < after.priority, later))
    return tx.session.exec(query).all()


def next_rested(tx: Tx) -> datetime | None:
    """When the next task that backs off may start."""
    return tx.session.exec(
        select(func.min(TaskRow.not_before)).where(
            TaskRow.status == TaskStatus.READY, col(TaskRow.not_before) > tx.now
        )
    ).one()


def movable(tx: Tx, run_id: str, held: Collection[str] = ()) -> int:
    """Ready tasks but those `held` that go on without anybody's help: with a runtime and room in a budget, or a worker."""
    startable_some_time = and_(col(TaskRow.runtime).is_not(None), col(TaskRow.beyond_budget).is_(False))
    query = (
        select(func.count())
        .select_from(TaskRow)
        .where(
            TaskRow.run_id == run_id,
            TaskRow.status == TaskStatus.READY,
            or_(startable_some_time, col(TaskRow.worker_id).is_not(None)),
            col(TaskRow.id).not_in(held),
        )
    )
    return tx.session.exec(query).one()


def by_hand(tx: Tx, run_id: str, limit: int) -> Sequence[str]:
    """Keys of ready tasks that wait for a person to complete them."""
    query = (
        select(TaskRow.key)
        .where(
            TaskRow.run_id == run_id,
            TaskRow.status == TaskStatus.READY,
            and_(col(TaskRow.runtime).is_(None), col(TaskRow.worker_id).is_(None)),
        )
        .order_by(col(TaskRow.ordinal))
        .limit(limit)
    )
    return tx.session.exec(query).all()


def unblocked_of_phase(tx: Tx, phase_id: str) -> Sequence[TaskRow]:
    """Pending tasks of a phase that wait for no dependency."""
    query = (
        select(TaskRow)
        .where(
            TaskRow.phase_id == phase_id,
            TaskRow.status == TaskStatus.PENDING,
            TaskRow.waiting_for == 0,
        )
        .order_by(col(TaskRow.ordinal))
    )
    return tx.session.exec(query).all()


def not_begun(tx: Tx, phase_id: str) -> Sequence[TaskRow]:
    """Unfinished tasks of a phase that no worker is on."""
    query = (
        select(TaskRow)
        .where(
            TaskRow.phase_id == phase_id,
            col(TaskRow.status).not_in(sorted(FINISHED)),
            col(TaskRow.worker_id).is_(None),
        )
        .order_by(col(TaskRow.ordinal))
    )
    return tx.session.exec(query).all()


def with_live_workers(tx: Tx, run_id: str) -> Sequence[TaskRow]:
    query = (
        select(TaskRow)
        .join(WorkerRow, col(WorkerRow.id) == TaskRow.worker_id)
        .where(WorkerRow.run_id == run_id, col(WorkerRow.status).in_(sorted(LIVE)))
        .order_by(col(TaskRow.ordinal))
    )
    return tx.session.exec(query).all()


def _rested(tx: Tx) -> ColumnElement[bool]:
    return or_(col(TaskRow.not_before).is_(None), col(TaskRow.not_before) <= tx.now)
