"""What agents spend on a walk, and what people do about it. Amounts are small: what matters is where the limits lie."""

from contextlib import suppress
from typing import Any

from app import commands
from app.domain.attention import AttentionStatus
from app.domain.budgets import Limit
from app.domain.edits import EditTask
from app.domain.errors import AppError
from app.domain.reports import Used
from app.domain.runs import EDITABLE, RunStatus
from app.domain.tasks import TaskStatus
from app.domain.usage import Amounts
from app.domain.workers import LIVE, Desire, WorkerStatus
from tests.commands.walk import Walk, often
from tests.factories import COMMAND


@often(6)
async def spend(walk: Walk) -> None:
    """Also while its worker is pausing, paused or being ended: what is told is counted."""
    worker = walk.some("worker", {WorkerStatus.RUNNING})
    if worker is None:
        return
    told = [
        Used("m-1", Amounts(1, cost=walk.random.randint(0, 12))) for _ in range(walk.random.randint(1, 2))
    ]
    walk.note(f"{worker.name} {[one.amounts.cost for one in told]}")
    await walk.fleet.report(worker.id, *told)


@often(3)
async def set_a_limit(walk: Walk) -> None:
    """Raised, lowered, also below what is spent, or taken away."""
    run = walk.some("run", EDITABLE)
    if run is None:
        return
    limit = Limit(walk.random.choice([None, walk.random.randint(0, 60)]))
    if walk.chance(0.5):
        await walk.do(commands.runs.configure, run_id=run.id, budget=limit)
    elif tasks := walk.now.of_run[run.id]["task"]:
        edit = EditTask(walk.random.choice(tasks).key, budget=limit)
        await walk.do(commands.dag.mutate, run_id=run.id, edits=[edit])


@often(2)
async def spawn_with_a_budget(walk: Walk) -> None:
    """What is promised afterwards is there, or nobody is started."""
    run = walk.some("run", {RunStatus.ACTIVE, RunStatus.WAITING_FOR_INPUT, RunStatus.PAUSED})
    if run is None:
        return
    task = walk.some("task", {TaskStatus.READY}, run_id=run.id) if walk.chance(0.5) else None
    await walk.do(
        commands.workers.spawn,
        run_id=run.id,
        task_id=task.id if task else None,
        runtime=COMMAND,
        budget=walk.random.randint(0, 15),
    )
    row = await walk.fleet.run(run.id)
    assert row.reserved > run.reserved, "nothing is promised to who was started"
    assert row.budget is None or row.cost + row.reserved <= row.budget, "more is promised than there is"


async def help_budgets(walk: Walk, open_runs: list[Any], live: list[Any]) -> None:
    """People take every limit away; a worker whose own budget nobody would raise is ended."""
    for run in open_runs:
        with suppress(AppError):  # it is stopping
            await walk.fleet.do(commands.runs.configure, run_id=run.id, budget=Limit(None))
            edits = [
                EditTask(task.key, budget=Limit(None))
                for task in walk.now.of_run[run.id]["task"]
                if task.budget is not None and task.status != TaskStatus.CANCELLED
            ]
            await walk.fleet.do(commands.dag.mutate, run_id=run.id, edits=edits)
    for item in await open_items(walk):
        await walk.fleet.do(commands.attention.answer, item_id=item.id, answer="no limit")
    for row in live:
        worker = await walk.fleet.worker(row.id)
        used_up = worker.budget is not None and worker.desire == Desire.PAUSE
        if worker.status in LIVE and used_up and not walk.now.held_by(worker.id):
            await walk.fleet.do(commands.workers.kill, worker_id=worker.id)


async def open_items(walk: Walk) -> list[Any]:
    items = [await walk.fleet.item(item.id) for item in walk.now.attention.values()]
    return [item for item in items if item.kind == "BUDGET" and item.status == AttentionStatus.OPEN]
