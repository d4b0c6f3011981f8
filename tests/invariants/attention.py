"""Questions and those who wait for them."""

from collections.abc import Iterator

from app.domain.runs import ENDED, RunStatus
from app.domain.tasks import FINISHED, TaskStatus
from app.domain.workers import LIVE, WorkerStatus
from tests.invariants.rows import Look, Row, rule


@rule
def waiting_is_waiting_for_an_open_question(seen: Look) -> Iterator[str]:
    for worker in seen.worker.values():
        held = seen.held_by(worker.id)
        if worker.status == WorkerStatus.WAITING_FOR_INPUT and not held:
            yield f"worker {worker.name} waits for an answer that nobody is asked for"
        if worker.status == WorkerStatus.RUNNING and held:
            yield f"worker {worker.name} goes on although its question is open"
    for task in seen.task.values():
        worker = seen.worker.get(task.worker_id)
        if (
            worker is None
            or worker.status != WorkerStatus.PAUSED
            or task.status not in (TaskStatus.RUNNING, TaskStatus.WAITING_FOR_INPUT)
        ):
            continue
        if (task.status == TaskStatus.WAITING_FOR_INPUT) != bool(seen.held_by(worker.id)):
            yield f"task {task.key} is {task.status}, its paused worker holds {len(seen.held_by(worker.id))}"


@rule
def an_open_question_is_waited_for(seen: Look) -> Iterator[str]:
    for item in seen.attention.values():
        if (item.status == "OPEN") != (item.merge_key is not None):
            yield f"item {item.id} is {item.status} with merge key {item.merge_key}"
        if (item.status == "OPEN") != (item.answered_at is None):
            yield f"item {item.id} is {item.status}, answered at {item.answered_at}"
        if (
            item.status == "OPEN"
            and item.kind == "QUESTION"
            and not any(still_waits(seen, asker) for asker in seen.askers[item.id])
        ):
            yield f"item {item.id} is open, but everyone who asked is over"


@rule
def a_run_that_is_over_asks_nothing_for_itself(seen: Look) -> Iterator[str]:
    """Who asked for it has ended with it; only people and programs may still want to know."""
    for item in seen.attention.values():
        run = seen.run[item.run_id]
        if item.status != "OPEN" or run.status not in ENDED - {RunStatus.FAILED}:
            continue
        askers = seen.askers[item.id]
        workers = [seen.worker.get(asker.worker_id) for asker in askers]
        if not any(worker is not None and worker.status in LIVE for worker in workers) and not any(
            asker.worker_id is None and asker.supervisor_id is None for asker in askers
        ):
            yield f"item {item.id} is open, but its run is {run.status}"


@rule
def an_open_failure_is_about_tasks_that_have_failed(seen: Look) -> Iterator[str]:
    for item in seen.attention.values():
        if item.status != "OPEN" or item.kind != "FAILURE":
            continue
        run = seen.run[item.run_id]
        statuses = {seen.task[asker.task_id].status for asker in seen.askers[item.id] if asker.task_id}
        if statuses and TaskStatus.FAILED not in statuses:
            yield f"item {item.id} is open, but its tasks are {statuses}"
        if run.status == RunStatus.STOPPING or run.status in ENDED - {RunStatus.FAILED}:
            yield f"item {item.id} is open, but its run is {run.status}"


def still_waits(seen: Look, asker: Row) -> bool:
    worker = seen.worker.get(asker.worker_id)
    task = seen.task.get(asker.task_id)
    return (
        worker is None
        or worker.status in LIVE
        or (task is not None and task.status not in FINISHED and task.status != TaskStatus.FAILED)
    )
