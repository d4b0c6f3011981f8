"""Status changes with everything that follows from them: counters, facts, dependents, phases, the run's own status.

Only this module sets a status. Its functions take rows that the caller holds locked.
"""

from typing import Any, Final

from app import store
from app.domain.attention import ATTENTION, AttentionMove, AttentionStatus
from app.domain.events import EventKind
from app.domain.phases import PHASE, PhaseMove, PhaseStatus, gate_holds
from app.domain.runs import ENDED, RUN, RunMove, RunStatus, Standing, Urgency, next_move
from app.domain.tasks import FINISHED, SATISFIES, TASK, TaskMove, TaskStatus
from app.domain.workers import LIVE, WORKER, WorkerMove, WorkerStatus
from app.store.db import Tx
from app.store.tables import AttentionRow, PhaseRow, RunRow, TaskRow, WorkerRow

COUNTERS: Final[dict[TaskStatus, str]] = {
    TaskStatus.PENDING: "pending",
    TaskStatus.READY: "ready",
    TaskStatus.RUNNING: "running",
    TaskStatus.WAITING_FOR_INPUT: "waiting",
    TaskStatus.BLOCKED: "blocked",
    TaskStatus.COMPLETED: "completed",
    TaskStatus.FAILED: "failed",
    TaskStatus.SKIPPED: "skipped",
    TaskStatus.CANCELLED: "cancelled",
}
"""Which column of a run counts the tasks in a status."""


STUCK: Final = {
    RunStatus.WAITING_FOR_INPUT: RunMove.AWAIT_INPUT,
    RunStatus.BLOCKED: RunMove.BLOCK,
}
"""By which move a run came where it waits for people."""


def count(run: RunRow, status: TaskStatus, by: int) -> None:
    column = COUNTERS[status]
    setattr(run, column, getattr(run, column) + by)


def touch(tx: Tx, run: RunRow) -> None:
    run.last_activity_at = tx.now


# ---------------------------------------------------------------- runs


def move_run(tx: Tx, run: RunRow, move: RunMove, *, reason: str | None = None) -> None:
    old = RunStatus(run.status)
    new = RUN.after(old, move)
    run.status, run.status_reason = new, reason
    if new is RunStatus.ACTIVE and run.started_at is None:
        run.started_at = tx.now
    if new not in ENDED:
        run.completed_at = None
    elif run.completed_at is None:
        run.completed_at = tx.now
    if new not in (RunStatus.PAUSING, RunStatus.PAUSED, RunStatus.STOPPING):
        run.urgency = None
    touch(tx, run)
    store.events.append(tx, EventKind.RUN_STATUS_CHANGED, run=run, old=old, new=new, reason=reason)


def settle(tx: Tx, run: RunRow) -> None:
    """Let questions, phases and the run follow from what has changed, until nothing moves any more."""
    if run.open_attention:
        _drop_questions(tx, run)
    advance(tx, run)
    moved = False
    while (move := next_move(_standing(tx, run))) is not None:
        move_run(tx, run, move, reason=_why(tx, run, move))
        moved = True
    if not moved and (stuck := STUCK.get(RunStatus(run.status))) is not None:
        run.status_reason = _why(tx, run, stuck)  # it stays where it is, but not for the same tasks


def _standing(tx: Tx, run: RunRow) -> Standing:
    status = RunStatus(run.status)
    movable = run.running
    if not movable and run.ready:
        tx.session.flush()
        movable = store.tasks.movable(tx, run.id)
    restless = 0
    if status is RunStatus.PAUSING and run.urgency == Urgency.NOW:
        tx.session.flush()
        restless = store.workers.restless(tx, run.id)
    phase = store.phases.find(tx, run.phase_id)
    return Standing(
        status=status,
        movable=movable,
        waiting=run.waiting,
        failed=run.failed,
        workers=run.live_workers,
        restless=restless,
        gates_met=phase is not None and phase.status == PhaseStatus.COMPLETED,
        pause_mode=Urgency(run.urgency) if run.urgency else None,
    )


def _why(tx: Tx, run: RunRow, move: RunMove) -> str | None:
    """Words for people about a move that a run made by itself."""
    match move:
        case RunMove.AWAIT_INPUT:
            return f"{run.waiting} {_tasks(run.waiting)} for an answer: see the attention list."
        case RunMove.FAIL:
            keys = [task.key for task in store.tasks.of_run(tx, run.id, [TaskStatus.FAILED])]
            return f"{_list(keys)} failed and nothing else can go on: retryRun makes the failed tasks ready again."
        case RunMove.BLOCK:
            return _why_blocked(tx, run)
        case _:
            return run.status_reason if move in (RunMove.REST, RunMove.CANCEL) else None


def _why_blocked(tx: Tx, run: RunRow) -> str:
    by_hand = list(store.tasks.by_hand(tx, run.id, 6))
    if by_hand:
        return f"{_list(by_hand)} {'wait' if len(by_hand) > 1 else 'waits'} to be done by hand: completeTask says when."
    blocked = [task.key for task in store.tasks.of_run(tx, run.id, [TaskStatus.BLOCKED])]
    if blocked:
        return f"{_list(blocked)} {'are' if len(blocked) > 1 else 'is'} blocked: unblockTask or skipTask goes on."
    return "Nothing can go on: what is left waits for tasks that were cancelled."


def _tasks(count: int) -> str:
    return "task waits" if count == 1 else "tasks wait"


def _list(keys: list[str]) -> str:
    shown = ", ".join(keys[:5])
    return shown if len(keys) <= 5 else f"{shown} and {len(keys) - 5} more"


# ---------------------------------------------------------------- questions


