"""Taking what runners report: each number once, in order, and nothing from a worker that is over."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from app import store
from app.commands import (
    attention,
    audit,
    endings,
    moves,
    orders,
    permissions,
    saved_states,
    tool_calls,
    usage,
    usage_reports,
    workers,
)
from app.domain import limits
from app.domain.attention import AttentionKind
from app.domain.commands import CommandMove, CommandStatus
from app.domain.errors import AppError, ErrorCode
from app.domain.reports import (
    Answered,
    Asked,
    Body,
    Delivered,
    Doing,
    Exited,
    InSession,
    Lines,
    Paused,
    Report,
    Resumed,
    Seen,
    Started,
    Told,
    ToolEnded,
    ToolStarted,
    Used,
)
from app.domain.runs import ENDED
from app.domain.tasks import TaskMove, TaskStatus
from app.domain.usage import Amounts
from app.domain.workers import LIVE, Desire, ExitReason, WorkerMove, WorkerStatus
from app.store.db import Tx, reread
from app.store.tables import RunRow, WorkerRow


def take(tx: Tx, *, worker_id: str, fence: int, reports: Sequence[Report]) -> int:
    """Take the reports that are next in order and return the highest number taken so far.

    Sending one again is harmless. STALE_FENCE where the worker is over and there is something new to say.
    """
    worker = store.workers.get(tx, worker_id)
    run = store.runs.lock(tx, worker.run_id)
    reread(tx, worker)
    tx.actor = f"worker:{worker.id}"
    fresh = [report for report in reports if report.n > worker.reports]
    if not fresh and worker.fence == fence:
        return worker.reports
    if worker.fence != fence or worker.status not in LIVE:
        raise AppError(
            ErrorCode.STALE_FENCE,
            f"Worker {worker_id} with fence {fence} is over: it is {worker.status}.",
            suggestion="End what is left of it; nothing it reports is taken any more.",
        )
    for report in sorted(fresh, key=lambda report: report.n):
        if report.n != worker.reports + 1 or worker.status not in LIVE:
            break
        worker.reports = report.n
        _apply(tx, run, worker, report)
    worker.last_heartbeat_at = tx.now
    return worker.reports


def note_sent(tx: Tx, *, worker_id: str, revision: int) -> None:
    """The orders of this revision are on their way to the runner."""
    worker, run = store.workers.lock(tx, worker_id)
    for command in store.commands.under_way(tx, worker.id):
        if command.status == CommandStatus.REQUESTED and (command.revision or 0) <= revision:
            audit.move(tx, command, CommandMove.DELIVER, run)


def lose(tx: Tx, *, worker_id: str, fence: int, reason: str, unheard_since: datetime | None = None) -> bool:
    """A worker is silent, and nothing of it is left or its host is away. False where it has ended in the meantime.

    With `unheard_since`, also where it was heard of after that moment: nobody has ended it.
    """
    worker, run = store.workers.lock(tx, worker_id)
    if worker.fence != fence or worker.status not in LIVE:
        return False
    if unheard_since is not None and (worker.last_heartbeat_at or worker.created_at) >= unheard_since:
        return False
    stopping = worker.status == WorkerStatus.STOPPING
    endings.end(tx, run, worker, WorkerMove.DIE if stopping else WorkerMove.LOSE, reason=reason)
    return True


def _apply(tx: Tx, run: RunRow, worker: WorkerRow, report: Report) -> None:
    body: Body = report.body
    match body:
        case Lines():
            store.workers.add_log(tx, worker, body.lines)
        case Started():
            _started(tx, run, worker, body)
        case Seen():
            _seen(tx, run, worker, body.revision)
        case Paused():
            _paused(tx, run, worker)
        case Resumed():
            _resumed(tx, run, worker)
        case Delivered():
            _delivered(tx, run, worker, body.items)
        case ToolStarted() | ToolEnded() | Used() | Doing() | InSession() | Asked() | Answered():
            _told(tx, run, worker, body, report.at)
        case Exited():
            _exited(tx, run, worker, body)
        case _:
            assert_never(body)


def _started(tx: Tx, run: RunRow, worker: WorkerRow, body: Started) -> None:
    worker.pid, worker.process_created, worker.started_at = body.pid, body.created, tx.now
    if worker.status != WorkerStatus.SPAWNING:
        return
    moves.move_worker(tx, run, worker, WorkerMove.START)
    task = store.tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    if task is not None and task.status == TaskStatus.READY and task.worker_id == worker.id:
        moves.move_task(tx, run, task, TaskMove.RUN)
    workers.wait_if_asked(tx, run, worker)
    _take_effect(tx, run, worker, "resumeWorker")
    moves.settle(tx, run)


def _paused(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    if worker.status in (WorkerStatus.RUNNING, WorkerStatus.WAITING_FOR_INPUT):
        moves.move_worker(tx, run, worker, WorkerMove.PAUSE)
    _take_effect(tx, run, worker, "pauseWorker")
    moves.settle(tx, run)


def _seen(tx: Tx, run: RunRow, worker: WorkerRow, revision: int) -> None:
    worker.seen = max(worker.seen, revision)
    for command in store.commands.under_way(tx, worker.id):
        if command.status != CommandStatus.ACKNOWLEDGED and (command.revision or 0) <= revision:
            audit.move(tx, command, CommandMove.ACKNOWLEDGE, run)
    if worker.status == WorkerStatus.SPAWNING and worker.desire == Desire.PAUSE:
        # nothing was started yet, and nothing will be: that is as good as paused
        _take_effect(tx, run, worker, "pauseWorker")
        moves.settle(tx, run)


def _resumed(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    if worker.status == WorkerStatus.PAUSED:
        moves.move_worker(tx, run, worker, WorkerMove.RESUME)
        workers.wait_if_asked(tx, run, worker)
    _take_effect(tx, run, worker, "resumeWorker")
    moves.settle(tx, run)


def _take_effect(tx: Tx, run: RunRow, worker: WorkerRow, verb: str) -> None:
    for command in store.commands.under_way(tx, worker.id):
        if command.verb == verb and (command.revision or 0) <= worker.seen:
            audit.move(tx, command, CommandMove.TAKE_EFFECT, run)


def _delivered(tx: Tx, run: RunRow, worker: WorkerRow, item_ids: Sequence[str]) -> None:
    items = [item for item in store.context.by_ids(tx, item_ids).values() if item.worker_id == worker.id]
    for item in items:
        item.delivered_at = item.delivered_at or tx.now
    tx.session.flush()
    for command_id in {item.command_id for item in items}:
        command = store.commands.get(tx, command_id)
        if command.status in (CommandStatus.EFFECTIVE, CommandStatus.EXPIRED):
            continue
        if store.context.waiting_of_command(tx, command_id) == 0:
            audit.move(tx, command, CommandMove.TAKE_EFFECT, run)
    if store.context.undelivered(tx, worker.id):
        orders.order_anew(tx, run, worker)  # there was more than fits into one message


def _told(tx: Tx, run: RunRow, worker: WorkerRow, body: Told, at: datetime) -> None:
    match body:
        case ToolStarted() | ToolEnded():
            tool_calls.take(tx, run, worker, body, at)
        case Used():
            usage.take(tx, run, worker, body, at)
        case Doing():
            _doing(tx, run, worker, body)
        case InSession():
            saved_states.after_session(tx, run, worker, body.session)
        case Asked():
            _asked(tx, run, worker, body)
        case Answered():
            permissions.taken(worker, body.requests)
        case _:
            assert_never(body)


def _asked(tx: Tx, run: RunRow, worker: WorkerRow, body: Asked) -> None:
    """An agent's words are cut, not refused; a run that asks nobody any more denies."""
    item = None
    if run.status not in ENDED and worker.status != WorkerStatus.STOPPING:
        change = attention.ask(
            tx,
            run_id=run.id,
            worker_id=worker.id,
            kind=AttentionKind.PERMISSION,
            question=limits.storable(body.title)[: limits.TITLE] or "A tool",
            detail=limits.storable(body.detail)[: limits.TEXT] if body.detail is not None else None,
            options=[limits.storable(option)[: limits.NAME] for option in body.options[: limits.OPTIONS]],
        )
        item = store.attention.get(tx, change.refs["item"])
    permissions.wait(tx, run, worker, limits.storable(body.request)[: limits.NAME], item)


