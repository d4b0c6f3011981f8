"""A worker's verbs, and what its end means for its task.

What the control plane wants of a worker is a desire with a revision. Its runner reads it, says so, and acts.
"""

from typing import Any

from app import store
from app.commands import audit, moves, tool_calls
from app.commands.audit import Change
from app.domain import prompts
from app.domain.commands import UNDER_WAY, CommandMove, CommandStatus
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.runs import ENDED, RunMove, RunStatus
from app.domain.tasks import FINISHED, TaskMove, TaskStatus, back_off, may_try_again
from app.domain.workers import CAPABILITIES, LIVE, WORKER, Capability, Desire, WorkerMove, WorkerStatus
from app.store.db import Tx
from app.store.tables import CommandRow, RunRow, TaskRow, WorkerRow

DEFAULT_GRACE_SECONDS = 10


def want(tx: Tx, run: RunRow, worker: WorkerRow, desire: Desire) -> None:
    """Ask the runner for something else. A worker that is to stop is never asked for anything again."""
    if worker.desire not in (desire, Desire.STOP):
        worker.desire = desire
        order_anew(tx, run, worker)


def order_anew(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """Its runner waits for facts about its worker: this one tells it to read its orders again."""
    worker.revision += 1
    store.events.append(
        tx,
        EventKind.WORKER_ORDERED,
        run=run,
        task_id=worker.task_id,
        worker_id=worker.id,
        desire=worker.desire,
    )


def stop(
    tx: Tx, run: RunRow, worker: WorkerRow, *, reason: str | None, grace_seconds: int | None = None
) -> None:
    """Have the whole process tree ended. The worker is KILLED once its runner knows that nothing is left."""
    if worker.desire == Desire.STOP and grace_seconds is None:
        return
    if grace_seconds is not None:
        worker.grace_seconds = grace_seconds
    worker.desire = Desire.STOP
    order_anew(tx, run, worker)
    if worker.status != WorkerStatus.STOPPING:
        moves.move_worker(tx, run, worker, WorkerMove.KILL, reason=reason)


# ---------------------------------------------------------------- starting


def start_attempt(
    tx: Tx,
    run: RunRow,
    task: TaskRow | None,
    *,
    runtime: dict[str, Any],
    name: str | None = None,
    skill: str | None = None,
    environment: dict[str, str] | None = None,
    host_id: str | None = None,
) -> WorkerRow:
    """Write a worker that is to be dispatched, for a task's next attempt or beside the DAG, on a host where one is known."""
    fence = 1
    if task is not None:
        task.attempts += 1
        fence = task.attempts
    subtasks = store.subtasks.of_tasks(tx, [task.id])[task.id] if task is not None else []
    skill = skill or (task.skill if task is not None else None)
    instructions = store.skills.find(tx, run.project_id, skill) if skill is not None else None
    worker = WorkerRow(
        id=store.ids.new("wrk"),
        run_id=run.id,
        task_id=task.id if task is not None else None,
        name=name or (f"{task.key} #{fence}" if task is not None else runtime["kind"]),
        status=WORKER.start,
        runtime=runtime,
        environment=environment or {},
        skill=skill,
        prompt=prompts.compose(
            task.key if task is not None else None,
            task.title if task is not None else run.name,
            task.description if task is not None else "",
            [(subtask.title, subtask.completed) for subtask in subtasks],
            skill=(instructions.name, instructions.text) if instructions is not None else None,
        ),
        timeout_seconds=task.timeout_seconds if task is not None else None,
        fence=fence,
        desire=Desire.RUN,
        grace_seconds=DEFAULT_GRACE_SECONDS,
        created_at=tx.now,
        host_id=host_id,
    )
    tx.session.add(worker)
    if task is not None:
        task.worker_id, task.not_before = worker.id, None
        for item in store.context.kept_for_task(tx, task.id):
            item.worker_id = worker.id
    run.live_workers += 1
    moves.touch(tx, run)
    moves.announce_worker(tx, run, worker, old=None, reason=None)
    return worker


def spawn(
    tx: Tx,
    *,
    run_id: str,
    task_id: str | None = None,
    runtime: dict[str, Any] | None = None,
    name: str | None = None,
    skill: str | None = None,
    environment: dict[str, str] | None = None,
) -> Change:
    """Start a worker by hand, on a ready task or beside the DAG. `maxWorkers` does not hold it back."""
    run = store.runs.lock(tx, run_id)
    if run.status in ENDED or run.status in (RunStatus.CREATED, RunStatus.STOPPING, RunStatus.COMPLETING):
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"A run that is {run.status} starts no workers.",
            suggestion="startRun, resumeRun or retryRun first.",
        )
    task = None
    if task_id is not None:
        task = store.tasks.get(tx, task_id)
        _check_startable(run, task)
    chosen = runtime or (task.runtime if task is not None else None) or run.runtime
    if chosen is None:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "Nothing says what this worker runs.",
            suggestion="Give a runtime: neither the task nor the run has one.",
            path=["input", "runtime"],
        )
    worker = start_attempt(
        tx,
        run,
        task,
        runtime=chosen,
        name=name,
        skill=skill,
        environment=environment,
        host_id=store.hosts.room(tx, store.hosts.reachable(tx)).take(),
    )
    moves.settle(tx, run)
    return Change({"worker": worker.id}, run=run, task_id=task_id, worker_id=worker.id)


