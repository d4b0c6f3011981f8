"""How a run's supervisor stands: the built-in one follows from the run's status, an agent's from what it says."""

from app import store
from app.domain.events import EventKind
from app.domain.runs import ENDED, RunStatus
from app.domain.supervisors import BUILT_IN, OVER, SUPERVISOR, SupervisorState, moves_to
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import RunRow


def begin(tx: Tx, run: RunRow) -> None:
    """Give a new run its supervisor."""
    supervisor = store.supervisors.add(tx, run.id, SUPERVISOR.start)
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
        if supervisor.state not in OVER:
            put(tx, run, supervisor, target)
    elif old in ENDED:
        put(tx, run, supervisor, SupervisorState.INITIALIZING)
        supervisor.restarted_at = tx.now


def put(
    tx: Tx, run: RunRow, supervisor: SupervisorRow, target: SupervisorState, reason: str | None = None
) -> None:
    """Bring it to a state, or refuse that with INVALID_TRANSITION."""
    for move in moves_to(SupervisorState(supervisor.state), target):
        note(tx, run, supervisor, SUPERVISOR.after(SupervisorState(supervisor.state), move), reason)


def note(
    tx: Tx, run: RunRow, supervisor: SupervisorRow, state: SupervisorState, reason: str | None = None
) -> None:
    """Write a state that was found to be possible, and tell of it."""
    old, supervisor.state = supervisor.state, state
    _announce(tx, run, supervisor, old, reason)


def _announce(
    tx: Tx, run: RunRow, supervisor: SupervisorRow, old: str | None, reason: str | None = None
) -> None:
    store.events.append(
        tx,
        EventKind.SUPERVISOR_STATE_CHANGED,
        run=run,
        supervisor=supervisor.id,
        old=old,
        new=supervisor.state,
        reason=reason,
    )
