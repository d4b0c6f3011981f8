"""What is asked of a run's supervisor, what an agent that is one says of itself, and what becomes of a silent one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import store
from app.commands import moves, restorations, runs, saved_states, supervision
from app.commands.audit import Change
from app.domain.access import Actor
from app.domain.attention import AttentionMove
from app.domain.errors import AppError, ErrorCode, not_found
from app.domain.events import EventKind
from app.domain.runs import ENDED, RunStatus, Urgency
from app.domain.saved_states import SavePoint
from app.domain.supervisors import BUILT_IN, DEAD, GivenUp, SupervisorState
from app.store.db import Tx
from app.store.restorations import Restored
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import AttentionRow, RunRow


@dataclass(frozen=True, slots=True)
class Heard:
    """When a heartbeat was; what the agent has to know that was brought back, in the answer to its first one."""

    at: datetime
    restored: Restored | None


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
    memo: str | None = None,
    session_id: str | None = None,
) -> Heard:
    """An agent says that it is alive, and how it stands.

    Of a run that Trackside starts an agent for, only the process that it has started is heard. Of any other, the first
    that says so looks after it from then on. What is left out stays as it was. Leaves a fact and no command: it comes too
    often for the audit trail. With notes it is more than a sign of life, and saved as that.
    """
    tx.actor, tx.scope = actor.name, actor.project_id
    if actor.run_id not in (None, run_id):
        raise not_found("run", run_id)
    run, supervisor = _lock(tx, run_id)
    _refuse_dead(supervisor)
    _refuse_others(supervisor, actor)
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
    restored = restorations.go_on(tx, run, supervisor)
    speaks = memo is not None or session_id is not None
    point = SavePoint.RESPONSE if speaks else SavePoint.HEARTBEAT
    saved_states.save(tx, run, supervisor, point, memo=memo, session_id=session_id)
    return Heard(tx.now, restored)


def restart(tx: Tx, *, run_id: str, reason: str | None = None, expected_version: int | None = None) -> Change:
    """Begin again, whatever it was doing.

    An agent that Trackside starts is ended, and started anew. Another's place is free for whoever beats first.
    """
    run, supervisor = _lock(tx, run_id, version=expected_version)
    supervision.restart(tx, run, supervisor, reason)
    standing = BUILT_IN[RunStatus(run.status)]
    if supervisor.is_agent and supervisor.runtime is None:
        restorations.begin(tx, run, supervisor)  # a process is brought back when it is started
    elif not supervisor.is_agent and standing is not None:
        supervision.put(tx, run, supervisor, standing)
    moves.touch(tx, run)
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def sync(tx: Tx, *, run_id: str, expected_version: int | None = None) -> Change:
    """Save how the supervisor stands now. The built-in one stands as its run does, which is always saved."""
    run, supervisor = _lock(tx, run_id, version=expected_version)
    _refuse_dead(supervisor)
    supervisor.saved_at = tx.now
    if supervisor.is_agent:
        saved_states.save(tx, run, supervisor, SavePoint.SYNC)
    return Change({"run": run.id}, run=run)


def settled(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove) -> None:
    """What people have answered about an agent that died again and again. Dismissed, it stays as it is."""
    if move is not AttentionMove.ANSWER:
        return
    supervisor = store.supervisors.of_run(tx, run.id)
    match GivenUp(item.answer):
        case GivenUp.RESTART:
            supervision.restart(tx, run, supervisor, f"{item.answered_by} asked for it.")
        case GivenUp.BUILT_IN:
            supervision.build_in(
                tx, run, supervisor, f"{item.answered_by} put the built-in one in its place."
            )
        case GivenUp.STOP_RUN:
            runs.stop(
                tx, run_id=run.id, mode=Urgency.DRAIN, reason="The agent that looked after it was given up."
            )


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


def _refuse_others(supervisor: SupervisorRow, actor: Actor) -> None:
    if actor.id == supervisor.agent:
        return
    if supervisor.runtime is not None:
        raise AppError(
            ErrorCode.SUPERVISOR_NOT_FOUND,
            "Trackside starts the agent that looks after this run: this token is not the one it was given.",
            suggestion="restartSupervisor starts that agent anew.",
        )
    if supervisor.agent is not None:
        raise AppError(
            ErrorCode.SUPERVISOR_NOT_FOUND,
            "Another agent looks after this run: this token is not its supervisor's.",
            suggestion="Send restartSupervisor first: then whoever beats first looks after the run.",
        )


def _refuse_strangers(tx: Tx, run: RunRow, phase: str | None, task_ids: Sequence[str]) -> None:
    if phase is not None and phase not in {one.key for one in store.phases.of_run(tx, run.id)}:
        raise not_found("phase", phase)
    found = store.tasks.by_ids(tx, task_ids) if task_ids else {}
    for id in task_ids:
        if id not in found or found[id].run_id != run.id:
            raise not_found("task", id)
