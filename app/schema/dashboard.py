"""Everything that a dashboard shows, in one query, and again whenever it changes."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from app import store
from app.domain import limits
from app.domain.access import READERS
from app.domain.events import ASKED_FOR
from app.domain.runs import Patience
from app.schema.context import Context, Info
from app.schema.enums import RunStatus
from app.schema.events import fact
from app.schema.facts import Event
from app.schema.inputs import given
from app.schema.runs import patience
from app.schema.shapes import shown
from app.schema.usage import Usage
from app.store.dashboard import Numbers
from app.store.events import Filter

if TYPE_CHECKING:
    from app.schema.attention import AttentionItem
    from app.schema.runs import Run

PACE: Final = 0.5
"""Seconds between two dashboards of one subscription, at least."""

RunLink = Annotated["Run", strawberry.lazy("app.schema.runs")]
First = Annotated[
    int | None, strawberry.argument(description="How many; 10 where it is left out, 100 at most.")
]


@strawberry.type(description="How many runs are in a status.")
class StatusCount:
    status: RunStatus = strawberry.field(description="The status.")
    count: int = strawberry.field(description="How many runs.")


@strawberry.type(description="How many of the runs under way are in a phase.")
class PhaseCount:
    phase: str = strawberry.field(description="The phase's key, whatever run it is of.")
    count: int = strawberry.field(description="How many runs.")


@strawberry.type(description="A run that should be getting on and is not.")
class StaleRun:
    run: RunLink | None = strawberry.field(description="The run.")
    stale_seconds: int = strawberry.field(description="How long nothing has happened in it.")


@strawberry.type(description="What is in use.")
class Resources:
    supervisors: int = strawberry.field(
        description="Runs under way that are looked after now: by an agent that was not given up, or by a server that leads."
    )
    running_tasks: int = strawberry.field(
        description="Tasks of those runs that are worked on or wait for an answer."
    )
    pending_tasks: int = strawberry.field(
        description="Tasks of those runs that are pending, ready or blocked."
    )
    hosts: int = strawberry.field(description="Hosts that workers can be started on.")
    worktrees: int = strawberry.field(
        description="Working copies that were made for workers. None are made: workers work in the project's own "
        "directory, so this is 0."
    )


@strawberry.type(description="What is going on, at a glance. It costs the same however long the log is.")
class Dashboard:
    project_id: strawberry.Private[str | None]
    patience: strawberry.Private[Patience]

    @strawberry.field(
        description="How many runs are in each status; statuses that no run is in are left out."
    )
    async def status_counts(self, info: Info) -> list[StatusCount] | None:
        return [
            StatusCount(status=RunStatus(status), count=count)
            for status, count in (await self._numbers(info)).statuses
        ]

    @strawberry.field(description="How many of the runs under way are in each phase, most first.")
    async def phase_counts(self, info: Info) -> list[PhaseCount] | None:
        return [PhaseCount(phase=key, count=count) for key, count in (await self._numbers(info)).phases]

    @strawberry.field(description="Runs in which nothing has happened for too long, the longest first.")
    async def stale(self, info: Info, first: First = strawberry.UNSET) -> list[StaleRun] | None:
        context, size = info.context, _size(first)
        now = context.services.db.clock()
        rows = await context.read(store.dashboard.stale, self.project_id, self.patience, size)
        return [
            StaleRun(run=shown(row), stale_seconds=int((now - row.last_activity_at).total_seconds()))
            for row in rows
        ]

    @strawberry.field(description="What waits for a person, the item that holds back most work first.")
    async def attention(
        self, info: Info, first: First = strawberry.UNSET
    ) -> list[Annotated["AttentionItem", strawberry.lazy("app.schema.attention")]] | None:
        rows = await info.context.read(store.dashboard.open_attention, self.project_id, _size(first))
        return [shown(row) for row in rows]

    @strawberry.field(description="The newest events, newest first.")
    async def recent_events(self, info: Info, first: First = strawberry.UNSET) -> list[Event] | None:
        rows = await info.context.read(store.dashboard.recent, self.project_id, _size(first))
        return [fact(row) for row in rows]

    @strawberry.field(description="What is in use.")
    async def resources(self, info: Info) -> Resources | None:
        found = await self._numbers(info)
        return Resources(
            supervisors=found.supervisors,
            running_tasks=found.running_tasks,
            pending_tasks=found.pending_tasks,
            hosts=found.hosts,
            worktrees=0,
        )

    @strawberry.field(description="What all runs have used so far.")
    async def usage(self, info: Info) -> Usage | None:
        return Usage.of(await info.context.read(store.usage.of_project, self.project_id))

    async def _numbers(self, info: Info) -> Numbers:
        found: Numbers = await info.context.loaders.numbers.load(self.project_id)
        return found


def _size(first: Any) -> int:
    wanted = given(first)
    return limits.number(10 if wanted is None else wanted, "first", least=0, most=limits.PAGE)


async def visible_project(context: Context, wanted: str | None) -> str | None:
    """Which project is shown: NOT_FOUND for one that the caller may not see."""
    context.actor.require(READERS)
    if wanted is not None:
        await context.read(store.projects.get, wanted)
    return wanted or context.actor.project_id


ProjectId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Of this project; all that the caller may see where it is left out."),
]
StaleAfter = Annotated[
    int | None,
    strawberry.argument(
        description="After how much silence a run is stale; as its project or the server is set where it is left out "
        "(`TRACKSIDE_STALE_AFTER_SECONDS`)."
    ),
]


@strawberry.type
class DashboardQuery:
    @strawberry.field(description="What is going on, at a glance.")
    async def dashboard(
        self,
        info: Info,
        project_id: ProjectId = strawberry.UNSET,
        stale_after_seconds: StaleAfter = strawberry.UNSET,
    ) -> Dashboard | None:
        asked = patience(info.context, stale_after_seconds, "staleAfterSeconds")
        return Dashboard(project_id=await visible_project(info.context, given(project_id)), patience=asked)


@strawberry.type
class DashboardSubscription:
    @strawberry.subscription(
        description="The dashboard as it is now, and again whenever anything has happened, twice a second at most."
    )
    async def dashboard(
        self,
        info: Info,
        project_id: ProjectId = strawberry.UNSET,
        stale_after_seconds: StaleAfter = strawberry.UNSET,
    ) -> AsyncIterator[Dashboard]:
        context = info.context
        asked = patience(context, stale_after_seconds, "staleAfterSeconds")
        tail = context.services.tail
        project = await visible_project(context, given(project_id))
        seen = await context.read(store.events.head)
        while True:
            context.forget()
            yield Dashboard(project_id=project, patience=asked)
            pause = asyncio.ensure_future(asyncio.sleep(PACE))
            try:
                seen = await tail.changed(Filter(project_id=project, hidden=ASKED_FOR), seen)
                await pause
            finally:
                pause.cancel()
