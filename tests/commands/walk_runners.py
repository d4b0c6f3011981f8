"""What the engine and runners do on a walk, and how everything is brought to its end."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from app import commands, store
from app.domain.attention import AttentionStatus
from app.domain.deliverables import DeliverableStatus
from app.domain.errors import AppError
from app.domain.reports import (
    Answered,
    Asked,
    Body,
    Delivered,
    Exited,
    Line,
    Lines,
    LogStream,
    Paused,
    Report,
    Resumed,
    Seen,
    Started,
)
from app.domain.runs import ENDED, RunStatus
from app.domain.tasks import TaskStatus
from app.domain.workers import LIVE, Desire, ExitReason, WorkerStatus
from tests.commands.walk import Walk, often
from tests.commands.walk_clients import an_answer
from tests.commands.walk_money import help_budgets

W = WorkerStatus


@often(10)
async def claim(walk: Walk) -> None:
    await walk.fleet.claim(walk.random.randint(1, 8))


@often(3)
async def time_passes(walk: Walk) -> None:
    walk.fleet.clock.advance(seconds=walk.random.choice([0.5, 3, 30, 90]))
    await walk.fleet.db.write(commands.attention.expire)
    await walk.fleet.db.write(commands.attention.refresh)
    patience = timedelta(minutes=2)
    await walk.fleet.db.write(
        commands.supervisors.miss, patience=patience, led_since=walk.fleet.clock() - patience
    )


@often(2)
async def lose(walk: Walk) -> None:
    worker = walk.some("worker", LIVE)
    if worker is not None and walk.chance(0.5):
        walk.note(worker.name)
        await walk.fleet.db.write(
            commands.reports.lose, worker_id=worker.id, fence=worker.fence, reason="It was silent."
        )


@often(16)
async def an_honest_runner(walk: Walk) -> None:
    worker = walk.alive()
    if worker is not None:
        await obey(walk, worker, eager=walk.chance(0.3))


@often(7)
async def any_report(walk: Walk) -> None:
    """Also of workers that are over, also twice, also with a gap, also with the wrong fence."""
    worker = walk.some("worker", LIVE)
    if worker is None:
        return
    first = worker.reports + walk.random.choice([1, 1, 1, 1, 1, 0, -1, 2])
    bodies = [a_body(walk, worker) for _ in range(walk.random.randint(1, 3))]
    walk.note(f"{worker.name} {worker.status} {first} {bodies}")
    reports = [Report(n, walk.fleet.clock(), body) for n, body in enumerate(bodies, first)]
    fence = worker.fence + walk.random.choice([0] * 9 + [-1])
    await walk.fleet.send(worker.id, fence, *reports)


def a_body(walk: Walk, worker: Any) -> Body:
    random = walk.random
    items = [item.id for item in walk.now.context_item.values()]
    return random.choice(
        [
            Started(random.randint(2, 99), 1.0),
            Started(random.randint(2, 99), 1.0),
            Lines([Line(LogStream.STDOUT, "a line", walk.fleet.clock())]),
            Paused(),
            Resumed(),
            Seen(random.randint(0, worker.revision)),
            Asked(str(random.randint(1, 9)), f"wish {random.randint(1, 2)}", None, ["yes", "no"]),
            Answered([str(random.randint(1, 9))]),
            Delivered(random.sample(items, k=min(len(items), random.randint(0, 2)))),
            Exited(random.choice(list(ExitReason)), exit_code=random.randint(0, 1)),
        ]
    )


async def obey(walk: Walk, worker: Any, *, eager: bool = True) -> None:
    """What a real runner would do next; its agent ends only where the walk is eager."""
    walk.note(f"{worker.name} {worker.status} is to {worker.desire}")
    bodies: list[Body] = []
    if worker.seen < worker.revision:
        await walk.fleet.db.write(commands.reports.note_sent, worker_id=worker.id, revision=worker.revision)
        bodies.append(Seen(worker.revision))
    fresh = [
        item.id
        for item in walk.now.context_item.values()
        if item.worker_id == worker.id and item.delivered_at is None
    ]
    if fresh and (eager or walk.chance(0.3)):
        bodies.append(Delivered(fresh))
    _, orders = await walk.fleet.db.read(store.orders.read, worker.id, worker.fence)
    if orders.answers and (eager or walk.chance(0.3)):
        bodies.append(Answered([request for request, _ in orders.answers]))
    if worker.desire == Desire.STOP:
        bodies += [Exited(ExitReason.KILLED)] if eager else []
    elif worker.status == W.SPAWNING:
        bodies += [Started(7, 1.0)] if worker.desire == Desire.RUN else []
    elif worker.desire == Desire.PAUSE and worker.status != W.PAUSED:
        bodies.append(Paused())
    elif worker.desire == Desire.RUN and worker.status == W.PAUSED:
        bodies.append(Resumed())
    elif worker.status == W.RUNNING and eager and not bodies:
        bodies.append(Exited(ExitReason.EXITED, exit_code=0 if walk.chance(0.7) else 1))
    await walk.fleet.report(worker.id, *bodies)


# ---------------------------------------------------------------- the end


async def wind_down(walk: Walk) -> None:
    """People answer, unblock and resume everything, runners obey: every run has to come to an end."""
    walk.done.append("wind down")
    await walk.do(commands.pipeline.resume)
    for _ in range(100):
        await walk.look()
        open_runs = [run for run in walk.now.run.values() if run.status not in ENDED]
        live = [worker for worker in walk.now.worker.values() if worker.status in LIVE]
        if not open_runs and not live:
            return
        walk.done.append("wind down")
        await help_everyone(walk, open_runs, live)
        await walk.look()
        for run in walk.now.run.values():
            if run.status not in ENDED | {RunStatus.STOPPING, RunStatus.COMPLETING}:
                await help_phases(walk, run.id)
        await walk.look()
        for worker in walk.now.worker.values():
            if worker.status in LIVE:
                await obey(walk, worker)
        walk.fleet.clock.advance(minutes=2)
        await walk.fleet.claim()
    raise AssertionError("these never come to an end:\n" + "\n".join(map(str, [*open_runs, *live])))


async def help_everyone(walk: Walk, open_runs: list[Any], live: list[Any]) -> None:
    for item in walk.now.attention.values():
        if item.status == AttentionStatus.OPEN:
            with suppress(AppError):  # an answer before may have settled it
                await walk.fleet.do(commands.attention.answer, item_id=item.id, answer=an_answer(walk, item))
    await help_budgets(walk, open_runs, live)
    for run in open_runs:
        if run.status == RunStatus.CREATED:
            await walk.fleet.do(commands.runs.start, run_id=run.id)
        elif run.status in (RunStatus.PAUSED, RunStatus.PAUSING):
            with suppress(AppError):  # raising its budget may have done it
                await walk.fleet.do(commands.runs.resume, run_id=run.id)
    for worker in live:
        if worker.desire == Desire.PAUSE:
            with suppress(AppError):  # resuming its run may have done it
                await walk.fleet.do(commands.workers.resume, worker_id=worker.id)
    for run in open_runs:
        if run.status not in (RunStatus.STOPPING, RunStatus.COMPLETING):
            await help_tasks(walk, run.id)


async def help_phases(walk: Walk, run_id: str) -> None:
    """Hand in what is owed, and go on wherever that is asked for."""
    for owed in walk.now.of_run[run_id]["deliverable"]:
        if owed.status == DeliverableStatus.PENDING:
            key = walk.now.phase[owed.phase_id].key
            await walk.fleet.do(
                commands.deliverables.complete, run_id=run_id, phase=key, deliverable=owed.key
            )
    with suppress(AppError):  # its gate does not hold yet
        await walk.fleet.do(commands.phases.advance, run_id=run_id, confirmed=True)
    await walk.fleet.do(commands.phases.check_completion, run_id=run_id)


async def help_tasks(walk: Walk, run_id: str) -> None:
    for task in walk.now.of_run[run_id]["task"]:
        if task.status == TaskStatus.BLOCKED:
            await walk.fleet.do(commands.tasks.unblock, task_id=task.id)
        elif task.status == TaskStatus.READY and task.runtime is None:
            with suppress(AppError):  # the phase may have gone on without it meanwhile
                await walk.fleet.do(commands.tasks.complete, task_id=task.id)
