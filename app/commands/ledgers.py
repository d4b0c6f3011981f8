"""Keeping the books of budgets: reserving and releasing, warning, holding a run up and letting it go on."""

from typing import Final

from app import store
from app.commands import items, orders
from app.domain import limits
from app.domain.attention import AttentionKind, AttentionMove
from app.domain.budgets import (
    ANSWERS,
    DOUBLE,
    NO_LIMIT,
    STOP,
    BudgetScope,
    BudgetState,
    Ledger,
    Need,
    money,
    need,
)
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.runs import RunStatus, Urgency
from app.domain.tasks import TaskStatus
from app.domain.usage import MOST_COST, UNITS
from app.domain.workers import Desire, WorkerStatus
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow, WorkerRow

NAMED: Final = 50
"""So many tasks are named as held back by one item: a run may have a hundred thousand that do not fit."""


# ---------------------------------------------------------------- reserving


def need_of(tx: Tx, run: RunRow, task: TaskRow | None, budget: int | None) -> Need:
    """What a worker for this task, or beside the DAG, takes of the budgets around it."""
    of_task = store.budgets.of_task(tx, task)
    if budget is None and task is not None:
        budget = _handed_on(tx, task, of_task)
    return need(store.budgets.of_run(run), of_task, budget)


def _handed_on(tx: Tx, task: TaskRow, of_task: Ledger) -> int | None:
    """What is left of the budget of a worker that did not finish its task goes to the next one: no failure makes it new."""
    last = store.budgets.last_worker(tx, task)
    if last is None or last.status == WorkerStatus.SUCCEEDED:
        return None
    left = store.budgets.of_worker(tx, last).left
    return left if left is None or of_task.left is None else min(left, of_task.left or left)


def reserve(run: RunRow, worker: WorkerRow, wanted: Need) -> None:
    worker.budget = wanted.budget
    _hold(run, worker, wanted.amount)


def release(run: RunRow, worker: WorkerRow) -> None:
    """A worker has ended: what it did not spend is free again."""
    _hold(run, worker, 0)


def draw(run: RunRow, worker: WorkerRow, cost: int) -> None:
    """What a worker spends comes out of what was reserved for it first."""
    _hold(run, worker, max(0, worker.reserved - cost))


