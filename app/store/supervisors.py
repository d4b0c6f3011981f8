from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, delete, literal, or_
from sqlmodel import col, func, select

from app.domain.access import Actor, Role
from app.domain.errors import AppError, ErrorCode
from app.domain.hosts import LEASE
from app.domain.runs import DRIVEN, ENDED
from app.domain.supervisors import DEAD, OVER
from app.domain.tasks import WORKED_ON
from app.domain.workers import Desire, WorkerStatus
from app.store import events, ids, leases, runs, tokens
from app.store.db import Tx, load_for_change, reread
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import BEAT, EventRow, RunRow, TaskRow, WorkerRow

_AT_ONCE: Final = 1_000
_WAITS_FOR_PROCESS: Final = and_(
    col(SupervisorRow.is_agent),
    col(SupervisorRow.worker_id).is_(None),
    col(RunRow.status).in_(sorted(DRIVEN)),
)


def add(tx: Tx, run_id: str, state: str) -> SupervisorRow:
    supervisor = SupervisorRow(id=ids.new("sup"), run_id=run_id, state=state)
    tx.session.add(supervisor)
    return supervisor


def of_run(tx: Tx, run_id: str) -> SupervisorRow:
    """That of a run which the caller holds locked, or only looks at."""
    return tx.session.exec(select(SupervisorRow).where(SupervisorRow.run_id == run_id)).one()


def lock(tx: Tx, run_id: str) -> tuple[RunRow, SupervisorRow]:
    """A run and its supervisor, for change."""
    run = runs.lock(tx, run_id)
    supervisor = of_run(tx, run_id)
    reread(tx, supervisor)
    return run, supervisor


def of_runs(tx: Tx, run_ids: Sequence[str]) -> dict[str, SupervisorRow]:
    query = select(SupervisorRow).where(col(SupervisorRow.run_id).in_(run_ids))
    if tx.scope is not None:
        query = query.join(RunRow, col(RunRow.id) == SupervisorRow.run_id).where(
            RunRow.project_id == tx.scope
        )
    return {row.run_id: row for row in tx.session.exec(query)}


def tasks_under_way(tx: Tx, run_id: str, limit: int) -> Sequence[TaskRow]:
    """Tasks of a run that are worked on, in the order of the plan."""
    query = select(TaskRow).where(TaskRow.run_id == run_id, col(TaskRow.status).in_(sorted(WORKED_ON)))
    return tx.session.exec(query.order_by(col(TaskRow.ordinal)).limit(limit)).all()


def is_silent(supervisor: SupervisorRow, since: datetime) -> bool:
    """Whether an agent was not heard since, although somebody listened."""
    if not supervisor.is_agent or supervisor.state in OVER:
        return False
    heard = [supervisor.last_heartbeat_at, supervisor.listened_since]
    return all(moment is None or moment <= since for moment in heard)


def silent(tx: Tx, since: datetime) -> Sequence[str]:
    """The runs of such agents; of those that Trackside starts, where the process is up and could speak."""
    up = select(WorkerRow.id).where(WorkerRow.status == WorkerStatus.RUNNING)
    query = select(SupervisorRow.run_id).where(
        SupervisorRow.is_agent,
        col(SupervisorRow.state).not_in(sorted(OVER)),
        or_(col(SupervisorRow.runtime).is_(None), col(SupervisorRow.worker_id).in_(up)),
        *(
            or_(column.is_(None), column <= since)
            for column in (col(SupervisorRow.last_heartbeat_at), col(SupervisorRow.listened_since))
        ),
    )
    return tx.session.exec(query.order_by(col(SupervisorRow.run_id))).all()


def speaks(supervisor: SupervisorRow, worker_id: str | None) -> bool:
    """Whether this worker is the agent that is heard."""
    return worker_id is not None and supervisor.agent == tokens.agent_of(Role.ORCHESTRATOR, worker_id)


def with_unwanted_process(tx: Tx) -> Sequence[str]:
    """The runs whose agent lives, was not told to stop, and looks after them no more."""
    own = literal(tokens.agent_of(Role.ORCHESTRATOR, "")) + col(SupervisorRow.worker_id)
    query = (
        select(SupervisorRow.run_id)
        .join(WorkerRow, col(WorkerRow.id) == SupervisorRow.worker_id)
        .join(RunRow, col(RunRow.id) == SupervisorRow.run_id)
        .where(
            WorkerRow.desire != Desire.STOP,
            or_(
                col(RunRow.status).in_(sorted(ENDED)),
                col(SupervisorRow.state).in_(sorted(DEAD)),
                col(SupervisorRow.is_agent).is_(False),
                col(SupervisorRow.agent).is_(None),
                col(SupervisorRow.agent) != own,
            ),
        )
    )
    return tx.session.exec(query.order_by(col(SupervisorRow.run_id))).all()


