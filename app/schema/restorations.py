"""How agents that look after runs were brought back, and what one is told that is."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from app import store
from app.schema.context import Info
from app.schema.enums import RestorationStep
from app.schema.shapes import shown
from app.store.restorations import Restored
from app.store.supervisor_tables import SupervisorRow

if TYPE_CHECKING:
    from app.schema.attention import AttentionItem


@strawberry.type(description="A step by which an agent was brought back.")
class RestorationStepTaken:
    step: RestorationStep = strawberry.field(description="Which.")
    detail: str | None = strawberry.field(description="What was found or done, for people.")
    at: datetime = strawberry.field(description="When.")


@strawberry.type(description="What an agent has to know that is brought back.")
class RestorationContext:
    text: str = strawberry.field(
        description="Where it stood, its notes, its questions with their answers, what it waits for, what it has asked for, what "
        "has happened since, and how the run is now. Markdown, at most 65,536 characters."
    )
    session_id: str | None = strawberry.field(
        description="Its own session, as it said in a heartbeat: to be resumed where its runtime can."
    )

    @classmethod
    def of(cls, restored: Restored) -> Self:
        return cls(text=restored.context, session_id=restored.session_id)


@strawberry.type(
    description="How an agent that looks after a run is brought back after its process has ended."
)
class Restoration:
    row: strawberry.Private[SupervisorRow]

    @strawberry.field(description="The steps by which it was last brought back; empty where it never was.")
    def steps(self) -> list[RestorationStepTaken]:
        return [
            RestorationStepTaken(
                step=RestorationStep(one["step"]),
                detail=one["detail"],
                at=datetime.fromisoformat(one["at"]),
            )
            for one in self.row.restoration
        ]

    @strawberry.field(description="What it would be told were it brought back now.")
    async def context(self, info: Info) -> RestorationContext:
        row = self.row
        restored = await info.context.loaders.reads.load(
            lambda tx: store.restorations.context(tx, store.runs.get(tx, row.run_id), row)
        )
        return RestorationContext.of(restored)

    @strawberry.field(
        description="What it has asked people, the newest first: what waits for an answer, then what was settled."
    )
    async def questions(
        self, info: Info
    ) -> list[Annotated["AttentionItem", strawberry.lazy("app.schema.attention")]]:
        row = self.row
        found = await info.context.loaders.reads.load(lambda tx: store.restorations.questions(tx, row))
        return [shown(item) for item in found]
