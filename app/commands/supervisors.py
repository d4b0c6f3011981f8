"""What is asked of a run's supervisor, what an agent that is one says of itself, and what becomes of a silent one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app import store
from app.commands import moves, supervision
from app.commands.audit import Change
from app.domain.access import Actor
from app.domain.errors import AppError, ErrorCode, not_found
from app.domain.events import EventKind
from app.domain.runs import ENDED, RunStatus
from app.domain.supervisors import BUILT_IN, DEAD, SUPERVISOR, SupervisorMove, SupervisorState
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import RunRow


def beat(
    tx: Tx,
    *,
    actor: Actor,
    run_id: str,
    state: SupervisorState,
    phase: str | None = None,
    activity: str | None = None,
    progress: int | None = None,
    pending_tasks: Sequence[str] | None = None,
) -> datetime:
    """An agent says that it is alive, and how it stands; the first one that does looks after the run from then on.

    What is left out stays as it was. Leaves a fact and no command: it comes too often for the audit trail.
    """
    tx.actor, tx.scope = actor.name, actor.project_id
    if actor.run_id not in (None, run_id):
        raise not_found("run", run_id)
    run, supervisor = _lock(tx, run_id)
    _refuse_dead(supervisor)
    if supervisor.is_agent and supervisor.agent not in (None, actor.id):
        raise AppError(
            ErrorCode.SUPERVISOR_NOT_FOUND,
            "Another agent looks after this run: this token is not its supervisor's.",
            suggestion="Send restartSupervisor first: then whoever beats first looks after the run.",
        )
    _refuse_strangers(tx, run, phase, pending_tasks or ())
    supervisor.is_agent, supervisor.agent = True, actor.id
    supervision.put(tx, run, supervisor, state)
    supervisor.last_heartbeat_at = tx.now
    if activity is not None:
        supervisor.activity = activity
    if progress is not None:
        supervisor.progress = progress
    if pending_tasks is not None:
        supervisor.pending_tasks = list(pending_tasks)
    moves.touch(tx, run)
    store.events.append(
        tx,
        EventKind.HEARTBEAT_RECEIVED,
        run=run,
        state=state,
        phase=phase,
        activity=supervisor.activity,
        progress=supervisor.progress,
    )
    return tx.now


def restart(tx: Tx, *, run_id: str, reason: str | None = None, expected_version: int | None = None) -> Change:
    """Begin again, whatever it was doing. An agent's place is free from then on for whoever beats first."""
    run, supervisor = _lock(tx, run_id, version=expected_version)
    old = SupervisorState(supervisor.state)
    supervision.note(tx, run, supervisor, SUPERVISOR.after(old, SupervisorMove.RESTART), reason)
    supervisor.restarts += 1
    supervisor.restarted_at = tx.now
    supervisor.agent, supervisor.activity, supervisor.pending_tasks = None, None, []
    standing = BUILT_IN[RunStatus(run.status)]
    if not supervisor.is_agent and standing is not None:
        supervision.put(tx, run, supervisor, standing)
    moves.touch(tx, run)
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def sync(tx: Tx, *, run_id: str, expected_version: int | None = None) -> Change:
    """Keep what the supervisor knows now: how it stands, what it does, how far it is, what it waits for."""
    run, supervisor = _lock(tx, run_id, version=expected_version)
    _refuse_dead(supervisor)
    phase = store.phases.find(tx, run.phase_id)
    supervisor.saved = {
        "state": supervisor.state,
        "phase": phase.key if phase is not None else None,
        "activity": supervisor.activity,
        "progress": supervisor.progress,
        "pendingTasks": supervisor.pending_tasks,
        "version": run.version,
    }
    supervisor.saved_at = tx.now
    return Change({"run": run.id}, run=run)


def miss(tx: Tx, *, patience: timedelta, led_since: datetime) -> int:
    """Give up agents that were not heard for so long: until they are restarted their tokens do nothing more.

    Silence counts from `led_since` at the earliest: before that nobody was there to hear them.
    """
    if tx.now - led_since < patience:
        return 0
    missed = 0
    for run_id in store.supervisors.silent(tx, tx.now - patience):
        run = store.runs.lock(tx, run_id)
        supervisor = store.supervisors.of_run(tx, run_id)
        tx.session.refresh(supervisor)
        if run.status in ENDED or not store.supervisors.is_silent(supervisor, tx.now - patience):
            continue  # it was heard, or its run has ended, while we waited for the lock
        reason = f"It was not heard for {patience.total_seconds():g} s."
        supervision.put(tx, run, supervisor, SupervisorState.INTERRUPTED, reason)
        missed += 1
    return missed


def _lock(tx: Tx, run_id: str, *, version: int | None = None) -> tuple[RunRow, SupervisorRow]:
    run = store.runs.lock(tx, run_id, version=version)
    if run.status in ENDED:
        raise AppError(
            ErrorCode.SUPERVISOR_NOT_FOUND,
            f"The run is {run.status}: nothing looks after it any more.",
            suggestion="retryRun goes on with a run that has failed.",
        )
    return run, store.supervisors.of_run(tx, run.id)


def _refuse_dead(supervisor: SupervisorRow) -> None:
    if supervisor.is_agent and supervisor.state in DEAD:
        raise store.supervisors.dead(supervisor.state)


def _refuse_strangers(tx: Tx, run: RunRow, phase: str | None, task_ids: Sequence[str]) -> None:
    if phase is not None and phase not in {one.key for one in store.phases.of_run(tx, run.id)}:
        raise not_found("phase", phase)
    found = store.tasks.by_ids(tx, task_ids) if task_ids else {}
    for id in task_ids:
        if id not in found or found[id].run_id != run.id:
            raise not_found("task", id)
