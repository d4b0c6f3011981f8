"""The facts about what looks after runs, a type each."""

from typing import Self

import strawberry

from app.schema.enums import SupervisorState
from app.schema.facts import Event, common
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
