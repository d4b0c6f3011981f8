"""A walk through a control plane: clients, engine and runners doing anything they can do, in any order."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from app import commands
from app.commands.context import Item
from app.domain.attention import AttentionStatus
from app.domain.edits import AddDependency, AddTask, Edit, EditTask, RemoveDependency, RemoveTask
from app.domain.errors import AppError
from app.domain.plans import PlanTask
from app.domain.reports import (
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
from app.domain.runs import ENDED, Urgency
from app.domain.workers import LIVE, Desire, ExitReason
from tests.factories import COMMAND, a_task
from tests.fleet import Fleet
from tests.invariants import Log, Look, check

Step = Callable[["Walk"], Awaitable[None]]
STEPS: list[Step] = []


def often(times: int) -> Callable[[Step], Step]:
    def add(step: Step) -> Step:
        STEPS.extend([step] * times)
        return step

    return add


@dataclass
class Walk:
    fleet: Fleet
    random: Random
    log: Log = field(default_factory=Log)
    done: list[str] = field(default_factory=list)
    refused: int = 0
    now: Look = field(init=False)

    async def go(self, steps: int) -> None:
        self.project = await self.fleet.a_project()
        await self.look()
        for _ in range(steps):
            await self.attempt(self.random.choice(STEPS))

    async def attempt(self, step: Step) -> None:
        self.done.append(step.__name__)
        try:
            await step(self)
        except AppError as error:
            self.refused += 1
            self.done[-1] += f" refused: {error.message}"
        await self.look()

    async def look(self) -> None:
        """Read everything, and insist that it makes sense."""
        try:
            self.now = await self.fleet.db.read(check, self.log)
        except AssertionError as error:
            raise AssertionError(f"{error}\nafter:\n" + "\n".join(self.done[-12:])) from None

    # ------------------------------------------------------------ choices

    def note(self, words: str) -> None:
        self.done[-1] += f" {words}"

    def some(self, table: str, **where: Any) -> Any:
        """A random row, or None."""
        rows = [
            row
            for row in self.now.rows[table].values()
            if all(getattr(row, column) == value for column, value in where.items())
        ]
        return self.random.choice(rows) if rows else None

    def alive(self) -> Any:
        rows = [worker for worker in self.now.worker.values() if worker.status in LIVE]
        return self.random.choice(rows) if rows else None

    def chance(self, part: float) -> bool:
        return self.random.random() < part

    def version(self, run: Any) -> int | None:
        return self.random.choice([None, None, None, run.version, run.version - 1])

    async def do(self, change: Callable[..., Any], **arguments: Any) -> None:
        self.note(f"{change.__module__.rpartition('.')[2]}.{change.__name__} {arguments}")
        key = self.random.choice([None, None, None, f"key-{self.random.randint(0, 40)}"])
        await self.fleet.do(change, key=key, **arguments)


def a_random_plan(random: Random) -> list[list[PlanTask]]:
    """Two or three phases; a task waits for some before it."""
    phases: list[list[PlanTask]] = []
    before: list[str] = []
    for phase in range(random.randint(1, 3)):
        tasks = []
        for number in range(random.randint(0 if phase else 1, 4)):
            key = f"t{phase}{number}"
            needs = random.sample(before, k=min(len(before), random.randint(0, 2)))
            tasks.append(
                a_task(
                    key,
                    needs=needs,
                    done=random.random() < 0.1,
                    priority=random.randint(0, 3),
                    max_attempts=random.randint(1, 3),
                )
            )
            before.append(key)
        phases.append(tasks)
    return phases


# ---------------------------------------------------------------- clients


@often(2)
async def create(walk: Walk) -> None:
    if len(walk.now.run) < 4:
        runtime = None if walk.chance(0.15) else COMMAND
        await walk.fleet.a_run(
            *a_random_plan(walk.random),
            project_id=walk.project,
            runtime=runtime,
            max_workers=walk.random.randint(1, 4),
            start=walk.chance(0.7),
        )


@often(4)
async def steer_a_run(walk: Walk) -> None:
    run = walk.some("run")
    if run is None:
        return
    verbs = commands.runs
    verb = walk.random.choice(
        [verbs.start, verbs.start, verbs.pause, verbs.pause, verbs.resume, verbs.resume, verbs.resume]
        + [verbs.retry, verbs.retry, verbs.configure, verbs.archive]
    )
    arguments: dict[str, Any] = {"run_id": run.id, "expected_version": walk.version(run)}
    if verb is verbs.pause:
        arguments["mode"] = walk.random.choice(list(Urgency))
    if verb is verbs.configure:
        arguments["max_workers"] = walk.random.randint(1, 5)
    await walk.do(verb, **arguments)


@often(1)
async def stop_a_run(walk: Walk) -> None:
    run = walk.some("run")
    if run is not None and walk.chance(0.4):
        await walk.do(commands.runs.stop, run_id=run.id, mode=walk.random.choice(list(Urgency)))


@often(8)
async def steer_a_task(walk: Walk) -> None:
    task = walk.some("task")
    if task is not None:
        verbs = commands.tasks
        verb = walk.random.choice(
            [verbs.block, verbs.unblock, verbs.unblock, verbs.complete, verbs.skip, verbs.retry]
        )
        await walk.do(verb, task_id=task.id)


@often(5)
async def steer_a_worker(walk: Walk) -> None:
    worker = walk.alive() if walk.chance(0.9) else walk.some("worker")
    if worker is not None:
        verbs = commands.workers
        verb = walk.random.choice(
            [verbs.kill, verbs.pause, verbs.pause, verbs.resume, verbs.resume, verbs.report_progress]
        )
        await walk.do(verb, worker_id=worker.id)


@often(2)
async def spawn(walk: Walk) -> None:
    run = walk.some("run")
    if run is not None:
        task = walk.some("task", run_id=run.id) if walk.chance(0.7) else None
        await walk.do(commands.workers.spawn, run_id=run.id, task_id=task.id if task else None, runtime=COMMAND)


@often(6)
async def ask(walk: Walk) -> None:
    worker = walk.alive() if walk.chance(0.9) else walk.some("worker")
    if worker is None:
        return
    arguments: dict[str, Any] = {"question": walk.random.choice(["Which?", "Why?", "Now?"])}
    if walk.chance(0.3):
        arguments["default_answer"] = "whatever"
    if walk.chance(0.5):
        arguments["expires_in_seconds"] = walk.random.randint(1, 60)
    by_nobody = walk.chance(0.1)
    await walk.do(
        commands.attention.ask,
        run_id=worker.run_id,
        worker_id=None if by_nobody else worker.id,
        **arguments,
    )


@often(5)
async def settle_a_question(walk: Walk) -> None:
    item = walk.some("attention", status=AttentionStatus.OPEN) or walk.some("attention")
    if item is not None:
        if walk.chance(0.8):
            await walk.do(commands.attention.answer, item_id=item.id, answer="this one")
        else:
            await walk.do(commands.attention.dismiss, item_id=item.id)


@often(3)
async def inject(walk: Walk) -> None:
    items = [Item("TEXT", "hello", 1)] * walk.random.randint(1, 2)
    target = walk.random.choice(["run", "task", "worker"])
    row = walk.some(target)
    if row is not None:
        await walk.do(commands.context.inject, items=items, **{f"{target}_id": row.id})


@often(5)
async def mutate(walk: Walk) -> None:
    run = walk.some("run")
    if run is None:
        return
    edits = [an_edit(walk, run.id) for _ in range(walk.random.randint(1, 3))]
    arguments = {"run_id": run.id, "edits": edits, "expected_version": walk.version(run)}
    if walk.chance(0.2):
        await walk.fleet.db.rehearse(commands.dag.mutate, **arguments)
    else:
        await walk.do(commands.dag.mutate, **arguments)


def an_edit(walk: Walk, run_id: str) -> Edit:
    random = walk.random
    keys = [task.key for task in walk.now.task.values() if task.run_id == run_id] or ["none"]
    phases = [phase.key for phase in walk.now.phase.values() if phase.run_id == run_id]
    key, other = random.choice(keys), random.choice(keys)
    return random.choice(
        [
            AddTask(f"new{random.randint(0, 20)}", "More", depends_on=[key]),
            AddTask(f"new{random.randint(0, 20)}", "More", phase=random.choice(phases), runtime=COMMAND),
            RemoveTask(key, kill_worker=walk.chance(0.7)),
            AddDependency(key, other),
            AddDependency(key, other),
            RemoveDependency(key, other),
            EditTask(key, priority=random.randint(0, 3), max_attempts=random.randint(1, 3)),
            EditTask(key, phase=random.choice(phases)),
            EditTask(key, runtime=COMMAND),
        ]
    )


@often(1)
async def switch_the_pipeline(walk: Walk) -> None:
    await walk.do(commands.pipeline.pause if walk.chance(0.3) else commands.pipeline.resume)


# ---------------------------------------------------------------- engine


@often(10)
async def claim(walk: Walk) -> None:
    await walk.fleet.claim(walk.random.randint(1, 8))


@often(3)
async def time_passes(walk: Walk) -> None:
    walk.fleet.clock.advance(seconds=walk.random.choice([0.5, 3, 30]))
    await walk.fleet.db.write(commands.attention.expire)
    await walk.fleet.db.write(commands.attention.refresh)


@often(2)
async def lose(walk: Walk) -> None:
    worker = walk.alive() if walk.chance(0.8) else walk.some("worker")
    if worker is not None:
        walk.note(worker.name)
        await walk.fleet.db.write(
            commands.reports.lose, worker_id=worker.id, fence=worker.fence, reason="It was silent."
        )


# ---------------------------------------------------------------- runners


@often(14)
async def an_honest_runner(walk: Walk) -> None:
    worker = walk.alive()
    if worker is not None:
        await obey(walk, worker)


@often(8)
async def any_report(walk: Walk) -> None:
    """Also of workers that are over, also twice, also with a gap, also with the wrong fence."""
    worker = walk.some("worker")
    if worker is None:
        return
    first = worker.reports + walk.random.choice([1, 1, 1, 1, 0, -1, 2])
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
            Delivered(random.sample(items, k=min(len(items), random.randint(0, 2)))),
            Exited(random.choice(list(ExitReason)), exit_code=random.randint(0, 1)),
        ]
    )


async def obey(walk: Walk, worker: Any) -> None:
    """One thing that a real runner would do next."""
    walk.note(f"{worker.name} {worker.status} is to {worker.desire}")
    bodies: list[Body] = []
    if worker.seen < worker.revision:
        bodies.append(Seen(worker.revision))
    fresh = [item.id for item in walk.now.context_item.values() if item.worker_id == worker.id and item.delivered_at is None]
    if fresh:
        bodies.append(Delivered(fresh))
    if worker.desire == Desire.STOP:
        bodies.append(Exited(ExitReason.KILLED))
    elif worker.status == "SPAWNING":
        bodies += [Started(7, 1.0)] if worker.desire == Desire.RUN else []
    elif worker.desire == Desire.PAUSE:
        bodies += [Paused()] if worker.status != "PAUSED" else []
    elif worker.status == "PAUSED":
        bodies.append(Resumed())
    elif worker.status == "RUNNING" and not bodies:
        bodies.append(Exited(ExitReason.EXITED, exit_code=0 if walk.chance(0.7) else 1))
    await walk.fleet.report(worker.id, *bodies)


# ---------------------------------------------------------------- the end


async def wind_down(walk: Walk) -> None:
    """People answer, unblock and resume everything, runners obey: every run has to come to an end."""
    fleet = walk.fleet
    await walk.do(commands.pipeline.resume)
    for _ in range(400):
        await walk.look()
        open_runs = [run for run in walk.now.run.values() if run.status not in ENDED]
        live = [worker for worker in walk.now.worker.values() if worker.status in LIVE]
        if not open_runs and not live:
            return
        walk.done.append("wind down")
        for run in open_runs:
            await help_on(walk, run)
        for worker in live:
            if worker.desire == Desire.PAUSE:
                with suppress(AppError):  # resuming its run may have done it
                    await fleet.do(commands.workers.resume, worker_id=worker.id)
        await walk.look()
        for worker in walk.now.worker.values():
            if worker.status in LIVE:
                await obey(walk, worker)
        fleet.clock.advance(minutes=2)
        await fleet.claim()
    raise AssertionError("these never come to an end:\n" + "\n".join(map(str, [*open_runs, *live])))


async def help_on(walk: Walk, run: Any) -> None:
    fleet = walk.fleet
    if run.status == "CREATED":
        await fleet.do(commands.runs.start, run_id=run.id)
    elif run.status in ("PAUSED", "PAUSING"):
        await fleet.do(commands.runs.resume, run_id=run.id)
    for item in walk.now.attention.values():
        if item.run_id == run.id and item.status == AttentionStatus.OPEN:
            await fleet.do(commands.attention.answer, item_id=item.id, answer="this one")
    if run.status == "STOPPING":
        return
    for task in walk.now.task.values():
        if task.run_id == run.id and task.status == "BLOCKED":
            await fleet.do(commands.tasks.unblock, task_id=task.id)
        elif task.run_id == run.id and task.status == "READY" and task.runtime is None:
            await fleet.do(commands.tasks.complete, task_id=task.id)
