"""What workers write, and following it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Final, Self

import strawberry

from app import store
from app.domain import limits
from app.domain.workers import LIVE
from app.schema.connections import After, Before, First, Last, UncountedConnection, connect_uncounted, window
from app.schema.context import Info
from app.schema.enums import LogStream
from app.schema.inputs import given
from app.store.paging import Key
from app.store.tables import LogLineRow, WorkerRow

LOG_PAGE: Final = 500
LOG_POLL_SECONDS: Final = 1.0


@strawberry.type(description="A line that a worker wrote.")
class LogLine:
    cursor: str = strawberry.field(description="Where it stands in its worker's log.")
    stream: LogStream = strawberry.field(description="Where it comes from.")
    text: str = strawberry.field(description="The line, without its end.")
    at: datetime = strawberry.field(description="When its runner read it.")

    @classmethod
    def of(cls, row: LogLineRow) -> Self:
        return cls(cursor=str(row.n), stream=LogStream(row.stream), text=row.text, at=row.at)


@strawberry.type(description="Some lines of a log, in order.")
class LogBatch:
    lines: list[LogLine] = strawberry.field(description="The lines.")
    cursor: str = strawberry.field(description="Cursor of the last of them: `after` for what follows.")


@strawberry.type
class WorkerLogs:
    row: strawberry.Private[WorkerRow]

    @strawberry.field(description="What it wrote, oldest first; `last` reads from the end.")
    async def logs(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> UncountedConnection[LogLine] | None:
        return await connect_uncounted(
            info.context,
            lambda tx: store.workers.select_log(self.row.id),
            [Key(LogLineRow.n)],
            window(first, after, last, before),
            LogLine.of,
        )


@strawberry.type
class LogSubscription:
    @strawberry.subscription(
        description="What a worker writes: first the past, then the present. Ends when the worker has ended and "
        "everything is sent."
    )
    async def logs(
        self,
        info: Info,
        worker_id: Annotated[strawberry.ID, strawberry.argument(description="The worker.")],
        after: Annotated[
            str | None,
            strawberry.argument(
                description="Only what comes after this cursor; everything where it is left out."
            ),
        ] = strawberry.UNSET,
    ) -> AsyncIterator[LogBatch]:
        position = _position(given(after))
        tail = info.context.services.tail
        while True:
            seen = tail.nudges(worker_id)  # before the read: what is written during it nudges again
            worker = await info.context.read(store.workers.get, worker_id)
            rows = await info.context.read(store.workers.log_lines, worker_id, position, LOG_PAGE)
            if rows:
                position = rows[-1].n
                yield LogBatch(lines=[LogLine.of(row) for row in rows], cursor=str(position))
            elif worker.status not in LIVE:
                return
            else:
                await tail.nudged(worker_id, LOG_POLL_SECONDS, seen=seen)


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise limits.invalid(
            "This is not a cursor of a log.", ["after"], "Use the cursor of a line or a batch."
        )
    return int(cursor)
