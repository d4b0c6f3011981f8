"""Tasks: the nodes of a run's DAG."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from app import commands, store
from app.domain import limits
from app.domain.access import ASKING, STEERING
from app.domain.plans import runtime_name
from app.domain.tasks import FINISHED, SATISFIES
from app.schema import phases
from app.schema.budgets import Budgeted
from app.schema.connections import Connection, connect_pages
from app.schema.context import Info
from app.schema.enums import TaskOrder, TaskStatus
from app.schema.findings import Finding
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, given_filter, names_of, optional
from app.schema.interfaces import Node
from app.schema.mutations import act
from app.schema.payloads import Payload
from app.schema.scalars import Cursor, position
from app.schema.shapes import shape_of, shown
from app.schema.subtasks import Subtask
from app.schema.usage import Usage, usage_of
from app.store.paging import Window
from app.store.tables import TaskRow
from app.store.task_pages import TaskFilter as Wanted

if TYPE_CHECKING:
    from app.schema.runs import Run
    from app.schema.workers import Worker


@strawberry.input(description="Which tasks. Every field narrows further.")
class TaskFilter:
    search: str | None = optional("Part of the title, or a whole key.")
    statuses: list[TaskStatus] | None = optional("In one of these statuses.")
    phase: str | None = optional("Of the phase with this key.")
    changed_since: Cursor | None = optional(
        "About which anything is told past this position of the log; those of a run that is newer, all. Ask for `cursor` "
        "in the same document to have the position for the next time."
    )


@shape_of(TaskRow)
@strawberry.type(description="A node of the DAG: what to do, what it waits for, how it may be retried.")
class Task(Budgeted, Node):
    row: strawberry.Private[TaskRow]
    key: str = strawberry.field(description="As the plan names it: T012, 1.2, 3.1.4.")
    title: str = strawberry.field(description="What is to be done, in a line.")
    description: str | None = strawberry.field(description="What is to be done, in full.")
    status: TaskStatus = strawberry.field(description="How far it has come.")
    status_reason: str | None = strawberry.field(description="Why it is in this status, for people.")
    priority: int = strawberry.field(description="Higher starts first among those that are ready.")
    attempts: int = strawberry.field(description="How many workers were started on it.")
    max_attempts: int = strawberry.field(
        description="How often it may fail, from the start or from the last retry by hand, before it has FAILED."
    )
    last_error: str | None = strawberry.field(description="Why its last attempt failed.")
    retry_at: datetime | None = strawberry.field(description="While it backs off: when it is tried again.")
    started_at: datetime | None = strawberry.field(description="When its newest attempt began.")
    completed_at: datetime | None = strawberry.field(description="When it ended.")
    paths: list[str] = strawberry.field(
        description="Paths, as globs, that it means to change. `Run.conflictPolicy` says what becomes of tasks whose paths overlap."
    )
    skill: str | None = strawberry.field(description="The skill its worker is started with.")
    runtime: str | None = strawberry.field(
        description="What its worker runs: command, or the name of an agent; null for a task that is done by hand."
    )
    timeout_seconds: int | None = strawberry.field(description="How long one attempt may work.")

    @classmethod
    def of(cls, row: TaskRow) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(row.id),
            key=row.key,
            title=row.title,
            description=row.description or None,
            status=TaskStatus(row.status),
            status_reason=row.status_reason,
            priority=row.priority,
            attempts=row.attempts,
            max_attempts=row.max_attempts,
            last_error=row.last_error,
            retry_at=row.not_before,
            started_at=row.started_at,
            completed_at=row.completed_at,
            paths=row.paths,
            skill=row.skill,
            runtime=runtime_name(row.runtime) if row.runtime is not None else None,
            timeout_seconds=row.timeout_seconds,
        )

    @strawberry.field(description="Its phase.")
    async def phase(self, info: Info) -> phases.Phase | None:
        row = await info.context.loaders.phases.load(self.row.phase_id)
        return shown(row)

    @strawberry.field(description="Its run.")
    async def run(self, info: Info) -> Annotated["Run", strawberry.lazy("app.schema.runs")] | None:
        row = await info.context.loaders.runs.load(self.row.run_id)
        return shown(row)

    @strawberry.field(description="What it waits for, or waited for.")
    async def dependencies(self, info: Info) -> list[Annotated["Task", strawberry.lazy("app.schema.tasks")]]:
        return [shown(row) for row in await info.context.loaders.needs.load(self.row.id)]

    @strawberry.field(description="Keys of what it waits for, or waited for.")
    async def dependency_keys(self, info: Info) -> list[str]:
        return [row.key for row in await info.context.loaders.needs.load(self.row.id)]

    @strawberry.field(description="What waits for it.")
    async def dependents(self, info: Info) -> list[Annotated["Task", strawberry.lazy("app.schema.tasks")]]:
        return [shown(row) for row in await info.context.loaders.dependents.load(self.row.id)]

    @strawberry.field(description="Its tick-boxes.")
    async def subtasks(self, info: Info) -> list[Subtask]:
        return [Subtask.of(row) for row in await info.context.loaders.subtasks.load(self.row.id)]

    @strawberry.field(description="What workers and people left under it, oldest first.")
    async def findings(self, info: Info) -> list[Finding]:
        return [Finding.of(row) for row in await info.context.loaders.findings.load(self.row.id)]

    @strawberry.field(
        description="What all its workers have used so far; null while none has told of anything."
    )
    async def usage(self, info: Info) -> Usage | None:
        return await usage_of(info, self.row.id)

    @strawberry.field(description="The worker that is on it now.")
    async def worker(self, info: Info) -> Annotated["Worker", strawberry.lazy("app.schema.workers")] | None:
        if self.row.worker_id is None:
            return None
        row = await info.context.loaders.workers.load(self.row.worker_id)
        return shown(row)

    @strawberry.field(description="How many unfinished tasks cannot go on before this one has.")
    async def blocks(self, info: Info) -> int:
        if self.status in SATISFIES:
            return 0
        own = self.status not in FINISHED
        return await info.context.loaders.blocked_behind.load(self.row.id) - own


async def connect_tasks(
    info: Info, run_id: str, filter: TaskFilter | None, order_by: TaskOrder | None, wanted: Window
) -> Connection[Task]:
    filter, order_by = given_filter(filter) or TaskFilter(), given(order_by)
    phase_key, phase_id = given(filter.phase), None
    if phase_key is not None:
        of_run = await info.context.loaders.phases_of_run.load(run_id)
        phase_id = next((phase.id for phase in of_run if phase.key == phase_key), "")
    only = Wanted(
        statuses=names_of(filter.statuses),
        phase=phase_id,
        search=given(filter.search),
        changed_since=position(given(filter.changed_since), "changedSince"),
    )
    return await connect_pages(
        info.context,
        lambda tx: store.task_pages.page(
            tx, run_id, only, order_by or TaskOrder.PLAN, wanted, most=limits.TASK_PAGE
        ),
        lambda tx: store.task_pages.select_of_run(tx, run_id, only),
        Task.of,
    )


@strawberry.type
class TaskQuery:
    @strawberry.field(description="A task by its id.")
    async def task(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Task | None:
        row = await info.context.read(store.tasks.find, id)
        return shown(row)


@strawberry.input(description="A request about a task.")
class TaskReasonInput:
    task_id: strawberry.ID = strawberry.field(description="The task.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A task that is done.")
class CompleteTaskInput(TaskReasonInput):
    pass


@strawberry.input(description="A task to leave out.")
class SkipTaskInput(TaskReasonInput):
    pass


@strawberry.input(description="A task to do again.")
class RetryTaskInput(TaskReasonInput):
    pass


@strawberry.type(description="The answer of a mutation that concerns a task.")
class TaskPayload(Payload):
    @strawberry.field(description="The task as it is now.")
    async def task(self, info: Info) -> Task | None:
        id = self.outcome.ref("task")
        row = await info.context.loaders.tasks.load(id) if id is not None else None
        return shown(row)


@strawberry.type
class TaskMutation:
    @strawberry.mutation(
        description="Hold a task back until it is unblocked; a worker on it is told to pause."
    )
    async def block_task(
        self, info: Info, input: Annotated[TaskReasonInput, strawberry.argument(description="Which task.")]
    ) -> TaskPayload | None:
        return TaskPayload(
            outcome=await act(info, STEERING, input, lambda: (commands.tasks.block, _which(input)))
        )

    @strawberry.mutation(description="Let a blocked task go on.")
    async def unblock_task(
        self, info: Info, input: Annotated[TaskReasonInput, strawberry.argument(description="Which task.")]
    ) -> TaskPayload | None:
        return TaskPayload(
            outcome=await act(info, STEERING, input, lambda: (commands.tasks.unblock, _which(input)))
        )

    @strawberry.mutation(
        description="Say that a task is done: one that is done by hand, or the caller's own."
    )
    async def complete_task(
        self, info: Info, input: Annotated[CompleteTaskInput, strawberry.argument(description="Which task.")]
    ) -> TaskPayload | None:
        return TaskPayload(
            outcome=await act(info, ASKING, input, lambda: (commands.tasks.complete, _which(input)))
        )

    @strawberry.mutation(description="Leave a task out; what depends on it goes on as if it were done.")
    async def skip_task(
        self, info: Info, input: Annotated[SkipTaskInput, strawberry.argument(description="Which task.")]
    ) -> TaskPayload | None:
        return TaskPayload(
            outcome=await act(info, STEERING, input, lambda: (commands.tasks.skip, _which(input)))
        )

    @strawberry.mutation(
        description="Do a task again. Dependents that have not started wait again, others stay as they are."
    )
    async def retry_task(
        self, info: Info, input: Annotated[RetryTaskInput, strawberry.argument(description="Which task.")]
    ) -> TaskPayload | None:
        return TaskPayload(
            outcome=await act(info, STEERING, input, lambda: (commands.tasks.retry, _which(input)))
        )


def _which(input: TaskReasonInput) -> dict[str, object]:
    return {"task_id": input.task_id, "reason": given(input.reason)}
