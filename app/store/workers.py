from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, insert, not_, or_, update
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain import limits
from app.domain.access import Role
from app.domain.errors import AppError, ErrorCode, not_found
from app.domain.reports import Line
from app.domain.workers import LIVE, Desire, WorkerStatus
from app.store import ids, runs, searching
from app.store.db import Tx, reread
from app.store.host_tables import HostRow
from app.store.tables import LogLineRow, RunRow, WorkerRow

_LIVE = sorted(LIVE)


@dataclass(frozen=True, slots=True)
class WorkerFilter:
    project_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    statuses: Sequence[str] | None = None
    runtime: str | None = None
    search: str | None = None
    host_id: str | None = None


def get(tx: Tx, worker_id: str) -> WorkerRow:
    worker = find(tx, worker_id)
    if worker is None:
        raise not_found("worker", worker_id)
    return worker


def find(tx: Tx, worker_id: str) -> WorkerRow | None:
    worker = tx.session.get(WorkerRow, worker_id)
    return worker if worker is not None and runs.find(tx, worker.run_id) is not None else None


def lock(tx: Tx, worker_id: str, *, fence: int | None = None) -> tuple[WorkerRow, RunRow]:
    """Load a worker and its run for change. With `fence`, a report of a worker that is over is refused."""
    worker = get(tx, worker_id)
    run = runs.lock(tx, worker.run_id)
    reread(tx, worker)
    if fence is not None and (worker.fence != fence or worker.status not in LIVE):
        raise AppError(
            ErrorCode.STALE_FENCE,
            f"Worker {worker_id} with fence {fence} is over: it is {worker.status}.",
            suggestion="End what is left of it; nothing it reports is taken any more.",
        )
    return worker, run


def others_in_session(tx: Tx, worker: WorkerRow) -> Sequence[str]:
    """The ids of those of its run that had the session that it has, or is to resume."""
    query = select(WorkerRow.id).where(
        WorkerRow.run_id == worker.run_id,
        WorkerRow.session_id == worker.session_id,
        WorkerRow.id != worker.id,
    )
    return tx.session.exec(query).all()


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, WorkerRow]:
    return {row.id: row for row in tx.session.exec(select_all(tx).where(col(WorkerRow.id).in_(wanted)))}


def select_all(tx: Tx, only: WorkerFilter | None = None) -> SelectOfScalar[WorkerRow]:
    query = select(WorkerRow)
    project_ids = [value for value in (tx.scope, only.project_id if only else None) if value is not None]
    if project_ids:
        query = query.join(RunRow, col(RunRow.id) == WorkerRow.run_id)
        for project_id in project_ids:
            query = query.where(RunRow.project_id == project_id)
    if only is None:
        return query
    if only.run_id is not None:
        query = query.where(WorkerRow.run_id == only.run_id)
    if only.task_id is not None:
        query = query.where(WorkerRow.task_id == only.task_id)
    if only.statuses is not None:
        query = query.where(col(WorkerRow.status).in_(only.statuses))
    if only.host_id is not None:
        query = query.where(WorkerRow.host_id == only.host_id)
    if only.runtime is not None:
        runtime = col(WorkerRow.runtime)
        query = query.where(
            or_(runtime["kind"].as_string() == only.runtime, runtime["name"].as_string() == only.runtime)
        )
    if only.search:
        query = query.where(
            or_(
                searching.contains(tx, WorkerRow.name, only.search),
                col(WorkerRow.id) == only.search,
            )
        )
    return query


def live(tx: Tx, *, run_id: str | None = None, host_id: str | None = None) -> Sequence[WorkerRow]:
    query = select(WorkerRow).where(col(WorkerRow.status).in_(_LIVE)).order_by(col(WorkerRow.id))
    if run_id is not None:
        query = query.where(WorkerRow.run_id == run_id)
    if host_id is not None:
        query = query.where(WorkerRow.host_id == host_id)
    return tx.session.exec(query).all()


