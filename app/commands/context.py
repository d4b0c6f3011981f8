"""Giving files and text to workers, with a receipt for each item."""

from collections.abc import Sequence
from dataclasses import dataclass

from app import store
from app.commands import moves, workers
from app.commands.audit import Change
from app.domain.commands import CommandStatus
from app.domain.context import ContextKind
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.runs import ENDED
from app.domain.tasks import FINISHED
from app.domain.workers import LIVE, Capability, WorkerStatus
from app.store.db import Tx
from app.store.tables import ContextItemRow, RunRow, TaskRow, WorkerRow


@dataclass(frozen=True, slots=True)
class Item:
    """Something to give, read and counted before the transaction began."""

    kind: ContextKind
    content: str
    tokens: int
    path: str | None = None


def inject(
    tx: Tx,
    *,
    items: Sequence[Item],
    run_id: str | None = None,
    task_id: str | None = None,
    worker_id: str | None = None,
) -> Change:
    """Give items to one worker, to a task's worker (the next one where it has none), or to every worker of a run.

    The command is EFFECTIVE once every item lies in its worker's inbox.
    """
    if worker_id is not None:
        worker, run = store.workers.lock(tx, worker_id)
        if worker.status not in LIVE or worker.status == WorkerStatus.STOPPING:
            raise AppError(
                ErrorCode.INVALID_TRANSITION,
                f"Worker {worker_id} is {worker.status}.",
                suggestion="Give it to the task: its next worker gets it.",
            )
        return _give(tx, run, [worker], None, items)
    if task_id is not None:
        task, run = store.tasks.lock(tx, task_id)
        if task.worker_id is not None:
            return _give(tx, run, [store.workers.get(tx, task.worker_id)], None, items)
        if task.status in FINISHED or run.status in ENDED:
            raise AppError(
                ErrorCode.INVALID_TRANSITION,
                f"Task {task.key} is {task.status}: it gets no worker any more.",
                suggestion="retryTask does it again.",
            )
        return _give(tx, run, [], task, items)
    assert run_id is not None
    run = store.runs.lock(tx, run_id)
    live = [
        worker for worker in store.workers.live(tx, run_id=run.id) if worker.status != WorkerStatus.STOPPING
    ]
    if not live:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            "No worker of this run is alive.",
            suggestion="Give it to a task: its next worker gets it.",
        )
    return _give(tx, run, live, None, items)


def _give(
    tx: Tx,
    run: RunRow,
    receivers: Sequence[WorkerRow],
    task: TaskRow | None,
    items: Sequence[Item],
) -> Change:
    for worker in receivers:
        workers.require(worker, Capability.INJECT_NEXT_TURN)
    rows = []
    targets: list[WorkerRow | None] = [*receivers] or [None]
    for target in targets:
        its = [_row(tx, run, target, task, item) for item in items]
        rows += its
        if target is not None:
            target.revision += 1
        tx.session.add_all(its)
        store.events.append(
            tx,
            EventKind.CONTEXT_INJECTED,
            run=run,
            task_id=task.id if task is not None else (target.task_id if target is not None else None),
            worker_id=target.id if target is not None else None,
            items=[row.id for row in its],
        )
    moves.touch(tx, run)
    only = receivers[0] if len(receivers) == 1 else None
    return Change(
        {"items": [row.id for row in rows]},
        run=run,
        task_id=task.id if task is not None else (only.task_id if only is not None else None),
        worker_id=only.id if only is not None else None,
        status=CommandStatus.REQUESTED,
        revision=only.revision if only is not None else None,
    )


def _row(tx: Tx, run: RunRow, worker: WorkerRow | None, task: TaskRow | None, item: Item) -> ContextItemRow:
    assert tx.command_id is not None
    return ContextItemRow(
        id=store.ids.new("ctx"),
        run_id=run.id,
        task_id=task.id if task is not None else (worker.task_id if worker is not None else None),
        worker_id=worker.id if worker is not None else None,
        command_id=tx.command_id,
        kind=item.kind,
        path=item.path,
        content=item.content,
        tokens=item.tokens,
        created_at=tx.now,
    )
