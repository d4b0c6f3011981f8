"""What every fact of the event log has, and how the objects that it links to are found."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import strawberry

from app.schema.context import Info
from app.schema.scalars import Cursor
from app.schema.shapes import shown
from app.store.tables import EventRow

if TYPE_CHECKING:
    from app.schema.attention import AttentionItem
    from app.schema.commands import Command
    from app.schema.context_items import ContextItem
    from app.schema.findings import Finding
    from app.schema.hosts import Host
    from app.schema.projects import Project
    from app.schema.runs import Run
    from app.schema.subtasks import Subtask
    from app.schema.tasks import Task
    from app.schema.tokens import Token
    from app.schema.tool_calls import ToolCall
    from app.schema.workers import Worker

ProjectLink = Annotated["Project", strawberry.lazy("app.schema.projects")]
RunLink = Annotated["Run", strawberry.lazy("app.schema.runs")]
TaskLink = Annotated["Task", strawberry.lazy("app.schema.tasks")]
WorkerLink = Annotated["Worker", strawberry.lazy("app.schema.workers")]
AttentionItemLink = Annotated["AttentionItem", strawberry.lazy("app.schema.attention")]
HostLink = Annotated["Host", strawberry.lazy("app.schema.hosts")]
CommandLink = Annotated["Command", strawberry.lazy("app.schema.commands")]
SubtaskLink = Annotated["Subtask", strawberry.lazy("app.schema.subtasks")]
FindingLink = Annotated["Finding", strawberry.lazy("app.schema.findings")]
TokenLink = Annotated["Token", strawberry.lazy("app.schema.tokens")]
ToolCallLink = Annotated["ToolCall", strawberry.lazy("app.schema.tool_calls")]
ContextItemLink = Annotated["ContextItem", strawberry.lazy("app.schema.context_items")]


@strawberry.interface(
    description="One fact. Its own fields say what happened then; the objects it links to are as they are now."
)
class Event:
    row: strawberry.Private[EventRow]
    id: strawberry.ID = strawberry.field(description="Opaque.")
    cursor: Cursor = strawberry.field(description="Its position in the log. Positions may have gaps.")
    at: datetime = strawberry.field(description="When it happened, by the server's clock.")
    actor: str | None = strawberry.field(
        description="Who did it; trackside where the control plane did by itself."
    )

    @strawberry.field(description="The run it belongs to.")
    async def run(self, info: Info) -> RunLink | None:
        if self.row.run_id is None:
            return None
        row = await info.context.loaders.runs.load(self.row.run_id)
        return shown(row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row))


def common(row: EventRow) -> dict[str, Any]:
    return {
        "row": row,
        "id": strawberry.ID(f"evt_{row.seq:016d}"),
        "cursor": Cursor(str(row.seq)),
        "at": row.at,
        "actor": row.actor,
    }


async def task_of(info: Info, row: EventRow) -> Any:
    found = await info.context.loaders.tasks.load(row.task_id) if row.task_id is not None else None
    return shown(found)


async def tasks_of(info: Info, ids: list[str]) -> list[Any]:
    rows = await info.context.loaders.tasks.load_many(ids)
    return [shown(row) for row in rows if row is not None]


async def worker_of(info: Info, row: EventRow) -> Any:
    found = await info.context.loaders.workers.load(row.worker_id) if row.worker_id is not None else None
    return shown(found)


async def item_of(info: Info, row: EventRow) -> Any:
    found = await info.context.loaders.attention.load(row.data["item"])
    return shown(found)
