"""A walk through a control plane: what it knows, how it chooses, and what it insists on after every step."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

from app.domain.conflicts import ConflictPolicy
from app.domain.errors import AppError
from app.domain.phases import Gate, TaskRequirement
from app.domain.plans import Plan, PlanDeliverable, PlanTask
from app.domain.workers import LIVE
from tests.factories import COMMAND, a_plan, a_task
from tests.fleet import Fleet
from tests.invariants import Look, check
from tests.story import Story

Step = Callable[["Walk"], Awaitable[None]]
STEPS: list[Step] = []


def often(times: int) -> Callable[[Step], Step]:
    """Make a function one of the steps of a walk, so many times as likely as another."""

    def add(step: Step) -> Step:
        STEPS.extend([step] * times)
        return step

    return add


@dataclass
class Walk:
    fleet: Fleet
    random: Random
    story: Story = field(default_factory=Story)
    done: list[str] = field(default_factory=list)
    refused: int = 0
    now: Look = field(init=False)
    project: str = field(init=False)

    async def go(self, steps: int) -> None:
        self.project = await self.fleet.a_project()
        for _ in range(2):
            await self.begin()
        await self.look()
        for _ in range(steps):
            await self.attempt(self.random.choice(STEPS))

    async def begin(self, *, start: bool = True) -> None:
        await self.fleet.a_run(
            plan=a_random_plan(self.random),
            project_id=self.project,
            runtime=None if self.chance(0.15) else COMMAND,
            supervisor=COMMAND if self.chance(0.3) else None,
            max_workers=self.random.randint(1, 4),
            budget=self.random.randint(0, 40) if self.chance(0.4) else None,
            phase_guard=self.chance(0.2),
            auto_advance=self.chance(0.8),
            auto_complete=self.chance(0.8),
            conflict_policy=self.random.choice([*ConflictPolicy, ConflictPolicy.ASK]),
            start=start,
        )

    async def attempt(self, step: Step) -> None:
        self.done.append(step.__name__)
        try:
            await step(self)
        except AppError as error:
            self.refused += 1
            self.done[-1] += f" refused: {error.message}"
        else:
            await self.look()

    async def look(self) -> None:
        """Read everything, and insist that it makes sense."""
        try:
            self.now = await self.fleet.db.read(check, self.story)
        except AssertionError as error:
            raise AssertionError(f"{error}\nafter:\n" + "\n".join(self.done[-12:])) from None

    async def do(self, change: Callable[..., Any], **arguments: Any) -> None:
        self.note(f"{change.__module__.rpartition('.')[2]}.{change.__name__} {arguments}")
        key = self.random.choice([None, None, None, f"key-{self.random.randint(0, 40)}"])
        await self.fleet.do(change, key=key, **arguments)

    def note(self, words: str) -> None:
        self.done[-1] += f" {words}"

    # ------------------------------------------------------------ choices

    def chance(self, part: float) -> bool:
        return self.random.random() < part

    def some(self, table: str, statuses: Collection[str] | None = None, **where: Any) -> Any:
        """A random row, or None; mostly one in these statuses, so that most steps are possible and some are not."""
        rows = [
            row
            for row in self.now.rows[table].values()
            if all(getattr(row, column) == value for column, value in where.items())
        ]
        if statuses is not None and self.chance(0.9):
            rows = [row for row in rows if row.status in statuses]
        return self.random.choice(rows) if rows else None

    def alive(self) -> Any:
        rows = [worker for worker in self.now.worker.values() if worker.status in LIVE]
        return self.random.choice(rows) if rows else None

    def version(self, run: Any) -> int | None:
        return self.random.choice([None, None, None, None, run.version, run.version - 1])


def a_random_plan(random: Random) -> Plan:
    """One to three phases; a task waits for some before it. Some phases owe something, or have another gate than ALL."""
    plan = a_plan(*random_phases(random))
    for phase in plan.phases:
        phase.guard = random.choice([None, None, None, True, False])
        phase.gate = a_random_gate(random, [task.key for task in phase.tasks])
        if random.random() < 0.3:
            phase.deliverables = [
                PlanDeliverable(f"d{number}", "Paper", required=random.random() < 0.7)
                for number in range(random.randint(1, 2))
            ]
    return plan


def a_random_gate(random: Random, keys: list[str]) -> Gate:
    match random.choice([*["ALL"] * 4, "NONE", "MIN", "NAMED"]):
        case "MIN" if keys:
            return Gate(TaskRequirement.MIN, random.randint(1, len(keys)))
        case "NAMED" if keys:
            return Gate(TaskRequirement.NAMED, None, tuple(random.sample(keys, random.randint(1, len(keys)))))
        case "NONE":
            return Gate(TaskRequirement.NONE)
        case _:
            return Gate()


def random_phases(random: Random) -> list[list[PlanTask]]:
    phases: list[list[PlanTask]] = []
    before: list[str] = []
    for phase in range(random.randint(1, 3)):
        tasks = []
        for number in range(random.randint(0 if phase else 2, 5)):
            key = f"t{phase}{number}"
            needs = random.sample(before, k=min(len(before), random.choice([0, 0, 1, 2])))
            tasks.append(
                a_task(
                    key,
                    needs=needs,
                    done=random.random() < 0.1,
                    priority=random.randint(0, 3),
                    max_attempts=random.randint(1, 3),
                    budget=random.choice([None, None, None, random.randint(0, 20)]),
                    paths=random.choice([[], [], ["src/**"], ["src/a.py", "docs"], ["docs/*.md"]]),
                )
            )
            before.append(key)
        phases.append(tasks)
    return phases
