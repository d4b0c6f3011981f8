"""How a run's supervisor stands: the built-in one follows from the run's status, an agent's from what it says."""

from datetime import datetime
from typing import Any, Final

from app import store
from app.commands import items
from app.domain.attention import AttentionKind, AttentionMove
from app.domain.events import EventKind
from app.domain.runs import ENDED, RunStatus
from app.domain.supervisors import (
    BUILT_IN,
    DEAD,
    OVER,
    RESTARTS,
    RESTARTS_WITHIN,
    SUPERVISOR,
    GivenUp,
    RestartCause,
    SupervisorMove,
    SupervisorState,
    lately,
    moves_to,
    next_start,
)
from app.domain.workers import LIVE, WorkerStatus
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import RunRow, WorkerRow

GIVEN_UP: Final = "supervisor"
"""What an item about a failure is about, where an agent that looks after a run has died too often."""


def begin(tx: Tx, run: RunRow, *, runtime: dict[str, Any] | None = None) -> None:
    """Give a new run its supervisor; with a runtime it is an agent, which is started with the run."""
    supervisor = store.supervisors.add(tx, run.id, SUPERVISOR.start)
    supervisor.runtime, supervisor.is_agent = runtime, runtime is not None
    _announce(tx, run, supervisor, None)


def follow(tx: Tx, run: RunRow, old: RunStatus) -> None:
    """Let the supervisor stand as its run does since `old`. Nothing is read where that is as it was."""
    target = BUILT_IN[RunStatus(run.status)]
    if target is None or target is BUILT_IN[old]:
        return
    supervisor = store.supervisors.of_run(tx, run.id)
    if not supervisor.is_agent:
        put(tx, run, supervisor, target)
    elif target in OVER:
        supervisor.starts_at = None
        _withdraw(tx, run, supervisor)
        if supervisor.state not in OVER:
            put(tx, run, supervisor, target)
    elif old in ENDED:
        put(tx, run, supervisor, SupervisorState.INITIALIZING)
        supervisor.listened_since = tx.now
        supervisor.restarts += supervisor.runtime is not None  # its process has ended with the run
        ask_for_process(tx, run, supervisor)
    elif old is RunStatus.CREATED:
        ask_for_process(tx, run, supervisor)


def restart(tx: Tx, run: RunRow, supervisor: SupervisorRow, reason: str | None) -> None:
    """Begin again, whatever it was doing. What counted against another start is forgotten."""
    begin_again(tx, run, supervisor, RestartCause.REQUEST, reason)
    supervisor.listened_since = tx.now
    supervisor.agent, supervisor.activity, supervisor.pending_tasks = None, None, []
    supervisor.is_agent = supervisor.is_agent or supervisor.runtime is not None
    if run.status != RunStatus.CREATED:
        ask_for_process(tx, run, supervisor)


def begin_again(
    tx: Tx, run: RunRow, supervisor: SupervisorRow, cause: RestartCause, reason: str | None = None
) -> None:
    state = SUPERVISOR.after(SupervisorState(supervisor.state), SupervisorMove.RESTART)
    note(tx, run, supervisor, state, reason, cause=cause)
    supervisor.restarts += 1


def ask_for_process(tx: Tx, run: RunRow, supervisor: SupervisorRow) -> None:
    """Have a new one started, where it is an agent that Trackside starts; one that lives is ended first."""
    if supervisor.runtime is None:
        return
    supervisor.agent, supervisor.starts_at, supervisor.recent_restarts = None, tx.now, []
    _withdraw(tx, run, supervisor)


def build_in(tx: Tx, run: RunRow, supervisor: SupervisorRow, reason: str | None) -> None:
    """Go on with the built-in one, until somebody has the agent restarted."""
    supervisor.is_agent, supervisor.agent, supervisor.starts_at = False, None, None
    standing = BUILT_IN[RunStatus(run.status)]
    if standing is not None:
        put(tx, run, supervisor, standing, reason)


