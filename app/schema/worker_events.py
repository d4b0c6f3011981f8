"""The facts of the event log about workers and what they do."""

from typing import Self

import strawberry

from app.domain.usage import Amounts
from app.schema.context import Info
from app.schema.enums import Desire, WorkerStatus
from app.schema.facts import (
    Event,
    TaskLink,
    ToolCallLink,
    WorkerLink,
    common,
    task_of,
    worker_of,
)
from app.schema.shapes import shown
from app.schema.usage import Usage
from app.store.tables import EventRow


@strawberry.type(description="A worker was made or changed its status.")
class WorkerStatusChanged(Event):
    old_worker_status: WorkerStatus | None = strawberry.field(
        description="The status before; null for a new worker."
    )
    new_worker_status: WorkerStatus = strawberry.field(description="The status after.")
    reason: str | None = strawberry.field(description="Why.")

    @strawberry.field(description="The worker.")
    async def worker(self, info: Info) -> WorkerLink | None:
        return await worker_of(info, self.row)

    @strawberry.field(description="The task it works on.")
    async def task(self, info: Info) -> TaskLink | None:
        return await task_of(info, self.row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            old_worker_status=WorkerStatus(data["old"]) if data["old"] else None,
            new_worker_status=WorkerStatus(data["new"]),
            reason=data["reason"],
        )


@strawberry.type(description="The control plane wants something else of a worker: its runner sees to it.")
class WorkerOrdered(Event):
    desire: Desire = strawberry.field(description="What is wanted since then.")

    @strawberry.field(description="The worker.")
    async def worker(self, info: Info) -> WorkerLink | None:
        return await worker_of(info, self.row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), desire=Desire(row.data["desire"]))


@strawberry.type(
    description="A worker said what it is doing or how far it is, or what it has used: that is told once a second at most, and "
    "before the worker's end."
)
class WorkerReported(Event):
    usage: Usage | None = strawberry.field(
        description="What it has used since it last said so; null where it said something else."
    )

    @strawberry.field(description="The worker.")
    async def worker(self, info: Info) -> WorkerLink | None:
        return await worker_of(info, self.row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        used = row.data.get("usage")
        return cls(**common(row), usage=Usage.of(Amounts(**used)) if used else None)


@strawberry.type(description="An agent called a tool.")
class ToolStarted(Event):
    tool: str = strawberry.field(description="What the agent calls the tool.")
    input_summary: str | None = strawberry.field(description="What it was called with, in short.")

    @strawberry.field(description="The worker.")
    async def worker(self, info: Info) -> WorkerLink | None:
        return await worker_of(info, self.row)

    @strawberry.field(description="The call.")
    async def call(self, info: Info) -> ToolCallLink | None:
        return shown(await info.context.loaders.tool_calls.load(self.row.data["call"]))

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), tool=row.data["tool"], input_summary=row.data["summary"])


@strawberry.type(description="A tool that an agent had called came back, or its worker ended first.")
class ToolCompleted(Event):
    tool: str = strawberry.field(description="What the agent calls the tool.")
    duration_ms: int = strawberry.field(description="How long it took, by the clock of its runner.")
    success: bool = strawberry.field(description="Whether it did what it was called for.")

    @strawberry.field(description="The worker.")
    async def worker(self, info: Info) -> WorkerLink | None:
        return await worker_of(info, self.row)

    @strawberry.field(description="The call.")
    async def call(self, info: Info) -> ToolCallLink | None:
        return shown(await info.context.loaders.tool_calls.load(self.row.data["call"]))

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(**common(row), tool=data["tool"], duration_ms=data["duration"], success=data["success"])