def with_start_due(tx: Tx) -> Sequence[str]:
    """The runs that an agent is to be started for now."""
    query = select(SupervisorRow.run_id).join(RunRow, col(RunRow.id) == SupervisorRow.run_id)
    query = query.where(_WAITS_FOR_PROCESS, col(SupervisorRow.starts_at) <= tx.now)
    return tx.session.exec(query.order_by(col(SupervisorRow.run_id))).all()


def next_start(tx: Tx) -> datetime | None:
    """When the next agent is to be started that is not due yet."""
    query = select(func.min(SupervisorRow.starts_at)).join(RunRow, col(RunRow.id) == SupervisorRow.run_id)
    return tx.session.exec(query.where(_WAITS_FOR_PROCESS, col(SupervisorRow.starts_at) > tx.now)).one()


def of_agent(tx: Tx, actor: Actor) -> SupervisorRow | None:
    """The supervisor whose agent's token this is, or whose place is free since it was restarted."""
    if actor.role is not Role.ORCHESTRATOR or actor.run_id is None:
        return None
    query = select(SupervisorRow).where(
        SupervisorRow.run_id == actor.run_id,
        SupervisorRow.is_agent,
        or_(
            col(SupervisorRow.agent) == actor.id,
            and_(col(SupervisorRow.agent).is_(None), col(SupervisorRow.runtime).is_(None)),
        ),
    )
    # populate_existing: it may have been looked at before the run was locked
    return tx.session.exec(query.execution_options(populate_existing=True)).first()


def refuse_dead(tx: Tx, supervisor: SupervisorRow) -> None:
    """SUPERVISOR_DEAD where an agent was given up, or gave up, while its run goes on."""
    if supervisor.state not in DEAD:
        return
    status = tx.session.exec(select(RunRow.status).where(RunRow.id == supervisor.run_id)).one()
    if status not in ENDED:
        raise dead(supervisor.state)


def hold(tx: Tx, supervisor: SupervisorRow) -> None:
    """What is changed of a run's supervisor may be changed without a lock on its run."""
    tx.session.flush()
    load_for_change(tx, SupervisorRow, supervisor.id)


def dead(state: str) -> AppError:
    return AppError(
        ErrorCode.SUPERVISOR_DEAD,
        f"This supervisor is {state}: it looks after its run no more.",
        suggestion="Have an operator send restartSupervisor, then beat again.",
    )


def heartbeats(tx: Tx, run_id: str, limit: int) -> Sequence[EventRow]:
    """The newest, newest first."""
    query = select(EventRow).where(EventRow.run_id == run_id, BEAT).order_by(col(EventRow.seq).desc())
    return tx.session.exec(query.limit(limit)).all()


def has_heartbeats(tx: Tx, before: datetime) -> bool:
    return tx.session.exec(_old_heartbeats(tx, before).limit(1)).first() is not None


def forget_heartbeats(tx: Tx, before: datetime) -> int:
    """Returns how many: a few at a time, so that nobody waits long."""
    found = tx.session.exec(_old_heartbeats(tx, before).limit(_AT_ONCE)).all()
    tx.session.execute(delete(EventRow).where(col(EventRow.seq).in_(found)))
    return len(found)


def _old_heartbeats(tx: Tx, before: datetime) -> Any:
    """All but the newest event of the log: a follower may stand at it, and the log must not seem shorter to it."""
    return select(EventRow.seq).where(BEAT, EventRow.at < before, col(EventRow.seq) < events.head(tx))


@dataclass(frozen=True, slots=True)
class Leader:
    """Whether a server leads, and when that one, or the last one that did, said so."""

    lives: bool
    heard_at: datetime | None


def leader(tx: Tx) -> Leader:
    lease = leases.find(tx, leases.ENGINE)
    if lease is None or not lease.fence:
        return Leader(lives=False, heard_at=None)
    return Leader(lives=leases.is_held(tx, leases.ENGINE), heard_at=lease.expires_at - LEASE)
