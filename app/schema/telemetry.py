"""How the instance that answers is doing: about no project, so nothing for a token of one."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import strawberry

from app.domain.access import READERS
from app.live.telemetry import LONGEST, SHORTEST, USUAL, Sample
from app.schema.context import Info
from app.schema.inputs import given
from app.schema.mutations import refuse_scoped


@strawberry.type(
    description="Processes, queues, event loop, database, subscribers of the instance that answers."
)
class Telemetry:
    at: datetime = strawberry.field(description="When it was measured.")
    cpu_percent: float = strawberry.field(
        description="What the server's process uses of one processor, since the measurement before."
    )
    rss_bytes: float = strawberry.field(description="Memory of the server's process that is resident.")
    event_loop_lag_ms: float = strawberry.field(
        description="How late the event loop came to something that was due; the worst of the last second."
    )
    subscribers: int = strawberry.field(
        description="Subscriptions that are open on this instance, those of runners included."
    )
    queued_events: int = strawberry.field(
        description="Events that are in memory and that followers of the log have yet to look at, all followers together."
    )
    database_latency_ms: float = strawberry.field(
        description="From asking for a transaction to its end, the mean since the measurement before."
    )
    processes: int = strawberry.field(
        description="Runners and agents on this host, with all that they have started."
    )

    @classmethod
    def of(cls, sample: Sample) -> "Telemetry":
        return cls(
            at=sample.at,
            cpu_percent=sample.cpu_percent,
            rss_bytes=float(sample.rss_bytes),
            event_loop_lag_ms=sample.loop_lag * 1000,
            subscribers=sample.subscribers,
            queued_events=sample.queued_events,
            database_latency_ms=sample.database_latency * 1000,
            processes=sample.processes,
        )


@strawberry.type
class TelemetryQuery:
    @strawberry.field(
        description="Processes, queues, event loop, database, subscribers of the instance that answers. Null for a token "
        "of one project."
    )
    async def telemetry(self, info: Info) -> Telemetry | None:
        info.context.actor.require(READERS)
        if info.context.actor.project_id is not None:
            return None
        return Telemetry.of(await info.context.services.telemetry.sample())


Interval = Annotated[
    int | None,
    strawberry.argument(
        description=f"Milliseconds between two measurements: {SHORTEST * 1000:g} to {LONGEST * 1000:g}, and what is outside is "
        f"taken as the nearer of them; {USUAL * 1000:g} where it is left out."
    ),
]


@strawberry.type
class TelemetrySubscription:
    @strawberry.subscription(
        description="The same as the query, now and again and again. Not for a token of one project."
    )
    async def telemetry(
        self, info: Info, interval_ms: Interval = strawberry.UNSET
    ) -> AsyncIterator[Telemetry]:
        info.context.actor.require(READERS)
        refuse_scoped(info.context.actor)
        milliseconds = given(interval_ms)
        seconds = USUAL if milliseconds is None else milliseconds / 1000
        async for sample in info.context.services.telemetry.follow(seconds):
            yield Telemetry.of(sample)
