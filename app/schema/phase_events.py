"""The facts about what phases owe, a type each."""

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from app.schema.context import Info
from app.schema.enums import DeliverableStatus
from app.schema.facts import Event, common
from app.schema.shapes import shown
from app.store.tables import EventRow

if TYPE_CHECKING:
    from app.schema.phases import Deliverable, Phase

PhaseLink = Annotated["Phase", strawberry.lazy("app.schema.phases")]
DeliverableLink = Annotated["Deliverable", strawberry.lazy("app.schema.phases")]


@strawberry.type(description="A deliverable was completed: it is there.")
class DeliverableCompleted(Event):
    phase: str = strawberry.field(description="Key of the phase that owed it.")
    deliverable: str = strawberry.field(description="Its key.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), phase=row.data["phaseKey"], deliverable=row.data["key"])


@strawberry.type(description="A deliverable was completed or waived.")
class DeliverableChanged(Event):
    new_deliverable_status: DeliverableStatus = strawberry.field(description="What it came to.")

    @strawberry.field(description="The phase that owes it.")
    async def phase(self, info: Info) -> PhaseLink | None:
        return shown(await info.context.loaders.phases.load(self.row.data["phase"]))

    @strawberry.field(description="The deliverable.")
    async def deliverable(self, info: Info) -> DeliverableLink | None:
        return shown(await info.context.loaders.deliverables.load(self.row.data["deliverable"]))

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), new_deliverable_status=DeliverableStatus(row.data["status"]))
