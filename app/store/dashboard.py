"""What a dashboard shows at a glance. Every number is a counter that is kept or read from an index: none grows with the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, func, select

from app.domain.events import ASKED_FOR
from app.domain.runs import ENDED
from app.store import attention, hosts, runs
from app.store.attention import AttentionFilter
from app.store.db import Tx
from app.store.tables import AttentionRow, EventRow, PhaseRow, RunRow


@dataclass(frozen=True, slots=True)
class Numbers:
    """`statuses` counts runs, `phases` those that are under way by the phase that they are in."""

    statuses: Sequence[tuple[str, int]]
    phases: Sequence[tuple[str, int]]
    running_tasks: int
    pending_tasks: int
    runs_under_way: int
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
            func.count(),
            func.coalesce(func.sum(RunRow.running + RunRow.waiting), 0),
            func.coalesce(func.sum(RunRow.pending + RunRow.ready + RunRow.blocked), 0),
        ),
        project_id,
    ).where(*under_way)
    count, running, pending = tx.session.exec(open_runs).one()
    return Numbers(
        sorted(tx.session.exec(statuses).all()),
        tx.session.exec(phases).all(),
        int(running),
        int(pending),
        int(count),
        len(hosts.reachable(tx)),
    )


def stale(tx: Tx, project_id: str | None, since: datetime, limit: int) -> Sequence[RunRow]:
    """Runs that have stood still for longest, first."""
    query = _scoped(runs.select_all(tx), project_id).where(runs.silent_since(since))
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
    query = (
        select(EventRow)
        .where(col(EventRow.kind).not_in(sorted(ASKED_FOR)))
        .order_by(col(EventRow.seq).desc())
        .limit(limit)
    )
    if project_id is not None:
        query = query.where(EventRow.project_id == project_id)
    return tx.session.exec(query).all()


def _scoped(query: Any, project_id: str | None) -> Any:
    return query if project_id is None else query.where(RunRow.project_id == project_id)
