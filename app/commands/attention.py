"""Questions: asked, merged, answered, dismissed, expired."""

import hashlib
import json
from typing import Any

from app import store
from app.commands import moves, phases, workers
from app.commands.answers import check_answer, check_schema
from app.commands.audit import Change
from app.domain import limits
from app.domain.attention import ATTENTION, AttentionKind, AttentionMove, AttentionStatus
from app.domain.errors import AppError, ErrorCode
from app.domain.runs import ENDED
from app.domain.tasks import TaskMove, TaskStatus
from app.domain.workers import LIVE, WorkerMove, WorkerStatus
from app.store.db import Tx
from app.store.tables import AskerRow, AttentionRow, RunRow, TaskRow, WorkerRow


class _NoDefault:
    """No default answer, which is another thing than the default answer null."""


NO_DEFAULT = _NoDefault()


def ask(
    tx: Tx,
    *,
    run_id: str,
    question: str,
    task_id: str | None = None,
    worker_id: str | None = None,
    detail: str | None = None,
    options: list[str] | None = None,
    answer_schema: dict[str, Any] | None = None,
    default_answer: Any = NO_DEFAULT,
    expires_in_seconds: int | None = None,
) -> Change:
    """Put a question to people. The worker that asks waits; the same question of the same run joins the open item."""
    run = store.runs.lock(tx, run_id)
    if run.status in ENDED:
        raise AppError(ErrorCode.INVALID_TRANSITION, f"A run that is {run.status} asks no questions.")
    worker, task = _asker(tx, run, worker_id, task_id)
    options = options or []
    if answer_schema is not None:
        check_schema(answer_schema)
    if not isinstance(default_answer, _NoDefault):
        check_answer(default_answer, options, answer_schema, "input", "defaultAnswer")
    key = _key(question, options, answer_schema)
    if task is not None and worker is not None:
        earlier = store.attention.find_answer(tx, task.id, key)
        if earlier is not None and _asked_before(tx, earlier, worker):
            return _change(run, earlier, task, worker)
    item = store.attention.find_open(tx, run.id, key)
    if item is None:
        item = AttentionRow(
            id=store.ids.new("att"),
            run_id=run.id,
            kind=AttentionKind.QUESTION,
            status=ATTENTION.start,
            title=question,
            detail=detail,
            options=options,
            answer_schema=answer_schema,
            has_default=not isinstance(default_answer, _NoDefault),
            default_answer=None if isinstance(default_answer, _NoDefault) else default_answer,
            merge_key=key,
            question_key=key,
            created_at=tx.now,
            expires_at=limits.later(tx.now, expires_in_seconds),
        )
        moves.open_item(
            tx,
            run,
            item,
            task=task.id if task is not None else None,
            worker=worker.id if worker is not None else None,
        )
    moves.touch(tx, run)
    _join(tx, item, task, worker)
    if worker is not None:
        workers.wait_if_asked(tx, run, worker)
    _recount(tx, item)
    moves.settle(tx, run)
    return _change(run, item, task, worker)


def answer(tx: Tx, *, item_id: str, answer: Any) -> Change:
    """Settle an item. Everyone who asked goes on."""
    item, run = store.attention.lock(tx, item_id)
    _refuse_settled(item)
    check_answer(answer, item.options, item.answer_schema, "input", "answer")
    _close(tx, run, item, AttentionMove.ANSWER, answer)
    return Change({"item": item.id}, run=run)


def dismiss(tx: Tx, *, item_id: str) -> Change:
    """Close an item without an answer. Everyone who asked goes on without one."""
    item, run = store.attention.lock(tx, item_id)
    _refuse_settled(item)
    _close(tx, run, item, AttentionMove.DISMISS, None)
    return Change({"item": item.id}, run=run)


def expire(tx: Tx) -> int:
    """Settle what is past its deadline by its default answer, or without one. Returns how many there were."""
    overdue = store.attention.overdue(tx)
    for found in overdue:
        item, run = store.attention.lock(tx, found.id)
        if item.status == AttentionStatus.OPEN:
            _close(tx, run, item, AttentionMove.EXPIRE, item.default_answer)
    return len(overdue)


