"""The audit trail: every request to change something."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Self

import strawberry

from app import store
from app.schema.connections import After, Before, First, Last, UncountedConnection, connect_uncounted, window
from app.schema.context import Info
from app.schema.enums import CommandStatus, ErrorCode
from app.schema.inputs import given_filter
from app.schema.interfaces import Node
from app.schema.scalars import Json
from app.schema.shapes import shape_of, shown
from app.store.commands import CommandFilter as Wanted
from app.store.paging import Key
from app.store.tables import CommandRow

if TYPE_CHECKING:
    from app.schema.command_filters import CommandFilter
    from app.schema.runs import Run
    from app.schema.tasks import Task
    from app.schema.workers import Worker


NEWEST_FIRST: Final = [Key(CommandRow.id, True)]


@shape_of(CommandRow)
@strawberry.type(description="A request to change something: who, what, why, and what became of it.")
class Command(Node):
    row: strawberry.Private[CommandRow]
    verb: str = strawberry.field(description="The mutation's name.")
    actor: str = strawberry.field(description="Who asked.")
    reason: str | None = strawberry.field(description="Why.")
    status: CommandStatus = strawberry.field(description="How far it has come.")
    idempotency_key: str | None = strawberry.field(
        description="The key it came with; none where it was refused."
    )
    input: Json | None = strawberry.field(description="What was asked, as sent; secrets are left out.")
    error_code: ErrorCode | None = strawberry.field(description="Why it was refused, for programs.")
    error: str | None = strawberry.field(description="Why it was refused or had no effect, for people.")
    at: datetime = strawberry.field(description="When it came.")
    updated_at: datetime = strawberry.field(description="When its status last changed.")

    @classmethod
    def of(cls, row: CommandRow) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(row.id),
            verb=row.verb,
            actor=row.actor,
            reason=row.reason,
            status=CommandStatus(row.status),
            idempotency_key=row.idempotency_key,
            input=Json(row.input),
            error_code=ErrorCode(row.error_code) if row.error_code else None,
            error=row.error,
            at=row.at,
            updated_at=row.updated_at,
        )

    @strawberry.field(description="The run it concerned.")
    async def run(self, info: Info) -> Annotated["Run", strawberry.lazy("app.schema.runs")] | None:
        if self.row.run_id is None:
            return None
        row = await info.context.loaders.runs.load(self.row.run_id)
        return shown(row)

    @strawberry.field(description="The task it concerned.")
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.schema.tasks")] | None:
        if self.row.task_id is None:
            return None
        row = await info.context.loaders.tasks.load(self.row.task_id)
        return shown(row)

    @strawberry.field(description="The worker it concerned.")
    async def worker(self, info: Info) -> Annotated["Worker", strawberry.lazy("app.schema.workers")] | None:
        if self.row.worker_id is None:
            return None
        row = await info.context.loaders.workers.load(self.row.worker_id)
        return shown(row)


@strawberry.type
class CommandQuery:
    @strawberry.field(
        description="The audit trail: who asked for what, why, and what became of it; newest first."
    )
    async def commands(
        self,
        info: Info,
        filter: Annotated[
            Annotated["CommandFilter", strawberry.lazy("app.schema.command_filters")] | None,
            strawberry.argument(description="Which of them."),
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> UncountedConnection[Command] | None:
        filter = given_filter(filter)
        only = filter.wanted() if filter is not None else Wanted()
        return await connect_uncounted(
            info.context,
            lambda tx: store.commands.select_all(tx, only),
            NEWEST_FIRST,
            window(first, after, last, before),
            Command.of,
        )
