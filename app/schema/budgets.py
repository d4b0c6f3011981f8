"""Budgets: what may be spent, how that stands, and that most of it is gone."""

from decimal import Decimal
from typing import Any, Self

import strawberry

from app import store
from app.domain.budgets import BudgetScope, BudgetState, Ledger, Limit, limit_of
from app.domain.usage import dollars
from app.schema.context import Info
from app.schema.enums import describe
from app.schema.facts import Event, TaskLink, WorkerLink, common, task_of, worker_of
from app.store.tables import EventRow, RunRow, TaskRow

describe(
    BudgetScope,
    "What a budget is of.",
    {"RUN": "A whole run.", "TASK": "A task, all its attempts together.", "WORKER": "A worker."},
)
describe(
    BudgetState,
    "How far a budget is spent.",
    {
        "WITHIN": "Less than 80 %, or there is no limit.",
        "WARNING": "80 % or more: BudgetWarned has told so.",
        "USED_UP": "All of it or more: what spends it is paused, and a BUDGET item asks what is to be done.",
    },
)


@strawberry.type(description="How a budget stands, in US dollars.")
class Budget:
    limit_usd: Decimal = strawberry.field(description="What may be spent at most.")
    spent_usd: Decimal = strawberry.field(
        description="What is spent: more than the limit where the last report said so."
    )
    reserved_usd: Decimal = strawberry.field(
        description="What live workers may still spend of it and nobody else, because it is their own budget or their task's; "
        "nothing for a worker's own."
    )
    free_usd: Decimal = strawberry.field(description="What is neither spent nor reserved.")
    state: BudgetState = strawberry.field(description="How far it is spent.")

    @classmethod
    def of(cls, ledger: Ledger) -> Self | None:
        if ledger.limit is None:
            return None
        return cls(
            limit_usd=dollars(ledger.limit),
            spent_usd=dollars(ledger.spent),
            reserved_usd=dollars(ledger.reserved),
            free_usd=dollars(ledger.free or 0),
            state=ledger.state,
        )


@strawberry.type
class Budgeted:
    """What has a budget of its own."""

    row: strawberry.Private[Any]

    @strawberry.field(description="What may be spent on it, in US dollars; null where nothing limits that.")
    def budget_usd(self) -> Decimal | None:
        return None if self.row.budget is None else dollars(self.row.budget)

    @strawberry.field(description="How its budget stands; null where it has none.")
    async def budget(self, info: Info) -> Budget | None:
        if self.row.budget is None:
            return None
        if isinstance(self.row, RunRow):
            return Budget.of(store.budgets.of_run(self.row))
        used = await info.context.loaders.usage.load(self.row.id)
        reserved = await _reserved(info, self.row) if isinstance(self.row, TaskRow) else 0
        return Budget.of(Ledger(self.row.budget, used.cost if used is not None else 0, reserved))


async def _reserved(info: Info, task: TaskRow) -> int:
    worker = await info.context.loaders.workers.load(task.worker_id) if task.worker_id is not None else None
    return worker.reserved if worker is not None else 0


@strawberry.type(
    description="80 % of a budget are spent. Told once for each budget, until its limit is another; at 100 % what spends it "
    "is paused."
)
class BudgetWarned(Event):
    scope: BudgetScope = strawberry.field(description="What the budget is of.")
    budget_usd: Decimal = strawberry.field(description="Its limit then.")
    spent_usd: Decimal = strawberry.field(description="What was spent of it then.")

    @strawberry.field(
        description="The task that the budget is of; null for one of a run or a worker beside the DAG."
    )
    async def task(self, info: Info) -> TaskLink | None:
        return await task_of(info, self.row)

    @strawberry.field(description="The worker that has spent it last; null where the limit was lowered.")
    async def worker(self, info: Info) -> WorkerLink | None:
        return await worker_of(info, self.row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            scope=BudgetScope(data["scope"]),
            budget_usd=dollars(data["limit"]),
            spent_usd=dollars(data["spent"]),
        )


def budget(value: Any, *path: str) -> int | None:
    """A budget of something new; none where it is left out or null."""
    return None if value is strawberry.UNSET or value is None else limit_of(value, *path)


def limit(value: Any, *path: str) -> Limit | None:
    """A budget to set: as it is where it is left out, none where it is null."""
    return None if value is strawberry.UNSET else Limit(budget(value, *path))
