"""Agents that look after runs are saved with whatever they do: in the same transaction, so neither is there without the other."""

from app import store
from app.domain import limits
from app.domain.saved_states import (
    OF_VERBS,
    Conversation,
    SavedState,
    SavePoint,
    Unusable,
    seal,
    unseal,
)
from app.domain.supervisors import OVER, SupervisorState
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import RunRow, WorkerRow


def after(tx: Tx, run: RunRow, supervisor: SupervisorRow, verb: str) -> None:
    """Save an agent with what it has asked for."""
    point = OF_VERBS.get(verb, SavePoint.RESPONSE)
    if point is not None:
        save(tx, run, supervisor, point)


def after_phase_change(tx: Tx, run: RunRow) -> None:
    """Save the agent of a run that has gone on to another phase, whoever it was that did that."""
    supervisor = store.supervisors.of_run(tx, run.id)
    if supervisor.is_agent and supervisor.state not in OVER:
        save(tx, run, supervisor, SavePoint.PHASE_CHANGE)


def after_session(tx: Tx, run: RunRow, worker: WorkerRow, session: str) -> None:
    """Save the session of a run's agent with it, for the next process to resume. Of other workers none is kept."""
    supervisor = store.supervisors.of_run(tx, run.id)
    if not store.supervisors.speaks(supervisor, worker.id) or supervisor.state in OVER:
        return
    if limits.is_name(session):
        worker.session_id = session
        save(tx, run, supervisor, SavePoint.RESPONSE, session_id=session)


def save(
    tx: Tx,
    run: RunRow,
    supervisor: SupervisorRow,
    point: SavePoint,
    *,
    memo: str | None = None,
    session_id: str | None = None,
) -> None:
    """Keep how an agent stands now. A heartbeat's state is light: it reads and writes nothing of the conversation."""
    store.supervisors.hold(tx, supervisor)
    position = store.events.head(tx)
    supervisor.saves += 1
    supervisor.saved_at = tx.now
    light = point is SavePoint.HEARTBEAT
    phase = store.phases.find(tx, run.phase_id)
    state = SavedState(
        supervisor=supervisor.id,
        n=supervisor.saves,
        point=point,
        at=tx.now,
        state=SupervisorState(supervisor.state),
        phase=phase.key if phase is not None else None,
        activity=supervisor.activity,
        progress=supervisor.progress,
        pending_tasks=tuple(supervisor.pending_tasks),
        position=position,
        conversation=None if light else _conversation(tx, supervisor, memo, session_id, position),
    )
    store.saved_states.put(tx, supervisor.id, seal(state), light=light)


def _conversation(
    tx: Tx, supervisor: SupervisorRow, memo: str | None, session_id: str | None, position: int
) -> Conversation | None:
    """What is said now; what is not said stays as it was."""
    old = None
    for kept in store.saved_states.newest(tx, supervisor.id, light=False):
        try:
            old = unseal(kept, supervisor=supervisor.id).conversation
            break
        except Unusable:
            continue
    if memo is None and session_id is None:
        return old
    if old is None:
        return Conversation(memo, session_id, position)
    return Conversation(
        old.memo if memo is None else memo,
        session_id or old.session_id,
        old.position if memo is None else position,
    )
