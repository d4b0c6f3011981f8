"""A task's verbs: block, unblock, complete, skip, retry."""

from app import store
from app.commands import ledgers, moves, orders, workers
from app.commands.audit import Change
from app.commands.failures import FailureAnswer
from app.domain.attention import AttentionMove
from app.domain.budgets import BudgetScope
from app.domain.errors import AppError, ErrorCode
from app.domain.phases import PhaseStatus
from app.domain.runs import EDITABLE, RunStatus
from app.domain.tasks import TASK, TaskMove, TaskStatus
from app.domain.workers import LIVE, Desire
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow


def block(tx: Tx, *, task_id: str, reason: str | None = None) -> Change:
    """Hold a task back until it is unblocked. A worker on it is told to pause."""
    task, run = _editable(tx, task_id)
    moves.move_task(tx, run, task, TaskMove.BLOCK, reason=reason)
    if task.worker_id is not None:
        orders.want(tx, run, store.workers.get(tx, task.worker_id), Desire.PAUSE)
    return _done(tx, run, task)


def unblock(tx: Tx, *, task_id: str, reason: str | None = None) -> Change:
    task, run = _editable(tx, task_id)
    moves.move_task(tx, run, task, TaskMove.UNBLOCK, reason=reason)
    if task.worker_id is None:
        moves.make_ready_if_free(tx, run, task)
    else:
        # it has been begun: what it once waited for does not hold it back any more
        moves.move_task(tx, run, task, TaskMove.MAKE_READY)
        worker = store.workers.get(tx, task.worker_id)
        if worker.started_at is not None:
            moves.move_task(tx, run, task, TaskMove.RUN)
            workers.wait_if_asked(tx, run, worker)
        if not (run.status in (RunStatus.PAUSING, RunStatus.PAUSED) and run.urgency == "NOW"):
            orders.want(tx, run, worker, Desire.RUN)
    workers.reopen(tx, run, reason=reason)
    return _done(tx, run, task)


def complete(tx: Tx, *, task_id: str, reason: str | None = None) -> Change:
    """Say that a task is done: by a person, or by the agent that works on it. A live worker is left to end by itself."""
    task, run = _editable(tx, task_id)
    moves.move_task(tx, run, task, TaskMove.COMPLETE, reason=reason)
    workers.reopen(tx, run, reason=reason)
    return _done(tx, run, task)


def skip(tx: Tx, *, task_id: str, reason: str | None = None) -> Change:
    """Leave a task out; what depends on it goes on as if it were done."""
    task, run = _editable(tx, task_id)
    TASK.after(TaskStatus(task.status), TaskMove.SKIP)
    if task.worker_id is not None:
        worker = store.workers.get(tx, task.worker_id)
        if worker.status in LIVE:
            raise AppError(
                ErrorCode.INVALID_TRANSITION,
                f"A worker is on task {task.key}.",
                suggestion=f"killWorker {worker.id} first.",
            )
    moves.move_task(tx, run, task, TaskMove.SKIP, reason=reason)
    workers.reopen(tx, run, reason=reason)
    return _done(tx, run, task)


def retry(tx: Tx, *, task_id: str, reason: str | None = None) -> Change:
    """Do a task again. Dependents that have not started wait again, others stay."""
    task, run = _editable(tx, task_id)
    TASK.after(TaskStatus(task.status), TaskMove.RETRY)
    phase = store.phases.find(tx, task.phase_id)
    if phase is not None and phase.status == PhaseStatus.COMPLETED:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The phase of task {task.key} is completed.",
            suggestion="Add a task to the current phase with mutateDag instead.",
        )
    if task.worker_id is not None:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The worker of task {task.key} has not ended yet.",
            suggestion=f"Wait for it, or killWorker {task.worker_id}.",
        )
    wanted = ledgers.need_of(tx, run, task, None)
    if wanted.short is BudgetScope.TASK:
        raise ledgers.refusal(tx, run, task, wanted)
    make_again(tx, run, task, reason=reason)
    workers.reopen(tx, run, reason=reason)
    return _done(tx, run, task)


def make_again(tx: Tx, run: RunRow, task: TaskRow, *, reason: str | None) -> None:
    """Give a task a fresh set of attempts. It becomes READY as soon as nothing holds it back."""
    moves.move_task(tx, run, task, TaskMove.RETRY, reason=reason)
    task.failures, task.not_before, task.last_error = 0, None, None
    moves.recount(tx, run, task)


def settle_failed(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove) -> None:
    """The question what becomes of failed tasks was closed; the answer is done to all of them that are FAILED still."""
    if move is not AttentionMove.ANSWER:
        return
    reason = f"{tx.actor} answered {item.answer}." if tx.actor else None
    for task in store.attention.failed_of(tx, item.id):
        if item.answer == FailureAnswer.RETRY:
            make_again(tx, run, task, reason=reason)
        else:
            moves.move_task(tx, run, task, TaskMove.SKIP, reason=reason)
    workers.reopen(tx, run, reason=reason)
    run.version += 1


def _editable(tx: Tx, task_id: str) -> tuple[TaskRow, RunRow]:
    task, run = store.tasks.lock(tx, task_id)
    if run.status not in EDITABLE:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The run of task {task.key} is {run.status}.",
            suggestion="Tasks can be changed until their run has ended.",
        )
    return task, run


def _done(tx: Tx, run: RunRow, task: TaskRow) -> Change:
    run.version += 1
    moves.settle(tx, run)
    return Change({"task": task.id}, run=run, task_id=task.id, worker_id=task.worker_id)
