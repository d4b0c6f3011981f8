"""Subtasks: the tick-boxes under a task."""

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from app import commands
from app.domain import limits
from app.domain.access import ASKING, STEERING
from app.schema.context import Info
from app.schema.inputs import IDEMPOTENCY_KEY, given, optional
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.shapes import shape_of, shown
from app.store.tables import SubtaskRow

if TYPE_CHECKING:
    from app.schema.tasks import Task


@shape_of(SubtaskRow)
@strawberry.type(description="A tick-box under a task.")
class Subtask:
    id: strawberry.ID = strawberry.field(description="Opaque.")
    title: str = strawberry.field(description="What is to be done.")
    completed: bool = strawberry.field(description="Whether it is.")

    @classmethod
    def of(cls, row: SubtaskRow) -> Self:
        return cls(id=strawberry.ID(row.id), title=row.title, completed=row.completed)


def gone(id: str, *, title: str, completed: bool) -> Subtask:
    """A subtask that was deleted, so that clients know which of theirs to forget."""
    return Subtask(id=strawberry.ID(id), title=title, completed=completed)


@strawberry.input(description="A new tick-box, behind those that a task has.")
class CreateSubtaskInput:
    task_id: strawberry.ID = strawberry.field(description="The task.")
    title: str = strawberry.field(description="What is to be done, in a line.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A tick-box to change; what is left out stays as it is.")
class UpdateSubtaskInput:
    subtask_id: strawberry.ID = strawberry.field(description="The subtask.")
    title: str | None = optional("What is to be done, in a line.")
    completed: bool | None = optional("Whether it is done.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A tick-box to take away.")
class DeleteSubtaskInput:
    subtask_id: strawberry.ID = strawberry.field(description="The subtask.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of a mutation that concerns a subtask.")
class SubtaskPayload(Payload):
    @strawberry.field(description="The subtask as it is now; one that was deleted as it was at the end.")
    async def subtask(self, info: Info) -> Subtask | None:
        id = self.outcome.ref("subtask")
        if id is None:
            return None
        was = self.outcome.refs.get("was")
        return gone(id, **was) if was is not None else shown(await info.context.loaders.subtask.load(id))

    @strawberry.field(description="The task it stands under.")
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.schema.tasks")] | None:
        id = self.outcome.ref("task")
        return shown(await info.context.loaders.tasks.load(id)) if id is not None else None


@strawberry.type
class SubtaskMutation:
    @strawberry.mutation(
        description="Add a tick-box to a task. A worker may do this for the task it works on."
    )
    async def create_subtask(
        self,
        info: Info,
        input: Annotated[CreateSubtaskInput, strawberry.argument(description="The subtask.")],
    ) -> SubtaskPayload | None:
        def prepare() -> Write:
            title = limits.name(input.title, "input", "title", limit=limits.TITLE)
            return commands.subtasks.create, {"task_id": input.task_id, "title": title}

        return SubtaskPayload(outcome=await act(info, ASKING, input, prepare))

    @strawberry.mutation(
        description="Tick a subtask, take the tick away, or rename it. A worker may do this for the task it works on. "
        "Ticks hold nothing back: a task is done when its worker or a person says so."
    )
    async def update_subtask(
        self,
        info: Info,
        input: Annotated[UpdateSubtaskInput, strawberry.argument(description="What is to change.")],
    ) -> SubtaskPayload | None:
        def prepare() -> Write:
            title = given(input.title)
            if title is not None:
                title = limits.name(title, "input", "title", limit=limits.TITLE)
            return commands.subtasks.update, {
                "subtask_id": input.subtask_id,
                "title": title,
                "completed": given(input.completed),
            }

        return SubtaskPayload(outcome=await act(info, ASKING, input, prepare))

    @strawberry.mutation(description="Take a tick-box away.")
    async def delete_subtask(
        self,
        info: Info,
        input: Annotated[DeleteSubtaskInput, strawberry.argument(description="Which subtask.")],
    ) -> SubtaskPayload | None:
        arguments = {"subtask_id": input.subtask_id}
        return SubtaskPayload(
            outcome=await act(info, STEERING, input, lambda: (commands.subtasks.delete, arguments))
        )
