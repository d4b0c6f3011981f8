"""How far things with tasks are."""

from typing import Self

import strawberry

from app.store.tables import PhaseRow, RunRow


@strawberry.type(
    description="How many tasks are how far. Skipped tasks count as completed; removed ones not at all."
)
class Progress:
    total: int = strawberry.field(description="All tasks but those that were cancelled.")
    completed: int = strawberry.field(description="Completed or skipped.")
    failed: int = strawberry.field(description="Finally failed.")
    running: int = strawberry.field(description="Being worked on, or waiting for an answer.")
    pending: int = strawberry.field(description="Everything else: pending, ready, blocked.")
    cancelled: int = strawberry.field(description="Taken out, or never done because the run was stopped.")
    percent: float = strawberry.field(description="Completed of total, 0 to 100.")

    @classmethod
    def of(cls, row: RunRow) -> Self:
        return cls._counted(
            completed=row.completed + row.skipped,
            failed=row.failed,
            running=row.running + row.waiting,
            pending=row.pending + row.ready + row.blocked,
            cancelled=row.cancelled,
        )

    @classmethod
    def of_phase(cls, row: PhaseRow) -> Self:
        return cls._counted(
            completed=row.done,
            failed=row.failed,
            running=row.running,
            pending=row.unfinished - row.failed - row.running,
            cancelled=row.cancelled,
        )

    @classmethod
    def _counted(cls, *, completed: int, failed: int, running: int, pending: int, cancelled: int) -> Self:
        total = completed + failed + running + pending
        return cls(
            total=total,
            completed=completed,
            failed=failed,
            running=running,
            pending=pending,
            cancelled=cancelled,
            percent=round(100 * completed / total, 2) if total else 100.0,
        )
