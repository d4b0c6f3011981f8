"""A worker's verbs: start, stop, pause, resume, and what it says of itself."""

from collections.abc import Sequence
from typing import Any, Final

from app import store
from app.commands import (
    conflicts,
    hosts,
    ledgers,
    moves,
    orders,
)
from app.commands.audit import Change
from app.domain import prompts
from app.domain.access import Role
from app.domain.budgets import NOTHING, Need
from app.domain.commands import CommandStatus
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.plans import runtime_name
from app.domain.runs import ENDED, RunMove, RunStatus
from app.domain.tasks import TaskMove, TaskStatus
from app.domain.workers import CAPABILITIES, LIVE, WORKER, Capability, Desire, WorkerMove, WorkerStatus
from app.store.db import Tx
from app.store.tables import RunRow, TaskRow, WorkerRow

DEFAULT_GRACE_SECONDS = 10

_FIRST: Final = {RunStatus.CREATED: "startRun first.", RunStatus.FAILED: "retryRun first."}
"""What lets a run start workers that does not now."""


def stop(
    tx: Tx, run: RunRow, worker: WorkerRow, *, reason: str | None, grace_seconds: int | None = None
) -> None:
    """Have the whole process tree ended. The worker is KILLED once its runner knows that nothing is left."""
    if worker.desire == Desire.STOP and grace_seconds is None:
        return
    if grace_seconds is not None:
        worker.grace_seconds = grace_seconds
    worker.desire, worker.budget_paused = Desire.STOP, False
    orders.order_anew(tx, run, worker)
    if worker.status != WorkerStatus.STOPPING:
        moves.move_worker(tx, run, worker, WorkerMove.KILL, reason=reason)


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
    need: Need = NOTHING,
    host_labels: Sequence[str] = (),
    role: Role = Role.WORKER,
) -> WorkerRow:
    """Write a worker that is to be dispatched, for a task's next attempt or beside the DAG, on a host where one is known.

    What it needs of the budgets is reserved: the caller has seen that it fits.
    """
    fence = 1
    if task is not None:
        task.attempts += 1
        fence = task.attempts
    subtasks = store.subtasks.of_tasks(tx, [task.id])[task.id] if task is not None else []
    skill = skill or (task.skill if task is not None else None)
    if skill is not None and not store.skills.are_used(tx, run.project_id):
        skill = None
    instructions = store.skills.find(tx, run.project_id, skill) if skill is not None else None
    worker = WorkerRow(
        id=store.ids.new("wrk"),
        run_id=run.id,
        task_id=task.id if task is not None else None,
        name=name or (f"{task.key} #{fence}" if task is not None else runtime_name(runtime)),
        role=role,
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
            introduction=runtime.get("prompt"),
        ),
        timeout_seconds=task.timeout_seconds if task is not None else None,
        fence=fence,
        desire=Desire.RUN,
        grace_seconds=DEFAULT_GRACE_SECONDS,
        created_at=tx.now,
        host_id=host_id,
        host_labels=list(host_labels),
    )
    tx.session.add(worker)
    if task is not None:
        task.worker_id, task.not_before, task.beyond_budget = worker.id, None, False
        for item in store.context.kept_for_task(tx, task.id):
            item.worker_id = worker.id
    run.live_workers += role is not Role.ORCHESTRATOR
    ledgers.reserve(run, worker, need)
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
    budget: int | None = None,
    host_labels: Sequence[str] = (),
) -> Change:
    """Start a worker by hand, on a ready task or beside the DAG. `maxWorkers` does not hold it back, budgets do.

    It goes to a host that has all of `host_labels`; where none has, it is refused rather than left to wait.
    """
    run = store.runs.lock(tx, run_id)
    if run.status in ENDED or run.status in (RunStatus.CREATED, RunStatus.STOPPING, RunStatus.COMPLETING):
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"A run that is {run.status} starts no workers.",
            suggestion=_FIRST.get(
                RunStatus(run.status), "Choose a run that is at work, or make one: createRun."
            ),
        )
    if skill is not None and not store.skills.are_used(tx, run.project_id):
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "Workers of this project are started without skills.",
            suggestion="Leave the skill out, or turn `skills` on again with configureProject.",
            path=["input", "skill"],
        )
    task = None
    if task_id is not None:
        task = store.tasks.get(tx, task_id)
        _check_startable(run, task)
        conflicts.refuse(tx, run, task)
    chosen = runtime or (task.runtime if task is not None else None) or run.runtime
    if chosen is None:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "Nothing says what this worker runs.",
            suggestion="Give a runtime: neither the task nor the run has one.",
            path=["input", "runtime"],
        )
    need = ledgers.need_of(tx, run, task, budget)
    if need.short is not None:
        raise ledgers.refusal(tx, run, task, need)
    worker = start_attempt(
        tx,
        run,
        task,
        need=need,
        runtime=chosen,
        name=name,
        skill=skill,
        environment=environment,
        host_id=hosts.with_labels(tx, host_labels),
        host_labels=host_labels,
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
    orders.want(tx, run, worker, Desire.PAUSE)
    worker.budget_paused = False  # from now on it is paused because somebody has said so
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
    refuse_used_up(tx, run, worker)
    orders.want(tx, run, worker, Desire.RUN)
    return _requested(worker, run)


def refuse_used_up(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    scope = store.budgets.stopped_by(tx, run, worker)
    if scope is not None:
        raise AppError(
            ErrorCode.BUDGET_EXCEEDED,
            f"The budget of the {scope.lower()} is used up.",
            suggestion="Answer the BUDGET item, or raise the budget with configureRun or mutateDag.",
        )


def report_progress(
    tx: Tx, *, worker_id: str, activity: str | None = None, progress: int | None = None
) -> Change:
    worker, run = store.workers.lock(tx, worker_id)
    if worker.status not in LIVE:
        raise AppError(ErrorCode.STALE_FENCE, f"Worker {worker_id} is over: it is {worker.status}.")
    note_progress(worker, activity, progress)
    moves.touch(tx, run)
    store.events.append(tx, EventKind.WORKER_REPORTED, run=run, task_id=worker.task_id, worker_id=worker.id)
    return Change({"worker": worker.id}, run=run, task_id=worker.task_id, worker_id=worker.id)


def note_progress(worker: WorkerRow, activity: str | None, progress: int | None) -> None:
    """What a worker says of itself, by the API or through its runner."""
    if activity is not None:
        worker.current_activity = activity
    if progress is not None:
        worker.progress = progress


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


def release(tx: Tx, run: RunRow, worker_id: str) -> None:
    """Let a worker go on that waits for nothing else."""
    worker = store.workers.find(tx, worker_id)
    if worker is None or store.attention.held_by_worker(tx, worker_id):
        return
    if worker.status == WorkerStatus.WAITING_FOR_INPUT:
        moves.move_worker(tx, run, worker, WorkerMove.GO_ON)
        worker.revision += 1
    # a worker that was paused meanwhile goes on later, but its task has its answer
    task = store.tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    if task is not None and task.status == TaskStatus.WAITING_FOR_INPUT and task.worker_id == worker_id:
        moves.move_task(tx, run, task, TaskMove.GO_ON)


def require(worker: WorkerRow, capability: Capability) -> None:
    """Refuse what this worker's runtime cannot do, before anything is sent."""
    able = CAPABILITIES.get(worker.runtime["kind"], ())
    if capability not in able:
        raise AppError(
            ErrorCode.NOT_SUPPORTED_BY_RUNTIME,
            f"The runtime {runtime_name(worker.runtime)!r} cannot {capability.lower().replace('_', ' ')}.",
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


def reopen(tx: Tx, run: RunRow, *, reason: str | None) -> None:
    """A failed run goes on where one of its tasks can."""
    if run.status == RunStatus.FAILED:
        moves.move_run(tx, run, RunMove.RETRY, reason=reason)
