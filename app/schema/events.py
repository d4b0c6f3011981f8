"""The facts of the event log, a type each."""

from datetime import datetime
from typing import Final, Self

import strawberry

from app.domain.events import EventKind
from app.domain.subtasks import SubtaskChange
from app.schema.budgets import BudgetWarned
from app.schema.context import Info
from app.schema.enums import CommandStatus, HostStatus, RunStatus, TaskStatus
from app.schema.facts import (
    AttentionItemLink,
    CommandLink,
    ContextItemLink,
    Event,
    FindingLink,
    HostLink,
    ProjectLink,
    SubtaskLink,
    TaskLink,
    TokenLink,
    WorkerLink,
    common,
    item_of,
    task_of,
    tasks_of,
    worker_of,
)
from app.schema.phase_events import DeliverableChanged, DeliverableCompleted
from app.schema.shapes import shown
from app.schema.subtasks import gone
from app.schema.supervisor_events import (
    HeartbeatReceived,
    SupervisorRestored,
    SupervisorStateChanged,
)
from app.schema.worker_events import (
    ToolCompleted,
    ToolStarted,
    WorkerOrdered,
    WorkerReported,
    WorkerStatusChanged,
)
from app.store.tables import EventRow


@strawberry.type(description="A project's settings changed.")
class ProjectChanged(Event):
    changed_settings: list[str] = strawberry.field(
        description="Names of the settings that were set or reset, as fields of ProjectSettings."
    )

    @strawberry.field(description="The project.")
    async def project(self, info: Info) -> ProjectLink | None:
        row = await info.context.loaders.projects.load(self.row.project_id or "")
        return shown(row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), changed_settings=row.data["changed"])


@strawberry.type(description="A run was made or changed its status.")
class RunStatusChanged(Event):
    old_run_status: RunStatus | None = strawberry.field(description="The status before; null for a new run.")
    new_run_status: RunStatus = strawberry.field(description="The status after.")
    reason: str | None = strawberry.field(description="Why.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            old_run_status=RunStatus(data["old"]) if data["old"] else None,
            new_run_status=RunStatus(data["new"]),
            reason=data["reason"],
        )


@strawberry.type(description="A run's settings changed.")
class RunConfigured(Event):
    version: int = strawberry.field(description="The run's version since then.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), version=row.data["version"])


@strawberry.type(
    description="An archived run was deleted, with its tasks and workers. What happened to it stays in the log."
)
class RunDeleted(Event):
    run_id: strawberry.ID = strawberry.field(description="The id that it had.")
    name: str = strawberry.field(description="What people called it.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), run_id=strawberry.ID(row.data["id"]), name=row.data["name"])


@strawberry.type(
    description="A run that should be getting on has done nothing for some time. Told once for each silence."
)
class StaleDetected(Event):
    last_activity_at: datetime = strawberry.field(description="When it last did something.")
    stale_seconds: int = strawberry.field(description="For how long it had done nothing.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(
            **common(row),
            last_activity_at=datetime.fromisoformat(row.data["last_activity_at"]),
            stale_seconds=row.data["stale_seconds"],
        )


@strawberry.type(description="A run went on to another phase.")
class PhaseChanged(Event):
    old_phase: str | None = strawberry.field(description="Key of the phase before; null at the start.")
    new_phase: str = strawberry.field(description="Key of the phase that began.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), old_phase=row.data["old"], new_phase=row.data["new"])


@strawberry.type(description="A task changed its status, or was put off to another attempt.")
class TaskStatusChanged(Event):
    old_task_status: TaskStatus | None = strawberry.field(description="The status before.")
    new_task_status: TaskStatus = strawberry.field(description="The status after.")
    reason: str | None = strawberry.field(description="Why.")

    @strawberry.field(description="The task.")
    async def task(self, info: Info) -> TaskLink | None:
        return await task_of(info, self.row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            old_task_status=TaskStatus(data["old"]) if data["old"] else None,
            new_task_status=TaskStatus(data["new"]),
            reason=data["reason"],
        )


@strawberry.type(description="A task got a tick-box, or one of them was changed or taken away.")
class SubtaskChanged(Event):
    change: SubtaskChange = strawberry.field(description="What happened to it.")
    title: str = strawberry.field(description="What it said since then, or at the end.")
    completed: bool = strawberry.field(description="Whether it was ticked.")

    @strawberry.field(description="The task.")
    async def task(self, info: Info) -> TaskLink | None:
        return await task_of(info, self.row)

    @strawberry.field(description="The subtask; where it is gone by now, as it was after this change.")
    async def subtask(self, info: Info) -> SubtaskLink | None:
        id = self.row.data["subtask"]
        row = await info.context.loaders.subtask.load(id)
        return shown(row) if row is not None else gone(id, title=self.title, completed=self.completed)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            change=SubtaskChange(data["change"]),
            title=data["title"],
            completed=data["completed"],
        )


@strawberry.type(description="Something was found out and left under a task.")
class FindingAdded(Event):
    title: str = strawberry.field(description="What it is about.")

    @strawberry.field(description="The task.")
    async def task(self, info: Info) -> TaskLink | None:
        return await task_of(info, self.row)

    @strawberry.field(description="The document.")
    async def finding(self, info: Info) -> FindingLink | None:
        return shown(await info.context.loaders.finding.load(self.row.data["finding"]))

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), title=row.data["title"])


