"""What becomes of budgets: spent, used up, set anew. The books are kept in `ledgers`."""

from typing import Any

from app import store
from app.commands import items, ledgers, moves, workers
from app.domain.attention import AttentionMove
from app.domain.budgets import BudgetScope, Limit, Need, money
from app.domain.events import EventKind
from app.domain.runs import ENDED, RunStatus
from app.domain.workers import Desire
from app.store.db import Tx
from app.store.tables import RunRow, TaskRow, WorkerRow


def spend(tx: Tx, run: RunRow, worker: WorkerRow, cost: int) -> None:
    """A worker has spent money, which is counted already: warn, or pause what may spend no more, and ask.

    It is paused, and only then is anybody asked. What it still tells of until it has stopped is counted like everything.
    """
    ledgers.draw(run, worker, cost)
    if run.status in ENDED and run.status != RunStatus.FAILED:
        _end(tx, run, worker)  # the agent that looked after it has its last words; nobody is asked about that
        return
    task = store.tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    ledgers.warn(tx, run, worker, store.budgets.of_worker(tx, worker), worker=worker)
    if task is not None:
        ledgers.warn(tx, run, task, store.budgets.of_task(tx, task), worker=worker)
    ledgers.warn(tx, run, run, store.budgets.of_run(run), worker=worker)
    if run.status == RunStatus.STOPPING:
        _end(tx, run, worker)
    elif store.budgets.stopped_by(tx, run, worker) is not None:
        _hold(tx, run, worker)
        moves.settle(tx, run)


def _end(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """A run that is to end, or has ended, is not paused: then it never would."""
    if store.budgets.of_run(run).is_used_up:
        over = list(store.workers.live(tx, run_id=run.id))
    else:
        over = [worker] if store.budgets.stopped_by(tx, run, worker) is not None else []
    for one in over:
        workers.stop(tx, run, one, reason="Its budget is used up, and the run is to end.")


def _hold(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """Pause a worker whose own or whose task's budget is used up, and all of them where the run's is."""
    if store.budgets.of_run(run).is_used_up:
        ledgers.hold_run(tx, run)
    _hold_alone(tx, run, worker)


def _hold_alone(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """Pause it where it is its own or its task's budget that is used up."""
    scope = store.budgets.stopped_by(tx, run, worker)
    if scope is None or scope is BudgetScope.RUN or worker.desire == Desire.STOP:
        return
    ledgers.hold_worker(tx, run, worker)
    task = store.tasks.find(tx, worker.task_id) if worker.task_id is not None else None
    owner: TaskRow | WorkerRow = worker if scope is BudgetScope.WORKER or task is None else task
    ledgers.ask(tx, run, owner, why=f"Worker {worker.name} is paused.", held=task, worker=worker)
    workers.wait_if_asked(tx, run, worker)


def could_not_start(tx: Tx, run: RunRow, task: TaskRow, need: Need) -> None:
    """No budget has room for a ready task, nor will have by waiting: it stays as it is, and people are asked."""
    task.beyond_budget = True
    last = store.budgets.last_worker(tx, task) if need.short is BudgetScope.WORKER else None
    owner = run if need.short is BudgetScope.RUN else last or task
    needed = money(need.amount) if need.amount else "some of it"
    ledgers.ask(
        tx, run, owner, why=f"Task {task.key} cannot start: it needs {needed}.", needs=need.amount, held=task
    )


# ---------------------------------------------------------------- limits


def limit_run(tx: Tx, run: RunRow, limit: Limit) -> None:
    run.budget, run.budget_warned = limit.units, False
    ledgers.warn(tx, run, run, store.budgets.of_run(run))


def limit_task(tx: Tx, run: RunRow, task: TaskRow, limit: Limit) -> None:
    task.budget, task.budget_warned = limit.units, False
    ledgers.warn(tx, run, task, store.budgets.of_task(tx, task))
    worker = store.workers.find(tx, task.worker_id) if task.worker_id is not None else None
    if worker is not None:
        ledgers.reserve_anew(tx, run, worker)


def limit_worker(tx: Tx, run: RunRow, worker: WorkerRow, limit: Limit) -> None:
    worker.budget, worker.budget_warned = limit.units, False
    if worker.ended_at is None:
        ledgers.reserve_anew(tx, run, worker)


def review(tx: Tx, run: RunRow, *, answer: Any) -> None:
    """A limit is another: pause what is beyond it now, let go what is not, and close what was asked about that.

    `answer` is what was in effect answered. The caller settles the run.
    """
    store.budgets.look_anew(tx, run.id)
    if run.status != RunStatus.STOPPING:  # what is to end goes on until it spends something
        if store.budgets.of_run(run).is_used_up:
            ledgers.hold_run(tx, run)
        for worker in store.workers.live(tx, run_id=run.id):
            _hold_alone(tx, run, worker)
    ledgers.let_go(tx, run)
    for item in store.budgets.open_items(tx, run):
        if not store.budgets.holds(tx, run, item):
            item.answer, item.answered_by = answer, tx.actor
            items.close_item(tx, run, item, AttentionMove.ANSWER)
            for asker in store.attention.askers(tx, item.id):
                if asker.worker_id is not None:
                    workers.release(tx, run, asker.worker_id)


def tell_of_run(tx: Tx, run: RunRow) -> None:
    run.version += 1
    store.events.append(tx, EventKind.RUN_CONFIGURED, run=run, version=run.version)


def tell_of_task(tx: Tx, run: RunRow, task: TaskRow) -> None:
    run.version += 1
    store.events.append(
        tx, EventKind.DAG_MUTATED, run=run, version=run.version, added=[], changed=[task.id], removed=[]
    )
