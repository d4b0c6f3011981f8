"""The tools that agents call."""

from datetime import datetime
from typing import Final, Self

import strawberry

from app import store
from app.schema.connections import After, Before, First, Last, UncountedConnection, connect_uncounted, window
from app.schema.context import Info
from app.schema.enums import ToolCallStatus
from app.schema.interfaces import Node
from app.schema.shapes import shape_of, shown
from app.store.paging import Key
from app.store.tables import WorkerRow
from app.store.tool_tables import ToolCallRow

OLDEST_FIRST: Final = [Key(ToolCallRow.id)]


@shape_of(ToolCallRow)
@strawberry.type(description="One call of a tool by an agent. What went in and came out is not kept.")
class ToolCall(Node):
    name: str = strawberry.field(description="What the agent calls the tool.")
    input_summary: str | None = strawberry.field(description="What it was called with, in short.")
    status: ToolCallStatus = strawberry.field(description="How far it has come.")
    started_at: datetime = strawberry.field(description="When it began, by its runner's clock.")
    duration_ms: int | None = strawberry.field(description="How long it took; null while it goes on.")
    error: str | None = strawberry.field(description="Why it failed.")

    @classmethod
    def of(cls, row: ToolCallRow) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            name=row.name,
            input_summary=row.input_summary,
            status=ToolCallStatus(row.status),
            started_at=row.started_at,
            duration_ms=row.duration_ms,
            error=row.error,
        )


@strawberry.type
class WorkerToolCalls:
    row: strawberry.Private[WorkerRow]

    @strawberry.field(description="The tools its agent has called, oldest first; `last` reads from the end.")
    async def tool_calls(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> UncountedConnection[ToolCall] | None:
        return await connect_uncounted(
            info.context,
            lambda tx: store.tool_calls.of_worker(self.row.id),
            OLDEST_FIRST,
            window(first, after, last, before),
            ToolCall.of,
        )

    @strawberry.field(description="The tool that its agent has called last.")
    async def last_tool_call(self, info: Info) -> ToolCall | None:
        return shown(await info.context.loaders.last_tool_calls.load(self.row.id))
