"""Findings: what workers and people leave behind under a task."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from app import commands
from app.domain import limits
from app.domain.access import ASKING
from app.schema.context import Info
from app.schema.inputs import IDEMPOTENCY_KEY, optional
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.shapes import shape_of, shown
from app.store.finding_tables import FindingRow

if TYPE_CHECKING:
    from app.schema.tasks import Task


@shape_of(FindingRow)
@strawberry.type(description="A document that a worker or a person left under a task. It is never changed.")
class Finding:
    id: strawberry.ID = strawberry.field(description="Opaque.")
    title: str = strawberry.field(description="What it is about, in a line.")
    content: str = strawberry.field(description="The whole text.")
    actor: str = strawberry.field(description="Who left it.")
    at: datetime = strawberry.field(description="When it was left.")

    @classmethod
    def of(cls, row: FindingRow) -> Self:
        return cls(id=strawberry.ID(row.id), title=row.title, content=row.content, actor=row.actor, at=row.at)


@strawberry.input(description="A document to leave under a task.")
class AddFindingInput:
    task_id: strawberry.ID = strawberry.field(description="The task.")
    title: str = strawberry.field(description="What it is about, in a line.")
    content: str = strawberry.field(description="The whole text, at most 262,144 characters.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of a mutation that concerns a finding.")
class FindingPayload(Payload):
    @strawberry.field(description="The finding.")
    async def finding(self, info: Info) -> Finding | None:
        id = self.outcome.ref("finding")
        return shown(await info.context.loaders.finding.load(id)) if id is not None else None

    @strawberry.field(description="The task it was left under.")
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.schema.tasks")] | None:
        id = self.outcome.ref("task")
        return shown(await info.context.loaders.tasks.load(id)) if id is not None else None


@strawberry.type
class FindingMutation:
    @strawberry.mutation(
        description="Leave a document under a task. A worker may do this for the task it works on."
    )
    async def add_finding(
        self, info: Info, input: Annotated[AddFindingInput, strawberry.argument(description="The document.")]
    ) -> FindingPayload | None:
        def prepare() -> Write:
            return commands.findings.add, {
                "task_id": input.task_id,
                "title": limits.name(input.title, "input", "title", limit=limits.TITLE),
                "content": limits.text(input.content, "input", "content", limit=limits.FINDING),
            }

        return FindingPayload(outcome=await act(info, ASKING, input, prepare))
