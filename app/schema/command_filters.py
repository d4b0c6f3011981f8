"""Which entries of the audit trail are wanted."""

from datetime import datetime

import strawberry

from app.schema.enums import CommandStatus
from app.schema.inputs import given, names_of, optional
from app.store.commands import CommandFilter as Wanted


@strawberry.input(description="Which commands. Every field narrows further.")
class CommandFilter:
    project_id: strawberry.ID | None = optional("Of this project.")
    run_id: strawberry.ID | None = optional("That concerned this run.")
    task_id: strawberry.ID | None = optional("That concerned this task.")
    worker_id: strawberry.ID | None = optional("That concerned this worker.")
    actor: str | None = optional("Asked for by this actor.")
    verbs: list[str] | None = optional("Of these mutations.")
    statuses: list[CommandStatus] | None = optional("In one of these statuses.")
    since: datetime | None = optional("At or after this instant.")
    until: datetime | None = optional("Before this instant.")

    def wanted(self) -> Wanted:
        return Wanted(
            project_id=given(self.project_id),
            run_id=given(self.run_id),
            task_id=given(self.task_id),
            worker_id=given(self.worker_id),
            actor=given(self.actor),
            verbs=given(self.verbs),
            statuses=names_of(self.statuses),
            since=given(self.since),
            until=given(self.until),
        )
