"""Tasks and the workers they have."""

from collections.abc import Iterator

from app.domain.phases import OPEN, PhaseStatus
from app.domain.runs import ENDED, RunStatus
from app.domain.tasks import FINISHED, TaskStatus
from app.domain.workers import LIVE, Desire, WorkerStatus
from tests.invariants.rows import Look, rule


@rule
def a_task_and_its_live_worker_name_each_other(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        worker = seen.worker.get(task.worker_id)
        if task.worker_id is not None and (worker is None or worker.status not in LIVE):
            yield f"task {task.key} names worker {task.worker_id}, which is {worker and worker.status}"
        if worker is not None and worker.task_id != task.id:
            yield f"task {task.key} names the worker of another task"
    for worker in seen.worker.values():
        task = seen.task.get(worker.task_id)
        if worker.status in LIVE and task is not None and task.worker_id != worker.id:
            yield f"live worker {worker.name} is not the one that its task names"


@rule
def the_status_of_a_task_fits_its_worker(seen: Look) -> Iterator[str]:
    fits: dict[str, set[str]] = {
        TaskStatus.PENDING: set(),
        TaskStatus.READY: {WorkerStatus.SPAWNING, WorkerStatus.STOPPING},
        TaskStatus.RUNNING: {WorkerStatus.RUNNING, WorkerStatus.PAUSED, WorkerStatus.STOPPING},
        TaskStatus.WAITING_FOR_INPUT: {
            WorkerStatus.WAITING_FOR_INPUT,
            WorkerStatus.PAUSED,
            WorkerStatus.STOPPING,
        },
        TaskStatus.BLOCKED: set(LIVE),
        TaskStatus.COMPLETED: set(LIVE),
        TaskStatus.FAILED: set(),
        TaskStatus.SKIPPED: set(),
        TaskStatus.CANCELLED: {WorkerStatus.STOPPING},
    }
    for task in seen.task.values():
        worker = seen.worker.get(task.worker_id)
        if worker is None:
            if task.status in (TaskStatus.RUNNING, TaskStatus.WAITING_FOR_INPUT):
                yield f"task {task.key} is {task.status} without a worker"
        elif worker.status not in fits[task.status]:
            yield f"task {task.key} is {task.status}, its worker {worker.status}"


@rule
def a_ready_task_waits_for_nothing_and_a_free_one_is_ready(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        phase, run = seen.phase[task.phase_id], seen.run[task.run_id]
        # what was READY before its phase waited for a confirmation stays so
        may_stay = task.waiting_for == 0 and phase.status in OPEN
        if task.status == TaskStatus.READY and task.worker_id is None and not may_stay:
            yield f"task {task.key} is READY, but waits for {task.waiting_for} in a phase that is {phase.status}"
        free = task.waiting_for == 0 and phase.status == PhaseStatus.ACTIVE
        if (
            task.status == TaskStatus.PENDING
            and free
            and run.status not in (RunStatus.CANCELLED, RunStatus.ARCHIVED)
        ):
            yield f"task {task.key} is PENDING, but waits for nothing"


@rule
def attempts_are_numbered(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        workers = [worker for worker in seen.of_run[task.run_id]["worker"] if worker.task_id == task.id]
        fences = sorted(worker.fence for worker in workers)
        if fences != list(range(1, task.attempts + 1)):
            yield f"task {task.key} has had {task.attempts} attempts, its workers have fences {fences}"
        if task.failures > task.attempts:
            yield f"task {task.key} failed {task.failures} times in {task.attempts} attempts"
        if sum(worker.status in LIVE for worker in workers) > 1:
            yield f"task {task.key} has two live workers"


@rule
def moments_fit_statuses(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        if (run.completed_at is not None) != (run.status in ENDED):
            yield f"{run.id} is {run.status}, completed at {run.completed_at}"
        if run.urgency is not None and run.status not in (
            RunStatus.PAUSING,
            RunStatus.PAUSED,
            RunStatus.STOPPING,
        ):
            yield f"{run.id} is {run.status} with urgency {run.urgency}"
    for task in seen.task.values():
        over = task.status in FINISHED or task.status == TaskStatus.FAILED
        if (
            not (task.status_reason or "").startswith("The plan marks it as ")
            and (task.completed_at is not None) != over
        ):
            yield f"task {task.key} is {task.status}, completed at {task.completed_at}"
    for worker in seen.worker.values():
        if (worker.ended_at is None) != (worker.status in LIVE):
            yield f"worker {worker.name} is {worker.status}, ended at {worker.ended_at}"
        if worker.status == WorkerStatus.STOPPING and worker.desire != Desire.STOP:
            yield f"worker {worker.name} is STOPPING, but told to {worker.desire}"
