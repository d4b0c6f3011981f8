"""Phases: the stages of a run."""

from typing import Self

import strawberry

from app.schema.enums import PhaseStatus
from app.schema.interfaces import Node
from app.schema.shapes import shape_of
from app.store.tables import PhaseRow


@shape_of(PhaseRow)
@strawberry.type(
    description="An ordered stage of a run. It ends when its gate holds: every task is done with."
)
class Phase(Node):
    key: str = strawberry.field(description="What it is named by within its run.")
    title: str = strawberry.field(description="As in the plan.")
    status: PhaseStatus = strawberry.field(description="How far it has come.")
    unfinished_tasks: int = strawberry.field(description="How many of its tasks its gate still waits for.")

    @classmethod
    def of(cls, row: PhaseRow) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            key=row.key,
            title=row.title,
            status=PhaseStatus(row.status),
            unfinished_tasks=row.unfinished,
        )