@strawberry.type(
    description="The file that a run was made from was changed, or is again as it was. Nothing is done to the run: importPlan "
    "tells what would be, and does it."
)
class PlanChanged(Event):
    path: str = strawberry.field(description="The file, from the project's root.")
    old_hash: str = strawberry.field(description="SHA-256 of the text that was known before.")
    new_hash: str = strawberry.field(
        description="SHA-256 of the text as it is now. That of the run's own plan where there is no difference any more."
    )

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(**common(row), path=data["path"], old_hash=data["old"], new_hash=data["new"])


@strawberry.type(description="A run was brought to what its plan says now.")
class PlanImported(Event):
    path: str | None = strawberry.field(description="The file, from the project's root; null for a text.")
    old_hash: str = strawberry.field(description="SHA-256 of the text that the run was made of before.")
    new_hash: str = strawberry.field(description="SHA-256 of the text that it is made of since then.")
    version: int = strawberry.field(description="The run's version since then.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            path=data["path"],
            old_hash=data["old"],
            new_hash=data["new"],
            version=data["version"],
        )


@strawberry.type(description="A run's DAG was changed.")
class DagMutated(Event):
    version: int = strawberry.field(description="The run's version since then.")

    @strawberry.field(description="Tasks that were added.")
    async def added(self, info: Info) -> list[TaskLink]:
        return await tasks_of(info, self.row.data["added"])

    @strawberry.field(description="Tasks that were changed, or wait for something else than before.")
    async def changed(self, info: Info) -> list[TaskLink]:
        return await tasks_of(info, self.row.data["changed"])

    @strawberry.field(description="Tasks that were taken out.")
    async def removed(self, info: Info) -> list[TaskLink]:
        return await tasks_of(info, self.row.data["removed"])

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), version=row.data["version"])


@strawberry.type(description="Something waits for a person.")
class AttentionOpened(Event):
    @strawberry.field(description="The item.")
    async def item(self, info: Info) -> AttentionItemLink | None:
        return await item_of(info, self.row)


@strawberry.type(description="An item was answered, dismissed, or reached its deadline.")
class AttentionClosed(Event):
    @strawberry.field(description="The item.")
    async def item(self, info: Info) -> AttentionItemLink | None:
        return await item_of(info, self.row)


@strawberry.type(description="Context was given to a worker, or to a task for its next worker.")
class ContextInjected(Event):
    @strawberry.field(description="The worker; null where the task has none yet.")
    async def worker(self, info: Info) -> WorkerLink | None:
        return await worker_of(info, self.row)

    @strawberry.field(description="What was given.")
    async def items(self, info: Info) -> list[ContextItemLink]:
        rows = await info.context.loaders.context_items.load_many(self.row.data["items"])
        return [shown(row) for row in rows if row is not None]


