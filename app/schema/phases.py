"""Phases: the stages of a run, what they owe, and the gates between them."""

from datetime import datetime
from typing import Self

import strawberry

from app import store
from app.domain.phases import PhaseStatus as Status
from app.schema.context import Info
from app.schema.enums import DeliverableStatus, PhaseStatus, TaskRequirement
from app.schema.interfaces import Node
from app.schema.progress import Progress
from app.schema.shapes import shape_of, shown
from app.store.deliverable_tables import DeliverableRow
from app.store.tables import PhaseRow, RunRow


@shape_of(DeliverableRow)
@strawberry.type(description="A named thing that a phase owes.")
class Deliverable:
    id: strawberry.ID = strawberry.field(description="Opaque; the same for ever.")
    key: str = strawberry.field(description="What it is named by within its phase.")
    title: str = strawberry.field(description="What it is.")
    required: bool = strawberry.field(description="Whether the gate of its phase waits for it.")
    status: DeliverableStatus = strawberry.field(description="Whether it is there.")
    evidence: str | None = strawberry.field(
        description="What shows that it is there, as said when completed."
    )
    reason: str | None = strawberry.field(description="Why it was waived.")
    changed_by: str | None = strawberry.field(description="Who completed or waived it.")
    changed_at: datetime | None = strawberry.field(description="When it was completed or waived.")

    @classmethod
    def of(cls, row: DeliverableRow) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            key=row.key,
            title=row.title,
            required=row.required,
            status=DeliverableStatus(row.status),
            evidence=row.evidence,
            reason=row.reason,
            changed_by=row.changed_by,
            changed_at=row.changed_at,
        )


@strawberry.type(
    description="What has to hold before a phase is left, beside its required deliverables: so many of its tasks, "
    "or these, are completed or skipped."
)
class Gate:
    task_requirement: TaskRequirement = strawberry.field(description="What is asked of the tasks.")
    minimum: int | None = strawberry.field(description="How many, for MIN.")
    tasks: list[str] | None = strawberry.field(description="Which, by their keys, for NAMED.")


@strawberry.type(description="Whether a phase may be left, and what is missing.")
class Readiness:
    ready: bool = strawberry.field(description="Whether its gate holds.")
    missing: list[str] = strawberry.field(
        description="Everything that the gate waits for, in words. Of more than 100 tasks the rest is counted."
    )
    auto_advance: bool = strawberry.field(
        description="Whether the run goes on by itself when it is ready; a guard asks first all the same."
    )


@shape_of(PhaseRow)
@strawberry.type(
    description="An ordered stage of a run. It is left when its gate holds and, where it is guarded, somebody has "
    "confirmed it."
)
class Phase(Node):
    row: strawberry.Private[PhaseRow]
    key: str = strawberry.field(description="What it is named by within its run.")
    title: str = strawberry.field(description="As in the plan.")
    status: PhaseStatus = strawberry.field(description="How far it has come.")
    progress: Progress = strawberry.field(description="How many of its tasks are how far.")
    gate: Gate = strawberry.field(description="What its tasks have to have come to.")
    unfinished_tasks: int = strawberry.field(description="How many of its tasks are not done with.")
    started_at: datetime | None = strawberry.field(description="When it began.")
    completed_at: datetime | None = strawberry.field(description="When it was left.")
    confirmed_by: str | None = strawberry.field(description="Who confirmed it, where it was guarded.")

    @classmethod
    def of(cls, row: PhaseRow) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(row.id),
            key=row.key,
            title=row.title,
            status=PhaseStatus(row.status),
            progress=Progress.of_phase(row),
            gate=Gate(
                task_requirement=TaskRequirement(row.requirement),
                minimum=row.minimum,
                tasks=row.gate_tasks,
            ),
            unfinished_tasks=row.unfinished,
            started_at=row.started_at,
            completed_at=row.completed_at,
            confirmed_by=row.confirmed_by,
        )

    @strawberry.field(description="What it owes, in the order of the plan.")
    async def deliverables(self, info: Info) -> list[Deliverable]:
        return [shown(row) for row in await info.context.loaders.deliverables_of_phase.load(self.row.id)]

    @strawberry.field(
        description="Whether it is left only when somebody confirms: as the plan says of it, or else as the run does."
    )
    async def guard(self, info: Info) -> bool:
        run = await info.context.loaders.runs.load(self.row.run_id)
        return run is not None and store.gates.is_guarded(run, self.row)

    @strawberry.field(description="Whether it may be left, and what is missing.")
    async def readiness(self, info: Info) -> Readiness | None:
        run = await info.context.loaders.runs.load(self.row.run_id)
        return None if run is None else await readiness_of(info, run, self.row)


async def readiness_of(info: Info, run: RunRow, phase: PhaseRow) -> Readiness:
    """From the counters where the gate holds; only where it does not is anything looked for."""
    ready = phase.status != Status.PENDING and store.gates.holds(run, phase)
    return Readiness(
        ready=ready,
        missing=[] if ready else await info.context.loaders.missing.load(phase.id),
        auto_advance=run.auto_advance,
    )
