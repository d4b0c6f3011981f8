"""What a dashboard shows at a glance. Every number is a counter that is kept or read from an index: none grows with the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlmodel import col, func, select

from app.domain.events import ASKED_FOR
from app.domain.runs import ENDED, Patience
from app.domain.supervisors import OVER
from app.store import attention, events, hosts, runs, supervisors
from app.store.attention import AttentionFilter
from app.store.db import Tx
from app.store.events import Filter
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import AttentionRow, EventRow, PhaseRow, RunRow


@dataclass(frozen=True, slots=True)
class Numbers:
    """`statuses` counts runs, `phases` those that are under way by the phase that they are in."""

    statuses: Sequence[tuple[str, int]]
    phases: Sequence[tuple[str, int]]
    running_tasks: int
    pending_tasks: int
    supervisors: int
    hosts: int


def numbers(tx: Tx, project_id: str | None) -> Numbers:
    under_way = (col(RunRow.status).not_in(sorted(ENDED)), col(RunRow.started_at).is_not(None))
    statuses = _scoped(select(col(RunRow.status), func.count()), project_id).group_by(col(RunRow.status))
    phases = (
        _scoped(select(col(PhaseRow.key), func.count()), project_id)
        .join(RunRow, col(RunRow.phase_id) == PhaseRow.id)
        .where(*under_way)
        .group_by(col(PhaseRow.key))
        .order_by(func.count().desc(), col(PhaseRow.key))
    )
    open_runs = _scoped(
        select(
            func.coalesce(func.sum(RunRow.running + RunRow.waiting), 0),
            func.coalesce(func.sum(RunRow.pending + RunRow.ready + RunRow.blocked), 0),
        ),
        project_id,
    ).where(*under_way)
    running, pending = tx.session.exec(open_runs).one()
    return Numbers(
        sorted(tx.session.exec(statuses).all()),
        tx.session.exec(phases).all(),
        int(running),
        int(pending),
        _looked_after(tx, project_id, under_way),
        len(hosts.reachable(tx)),
    )


def _looked_after(tx: Tx, project_id: str | None, under_way: Sequence[Any]) -> int:
    """How many of the runs under way have a supervisor at work; the built-in one works where a server leads."""
    at_work: ColumnElement[bool] = col(SupervisorRow.state).not_in(sorted(OVER))
    if not supervisors.leader(tx).lives:
        at_work = and_(at_work, col(SupervisorRow.is_agent))
    query = (
        _scoped(select(func.count()), project_id)
        .select_from(SupervisorRow)
        .join(RunRow, col(RunRow.id) == SupervisorRow.run_id)
        .where(*under_way, at_work)
    )
    return int(tx.session.exec(query).one())


def stale(tx: Tx, project_id: str | None, patience: Patience, limit: int) -> Sequence[RunRow]:
    """Runs that have stood still for longest, first."""
    query = _scoped(runs.select_all(tx), project_id).where(runs.is_stale(tx, patience))
    query = query.order_by(col(RunRow.last_activity_at), col(RunRow.id)).limit(limit)
    return list(tx.session.exec(query))


def open_attention(tx: Tx, project_id: str | None, limit: int) -> Sequence[AttentionRow]:
    only = AttentionFilter(project_id=project_id, statuses=["OPEN"])
    query = attention.select_all(tx, only).order_by(
        col(AttentionRow.blocked_tasks).desc(), col(AttentionRow.id)
    )
    return tx.session.exec(query.limit(limit)).all()


def recent(tx: Tx, project_id: str | None, limit: int) -> Sequence[EventRow]:
    """The newest events, newest first."""
    query = events.selected(Filter(project_id=project_id, hidden=ASKED_FOR))
    return tx.session.exec(query.order_by(col(EventRow.seq).desc()).limit(limit)).all()


def _scoped(query: Any, project_id: str | None) -> Any:
    return query if project_id is None else query.where(RunRow.project_id == project_id)