def follow_process(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """What a new status of its process means for a supervisor."""
    supervisor = store.supervisors.of_run(tx, run.id)
    if supervisor.worker_id != worker.id:
        return
    if worker.status == WorkerStatus.RUNNING:
        # it could not beat before: it was not up, was paused, or waited for an answer
        supervisor.listened_since = tx.now
    if worker.status in LIVE:
        return
    supervisor.worker_id = None
    if store.supervisors.speaks(supervisor, worker.id) and run.status not in ENDED:
        supervisor.agent = None
        _end(tx, run, supervisor, worker)


def _end(tx: Tx, run: RunRow, supervisor: SupervisorRow, worker: WorkerRow) -> None:
    """The process has ended while it was its run's supervisor: by its own will, or to be started again."""
    if supervisor.state == SupervisorState.COMPLETED:
        return
    if worker.status == WorkerStatus.SUCCEEDED:
        put(tx, run, supervisor, SupervisorState.COMPLETED, "It ended by itself.")
        return
    reason = worker.status_reason or f"Its worker was {worker.status}."
    if supervisor.state not in DEAD:
        put(tx, run, supervisor, SupervisorState.INTERRUPTED, reason)
    restarts = [datetime.fromisoformat(moment) for moment in supervisor.recent_restarts]
    supervisor.starts_at = next_start(restarts, tx.now)
    if supervisor.starts_at is None:
        _ask(tx, run, supervisor, reason)
    else:
        counted = [*lately(restarts, tx.now), tx.now]
        supervisor.recent_restarts = [moment.isoformat() for moment in counted]


def _ask(tx: Tx, run: RunRow, supervisor: SupervisorRow, reason: str) -> None:
    minutes = int(RESTARTS_WITHIN.total_seconds() // 60)
    items.put(
        tx,
        run,
        AttentionKind.FAILURE,
        key=_item_key(supervisor),
        title="The agent that looks after this run dies again and again: what is to look after it?",
        detail=f"It was started again {RESTARTS} times within {minutes} minutes. The last time: {reason}",
        options=list(GivenUp),
        subject={"kind": GIVEN_UP, "supervisor": supervisor.id},
    )


def _withdraw(tx: Tx, run: RunRow, supervisor: SupervisorRow) -> None:
    """People need not say any more what is to become of an agent that was given up."""
    asked = store.attention.find_open(tx, run.id, _item_key(supervisor)) if run.open_attention else None
    if asked is not None:
        items.close_item(tx, run, asked, AttentionMove.DISMISS)


def _item_key(supervisor: SupervisorRow) -> str:
    return f"supervisor {supervisor.id}"


def put(
    tx: Tx, run: RunRow, supervisor: SupervisorRow, target: SupervisorState, reason: str | None = None
) -> None:
    """Bring it to a state, or refuse that with INVALID_TRANSITION."""
    for move in moves_to(SupervisorState(supervisor.state), target):
        note(tx, run, supervisor, SUPERVISOR.after(SupervisorState(supervisor.state), move), reason)


def note(
    tx: Tx,
    run: RunRow,
    supervisor: SupervisorRow,
    state: SupervisorState,
    reason: str | None = None,
    *,
    cause: RestartCause | None = None,
) -> None:
    """Write a state that was found to be possible, and tell of it."""
    old, supervisor.state = supervisor.state, state
    _announce(tx, run, supervisor, old, reason, cause=cause)


def _announce(
    tx: Tx,
    run: RunRow,
    supervisor: SupervisorRow,
    old: str | None,
    reason: str | None = None,
    *,
    cause: RestartCause | None = None,
) -> None:
    store.events.append(
        tx,
        EventKind.SUPERVISOR_STATE_CHANGED,
        run=run,
        supervisor=supervisor.id,
        old=old,
        new=supervisor.state,
        reason=reason,
        restart=cause,
    )