def undispatched(tx: Tx, host_id: str) -> Sequence[WorkerRow]:
    """A host's workers that no runner was asked for yet; locked, so that nobody gives them to another host."""
    return tx.session.exec(
        _waiting()
        .where(WorkerRow.host_id == host_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def homeless(tx: Tx, host_ids: Sequence[str]) -> Sequence[WorkerRow]:
    """Workers that no runner was asked for yet and that have none of these hosts; locked."""
    astray = or_(col(WorkerRow.host_id).is_(None), col(WorkerRow.host_id).not_in(host_ids))
    return tx.session.exec(
        _waiting().where(astray).with_for_update().execution_options(populate_existing=True)
    ).all()


def has_undispatched(tx: Tx, host_id: str) -> bool:
    return tx.session.exec(_waiting().where(WorkerRow.host_id == host_id).limit(1)).first() is not None


def stopped_unbegun(tx: Tx) -> Sequence[str]:
    """Workers that are to stop and that no runner was ever asked for: nobody may ask for one any more."""
    query = select(WorkerRow.id).where(
        WorkerRow.status == WorkerStatus.STOPPING, col(WorkerRow.dispatched_at).is_(None)
    )
    return tx.session.exec(query.order_by(col(WorkerRow.id))).all()


def _waiting() -> SelectOfScalar[WorkerRow]:
    return (
        select(WorkerRow)
        .where(WorkerRow.status == WorkerStatus.SPAWNING, col(WorkerRow.dispatched_at).is_(None))
        .order_by(col(WorkerRow.id))
    )


def adopt(tx: Tx, host_id: str, worker_ids: Sequence[str]) -> None:
    """Workers from before there were hosts belong to the host that has their directories."""
    for part in ids.parts(worker_ids):
        tx.session.connection().execute(
            update(WorkerRow)
            .where(
                col(WorkerRow.id).in_(part),
                col(WorkerRow.host_id).is_(None),
                col(WorkerRow.status).in_(_LIVE),
            )
            .values(host_id=host_id)
        )


def count_live(tx: Tx) -> int:
    """Workers that are alive, within the caller's scope."""
    query = select(func.count()).select_from(WorkerRow).where(col(WorkerRow.status).in_(_LIVE))
    if tx.scope is not None:
        query = query.join(RunRow, col(RunRow.id) == WorkerRow.run_id).where(RunRow.project_id == tx.scope)
    return tx.session.exec(query).one()


def restless(tx: Tx, run_id: str) -> int:
    """Live workers of a run that are neither paused nor told to pause before they were started."""
    held_back = and_(
        col(WorkerRow.status) == WorkerStatus.SPAWNING,
        col(WorkerRow.desire) == Desire.PAUSE,
        col(WorkerRow.seen) >= col(WorkerRow.revision),
    )
    return tx.session.exec(
        select(func.count())
        .select_from(WorkerRow)
        .where(
            WorkerRow.run_id == run_id,
            col(WorkerRow.status).in_(_LIVE),
            WorkerRow.status != WorkerStatus.PAUSED,
            not_(held_back),
        )
    ).one()


def are_at_work(tx: Tx, run_id: str) -> bool:
    """Whether a run has a live worker that does not wait for an answer; what looks after the run is none."""
    query = select(WorkerRow.id).where(
        WorkerRow.run_id == run_id,
        WorkerRow.role == Role.WORKER,
        col(WorkerRow.status).in_(sorted(LIVE - {WorkerStatus.WAITING_FOR_INPUT})),
    )
    return tx.session.exec(query.limit(1)).first() is not None


def beat(tx: Tx, worker_id: str, fence: int) -> bool:
    """Note a heartbeat; False where the worker is over. One statement: this is asked for very often."""
    done = tx.session.connection().execute(
        update(WorkerRow)
        .where(
            col(WorkerRow.id) == worker_id,
            col(WorkerRow.fence) == fence,
            col(WorkerRow.status).in_(_LIVE),
        )
        .values(last_heartbeat_at=tx.now)
    )
    return done.rowcount == 1


def unheard_since(tx: Tx, moment: datetime, *, host_id: str) -> Sequence[WorkerRow]:
    """Live workers of a host whose last heartbeat, or start where there was none, is older than `moment`."""
    return tx.session.exec(_unheard(moment).where(WorkerRow.host_id == host_id)).all()


def out_of_reach(tx: Tx, moment: datetime) -> Sequence[WorkerRow]:
    """The same of workers that were started on a host that is away: nobody else looks after them."""
    here = select(HostRow.id).where(col(HostRow.present).is_(True))
    return tx.session.exec(
        _unheard(moment).where(
            col(WorkerRow.dispatched_at).is_not(None),
            or_(col(WorkerRow.host_id).is_(None), col(WorkerRow.host_id).not_in(here)),
        )
    ).all()


def _unheard(moment: datetime) -> SelectOfScalar[WorkerRow]:
    heard = func.coalesce(WorkerRow.last_heartbeat_at, WorkerRow.created_at)
    return (
        select(WorkerRow).where(col(WorkerRow.status).in_(_LIVE), heard < moment).order_by(col(WorkerRow.id))
    )


def ended_before(tx: Tx, moment: datetime, among: Sequence[str]) -> list[str]:
    """Which of these workers ended before `moment`, or are not known at all."""
    kept: set[str] = set()
    for start in range(0, len(among), 500):
        query = select(WorkerRow.id).where(
            col(WorkerRow.id).in_(among[start : start + 500]),
            or_(col(WorkerRow.status).in_(_LIVE), col(WorkerRow.ended_at) >= moment),
        )
        kept.update(tx.session.exec(query))
    return [worker_id for worker_id in among if worker_id not in kept]


# ---------------------------------------------------------------- logs


def add_log(tx: Tx, worker: WorkerRow, lines: Sequence[Line]) -> None:
    """Append lines to a worker's log; one statement for all of them."""
    if not lines:
        return
    first = worker.log_lines + 1
    worker.log_lines += len(lines)
    tx.session.connection().execute(
        insert(LogLineRow),
        [
            {
                "worker_id": worker.id,
                "n": n,
                "stream": line.stream,
                "text": limits.storable(line.text),
                "at": line.at,
            }
            for n, line in enumerate(lines, first)
        ],
    )


def log_lines(tx: Tx, worker_id: str, after: int, limit: int) -> Sequence[LogLineRow]:
    query = (
        select(LogLineRow)
        .where(LogLineRow.worker_id == worker_id, LogLineRow.n > after)
        .order_by(col(LogLineRow.n))
        .limit(limit)
    )
    return tx.session.exec(query).all()


def last_lines(tx: Tx, worker: WorkerRow, most: int) -> list[str]:
    return [line.text for line in log_lines(tx, worker.id, max(0, worker.log_lines - most), most)]


def select_log(worker_id: str) -> SelectOfScalar[LogLineRow]:
    return select(LogLineRow).where(LogLineRow.worker_id == worker_id)
