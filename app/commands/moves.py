"""Status changes with everything that follows from them: counters, facts, dependents, phases, the run's own status.

Only this module sets a status. Its functions take rows that the caller holds locked.
"""

from typing import Any, Final

from app import store
from app.commands import claims, items, ledgers, reasons, saved_states, supervision
from app.domain.access import Role
from app.domain.attention import AttentionKind, AttentionMove
from app.domain.deliverables import DELIVERABLE, DeliverableMove, DeliverableStatus
from app.domain.events import EventKind
from app.domain.phases import OPEN, PHASE, PhaseMove, PhaseStatus, TaskRequirement, next_phase_move
from app.domain.runs import ENDED, RUN, RunMove, RunStatus, Standing, Urgency, next_move
from app.domain.tasks import FINISHED, SATISFIES, TASK, WORKED_ON, TaskMove, TaskStatus
from app.domain.workers import LIVE, WORKER, WorkerMove, WorkerStatus
from app.store.db import Tx
from app.store.deliverable_tables import DeliverableRow
from app.store.tables import PhaseRow, RunRow, TaskRow, WorkerRow

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

LAST: Final = frozenset({RunMove.COMPLETE, RunMove.CANCEL})
"""By which move a run that goes on no more comes to its end."""

CONFIRM: Final = "confirm"
"""What answers the question whether a phase may be left."""


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
    if new not in (RunStatus.PAUSING, RunStatus.PAUSED):
        run.budget_paused = False
    touch(tx, run)
    supervision.follow(tx, run, old)
    # last, so that nothing of a run comes after its end
    store.events.append(tx, EventKind.RUN_STATUS_CHANGED, run=run, old=old, new=new, reason=reason)


def settle(tx: Tx, run: RunRow) -> None:
    """Let phases, questions and the run follow from what has changed, until nothing moves any more."""
    advance(tx, run)
    if run.open_attention:
        drop_items(tx, run)
    moved = False
    while (move := next_move(_standing(tx, run))) is not None:
        if move in LAST and run.open_attention:
            drop_items(tx, run, over=True)  # before the end, after which nothing comes
        move_run(tx, run, move, reason=reasons.why(tx, run, move))
        _follow(tx, run, move)
        moved = True
    if not moved and (stuck := STUCK.get(RunStatus(run.status))) is not None:
        run.status_reason = reasons.why(tx, run, stuck)  # it stays where it is, but not for the same tasks


def _follow(tx: Tx, run: RunRow, move: RunMove) -> None:
    """What a run's pausing and going on, for want of money, mean for its workers."""
    if move is RunMove.PAUSE:
        run.urgency, run.budget_paused = Urgency.NOW, True
        ledgers.hold_run(tx, run)
    elif move is RunMove.RESUME:
        ledgers.let_go(tx, run)
        ledgers.drop(tx, run)


def _standing(tx: Tx, run: RunRow) -> Standing:
    status = RunStatus(run.status)
    held = store.attention.held_back(tx, run)
    movable = run.running
    if not movable and run.ready:
        tx.session.flush()
        movable = store.tasks.movable(tx, run.id, held)
    crowded = movable > 0 and not run.running and is_crowded(tx, run)
    restless = 0
    if status is RunStatus.PAUSING and run.urgency == Urgency.NOW:
        tx.session.flush()
        restless = store.workers.restless(tx, run.id)
    phase = store.phases.find(tx, run.phase_id)
    return Standing(
        status=status,
        movable=0 if crowded else movable,
        waiting=run.waiting
        + len(held)
        + crowded
        + (phase is not None and store.attention.find_confirmation(tx, run, phase) is not None)
        + (not movable and store.budgets.is_asked(tx, run)),
        failed=run.failed,
        workers=run.live_workers,
        restless=restless,
        gates_met=phase is not None and phase.status == PhaseStatus.COMPLETED,
        pause_mode=Urgency(run.urgency) if run.urgency else None,
        auto_complete=run.auto_complete,
        ready=phase is not None and store.gates.holds(run, phase),
        used_up=store.budgets.of_run(run).is_used_up,
        budget_paused=run.budget_paused,
    )