def refresh(tx: Tx) -> int:
    """Count anew how much each open item holds back. Returns how many counts were off."""
    changed = 0
    for run_id in store.attention.runs_with_open(tx):
        for item in store.attention.open_of_run(tx, run_id):
            changed += _recount(tx, item)
    return changed


def _asker(
    tx: Tx, run: RunRow, worker_id: str | None, task_id: str | None
) -> tuple[WorkerRow | None, TaskRow | None]:
    worker = store.workers.get(tx, worker_id) if worker_id is not None else None
    if worker is not None and worker.run_id != run.id:
        raise limits.invalid("This worker is not part of the run.", ["input", "workerId"])
    if worker is not None and worker.status not in LIVE:
        raise AppError(ErrorCode.STALE_FENCE, f"Worker {worker.id} is over: it is {worker.status}.")
    task_id = task_id or (worker.task_id if worker is not None else None)
    task = store.tasks.get(tx, task_id) if task_id is not None else None
    if task is not None and task.run_id != run.id:
        raise limits.invalid("This task is not part of the run.", ["input", "taskId"])
    return worker, task


def _key(question: str, options: list[str], schema: dict[str, Any] | None) -> str:
    return hashlib.sha256(json.dumps([question, options, schema], sort_keys=True).encode()).hexdigest()


def _asked_before(tx: Tx, item: AttentionRow, worker: WorkerRow) -> bool:
    """Whether an earlier attempt, not this worker itself, was given the answer."""
    return all(asker.worker_id != worker.id for asker in store.attention.askers(tx, item.id))


def _join(tx: Tx, item: AttentionRow, task: TaskRow | None, worker: WorkerRow | None) -> None:
    pair = (task.id if task is not None else None, worker.id if worker is not None else None)
    if all((asker.task_id, asker.worker_id) != pair for asker in store.attention.askers(tx, item.id)):
        tx.session.add(
            AskerRow(id=store.ids.new("ask"), attention_id=item.id, task_id=pair[0], worker_id=pair[1])
        )
        tx.session.flush()


def _close(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove, answer: Any) -> None:
    item.answer, item.answered_by = answer, tx.actor
    phase = store.phases.find(tx, run.phase_id)
    confirmed = item.kind == AttentionKind.PHASE_CONFIRMATION and move is AttentionMove.ANSWER
    moves.close_item(tx, run, item, move)
    if confirmed and phase is not None:
        phases.confirm(tx, run, phase)
    for asker in store.attention.askers(tx, item.id):
        if asker.worker_id is not None:
            _release(tx, run, asker.worker_id)
    moves.settle(tx, run)


def _release(tx: Tx, run: RunRow, worker_id: str) -> None:
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


def _recount(tx: Tx, item: AttentionRow) -> bool:
    tx.session.flush()
    if item.kind == AttentionKind.PHASE_CONFIRMATION:
        return _recount_confirmation(tx, item)
    task_ids = [task.id for task in store.attention.tasks_of(tx, [item.id])[item.id]]
    blocked = store.tasks.blocked_behind(tx, task_ids)
    changed = item.blocked_tasks != blocked
    item.blocked_tasks = blocked
    return changed


def _recount_confirmation(tx: Tx, item: AttentionRow) -> bool:
    phase = store.phases.find(tx, store.runs.get(tx, item.run_id).phase_id)
    blocked = store.phases.unfinished_after(tx, phase) if phase is not None else 0
    changed = item.blocked_tasks != blocked
    item.blocked_tasks = blocked
    return changed


def _refuse_settled(item: AttentionRow) -> None:
    if item.status != AttentionStatus.OPEN:
        raise AppError(
            ErrorCode.ALREADY_ANSWERED,
            f"This item is already {item.status}.",
            suggestion="Read its answer; the first one counts.",
            details={"item": item.id},
        )


def _change(run: RunRow, item: AttentionRow, task: TaskRow | None, worker: WorkerRow | None) -> Change:
    return Change(
        {"item": item.id},
        run=run,
        task_id=task.id if task is not None else None,
        worker_id=worker.id if worker is not None else None,
    )
