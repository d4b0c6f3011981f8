from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, or_
from sqlmodel import col, select

from app.domain.access import Actor, Role
from app.domain.errors import AppError, ErrorCode
from app.domain.hosts import LEASE
from app.domain.runs import ENDED
from app.domain.supervisors import DEAD, OVER
from app.domain.tasks import WORKED_ON
from app.store import events, ids, leases
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import BEAT, EventRow, RunRow, TaskRow

_AT_ONCE: Final = 1_000


def add(tx: Tx, run_id: str, state: str) -> SupervisorRow:
    supervisor = SupervisorRow(id=ids.new("sup"), run_id=run_id, state=state)
    tx.session.add(supervisor)
    return supervisor


def of_run(tx: Tx, run_id: str) -> SupervisorRow:
    """That of a run which the caller holds locked, or only looks at."""
    return tx.session.exec(select(SupervisorRow).where(SupervisorRow.run_id == run_id)).one()


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
    """Whether an agent was neither heard nor restarted since."""
    if not supervisor.is_agent or supervisor.state in OVER:
        return False
    heard = [supervisor.last_heartbeat_at, supervisor.restarted_at]
    return all(moment is None or moment <= since for moment in heard)


def silent(tx: Tx, since: datetime) -> Sequence[str]:
    """The runs of such agents."""
    query = select(SupervisorRow.run_id).where(
        SupervisorRow.is_agent,
        col(SupervisorRow.state).not_in(sorted(OVER)),
        *(
            or_(column.is_(None), column <= since)
            for column in (col(SupervisorRow.last_heartbeat_at), col(SupervisorRow.restarted_at))
        ),
    )
    return tx.session.exec(query.order_by(col(SupervisorRow.run_id))).all()


def refuse_dead(tx: Tx, actor: Actor) -> None:
    """SUPERVISOR_DEAD where this is the token of an agent that was given up, or gave up, while its run goes on."""
    if actor.role is not Role.ORCHESTRATOR or actor.run_id is None:
        return
    query = (
        select(SupervisorRow.state)
        .join(RunRow, col(RunRow.id) == SupervisorRow.run_id)
        .where(
            SupervisorRow.run_id == actor.run_id,
            SupervisorRow.agent == actor.id,
            col(SupervisorRow.state).in_(sorted(DEAD)),
            col(RunRow.status).not_in(sorted(ENDED)),
        )
    )
    state = tx.session.exec(query).first()
    if state is not None:
        raise dead(state)


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