def _doing(tx: Tx, run: RunRow, worker: WorkerRow, body: Doing) -> None:
    """An agent's words are cut, not refused. The log tells of them as often as of what it uses, and in the same fact."""
    activity = body.activity
    if activity is not None:
        activity = " ".join(limits.storable(activity).split())[: limits.TITLE] or None
    progress = body.progress
    if progress is not None:
        progress = min(max(progress, 0), 100)
    workers.note_progress(worker, activity, progress)
    moves.touch(tx, run)
    usage_reports.fold(tx, run, worker, Amounts())


def _exited(tx: Tx, run: RunRow, worker: WorkerRow, body: Exited) -> None:
    worker.exit_code = body.exit_code
    words = limits.storable(body.words())
    if worker.status == WorkerStatus.STOPPING:
        endings.end(tx, run, worker, WorkerMove.DIE, reason=worker.status_reason)
    elif body.reason is ExitReason.RUNNER_LOST:
        endings.end(tx, run, worker, WorkerMove.LOSE, reason=words)
    elif body.succeeded():
        if worker.status == WorkerStatus.SPAWNING:
            _started(tx, run, worker, Started(worker.pid or 0, worker.process_created or 0.0))
        endings.end(tx, run, worker, WorkerMove.SUCCEED)
    else:
        endings.end(tx, run, worker, WorkerMove.FAIL, reason=words)
