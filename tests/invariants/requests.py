"""Requests to workers, and the context they are given."""

from collections.abc import Iterator

from app.domain.commands import UNDER_WAY
from app.domain.tasks import TaskStatus
from app.domain.workers import LIVE
from tests.invariants.rows import Look, rule


@rule
def no_request_waits_for_a_worker_that_is_over(seen: Look) -> Iterator[str]:
    for command in seen.command.values():
        worker = seen.worker.get(command.worker_id)
        if worker is not None and worker.status not in LIVE and command.status in UNDER_WAY:
            yield f"{command.verb} is {command.status}, but its worker is {worker.status}"
        if command.status == "REJECTED" and command.idempotency_key is not None:
            yield f"a refused {command.verb} has used up a key"


@rule
def context_is_received_or_kept_or_given_up(seen: Look) -> Iterator[str]:
    for item in seen.context_item.values():
        worker = seen.worker.get(item.worker_id)
        command = seen.command[item.command_id]
        if worker is None and item.task_id is None:
            yield f"context item {item.id} is for nobody"
        if worker is None and item.delivered_at is not None:
            yield f"context item {item.id} was delivered to nobody"
        undelivered = item.delivered_at is None
        task = seen.task.get(item.task_id)
        if undelivered and worker is not None and task is not None and worker.status not in LIVE:
            tried_again = task.failures > 0 and task.status in (TaskStatus.PENDING, TaskStatus.READY)
            if tried_again and worker.fence == task.attempts:
                yield f"context item {item.id} lies with a worker that is over, not with its task"
        if undelivered and command.status == "EFFECTIVE":
            yield f"context item {item.id} is not delivered, but its request is EFFECTIVE"
        if undelivered and worker is not None and worker.status not in LIVE and command.status in UNDER_WAY:
            yield f"context item {item.id} is lost with its worker, but its request is {command.status}"
