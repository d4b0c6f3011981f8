"""Hosts: machines that run workers, one for each server."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Self

import strawberry

from app import commands, store
from app.commands.audit import Change
from app.domain.access import OPERATORS
from app.domain.hosts import status_of
from app.schema.context import Info
from app.schema.enums import HostStatus
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.interfaces import Node
from app.schema.mutations import Write, act, refuse_scoped
from app.schema.payloads import Payload
from app.schema.shapes import shape_of, shown
from app.store.host_tables import HostRow


@shape_of(HostRow)
@strawberry.type(description="A machine that runs workers: a server with its data directory.")
class Host(Node):
    name: str = strawberry.field(description="What people call it.")
    status: HostStatus = strawberry.field(description="Whether it is there, and takes new workers.")
    slots: int = strawberry.field(description="How many workers it takes at once.")
    labels: list[str] = strawberry.field(description="What sets it apart.")
    last_seen_at: datetime = strawberry.field(description="When its server was last heard.")

    @classmethod
    def of(cls, row: HostRow) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            name=row.name,
            status=HostStatus(status_of(present=row.present, draining=row.draining)),
            slots=row.slots,
            labels=list(row.labels),
            last_seen_at=row.last_seen_at,
        )

    @strawberry.field(description="How many of the workers that the caller may see are alive on it.")
    async def running(self, info: Info) -> int:
        return await info.context.loaders.running_on_host.load(self.id)


@strawberry.type
class HostQuery:
    @strawberry.field(description="Every host that has ever registered, by name.")
    async def hosts(self, info: Info) -> list[Host] | None:
        return [shown(row) for row in await info.context.read(store.hosts.listed)]


@strawberry.input(description="A request to a host.")
class HostVerbInput:
    host_id: strawberry.ID = strawberry.field(description="The host.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of a mutation that concerns a host.")
class HostPayload(Payload):
    @strawberry.field(description="The host as it is now.")
    async def host(self, info: Info) -> Host | None:
        id = self.outcome.ref("host")
        row = await info.context.loaders.hosts.load(id) if id is not None else None
        return shown(row)


Input = Annotated[HostVerbInput, strawberry.argument(description="Which host, and why.")]


@strawberry.type
class HostMutation:
    @strawberry.mutation(
        description="Give a host no new workers; those that it has go on. Survives a restart of its server."
    )
    async def drain_host(self, info: Info, input: Input) -> HostPayload | None:
        return await _switch(info, input, commands.hosts.drain)

    @strawberry.mutation(description="Let a drained host take new workers again.")
    async def resume_host(self, info: Info, input: Input) -> HostPayload | None:
        return await _switch(info, input, commands.hosts.resume)


async def _switch(info: Info, input: HostVerbInput, change: Callable[..., Change]) -> HostPayload:
    def prepare() -> Write:
        refuse_scoped(info.context.actor)
        return change, {"host_id": input.host_id, "reason": given(input.reason)}

    return HostPayload(outcome=await act(info, OPERATORS, input, prepare))