@strawberry.type(description="A request came, or has come further.")
class CommandChanged(Event):
    @strawberry.field(description="The request.")
    async def command(self, info: Info) -> CommandLink | None:
        row = await info.context.loaders.commands.load(self.row.data["command"])
        return shown(row)

    @strawberry.field(description="How far it had come then.")
    def new_command_status(self) -> CommandStatus:
        return CommandStatus(self.row.data["status"])


@strawberry.type(description="Dispatch was stopped everywhere, or goes on.")
class PipelineChanged(Event):
    paused: bool = strawberry.field(description="Whether it is stopped.")
    reason: str | None = strawberry.field(description="Why.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), paused=row.data["paused"], reason=row.data["reason"])


@strawberry.type(description="A token was made or revoked. Only ADMINs are told.")
class TokenChanged(Event):
    revoked: bool = strawberry.field(description="Whether it was revoked; otherwise it was made.")

    @strawberry.field(description="The token.")
    async def token(self, info: Info) -> TokenLink | None:
        row = await info.context.loaders.tokens.load(self.row.data["token"])
        return shown(row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        return cls(**common(row), revoked=row.data["revoked"])


@strawberry.type(description="A host came, went, was drained, or takes workers again.")
class HostChanged(Event):
    old_host_status: HostStatus | None = strawberry.field(
        description="The status before; null for a new host."
    )
    new_host_status: HostStatus = strawberry.field(description="The status after.")
    reason: str | None = strawberry.field(description="Why.")

    @strawberry.field(description="The host.")
    async def host(self, info: Info) -> HostLink | None:
        row = await info.context.loaders.hosts.load(self.row.data["host"])
        return shown(row)

    @classmethod
    def of(cls, row: EventRow) -> Self:
        data = row.data
        return cls(
            **common(row),
            old_host_status=HostStatus(data["old"]) if data["old"] else None,
            new_host_status=HostStatus(data["new"]),
            reason=data["reason"],
        )


SHAPES: Final[dict[EventKind, type[Event]]] = {
    EventKind.PROJECT_CHANGED: ProjectChanged,
    EventKind.RUN_STATUS_CHANGED: RunStatusChanged,
    EventKind.RUN_CONFIGURED: RunConfigured,
    EventKind.RUN_DELETED: RunDeleted,
    EventKind.STALE_DETECTED: StaleDetected,
    EventKind.SUPERVISOR_STATE_CHANGED: SupervisorStateChanged,
    EventKind.SUPERVISOR_RESTORED: SupervisorRestored,
    EventKind.HEARTBEAT_RECEIVED: HeartbeatReceived,
    EventKind.PHASE_CHANGED: PhaseChanged,
    EventKind.DELIVERABLE_COMPLETED: DeliverableCompleted,
    EventKind.DELIVERABLE_CHANGED: DeliverableChanged,
    EventKind.TASK_STATUS_CHANGED: TaskStatusChanged,
    EventKind.SUBTASK_CHANGED: SubtaskChanged,
    EventKind.FINDING_ADDED: FindingAdded,
    EventKind.PLAN_CHANGED: PlanChanged,
    EventKind.PLAN_IMPORTED: PlanImported,
    EventKind.DAG_MUTATED: DagMutated,
    EventKind.WORKER_STATUS_CHANGED: WorkerStatusChanged,
    EventKind.WORKER_ORDERED: WorkerOrdered,
    EventKind.WORKER_REPORTED: WorkerReported,
    EventKind.TOOL_STARTED: ToolStarted,
    EventKind.TOOL_COMPLETED: ToolCompleted,
    EventKind.BUDGET_WARNED: BudgetWarned,
    EventKind.ATTENTION_OPENED: AttentionOpened,
    EventKind.ATTENTION_CLOSED: AttentionClosed,
    EventKind.CONTEXT_INJECTED: ContextInjected,
    EventKind.COMMAND_CHANGED: CommandChanged,
    EventKind.PIPELINE_CHANGED: PipelineChanged,
    EventKind.TOKEN_CHANGED: TokenChanged,
    EventKind.HOST_CHANGED: HostChanged,
}


def fact(row: EventRow) -> Event:
    return SHAPES[EventKind(row.kind)].of(row)
