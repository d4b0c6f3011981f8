"""Runs stand where their tasks and phases put them."""

from collections.abc import Iterator

from app.domain.phases import PhaseStatus, gate_holds
from app.domain.runs import ENDED, RunStatus, Standing, Urgency, next_move
from app.domain.supervisors import BUILT_IN, OVER
from app.domain.tasks import FINISHED, TaskStatus
from app.domain.workers import LIVE, Desire, WorkerStatus
from app.store.budgets import of_run
from tests.invariants.phases import phase_standing
from tests.invariants.rows import Look, Row, rule


def standing(seen: Look, run: Row) -> Standing:
    """What a run is to be judged by, counted from the rows."""
    rows = seen.of_run[run.id]
    live = [worker for worker in rows["worker"] if worker.status in LIVE]
    phases = rows["phase"]
    current = seen.phase.get(run.phase_id)
    open_kinds = [item.kind for item in rows["attention"] if item.status == "OPEN"]
    conflicts = [item for item in rows["attention"] if item.status == "OPEN" and item.kind == "CONFLICT"]
    held = {asker.task_id for item in conflicts for asker in seen.askers[item.id]}
    asked = open_kinds.count("PHASE_CONFIRMATION") + open_kinds.count("BUDGET")
    running = sum(task.status == TaskStatus.RUNNING for task in rows["task"])
    startable = sum(
        task.status == TaskStatus.READY and can_start(task) and task.id not in held for task in rows["task"]
    )
    crowded = not running and startable > 0 and is_crowded(run, live)
    return Standing(
        status=RunStatus(run.status),
        movable=running + (0 if crowded else startable),
        waiting=len(held)
        + asked
        + crowded
        + sum(task.status == TaskStatus.WAITING_FOR_INPUT for task in rows["task"]),
        failed=sum(task.status == TaskStatus.FAILED for task in rows["task"]),
        workers=sum(worker.role == "WORKER" for worker in live),
        restless=sum(not at_rest(worker) for worker in live),
        gates_met=bool(phases) and all(phase.status == PhaseStatus.COMPLETED for phase in phases),
        pause_mode=Urgency(run.urgency) if run.urgency else None,
        auto_complete=bool(run.auto_complete),
        ready=current is not None and gate_holds(phase_standing(run, current)),
        used_up=of_run(run).is_used_up,
        budget_paused=bool(run.budget_paused),
    )


def can_start(task: Row) -> bool:
    """Without anybody's help, or it is about to already."""
    return (task.runtime is not None and not task.beyond_budget) or task.worker_id is not None


def is_crowded(run: Row, live: list[Row]) -> bool:
    """Every place is taken, each by a worker that waits for an answer."""
    workers = [worker for worker in live if worker.role == "WORKER"]
    return len(workers) >= run.max_workers and all(
        worker.status == WorkerStatus.WAITING_FOR_INPUT for worker in workers
    )


def at_rest(worker: Row) -> bool:
    """Paused, or told to pause before it was started."""
    not_started = worker.status == WorkerStatus.SPAWNING and worker.desire == Desire.PAUSE
    return worker.status == WorkerStatus.PAUSED or (not_started and worker.seen >= worker.revision)


@rule
def a_run_is_where_its_tasks_put_it(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        facts = standing(seen, run)
        if (move := next_move(facts)) is not None:
            yield f"{run.id} is {run.status}, but should {move}: {facts}"
        if run.status in (RunStatus.COMPLETED, RunStatus.CANCELLED) and facts.workers:
            yield f"{run.id} is {run.status} with {facts.workers} live workers"
        statuses = {task.status for task in seen.of_run[run.id]["task"]}
        if run.status == RunStatus.COMPLETED and not statuses <= FINISHED:
            yield f"{run.id} is COMPLETED with tasks that are {statuses}"
        if run.status == RunStatus.CANCELLED and not statuses <= FINISHED | {TaskStatus.FAILED}:
            yield f"{run.id} is CANCELLED with tasks that are {statuses}"
        if run.status == RunStatus.CREATED and (
            run.phase_id or run.started_at or seen.of_run[run.id]["worker"]
        ):
            yield f"{run.id} is CREATED, but something has begun"


@rule
def every_run_has_a_supervisor_and_the_built_in_one_stands_as_its_run_does(seen: Look) -> Iterator[str]:
    of_run = {row.run_id: row for row in seen.supervisor.values()}
    if set(of_run) != set(seen.run):
        yield f"of the runs {set(seen.run)}, these have supervisors: {set(of_run)}"
    for run in seen.run.values():
        supervisor, target = of_run[run.id], BUILT_IN[RunStatus(run.status)]
        if not supervisor.is_agent and target not in (None, supervisor.state):
            yield f"{run.id} is {run.status}, but its supervisor {supervisor.state}"
        if run.status in ENDED and supervisor.state not in OVER:
            yield f"{run.id} is {run.status}, but its supervisor goes on ({supervisor.state})"
