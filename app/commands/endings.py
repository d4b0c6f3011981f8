"""The end of a worker: what it means for its task, for what it was given, and for the requests that it was under."""

from app import store
from app.commands import audit, failures, moves, tool_calls, usage_reports
from app.domain.commands import UNDER_WAY, CommandMove
from app.domain.runs import RunStatus
from app.domain.tasks import FINISHED, TaskMove, TaskStatus, back_off, may_try_again
from app.domain.workers import WorkerMove, WorkerStatus
from app.store.db import Tx
from app.store.tables import CommandRow, RunRow, TaskRow, WorkerRow


def end(tx: Tx, run: RunRow, worker: WorkerRow, move: WorkerMove, *, reason: str | None = None) -> None:
    """A worker is over: close what hangs on it and let its task go on, try again or fail."""
    tool_calls.give_up(tx, run, worker)
    usage_reports.tell(tx, run, worker)
    worker.asking = {}
    moves.move_worker(tx, run, worker, move, reason=reason)
    task = store.tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    again = False
    if task is not None and task.worker_id == worker.id:
        task.worker_id = None
        again = _end_attempt(tx, run, task, worker, reason)
    if again:
        _keep_context(tx, worker)
    else:
        _give_up_context(tx, run, worker)
    for command in store.commands.under_way(tx, worker.id):
        _close_command(tx, command, worker, run)
    moves.settle(tx, run)


def _keep_context(tx: Tx, worker: WorkerRow) -> None:
    """What was not delivered waits for the task's next worker, with the requests that it came by."""
    for item in store.context.undelivered(tx, worker.id):
        item.worker_id = None
        store.commands.get(tx, item.command_id).worker_id = None
    tx.session.flush()


def _give_up_context(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """Nobody will be given what was not delivered; of a request to many workers too."""
    for command_id in dict.fromkeys(item.command_id for item in store.context.undelivered(tx, worker.id)):
        command = store.commands.get(tx, command_id)
        if command.status in UNDER_WAY:
            _close_command(tx, command, worker, run)


def _end_attempt(tx: Tx, run: RunRow, task: TaskRow, worker: WorkerRow, reason: str | None) -> bool:
    """What the end of an attempt means for its task. True where another worker will go on with it."""
    status = TaskStatus(task.status)
    if worker.status == WorkerStatus.SUCCEEDED:
        if status is TaskStatus.BLOCKED:
            moves.move_task(
                tx, run, task, TaskMove.FINISH_LATE, reason="It was finished before it could be blocked."
            )
        elif status in (TaskStatus.READY, TaskStatus.RUNNING, TaskStatus.WAITING_FOR_INPUT):
            moves.move_task(tx, run, task, TaskMove.COMPLETE)
        return False
    if status in FINISHED:
        return False
    task.last_error = reason or f"The worker was {worker.status}."
    if run.status == RunStatus.STOPPING:
        moves.move_task(tx, run, task, TaskMove.CANCEL, reason="The run was stopped.")
        return False
    left_over = moves.is_left_over(tx, task)
    if status is TaskStatus.BLOCKED:
        if left_over:
            moves.leave_out(tx, run, task)
        return not left_over
    task.failures += 1
    if left_over:
        moves.move_task(tx, run, task, TaskMove.FAIL, reason=task.last_error)
        moves.leave_out(tx, run, task)
        return False
    if not may_try_again(task.failures, task.max_attempts) or store.budgets.is_given_up(tx, worker):
        moves.move_task(tx, run, task, TaskMove.FAIL, reason=task.last_error)
        failures.put(tx, run, task, worker)
        return False
    rest = back_off(task.failures)
    task.not_before = tx.now + rest
    moves.move_task(
        tx,
        run,
        task,
        TaskMove.TRY_AGAIN,
        reason=f"Attempt {task.attempts} ended: {task.last_error} Again in {rest.total_seconds():g} s.",
    )
    moves.recount(tx, run, task)  # what it waits for may have been taken back since it started
    return True


def _close_command(tx: Tx, command: CommandRow, worker: WorkerRow, run: RunRow) -> None:
    if command.verb == "killWorker" and worker.status == WorkerStatus.KILLED:
        audit.move(tx, command, CommandMove.TAKE_EFFECT, run)
    else:
        audit.move(tx, command, CommandMove.EXPIRE, run, error=f"The worker was {worker.status} first.")
