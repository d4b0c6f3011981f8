"""The switch for everything."""

from collections.abc import Callable
from typing import Annotated

import strawberry

from app import commands, store
from app.commands.audit import Change
from app.domain.access import OPERATORS
from app.schema.context import Info
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.mutations import Write, act, refuse_scoped
from app.schema.payloads import Payload
from app.store.db import Tx


@strawberry.type(description="Whether tasks are dispatched at all, and how much there is to do.")
class Pipeline:
    id: strawberry.ID = strawberry.field(description="Always the same: there is one pipeline.")
    paused: bool = strawberry.field(description="Whether dispatch is stopped everywhere.")
    reason: str | None = strawberry.field(description="Why it is.")
    ready_tasks: int = strawberry.field(description="Tasks of active runs that could start now.")
    running_workers: int = strawberry.field(description="Workers that are alive.")


def _read(tx: Tx) -> Pipeline:
    row = store.pipeline.get(tx)
    return Pipeline(
        id=strawberry.ID(row.id),
        paused=row.paused,
        reason=row.reason,
        ready_tasks=store.runs.count_ready(tx),
        running_workers=store.workers.count_live(tx),
    )


@strawberry.input(description="A request to the pipeline.")
class PipelineInput:
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of a mutation that concerns the pipeline.")
class PipelinePayload(Payload):
    @strawberry.field(description="The pipeline as it is now.")
    async def pipeline(self, info: Info) -> Pipeline | None:
        return await info.context.read_unchecked(_read)


@strawberry.type
class PipelineQuery:
    @strawberry.field(description="Whether tasks are dispatched at all, and how much there is to do.")
    async def pipeline(self, info: Info) -> Pipeline | None:
        return await info.context.read(_read)


Input = Annotated[PipelineInput, strawberry.argument(description="Why.")]


@strawberry.type
class PipelineMutation:
    @strawberry.mutation(
        description="Stop dispatch everywhere, for every run; running workers go on. Survives a restart."
    )
    async def pause_pipeline(self, info: Info, input: Input) -> PipelinePayload | None:
        return await _switch(info, input, commands.pipeline.pause)

    @strawberry.mutation(description="Let tasks be dispatched again.")
    async def resume_pipeline(self, info: Info, input: Input) -> PipelinePayload | None:
        return await _switch(info, input, commands.pipeline.resume)


async def _switch(info: Info, input: PipelineInput, change: Callable[..., Change]) -> PipelinePayload:
    def prepare() -> Write:
        refuse_scoped(info.context.actor)
        return change, {"reason": given(input.reason)}

    return PipelinePayload(outcome=await act(info, OPERATORS, input, prepare))