def _drop_questions(tx: Tx, run: RunRow) -> None:
    """Dismiss what nobody waits for any more: everyone who asked is over."""
    tx.session.flush()
    for item in store.attention.abandoned(tx, run.id):
        item.status = ATTENTION.after(AttentionStatus(item.status), AttentionMove.DISMISS)
        item.merge_key, item.answered_at = None, tx.now
        run.open_attention -= 1
        announce_closed(tx, run, item)


def announce_closed(tx: Tx, run: RunRow, item: AttentionRow) -> None:
    askers = store.attention.askers(tx, item.id)
    first = askers[0] if askers else None
    store.events.append(
        tx,
        EventKind.ATTENTION_CLOSED,
        run=run,
        task_id=first.task_id if first is not None else None,
        worker_id=first.worker_id if first is not None else None,
        item=item.id,
    )


# ---------------------------------------------------------------- phases


def advance(tx: Tx, run: RunRow) -> None:
    """Complete phases whose gate holds and begin the ones behind them."""
    while True:
        phase = store.phases.find(tx, run.phase_id)
        if phase is None or phase.status != PhaseStatus.ACTIVE or not gate_holds(phase.unfinished):
            return
        if run.status in ENDED or run.status == RunStatus.STOPPING:
            return
        phase.status = PHASE.after(PhaseStatus(phase.status), PhaseMove.COMPLETE)
        following = store.phases.next_after(tx, phase)
        if following is None:
            return
        begin(tx, run, following, old=phase)


def begin(tx: Tx, run: RunRow, phase: PhaseRow, *, old: PhaseRow | None) -> None:
    phase.status = PHASE.after(PhaseStatus(phase.status), PhaseMove.BEGIN)
    run.phase_id = phase.id
    run.version += 1
    touch(tx, run)
    store.events.append(
        tx, EventKind.PHASE_CHANGED, run=run, old=old.key if old is not None else None, new=phase.key
    )
    tx.session.flush()
    for task in store.tasks.unblocked_of_phase(tx, phase.id):
        move_task(tx, run, task, TaskMove.MAKE_READY)


# ---------------------------------------------------------------- tasks


def move_task(tx: Tx, run: RunRow, task: TaskRow, move: TaskMove, *, reason: str | None = None) -> None:
    """Change a task's status, and let its dependents and its phase follow."""
    old = TaskStatus(task.status)
    new = TASK.after(old, move)
    task.status, task.status_reason = new, reason
    if new is not old:
        count(run, old, -1)
        count(run, new, +1)
        phase = store.phases.find(tx, task.phase_id)
        assert phase is not None
        phase.unfinished += (old in FINISHED) - (new in FINISHED)
    if new is TaskStatus.RUNNING and old is TaskStatus.READY:
        task.started_at = tx.now
    task.completed_at = tx.now if new in FINISHED or new is TaskStatus.FAILED else None
    touch(tx, run)
    store.events.append(
        tx, EventKind.TASK_STATUS_CHANGED, run=run, task_id=task.id, old=old, new=new, reason=reason
    )
    if (old in SATISFIES) != (new in SATISFIES):
        _tell_dependents(tx, run, task, satisfied=new in SATISFIES)


def make_ready_if_free(tx: Tx, run: RunRow, task: TaskRow) -> None:
    """PENDING → READY where nothing is waited for and the task's phase is active."""
    if task.status != TaskStatus.PENDING or task.waiting_for:
        return
    phase = store.phases.find(tx, task.phase_id)
    if phase is not None and phase.status == PhaseStatus.ACTIVE:
        move_task(tx, run, task, TaskMove.MAKE_READY)


def recount(tx: Tx, run: RunRow, task: TaskRow) -> None:
    """Count anew what a task waits for, after its dependencies were changed, and let its status follow."""
    tx.session.flush()
    task.waiting_for = store.tasks.unmet(tx, task.id)
    phase = store.phases.find(tx, task.phase_id)
    held = task.waiting_for or phase is None or phase.status != PhaseStatus.ACTIVE
    if held and task.status == TaskStatus.READY and task.worker_id is None:
        move_task(tx, run, task, TaskMove.HOLD_BACK)
    else:
        make_ready_if_free(tx, run, task)


def _tell_dependents(tx: Tx, run: RunRow, task: TaskRow, *, satisfied: bool) -> None:
    tx.session.flush()
    for dependent in store.tasks.dependents(tx, task.id):
        dependent.waiting_for += -1 if satisfied else 1
        if satisfied:
            make_ready_if_free(tx, run, dependent)
        elif dependent.status == TaskStatus.READY and dependent.worker_id is None:
            move_task(tx, run, dependent, TaskMove.HOLD_BACK)


# ---------------------------------------------------------------- workers


def move_worker(
    tx: Tx, run: RunRow, worker: WorkerRow, move: WorkerMove, *, reason: str | None = None
) -> None:
    old = WorkerStatus(worker.status)
    new = WORKER.after(old, move)
    worker.status, worker.status_reason = new, reason
    if old in LIVE and new not in LIVE:
        run.live_workers -= 1
        worker.ended_at = tx.now
    touch(tx, run)
    announce_worker(tx, run, worker, old=old, reason=reason)


def announce_worker(
    tx: Tx, run: RunRow, worker: WorkerRow, *, old: WorkerStatus | None, reason: str | None
) -> None:
    data: dict[str, Any] = {"old": old, "new": worker.status, "reason": reason}
    store.events.append(
        tx,
        EventKind.WORKER_STATUS_CHANGED,
        run=run,
        task_id=worker.task_id,
        worker_id=worker.id,
        **data,
    )
