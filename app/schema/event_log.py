"""Reading the event log: page by page, or followed."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from app import store
from app.domain import limits
from app.domain.access import READERS, Role
from app.domain.events import ADMINS_ONLY, ASKED_FOR, EventKind
from app.schema.connections import Edge, PageInfo, UncountedConnection
from app.schema.context import Context, Info
from app.schema.enums import RunStatus
from app.schema.events import fact
from app.schema.facts import Event
from app.schema.inputs import given, given_filter, names_of, optional
from app.schema.scalars import Cursor, position
from app.schema.shapes import shown
from app.store.db import Tx
from app.store.events import Filter
from app.store.tables import EventRow

if TYPE_CHECKING:
    from app.schema.runs import Run


@strawberry.input(description="Which events. Every field narrows further.")
class EventFilter:
    project_id: strawberry.ID | None = optional("Of this project.")
    run_ids: list[strawberry.ID] | None = optional("Of these runs.")
    task_ids: list[strawberry.ID] | None = optional("Of these tasks.")
    worker_ids: list[strawberry.ID] | None = optional("Of these workers.")
    types: list[str] | None = optional("Of these types, such as TaskStatusChanged.")
    run_statuses: list[RunStatus] | None = optional(
        "That happened while their run was in one of these statuses."
    )
    include_heartbeats: bool | None = optional(
        "Also HeartbeatReceived, which is left out otherwise, whatever `types` says."
    )


def wanted(filter: EventFilter | None, context: Context) -> Filter:
    """The filter within the caller's project. Names of types that do not exist (yet) select nothing."""
    scope, filter = context.actor.project_id, given_filter(filter) or EventFilter()
    project_id = given(filter.project_id)
    hidden = frozenset() if context.actor.role is Role.ADMIN else ADMINS_ONLY
    unasked = frozenset() if given(filter.include_heartbeats) else ASKED_FOR
    if scope is not None and project_id not in (None, scope):
        return Filter(project_id=scope, run_ids=frozenset())
    return Filter(
        project_id=project_id or scope,
        run_ids=_set(filter.run_ids),
        task_ids=_set(filter.task_ids),
        worker_ids=_set(filter.worker_ids),
        kinds=_set(filter.types),
        run_statuses=_set(names_of(filter.run_statuses)),
        hidden=frozenset(hidden | unasked),
    )


def _set(values: Any) -> frozenset[str] | None:
    values = given(values)
    return None if values is None else frozenset(str(value) for value in values)


TOOL_CALLS: Final = frozenset({EventKind.TOOL_STARTED.value, EventKind.TOOL_COMPLETED.value})

After = Annotated[
    Cursor | None,
    strawberry.argument(description='Only what comes after this position; "0" is the whole log.'),
]
Filtered = Annotated[EventFilter | None, strawberry.argument(description="Which of them.")]


async def _cursor(position: Awaitable[int]) -> Cursor:
    return Cursor(str(await position))


@strawberry.type
class EventQuery:
    @strawberry.field(
        graphql_type=Cursor | None,
        description="Position of the log when this operation began: subscribe to events after it, or ask with it for what "
        "has changed since. Nothing else in the same answer is older.",
    )
    def cursor(self, info: Info) -> Awaitable[Cursor | None]:
        # not async: it has to be asked for before anything else of the same document is read
        return _cursor(info.context.began())

    @strawberry.field(description="The event log, oldest first.")
    async def events(
        self,
        info: Info,
        filter: Filtered = strawberry.UNSET,
        first: Annotated[
            int | None,
            strawberry.argument(description="How many, from the start; 100 where neither is given."),
        ] = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Annotated[
            int | None, strawberry.argument(description="How many, from the end.")
        ] = strawberry.UNSET,
        before: Annotated[
            Cursor | None, strawberry.argument(description="Only what comes before this position.")
        ] = strawberry.UNSET,
    ) -> UncountedConnection[Event] | None:
        after, before, last = given(after), given(before), given(last)
        size = store.paging.Window(first=given(first), last=last).size(limits.PAGE)
        only = wanted(filter, info.context)

        def page(tx: Tx) -> tuple[list[EventRow], bool]:
            return store.events.page(
                tx,
                only,
                after=position(after),
                before=position(before, "before"),
                size=size,
                backward=last is not None,
            )

        rows, more = await info.context.read(page)
        edges = [Edge(node=fact(row), cursor=str(row.seq)) for row in rows]
        return UncountedConnection(
            edges=edges,
            page_info=PageInfo(
                has_next_page=before is not None if last is not None else more,
                has_previous_page=more if last is not None else after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )


@strawberry.type
class EventSubscription:
    @strawberry.subscription(
        description="Every event past `after` in order, none lost, none twice: first the past, then the present. "
        "From now on where `after` is left out."
    )
    async def events(
        self, info: Info, filter: Filtered = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> AsyncIterator[Event]:
        context = info.context
        context.actor.require(READERS)
        follow = context.services.tail.follow(after=position(given(after)), only=wanted(filter, context))
        async for row in follow:
            context.forget()  # what an event links to is as it is now, not as it was for the event before
            yield fact(row)

    @strawberry.subscription(
        description="Tool calls as they start and end: the events ToolStarted and ToolCompleted, as `events` gives them."
    )
    async def activity(
        self, info: Info, filter: Filtered = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> AsyncIterator[Event]:
        context = info.context
        context.actor.require(READERS)
        only = wanted(filter, context)
        kinds = TOOL_CALLS if only.kinds is None else TOOL_CALLS & only.kinds
        follow = context.services.tail.follow(after=position(given(after)), only=replace(only, kinds=kinds))
        async for row in follow:
            context.forget()
            yield fact(row)

    @strawberry.subscription(description="The run as it is now, and again whenever it changes.")
    async def run(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The run.")]
    ) -> AsyncIterator[Annotated["Run", strawberry.lazy("app.schema.runs")]]:
        context = info.context
        tail = context.services.tail
        seen = await context.read(store.events.head)
        while True:
            context.forget()
            yield shown(await context.read(store.runs.get, id))
            seen = await tail.changed(Filter(run_ids=frozenset({str(id)}), hidden=ASKED_FOR), seen)
