"""The facts about what looks after runs, a type each."""

from typing import Self

import strawberry

from app.schema.context import Info
from app.schema.enums import RestorationStep, SupervisorState
from app.schema.facts import AttentionItemLink, Event, TaskLink, common, tasks_of
from app.schema.shapes import shown
from app.store.tables import EventRow


@strawberry.type(description="What looks after a run stands otherwise than before.")
class SupervisorStateChanged(Event):
    old_state: SupervisorState | None = strawberry.field(
        description="The state before; null for that of a new run."
    )
    new_state: SupervisorState = strawberry.field(description="The state after.")
    reason: str | None = strawberry.field(description="Why, where it does not follow from the run.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            old_state=SupervisorState(data["old"]) if data["old"] else None,
            new_state=SupervisorState(data["new"]),
            reason=data["reason"],
        )


@strawberry.type(
    description="A step by which an agent that looks after a run was brought back, after its process had ended or another took "
    "its place."
)
class SupervisorRestored(Event):
    step: RestorationStep = strawberry.field(description="Which step.")
    detail: str | None = strawberry.field(description="What was found or done, for people.")

    @strawberry.field(
        description="With QUESTIONS_DELIVERED, what it had asked that still waits for an answer; else empty."
    )
    async def questions(self, info: Info) -> list[AttentionItemLink]:
        rows = await info.context.loaders.attention.load_many(self.row.data["questions"])
        return [shown(row) for row in rows if row is not None]

    @strawberry.field(description="With TASKS_AWAITED, what it waited for that was not over; else empty.")
    async def tasks(self, info: Info) -> list[TaskLink]:
        return await tasks_of(info, self.row.data["tasks"])

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(**common(row), step=RestorationStep(data["step"]), detail=data["detail"])


@strawberry.type(
    description="An agent that looks after a run said that it is alive. Told only where `includeHeartbeats` asks for it, and "
    "forgotten after a day."
)
class HeartbeatReceived(Event):
    state: SupervisorState = strawberry.field(description="How it stood.")
    phase: str | None = strawberry.field(description="Key of the phase that it was at, where it said so.")
    activity: str | None = strawberry.field(description="What it was doing.")
    progress: int = strawberry.field(description="How far it was, 0 to 100.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            state=SupervisorState(data["state"]),
            phase=data["phase"],
            activity=data["activity"],
            progress=data["progress"],
        )