def reserve_anew(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """A limit is another: reserve what is left of it now, as far as the run has that much."""
    _hold(run, worker, 0)
    own = store.budgets.of_worker(tx, worker)
    task = store.tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    left = [one for one in (own.left, store.budgets.of_task(tx, task).left) if one is not None]
    wanted = min(left, default=0)
    free = store.budgets.of_run(run).free
    _hold(run, worker, wanted if free is None else min(wanted, free))


def _hold(run: RunRow, worker: WorkerRow, amount: int) -> None:
    """No more is reserved of a run than a budget can be: where it has none, a thousand workers may have one each."""
    others = run.reserved - worker.reserved
    worker.reserved = min(amount, max(0, MOST_COST - others))
    run.reserved = others + worker.reserved


def refusal(tx: Tx, run: RunRow, task: TaskRow | None, wanted: Need) -> AppError:
    """A spawn that does not fit: whose budget has no room, what is left of it, and what to do."""
    needs = f"and this worker needs {money(wanted.amount) if wanted.amount else 'some of it'}."
    ledger = store.budgets.of_run(run)
    match wanted.short:
        case BudgetScope.WORKER:
            return AppError(
                ErrorCode.BUDGET_EXCEEDED,
                "The budget of this worker is used up before it starts.",
                suggestion="Give it a budget of its own that is more than nothing.",
                path=["input", "budgetUsd"],
            )
        case BudgetScope.TASK if task is not None:
            left = store.budgets.of_task(tx, task).left or 0
            return AppError(
                ErrorCode.BUDGET_EXCEEDED,
                f"Task {task.key} has {money(left)} left of its budget of {money(task.budget or 0)}, {needs}",
                suggestion="Raise the budget of the task with mutateDag, or spawn with a smaller budget.",
            )
        case _:
            return AppError(
                ErrorCode.BUDGET_EXCEEDED,
                f"The run has {money(ledger.free or 0)} free of its budget of {money(run.budget or 0)} ({money(run.cost)} "
                f"spent, {money(run.reserved)} reserved by its workers), {needs}",
                suggestion="Raise it with configureRun, wait for a worker to end, or spawn with a smaller budget.",
            )


# ---------------------------------------------------------------- warning


def warn(
    tx: Tx,
    run: RunRow,
    row: RunRow | TaskRow | WorkerRow,
    ledger: Ledger,
    *,
    worker: WorkerRow | None = None,
) -> None:
    """Tell once that most of a budget is spent."""
    if ledger.state is not BudgetState.WARNING or row.budget_warned:
        return
    row.budget_warned = True
    task_id = row.id if isinstance(row, TaskRow) else row.task_id if isinstance(row, WorkerRow) else None
    store.events.append(
        tx,
        EventKind.BUDGET_WARNED,
        run=run,
        task_id=task_id,
        worker_id=worker.id if worker is not None else None,
        scope=scope_of(row),
        limit=ledger.limit,
        spent=ledger.spent,
    )


def scope_of(row: RunRow | TaskRow | WorkerRow) -> BudgetScope:
    if isinstance(row, RunRow):
        return BudgetScope.RUN
    return BudgetScope.TASK if isinstance(row, TaskRow) else BudgetScope.WORKER


# ---------------------------------------------------------------- holding up and letting go


def hold_worker(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """Pause a worker because of a budget. Where somebody else has paused it, it is his to let it go on."""
    if worker.desire == Desire.RUN:
        orders.want(tx, run, worker, Desire.PAUSE)
        worker.budget_paused = True


def hold_run(tx: Tx, run: RunRow) -> None:
    """Pause all workers of a run whose budget is used up, and ask."""
    live = store.workers.live(tx, run_id=run.id)
    for worker in live:
        hold_worker(tx, run, worker)
    if run.budget_paused or any(worker.budget_paused for worker in live):
        ask(tx, run, run, why="Its workers are paused.")


def let_go(tx: Tx, run: RunRow) -> None:
    """Let those go on whom only a budget has paused, and only a budget that has something left again."""
    halted = run.status in (RunStatus.PAUSING, RunStatus.PAUSED) and run.urgency == Urgency.NOW
    for worker in store.budgets.paused_workers(tx, run.id):
        if store.budgets.stopped_by(tx, run, worker) is not None or (halted and run.budget_paused):
            continue
        worker.budget_paused = False
        task = store.tasks.find(tx, worker.task_id) if worker.task_id is not None else None
        if not halted and (task is None or task.status != TaskStatus.BLOCKED):
            orders.want(tx, run, worker, Desire.RUN)


# ---------------------------------------------------------------- asking


def ask(
    tx: Tx,
    run: RunRow,
    owner: RunRow | TaskRow | WorkerRow,
    *,
    why: str,
    needs: int = 0,
    held: TaskRow | None = None,
    worker: WorkerRow | None = None,
) -> AttentionRow:
    """Ask people about the budget of a run, a task or a worker. `held` and `worker` wait for the answer, `needs` is for more."""
    scope, limit = scope_of(owner), owner.budget or 0
    spent = run.cost if isinstance(owner, RunRow) else store.budgets.spent(tx, owner.id)
    name = owner.key if isinstance(owner, TaskRow) else owner.name
    used_up = spent >= limit
    what = "is used up" if used_up else f"has only {money(limit - spent)} left"
    item = items.put(
        tx,
        run,
        AttentionKind.BUDGET,
        key=store.budgets.key(owner.id),
        title="",
        options=[*([DOUBLE] if 2 * limit > spent else []), NO_LIMIT, STOP],
        answer_schema=ANSWERS,
        tasks=[held] if held is not None else [],
        subject={"scope": scope, "id": owner.id},
    )
    item.title = f"The budget of {scope.lower()} {name!r} {what}: raise it?"[: limits.TITLE]
    item.detail = (
        f"{money(spent)} of {money(limit)} is spent. {why} Answer with the new budget in US dollars, such as "
        f"{_example(limit, spent, needs)}; with {NO_LIMIT!r}; or with {STOP!r}, which "
        f"{'stops the run' if scope is BudgetScope.RUN else 'gives the task up'}."
    )
    if held is not None and len(store.attention.askers(tx, item.id)) < NAMED:
        items.join(tx, item, held, None)
    if worker is not None:
        items.join(tx, item, held, worker)
        items.recount(tx, item)
    return item


def _example(limit: int, spent: int, needs: int) -> str:
    """An amount that would do."""
    return money(max(2 * limit, limit + spent, spent + needs) or 10 * UNITS).lstrip("$")


def drop(tx: Tx, run: RunRow) -> None:
    """Close what people are asked about budgets that hold nothing up any more."""
    for item in store.budgets.open_items(tx, run):
        if not store.budgets.holds(tx, run, item):
            items.close_item(tx, run, item, AttentionMove.DISMISS)
