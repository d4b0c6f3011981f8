"""What is so now of a run that an agent looks after: what it is told when it is brought back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import col, select

from app.domain.attention import AttentionStatus
from app.domain.events import EventKind
from app.domain.restoration_contexts import (
    NEWS,
    OPEN_QUESTIONS,
    REQUESTS,
    SETTLED_QUESTIONS,
    Asked,
    Awaited,
    Facts,
    Request,
    compose,
)
from app.domain.restorations import Chosen, choose, named_tasks
from app.domain.tasks import FINISHED, TaskStatus
from app.store import phases, saved_states, tasks, workers
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import AskerRow, AttentionRow, CommandRow, EventRow, RunRow, TaskRow, WorkerRow

_TOLD: Final = frozenset(
    {EventKind.TASK_STATUS_CHANGED, EventKind.PHASE_CHANGED, EventKind.RUN_STATUS_CHANGED}
)
_EVENTS: Final = 200
_COUNTERS: Final = {
    status: {"WAITING_FOR_INPUT": "waiting"}.get(status, status.lower()) for status in TaskStatus
}


@dataclass(frozen=True, slots=True)
class Restored:
    """What an agent begins with: a text, and its own session where its runtime can resume one."""

    context: str
    session_id: str | None


def context(tx: Tx, run: RunRow, supervisor: SupervisorRow) -> Restored:
    """What an agent is told that is brought back now."""
    found = chosen(tx, run, supervisor)
    text = compose(_facts(tx, run, supervisor, found), found.state, found.conversation)
    return Restored(text, found.conversation.session_id if found.conversation is not None else None)


def chosen(tx: Tx, run: RunRow, supervisor: SupervisorRow) -> Chosen:
    """What a supervisor would go on from now."""
    kept = saved_states.newest(tx, supervisor.id)
    named = tasks.by_ids(tx, sorted(named_tasks(kept, supervisor=supervisor.id)))
    there = {id for id, task in named.items() if task.run_id == run.id}
    keys = {phase.key for phase in phases.of_run(tx, run.id)}
    return choose(kept, supervisor=supervisor.id, tasks=there, phases=keys)


def _facts(tx: Tx, run: RunRow, supervisor: SupervisorRow, found: Chosen) -> Facts:
    state = found.state
    phase = phases.find(tx, run.phase_id)
    awaited = tasks.by_ids(tx, state.pending_tasks) if state is not None else {}
    news, more = _news(tx, run, found)
    return Facts(
        run_id=run.id,
        run=run.name,
        status=run.status,
        reason=run.status_reason,
        phase=phase.key if phase is not None else None,
        counts={status: getattr(run, column) for status, column in _COUNTERS.items()},
        questions=[_asked(item, found) for item in questions(tx, supervisor)],
        tasks=[_awaited(awaited[id]) for id in state.pending_tasks] if state is not None else (),
        requests=_requests(tx, run, supervisor),
        news=news,
        more=more,
    )


def questions(tx: Tx, supervisor: SupervisorRow) -> list[AttentionRow]:
    """The newest that a run's supervising agents have asked: those that wait, then the others."""
    waiting = col(AttentionRow.status) == AttentionStatus.OPEN
    asked = select(AskerRow.attention_id).where(AskerRow.supervisor_id == supervisor.id)
    query = select(AttentionRow).where(col(AttentionRow.id).in_(asked)).order_by(col(AttentionRow.id).desc())
    return [
        *tx.session.exec(query.where(waiting).limit(OPEN_QUESTIONS)),
        *tx.session.exec(query.where(~waiting).limit(SETTLED_QUESTIONS)),
    ]


def _asked(item: AttentionRow, found: Chosen) -> Asked:
    since = found.state.at if found.state is not None else None
    return Asked(
        id=item.id,
        title=item.title,
        status=item.status,
        is_open=item.status == AttentionStatus.OPEN,
        is_new=since is not None and item.answered_at is not None and item.answered_at > since,
        options=tuple(item.options),
        answer=item.answer,
        answered_by=item.answered_by,
    )


def _awaited(task: TaskRow) -> Awaited:
    is_over = task.status in FINISHED or task.status == TaskStatus.FAILED
    return Awaited(task.id, task.key, task.title, task.status, is_over)


def _requests(tx: Tx, run: RunRow, supervisor: SupervisorRow) -> list[Request]:
    """The newest of its agents, oldest first."""
    query = (
        select(CommandRow)
        .where(CommandRow.run_id == run.id, CommandRow.supervisor_id == supervisor.id)
        .order_by(col(CommandRow.id).desc())
        .limit(REQUESTS)
    )
    rows = list(tx.session.exec(query))[::-1]
    its_workers = workers.by_ids(tx, [row.worker_id for row in rows if row.worker_id is not None])
    its_tasks = tasks.by_ids(tx, [row.task_id for row in rows if row.task_id is not None])
    return [Request(row.at, row.verb, row.status, _about(row, its_workers, its_tasks)) for row in rows]


def _about(row: CommandRow, its_workers: dict[str, WorkerRow], its_tasks: dict[str, TaskRow]) -> str | None:
    worker, task = its_workers.get(row.worker_id or ""), its_tasks.get(row.task_id or "")
    parts = [f"idempotency key {row.idempotency_key}"] if row.idempotency_key else []
    parts += [f"task {task.key} is {task.status}"] if task is not None else []
    parts += [f"worker {worker.id} is {worker.status}"] if worker is not None else []
    return ", ".join(parts) or None


def _news(tx: Tx, run: RunRow, found: Chosen) -> tuple[list[str], bool]:
    """What has happened since the agent last said what it knew; of each task the last thing only."""
    told = found.conversation or found.state
    if told is None:
        return [], False
    query = (
        select(EventRow)
        .where(
            EventRow.run_id == run.id,
            col(EventRow.seq) > told.position,
            col(EventRow.kind).in_(sorted(_TOLD)),
        )
        .order_by(col(EventRow.seq).desc())
        .limit(_EVENTS)
    )
    events = tx.session.exec(query).all()
    of_tasks = tasks.by_ids(tx, [event.task_id for event in events if event.task_id is not None])
    last: dict[str, str] = {}
    for event in events:
        last.setdefault(event.task_id or str(event.seq), _line(event, of_tasks))
    lines = list(last.values())[:NEWS]
    return lines[::-1], len(last) > NEWS or len(events) == _EVENTS


def _line(event: EventRow, of_tasks: dict[str, TaskRow]) -> str:
    new, reason = event.data["new"], event.data.get("reason")
    why = f": {reason}" if reason else ""
    if event.kind == EventKind.PHASE_CHANGED:
        return f"phase {new} began"
    if event.kind == EventKind.RUN_STATUS_CHANGED:
        return f"the run was {new}{why}"
    task = of_tasks.get(event.task_id or "")
    return f"task {task.key if task is not None else '?'} was {new}{why}"


def unfinished(tx: Tx, ids: Sequence[str]) -> list[TaskRow]:
    """Those of these tasks that are not over."""
    found = tasks.by_ids(tx, ids)
    return [found[id] for id in ids if id in found and not _awaited(found[id]).is_finished]