def is_crowded(tx: Tx, run: RunRow) -> bool:
    """Whether every place is taken by a worker that waits for an answer: nothing starts before there is one."""
    return run.live_workers >= run.max_workers and not store.workers.are_at_work(tx, run.id)


# ---------------------------------------------------------------- attention


def drop_items(tx: Tx, run: RunRow, *, over: bool = False) -> None:
    """Dismiss what nobody waits for any more: everyone who asked is over or was helped, or the run goes no further.

    With `over` it is about to end for good.
    """
    tx.session.flush()
    over = over or run.status in ENDED - {RunStatus.FAILED}
    dropped = list(store.attention.abandoned(tx, run.id, over=over))
    if over or run.status == RunStatus.STOPPING:
        dropped += [
            item for item in store.attention.open_of_run(tx, run.id) if item.kind not in store.attention.ASKED
        ]
    else:
        dropped += [*store.attention.resolved(tx, run.id), *claims.settled(tx, run)]
    for item in dropped:
        items.close_item(tx, run, item, AttentionMove.DISMISS)
    ledgers.drop(tx, run)


# ---------------------------------------------------------------- phases


def advance(tx: Tx, run: RunRow) -> None:
    """Let phases whose gates hold wait for a confirmation, or be completed and followed by the next."""
    if run.status in ENDED or run.status == RunStatus.STOPPING:
        return
    while (phase := store.phases.find(tx, run.phase_id)) is not None:
        match next_phase_move(store.gates.standing(run, phase)):
            case PhaseMove.AWAIT_CONFIRMATION:
                _await_confirmation(tx, run, phase)
            case PhaseMove.REOPEN:
                _reopen_phase(tx, run, phase)
            case PhaseMove.COMPLETE:
                complete_phase(tx, run, phase, PhaseMove.COMPLETE)
            case _:
                return


def _await_confirmation(tx: Tx, run: RunRow, phase: PhaseRow) -> None:
    phase.status = PHASE.after(PhaseStatus(phase.status), PhaseMove.AWAIT_CONFIRMATION)
    following = store.phases.next_after(tx, phase)
    tx.session.flush()
    items.put(
        tx,
        run,
        AttentionKind.PHASE_CONFIRMATION,
        key=store.attention.confirmation_key(phase),
        title=f"Phase {phase.key!r} is ready to be left: go on?",
        detail=(f"Then phase {following.key!r} begins." if following is not None else "It is the last one."),
        options=[CONFIRM],
        answer_schema={"enum": [CONFIRM, True]},
    )


def _reopen_phase(tx: Tx, run: RunRow, phase: PhaseRow) -> None:
    item = store.attention.find_confirmation(tx, run, phase)
    phase.status = PHASE.after(PhaseStatus(phase.status), PhaseMove.REOPEN)
    if item is not None:
        items.close_item(tx, run, item, AttentionMove.DISMISS)
    _make_phase_ready(tx, run, phase)


def complete_phase(
    tx: Tx, run: RunRow, phase: PhaseRow, move: PhaseMove, *, confirmed_by: str | None = None
) -> None:
    """Leave a phase for the next one. What no worker is on is left out; who works already may finish."""
    item = store.attention.find_confirmation(tx, run, phase)
    phase.status = PHASE.after(PhaseStatus(phase.status), move)
    phase.completed_at, phase.confirmed_by = tx.now, confirmed_by
    touch(tx, run)
    if item is not None:
        item.answer, item.answered_by = CONFIRM, confirmed_by
        items.close_item(tx, run, item, AttentionMove.ANSWER)
    if phase.unfinished:
        tx.session.flush()
        for task in store.tasks.not_begun(tx, phase.id):
            leave_out(tx, run, task)
    following = store.phases.next_after(tx, phase)
    if following is not None:
        begin(tx, run, following, old=phase)


