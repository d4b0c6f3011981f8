"""Budgets hold: what is kept of them agrees with the rows, and nobody goes on past them."""

from collections.abc import Iterator

from app.domain.budgets import Ledger
from app.domain.runs import ENDED, RunStatus
from app.domain.tasks import TaskStatus
from app.domain.workers import LIVE, Desire
from app.store.budgets import of_run
from tests.invariants.rows import Look, Row, rule


def spent(seen: Look, owner_id: str) -> int:
    row = seen.sums.get(owner_id)
    return 0 if row is None else row.cost


def ledger(seen: Look, row: Row | None) -> Ledger:
    """Of a task or a worker."""
    return Ledger(None) if row is None else Ledger(row.budget, spent(seen, row.id))


def is_stopped(seen: Look, worker: Row) -> bool:
    of_task = ledger(seen, seen.task.get(worker.task_id))
    run = seen.run[worker.run_id]
    return ledger(seen, worker).is_used_up or of_task.is_used_up or of_run(run).is_used_up


@rule
def what_is_reserved_is_what_live_workers_may_still_spend(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        held = [worker for worker in seen.of_run[run.id]["worker"] if worker.reserved]
        if run.reserved != sum(worker.reserved for worker in held):
            yield f"{run.id} has {run.reserved} reserved, its workers {[worker.reserved for worker in held]}"
        for worker in held:
            if worker.status not in LIVE or worker.reserved < 0:
                yield f"worker {worker.name} is {worker.status} and has {worker.reserved} reserved"
            for owner in (worker, seen.task.get(worker.task_id)):
                left = ledger(seen, owner).left
                if left is not None and worker.reserved > left:
                    yield f"worker {worker.name} has {worker.reserved} reserved, {owner and owner.id} has {left} left"


@rule
def nobody_goes_on_past_a_budget(seen: Look) -> Iterator[str]:
    for worker in seen.worker.values():
        if worker.status not in LIVE or not is_stopped(seen, worker):
            continue
        run = seen.run[worker.run_id]
        drains = run.status == RunStatus.STOPPING  # until it spends something
        if worker.desire == Desire.RUN and not drains:
            yield f"worker {worker.name} is to go on, with its budget used up"


@rule
def a_budget_has_paused_only_what_it_stops(seen: Look) -> Iterator[str]:
    for worker in seen.worker.values():
        if worker.budget_paused and worker.status in LIVE:
            if worker.desire != Desire.PAUSE:
                yield f"worker {worker.name} is paused by a budget, and told to {worker.desire}"
            if not is_stopped(seen, worker):
                yield f"worker {worker.name} is paused by a budget that has something left"
    for run in seen.run.values():
        if run.budget_paused and run.status not in (RunStatus.PAUSING, RunStatus.PAUSED):
            yield f"{run.id} is {run.status}, paused by its budget"
    for task in seen.task.values():
        if task.beyond_budget and (task.status != TaskStatus.READY or task.worker_id is not None):
            yield f"task {task.key} is {task.status}, and beyond every budget"


@rule
def people_are_asked_only_about_budgets_that_hold_something_up(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        for item in seen.of_run[run.id]["attention"]:
            if item.kind != "BUDGET" or item.status != "OPEN":
                continue
            if run.status in ENDED - {RunStatus.FAILED} or run.status == RunStatus.STOPPING:
                yield f"{run.id} is {run.status}, and asks about a budget"
            owner = (item.merge_key or "").removeprefix("budget ")
            row = seen.task.get(owner) or seen.worker.get(owner)
            held = [seen.task.get(asker.task_id) for asker in seen.askers[item.id]]
            short = owner == run.id and any(task is not None and task.beyond_budget for task in held)
            used_up = of_run(run).is_used_up if owner == run.id else ledger(seen, row).is_used_up
            if not used_up and not short:
                yield f"people are asked about the budget of {owner}, which has room"
