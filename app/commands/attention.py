"""Questions: asked, merged, answered, dismissed, expired."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from app import store
from app.commands import (
    budget_answers,
    conflicts,
    failures,
    items,
    moves,
    permissions,
    phases,
    supervision,
    supervisors,
    tasks,
    workers,
)
from app.commands.answers import check_answer, check_schema
from app.commands.audit import Change
from app.domain import limits
from app.domain.access import Role
from app.domain.attention import ATTENTION, AttentionKind, AttentionMove, AttentionStatus
from app.domain.errors import AppError, ErrorCode
from app.domain.runs import ENDED
from app.domain.workers import LIVE
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow, WorkerRow


class _NoDefault:
    """No default answer, which is another thing than the default answer null."""


NO_DEFAULT = _NoDefault()

Effect = Callable[[Tx, RunRow, AttentionRow, AttentionMove], None]

FAILURES: Final[Mapping[str, Effect]] = {
    failures.TASK: tasks.settle_failed,
    supervision.GIVEN_UP: supervisors.settled,
}
"""What follows when an item about a failure was closed, by the kind of its subject."""


def _after_failure(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove) -> None:
    FAILURES[(item.subject or {})["kind"]](tx, run, item, move)


EFFECTS: Final[Mapping[AttentionKind, Effect]] = {
    AttentionKind.CONFLICT: conflicts.settled,
    AttentionKind.PHASE_CONFIRMATION: phases.settled,
    AttentionKind.BUDGET: budget_answers.settled,
    AttentionKind.FAILURE: _after_failure,
    AttentionKind.PERMISSION: permissions.settled,
}
"""What follows when an item was closed, by whatever move; `item.answer` is the answer. Who asked goes on afterwards."""


def ask(
    tx: Tx,
    *,
    run_id: str,
    question: str,
    kind: AttentionKind = AttentionKind.QUESTION,
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
    key = _key(kind, question, detail, options, answer_schema)
    earlier = _answered_before(tx, key, task, worker)
    if earlier is not None:
        if (supervisor_id := _as_supervisor(tx, worker)) is not None:
            items.join(tx, earlier, task, worker, supervisor_id=supervisor_id)
        return _change(run, earlier, task, worker)
    item = store.attention.find_open(tx, run.id, key)
    if item is None:
        item = AttentionRow(
            id=store.ids.new("att"),
            run_id=run.id,
            kind=kind,
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
            expires_at=limits.later(tx.now, expires_in_seconds or _usual_deadline(tx, run)),
        )
        items.open_item(
            tx,
            run,
            item,
            task=task.id if task is not None else None,
            worker=worker.id if worker is not None else None,
        )
    moves.touch(tx, run)
    items.join(tx, item, task, worker, supervisor_id=_as_supervisor(tx, worker))
    if worker is not None:
        workers.wait_if_asked(tx, run, worker)
    items.recount(tx, item)
    moves.settle(tx, run)
    return _change(run, item, task, worker)


def _usual_deadline(tx: Tx, run: RunRow) -> int | None:
    return store.project_flags.settings(tx, run.project_id).question_deadline_seconds


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
    off = miscounted(tx)
    for item_id, count in off.items():
        store.attention.get(tx, item_id).blocked_tasks = count
    return len(off)


def miscounted(tx: Tx) -> dict[str, int]:
    """Open items that hold back more or less than they say, and how much. There may be very many that do not."""
    off: dict[str, int] = {}
    for run_id in store.attention.runs_with_open(tx):
        of_run = store.attention.open_of_run(tx, run_id)
        counts = items.held_back(tx, store.runs.get(tx, run_id), of_run)
        off.update({item.id: counts[item.id] for item in of_run if item.blocked_tasks != counts[item.id]})
    return off


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


def _key(
    kind: AttentionKind, question: str, detail: str | None, options: list[str], schema: dict[str, Any] | None
) -> str:
    """What is the same for two who ask. Of a permission all of it: two calls of a tool may look alike in a line."""
    asked = [question, options, schema]
    told = asked if kind is AttentionKind.QUESTION else [kind, detail, *asked]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _answered_before(tx: Tx, key: str, task: TaskRow | None, worker: WorkerRow | None) -> AttentionRow | None:
    """The item with the answer that an earlier attempt at the task, not this worker itself, was given to the same question.

    Or that the run's supervising agent was given before it was restarted.
    """
    if task is not None and worker is not None:
        item = store.attention.find_answer(tx, task.id, key)
        askers = store.attention.askers(tx, item.id) if item is not None else ()
        return item if all(asker.worker_id != worker.id for asker in askers) else None
    supervisor_id = _as_supervisor(tx, worker)
    return store.attention.find_answer_before_restart(tx, supervisor_id, key) if supervisor_id else None


def _as_supervisor(tx: Tx, worker: WorkerRow | None) -> str | None:
    """The supervisor whose agent asks for itself, not for a worker of its run."""
    return tx.supervisor_id if worker is None or worker.role == Role.ORCHESTRATOR else None


def _close(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove, answer: Any) -> None:
    item.answer, item.answered_by = answer, tx.actor
    items.close_item(tx, run, item, move)
    effect = EFFECTS.get(AttentionKind(item.kind))
    if effect is not None:
        effect(tx, run, item, move)
    for asker in store.attention.askers(tx, item.id):
        if asker.worker_id is not None:
            workers.release(tx, run, asker.worker_id)
    moves.settle(tx, run)


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
