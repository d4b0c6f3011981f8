"""What workers spend, and what people are asked about it."""

from decimal import Decimal
from typing import Any

from app import commands
from app.domain.attention import AttentionKind
from app.domain.budgets import Limit
from app.domain.events import EventKind
from app.domain.reports import Paused, Resumed, Used
from app.domain.usage import Amounts, units
from app.domain.workers import Desire
from app.store.tables import AttentionRow, EventRow, WorkerRow
from tests.factories import COMMAND
from tests.fleet import Fleet


def usd(dollars: str | float) -> int:
    return units(Decimal(str(dollars)))


def cost(dollars: str | float) -> Used:
    return Used("m-1", Amounts(cost=usd(dollars)))


def limit(dollars: str | float | None) -> Limit:
    return Limit(None if dollars is None else usd(dollars))


async def asked(fleet: Fleet) -> list[AttentionRow]:
    """Open items about budgets, the oldest first."""
    opened = [row.data["item"] for row in await fleet.events(EventKind.ATTENTION_OPENED)]
    items = [await fleet.item(id) for id in opened]
    return [item for item in items if item.status == "OPEN" and item.kind == AttentionKind.BUDGET]


async def warnings(fleet: Fleet) -> list[EventRow]:
    return await fleet.events(EventKind.BUDGET_WARNED)


async def spawned(fleet: Fleet, run: str, dollars: float | None = None, **arguments: Any) -> str:
    """A worker by hand, running."""
    receipt = await fleet.do(
        commands.workers.spawn,
        run_id=run,
        runtime=COMMAND,
        budget=None if dollars is None else usd(dollars),
        **arguments,
    )
    await fleet.claim()
    return await fleet.up(str(receipt.refs["worker"]))


async def obey(fleet: Fleet, worker_id: str) -> WorkerRow:
    """The runner pauses its agent, or lets it go on, as it is told."""
    worker = await fleet.worker(worker_id)
    await fleet.report(worker_id, Paused() if worker.desire == Desire.PAUSE else Resumed())
    return await fleet.worker(worker_id)
