"""The ledgers of runs, tasks and workers, and what is held up by a budget."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update
from sqlmodel import col, select

from app.domain.attention import AttentionKind
from app.domain.budgets import STOP, BudgetScope, Ledger
from app.domain.runs import ENDED, RunStatus
from app.domain.tasks import TaskStatus
from app.domain.workers import LIVE, WorkerStatus
from app.store import attention, tasks, workers
from app.store.db import Tx
from app.store.tables import AskerRow, AttentionRow, RunRow, TaskRow, WorkerRow
from app.store.usage_tables import UsageSumRow


def of_run(run: RunRow) -> Ledger:
    return Ledger(run.budget, run.cost, run.reserved)


def of_task(tx: Tx, task: TaskRow | None) -> Ledger:
    """Nothing of it is reserved: a task has one live worker at most, and that spends it."""
    return Ledger(None) if task is None or task.budget is None else Ledger(task.budget, spent(tx, task.id))


def of_worker(tx: Tx, worker: WorkerRow | None) -> Ledger:
    if worker is None or worker.budget is None:
        return Ledger(None)
    return Ledger(worker.budget, spent(tx, worker.id))


def spent(tx: Tx, owner_id: str) -> int:
    row = tx.session.get(UsageSumRow, owner_id)
    return row.cost if row is not None else 0


def stopped_by(tx: Tx, run: RunRow, worker: WorkerRow) -> BudgetScope | None:
    """Whose budget is used up, so that this worker may not go on; the narrowest."""
    if of_worker(tx, worker).is_used_up:
        return BudgetScope.WORKER
    task = tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    if of_task(tx, task).is_used_up:
        return BudgetScope.TASK
    return BudgetScope.RUN if of_run(run).is_used_up else None


def last_worker(tx: Tx, task: TaskRow) -> WorkerRow | None:
    """Of the newest attempt."""
    if not task.attempts:
        return None
    query = select(WorkerRow).where(WorkerRow.task_id == task.id, WorkerRow.fence == task.attempts)
    return tx.session.exec(query).first()


# ---------------------------------------------------------------- what is held up


def paused_workers(tx: Tx, run_id: str) -> list[WorkerRow]:
    """Live workers that a budget has paused."""
    return [worker for worker in workers.live(tx, run_id=run_id) if worker.budget_paused]


def look_anew(tx: Tx, run_id: str) -> None:
    """A limit is another: no task is beyond it before it has been tried."""
    tx.session.flush()
    tx.session.execute(
        update(TaskRow)
        .where(col(TaskRow.run_id) == run_id, col(TaskRow.beyond_budget).is_(True))
        .values(beyond_budget=False)
    )


def give_up_like_it(tx: Tx, run: RunRow) -> None:
    """Every ready task that was not tried yet and wants more than the run has left is beyond its budget, too."""
    left = of_run(run).left
    if left is None:
        return
    tx.session.flush()
    tx.session.execute(
        update(TaskRow)
        .where(
            col(TaskRow.run_id) == run.id,
            col(TaskRow.status) == TaskStatus.READY,
            col(TaskRow.worker_id).is_(None),
            col(TaskRow.runtime).is_not(None),
            col(TaskRow.attempts) == 0,  # of the others something may be spent already
            col(TaskRow.budget) > left,
        )
        .values(beyond_budget=True)
        .execution_options(synchronize_session="fetch")
    )


def beyond(tx: Tx, run_id: str, limit: int) -> list[str]:
    """Keys of ready tasks that no budget has room for."""
    query = (
        select(TaskRow.key)
        .where(
            TaskRow.run_id == run_id, TaskRow.status == TaskStatus.READY, col(TaskRow.beyond_budget).is_(True)
        )
        .order_by(col(TaskRow.ordinal))
        .limit(limit)
    )
    return list(tx.session.exec(query))


def key(owner_id: str) -> str:
    """The merge key of the item that asks about a budget."""
    return f"budget {owner_id}"


def find_item(tx: Tx, run: RunRow, owner_id: str) -> AttentionRow | None:
    return attention.find_open(tx, run.id, key(owner_id)) if run.open_attention else None


def is_asked(tx: Tx, run: RunRow) -> bool:
    """Whether a person is asked about a budget."""
    return bool(open_items(tx, run))


def open_items(tx: Tx, run: RunRow) -> Sequence[AttentionRow]:
    if not run.open_attention:
        return []
    tx.session.flush()
    return attention.open_of_run(tx, run.id, kind=AttentionKind.BUDGET)


def owner(item: AttentionRow) -> tuple[BudgetScope, str]:
    """Whose budget an item is about."""
    subject: dict[str, Any] = item.subject or {}
    return BudgetScope(subject["scope"]), subject["id"]


def holds(tx: Tx, run: RunRow, item: AttentionRow) -> bool:
    """Whether an open item still holds something up."""
    if run.status in ENDED - {RunStatus.FAILED} or run.status == RunStatus.STOPPING:
        return False
    scope, owner_id = owner(item)
    match scope:
        case BudgetScope.RUN:
            return _holds_run(tx, run, item)
        case BudgetScope.TASK:
            task = tasks.find(tx, owner_id)
            return of_task(tx, task).is_used_up and task is not None and _is_wanted(task)
        case BudgetScope.WORKER:
            worker = workers.find(tx, owner_id)
            return of_worker(tx, worker).is_used_up and worker is not None and _is_followed(tx, worker)


def _holds_run(tx: Tx, run: RunRow, item: AttentionRow) -> bool:
    if of_run(run).is_used_up and (run.budget_paused or paused_workers(tx, run.id)):
        return True
    held = attention.tasks_of(tx, [item.id])[item.id]
    return any(task.beyond_budget and task.status == TaskStatus.READY for task in held)


def _is_wanted(task: TaskRow) -> bool:
    """Whether somebody is at it, or would be."""
    return task.worker_id is not None or task.status == TaskStatus.READY


def is_given_up(tx: Tx, worker: WorkerRow) -> bool:
    """Whether it was ended because people would not raise a budget: then its task is not to be tried again."""
    if worker.status != WorkerStatus.KILLED:
        return False
    query = (
        select(AttentionRow)
        .join(AskerRow, col(AskerRow.attention_id) == AttentionRow.id)
        .where(AskerRow.worker_id == worker.id, AttentionRow.kind == AttentionKind.BUDGET)
    )
    return any(item.answer == STOP for item in tx.session.exec(query))


def _is_followed(tx: Tx, worker: WorkerRow) -> bool:
    """Whether it lives, or its task goes on behind it."""
    if worker.status in LIVE:
        return True
    task = tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    return task is not None and task.attempts == worker.fence and _is_wanted(task)
