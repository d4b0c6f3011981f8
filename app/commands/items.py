"""Attention items as rows and facts: put to people, joined, closed. What an answer then does is another matter."""

from collections.abc import Sequence
from typing import Any

from app import store
from app.domain import limits
from app.domain.attention import ATTENTION, AttentionKind, AttentionMove, AttentionStatus
from app.domain.events import EventKind
from app.store.db import Tx
from app.store.tables import AskerRow, AttentionRow, RunRow, TaskRow, WorkerRow


def put(
    tx: Tx,
    run: RunRow,
    kind: AttentionKind,
    *,
    key: str,
    title: str,
    options: list[str],
    detail: str | None = None,
    answer_schema: dict[str, Any] | None = None,
    tasks: Sequence[TaskRow] = (),
    subject: dict[str, Any] | None = None,
) -> AttentionRow:
    """Put something to people that the control plane itself wants to know, unless it does so already.

    `key` says what it is about: a run has one open item for each, and finds what was answered by it. `tasks` are those
    that it holds back; without any it is the run. `subject` is for whoever applies the answer.
    """
    found = store.attention.find_open(tx, run.id, key)
    if found is not None:
        return found
    item = AttentionRow(
        id=store.ids.new("att"),
        run_id=run.id,
        kind=kind,
        status=ATTENTION.start,
        title=title[: limits.TITLE],
        detail=detail,
        options=options,
        answer_schema=answer_schema,
        subject=subject,
        merge_key=key,
        question_key=key,
        created_at=tx.now,
    )
    open_item(tx, run, item, task=tasks[0].id if len(tasks) == 1 else None, worker=None)
    for task in tasks:
        join(tx, item, task, None)
    recount(tx, item)
    return item


def open_item(tx: Tx, run: RunRow, item: AttentionRow, *, task: str | None, worker: str | None) -> None:
    tx.session.add(item)
    tx.session.flush()
    run.open_attention += 1
    run.last_activity_at = tx.now
    about = {"asks": item.kind, "scope": (item.subject or {}).get("scope")}
    store.events.append(
        tx, EventKind.ATTENTION_OPENED, run=run, task_id=task, worker_id=worker, item=item.id, **about
    )


def join(
    tx: Tx,
    item: AttentionRow,
    task: TaskRow | None,
    worker: WorkerRow | None,
    *,
    supervisor_id: str | None = None,
) -> None:
    """Note who waits for an item; of a supervising agent, in which of its lives it last asked."""
    who: dict[str, Any] = {
        "task_id": task.id if task is not None else None,
        "worker_id": worker.id if worker is not None else None,
        "supervisor_id": supervisor_id,
    }
    asker = store.attention.find_asker(tx, item.id, **who)
    if asker is None:
        asker = AskerRow(id=store.ids.new("ask"), attention_id=item.id, **who)
        tx.session.add(asker)
    if supervisor_id is not None:
        asker.restarts = store.supervisors.of_run(tx, item.run_id).restarts
    tx.session.flush()


def close_item(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove) -> None:
    item.status = ATTENTION.after(AttentionStatus(item.status), move)
    item.merge_key, item.answered_at = None, tx.now
    run.open_attention -= 1
    run.last_activity_at = tx.now
    tx.session.flush()
    askers = store.attention.askers(tx, item.id)
    first = askers[0] if askers else None
    store.events.append(
        tx,
        EventKind.ATTENTION_CLOSED,
        run=run,
        task_id=first.task_id if first is not None else None,
        worker_id=first.worker_id if first is not None else None,
        item=item.id,
    )


def recount(tx: Tx, item: AttentionRow) -> bool:
    """Count anew the unfinished tasks that an open item holds back. Returns whether the count was off."""
    tx.session.flush()
    blocked = held_back(tx, store.runs.get(tx, item.run_id), [item])[item.id]
    changed = item.blocked_tasks != blocked
    item.blocked_tasks = blocked
    return changed


def held_back(tx: Tx, run: RunRow, of_run: Sequence[AttentionRow]) -> dict[str, int]:
    """How many unfinished tasks each of these open items of a run holds back."""
    counts = store.attention.blocked_behind(tx, [item.id for item in of_run])
    return {item.id: counts.get(item.id) or _of_others(tx, run, item) for item in of_run}


def _of_others(tx: Tx, run: RunRow, item: AttentionRow) -> int:
    """Of an item that no task waits for."""
    if item.kind == AttentionKind.PHASE_CONFIRMATION:
        phase = store.phases.find(tx, run.phase_id)
        return store.phases.unfinished_after(tx, phase) if phase is not None else 0
    if item.kind not in store.attention.ASKED and not store.attention.has_askers(tx, item.id):
        return store.runs.unfinished(run)
    return 0