def is_left_over(tx: Tx, task: TaskRow) -> bool:
    """Its phase is over, and did not need it."""
    phase = store.phases.find(tx, task.phase_id)
    return phase is not None and phase.status == PhaseStatus.COMPLETED


def leave_out(tx: Tx, run: RunRow, task: TaskRow) -> None:
    """Skip a task that nobody works on any more, behind a gate that does not wait for it."""
    phase = store.phases.find(tx, task.phase_id)
    assert phase is not None
    move_task(tx, run, task, TaskMove.SKIP, reason=f"Phase {phase.key!r} was completed without it.")


def begin(tx: Tx, run: RunRow, phase: PhaseRow, *, old: PhaseRow | None) -> None:
    phase.status = PHASE.after(PhaseStatus(phase.status), PhaseMove.BEGIN)
    phase.started_at = tx.now
    run.phase_id = phase.id
    run.version += 1
    touch(tx, run)
    store.events.append(
        tx, EventKind.PHASE_CHANGED, run=run, old=old.key if old is not None else None, new=phase.key
    )
    saved_states.after_phase_change(tx, run)
    _make_phase_ready(tx, run, phase)


def _make_phase_ready(tx: Tx, run: RunRow, phase: PhaseRow) -> None:
    tx.session.flush()
    for task in store.tasks.unblocked_of_phase(tx, phase.id):
        move_task(tx, run, task, TaskMove.MAKE_READY)


def settle_deliverable(
    tx: Tx, run: RunRow, phase: PhaseRow, owed: DeliverableRow, move: DeliverableMove
) -> None:
    """Complete or waive what a phase owes."""
    old = DeliverableStatus(owed.status)
    owed.status = DELIVERABLE.after(old, move)
    owed.changed_by, owed.changed_at = tx.actor, tx.now
    if owed.required and old is DeliverableStatus.PENDING:
        phase.owed -= 1
    touch(tx, run)
    told = {"phase": phase.id, "phaseKey": phase.key, "deliverable": owed.id, "key": owed.key}
    store.events.append(tx, EventKind.DELIVERABLE_CHANGED, run=run, status=owed.status, **told)
    if move is DeliverableMove.COMPLETE:
        store.events.append(tx, EventKind.DELIVERABLE_COMPLETED, run=run, **told)


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
        _count_in_phase(phase, task, old, new)
    if new is not TaskStatus.READY:
        task.beyond_budget = False
    if new is TaskStatus.RUNNING and old is TaskStatus.READY:
        task.started_at = tx.now
    task.completed_at = tx.now if new in FINISHED or new is TaskStatus.FAILED else None
    touch(tx, run)
    store.events.append(
        tx, EventKind.TASK_STATUS_CHANGED, run=run, task_id=task.id, old=old, new=new, reason=reason
    )
    if (old in SATISFIES) != (new in SATISFIES):
        _tell_dependents(tx, run, task, satisfied=new in SATISFIES)


def _count_in_phase(phase: PhaseRow, task: TaskRow, old: TaskStatus, new: TaskStatus) -> None:
    phase.unfinished += (old in FINISHED) - (new in FINISHED)
    phase.done += (new in SATISFIES) - (old in SATISFIES)
    phase.running += (new in WORKED_ON) - (old in WORKED_ON)
    phase.cancelled += (new is TaskStatus.CANCELLED) - (old is TaskStatus.CANCELLED)
    phase.failed += (new is TaskStatus.FAILED) - (old is TaskStatus.FAILED)
    if phase.requirement == TaskRequirement.NAMED and task.key in (phase.gate_tasks or ()):
        phase.named_left += (old in SATISFIES) - (new in SATISFIES)


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
    held = task.waiting_for or phase is None or phase.status not in OPEN
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
        run.live_workers -= worker.role != Role.ORCHESTRATOR
        worker.ended_at = tx.now
        ledgers.release(run, worker)
    touch(tx, run)
    announce_worker(tx, run, worker, old=old, reason=reason)
    if worker.role == Role.ORCHESTRATOR:
        supervision.follow_process(tx, run, worker)


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