def _check_startable(run: RunRow, task: TaskRow) -> None:
    if task.run_id != run.id:
        raise AppError(
            ErrorCode.NOT_FOUND, f"Task {task.id} is not part of run {run.id}.", path=["input", "taskId"]
        )
    if task.status != TaskStatus.READY or task.worker_id is not None:
        state = "already has a worker" if task.worker_id is not None else f"is {task.status}"
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"Task {task.key} {state}; a worker can be started on a task that is READY.",
            suggestion="Leave taskId out to start a worker beside the DAG.",
            path=["input", "taskId"],
        )


# ---------------------------------------------------------------- steering


def kill(tx: Tx, *, worker_id: str, grace_seconds: int | None = None, reason: str | None = None) -> Change:
    worker, run = store.workers.lock(tx, worker_id)
    WORKER.after(WorkerStatus(worker.status), WorkerMove.KILL)
    stop(
        tx,
        run,
        worker,
        reason=reason,
        grace_seconds=DEFAULT_GRACE_SECONDS if grace_seconds is None else grace_seconds,
    )
    return _requested(worker, run)


def pause(tx: Tx, *, worker_id: str) -> Change:
    worker, run = store.workers.lock(tx, worker_id)
    require(worker, Capability.PAUSE)
    if worker.status != WorkerStatus.SPAWNING:
        WORKER.after(WorkerStatus(worker.status), WorkerMove.PAUSE)
    want(tx, run, worker, Desire.PAUSE)
    return _requested(worker, run)


def resume(tx: Tx, *, worker_id: str) -> Change:
    worker, run = store.workers.lock(tx, worker_id)
    if worker.desire != Desire.PAUSE or worker.status not in LIVE:
        WORKER.after(WorkerStatus(worker.status), WorkerMove.RESUME)
    if run.status in (RunStatus.PAUSING, RunStatus.PAUSED) and run.urgency == "NOW":
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            "The whole run is paused.",
            suggestion="resumeRun goes on with every worker.",
        )
    want(tx, run, worker, Desire.RUN)
    return _requested(worker, run)


def report_progress(
    tx: Tx, *, worker_id: str, activity: str | None = None, progress: int | None = None
) -> Change:
    worker, run = store.workers.lock(tx, worker_id)
    if worker.status not in LIVE:
        raise AppError(ErrorCode.STALE_FENCE, f"Worker {worker_id} is over: it is {worker.status}.")
    if activity is not None:
        worker.current_activity = activity
    if progress is not None:
        worker.progress = progress
    moves.touch(tx, run)
    store.events.append(tx, EventKind.WORKER_REPORTED, run=run, task_id=worker.task_id, worker_id=worker.id)
    return Change({"worker": worker.id}, run=run, task_id=worker.task_id, worker_id=worker.id)


def wait_if_asked(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """A worker whose question is open waits for the answer, and its task with it."""
    if not store.attention.held_by_worker(tx, worker.id):
        return
    if worker.status == WorkerStatus.RUNNING:
        moves.move_worker(tx, run, worker, WorkerMove.ASK)
        worker.revision += 1  # the runner stops the clock of the time-out
    task = store.tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    waits = worker.status in (WorkerStatus.WAITING_FOR_INPUT, WorkerStatus.PAUSED)
    if waits and task is not None and task.status == TaskStatus.RUNNING and task.worker_id == worker.id:
        moves.move_task(tx, run, task, TaskMove.ASK)


def require(worker: WorkerRow, capability: Capability) -> None:
    """Refuse what this worker's runtime cannot do, before anything is sent."""
    able = CAPABILITIES.get(worker.runtime["kind"], ())
    if capability not in able:
        raise AppError(
            ErrorCode.NOT_SUPPORTED_BY_RUNTIME,
            f"The runtime {worker.runtime['kind']!r} cannot {capability.lower().replace('_', ' ')}.",
            suggestion=f"It can: {', '.join(able) or 'nothing of the kind'}.",
        )


def _requested(worker: WorkerRow, run: RunRow) -> Change:
    return Change(
        {"worker": worker.id},
        run=run,
        task_id=worker.task_id,
        worker_id=worker.id,
        status=CommandStatus.REQUESTED,
        revision=worker.revision,
    )


# ---------------------------------------------------------------- ending


def end(tx: Tx, run: RunRow, worker: WorkerRow, move: WorkerMove, *, reason: str | None = None) -> None:
    """A worker is over: close what hangs on it and let its task go on, try again or fail."""
    tool_calls.give_up(tx, run, worker)
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
    if not may_try_again(task.failures, task.max_attempts):
        moves.move_task(tx, run, task, TaskMove.FAIL, reason=task.last_error)
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


def reopen(tx: Tx, run: RunRow, *, reason: str | None) -> None:
    """A failed run goes on where one of its tasks can."""
    if run.status == RunStatus.FAILED:
        moves.move_run(tx, run, RunMove.RETRY, reason=reason)
