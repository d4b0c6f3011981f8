"""What follows when people are done with the question whether a budget is raised."""

from decimal import Decimal
from typing import Any

from app import store
from app.commands import budgets, moves, runs, workers
from app.domain import limits
from app.domain.attention import AttentionMove
from app.domain.budgets import DOUBLE, NO_LIMIT, STOP, BudgetScope, Limit, limit_of, money
from app.domain.runs import Urgency
from app.domain.tasks import TaskMove, TaskStatus
from app.domain.workers import LIVE
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow, WorkerRow


def settled(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove) -> None:
    """Raise the budget, take it away, or give up. What was dismissed stays paused until a limit is set to another."""
    if move is not AttentionMove.ANSWER:
        return
    scope, owner_id = store.budgets.owner(item)
    if item.answer == STOP:
        _give_up(tx, run, scope, owner_id)
        return
    match scope:
        case BudgetScope.RUN:
            budgets.limit_run(tx, run, _limit(item.answer, run.budget, run.cost))
            budgets.tell_of_run(tx, run)
        case BudgetScope.TASK:
            task = store.tasks.get(tx, owner_id)
            limit = _limit(item.answer, task.budget, store.budgets.spent(tx, task.id))
            budgets.limit_task(tx, run, task, limit)
            budgets.tell_of_task(tx, run, task)
        case BudgetScope.WORKER:
            worker = store.workers.get(tx, owner_id)
            limit = _limit(item.answer, worker.budget, store.budgets.spent(tx, worker.id))
            budgets.limit_worker(tx, run, worker, limit)
    budgets.review(tx, run, answer=item.answer)


def _limit(answer: Any, limit: int | None, spent: int) -> Limit:
    if answer == NO_LIMIT:
        return Limit(None)
    wanted = 2 * (limit or 0)
    if answer != DOUBLE:
        wanted = limit_of(Decimal(str(answer).removeprefix("$")), "input", "answer")
    if wanted <= spent:
        raise limits.invalid(
            f"{money(spent)} is spent already: a budget of {money(wanted)} would be used up at once.",
            ["input", "answer"],
            f"Answer with more than that, with {NO_LIMIT!r}, or with {STOP!r}.",
        )
    return Limit(wanted)


def _give_up(tx: Tx, run: RunRow, scope: BudgetScope, owner_id: str) -> None:
    if scope is BudgetScope.RUN:
        runs.stop(tx, run_id=run.id, mode=Urgency.NOW, reason="Its budget is used up.")
        return
    owner: TaskRow | WorkerRow = (
        store.tasks.get(tx, owner_id) if scope is BudgetScope.TASK else store.workers.get(tx, owner_id)
    )
    task = owner if isinstance(owner, TaskRow) else None
    if isinstance(owner, WorkerRow) and owner.task_id is not None:
        task = store.tasks.get(tx, owner.task_id)
    worker_id = task.worker_id if task is not None else owner_id
    worker = store.workers.find(tx, worker_id) if worker_id is not None else None
    if worker is not None and worker.status in LIVE:
        workers.stop(tx, run, worker, reason="Its budget is used up.")
    elif task is not None and task.status == TaskStatus.READY:
        moves.move_task(tx, run, task, TaskMove.FAIL, reason="Its budget is used up.")
