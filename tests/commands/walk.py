"""A walk through a control plane: what it knows, how it chooses, and what it insists on after every step."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

from app.domain.errors import AppError
from app.domain.plans import PlanTask
from app.domain.workers import LIVE
from tests.factories import COMMAND, a_task
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
            *a_random_plan(self.random),
            project_id=self.project,
            runtime=None if self.chance(0.15) else COMMAND,
            max_workers=self.random.randint(1, 4),
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


def a_random_plan(random: Random) -> list[list[PlanTask]]:
    """One to three phases; a task waits for some before it."""
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
                )
            )
            before.append(key)
        phases.append(tasks)
    return phases
