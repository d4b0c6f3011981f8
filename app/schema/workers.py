"""Workers: processes of agents, their logs, and what can be asked of them."""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final, Self

import strawberry

from app import commands, store
from app.domain import limits
from app.domain.access import ASKING, STEERING
from app.domain.plans import runtime_name
from app.domain.workers import CAPABILITIES
from app.schema import skills
from app.schema.budgets import Budgeted, budget
from app.schema.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connect,
    window,
)
from app.schema.context import Info
from app.schema.enums import Capability, Role, WorkerStatus
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, given_filter, names_of, optional
from app.schema.interfaces import Node
from app.schema.logs import WorkerLogs
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.runtimes import RuntimeInput, Site, runtime_of
from app.schema.shapes import shape_of, shown
from app.schema.tool_calls import WorkerToolCalls
from app.schema.usage import WorkerUsage
from app.store.paging import Key, Window
from app.store.tables import WorkerRow
from app.store.workers import WorkerFilter as Wanted

if TYPE_CHECKING:
    from app.schema.context_items import ContextItem
    from app.schema.hosts import Host
    from app.schema.runs import Run
    from app.schema.tasks import Task


NEWEST_FIRST: Final = [Key(WorkerRow.id, True)]


@strawberry.input(description="Which workers. Every field narrows further.")
class WorkerFilter:
    project_id: strawberry.ID | None = optional("Of this project.")
    run_id: strawberry.ID | None = optional("Of this run.")
    task_id: strawberry.ID | None = optional("That worked on this task.")
    host_id: strawberry.ID | None = optional("That run on this host.")
    statuses: list[WorkerStatus] | None = optional("In one of these statuses.")
    runtime: str | None = optional("Of this runtime: command, or the name of an agent.")
    search: str | None = optional("Part of the name, or a whole id.")


@shape_of(WorkerRow)
@strawberry.type(description="One process of one agent, for one attempt of one task or beside the DAG.")
class Worker(WorkerLogs, WorkerToolCalls, WorkerUsage, Budgeted, Node):
    row: strawberry.Private[WorkerRow]
    name: str = strawberry.field(description="What people call it.")
    role: Role = strawberry.field(
        description="That of the token which it works with: WORKER, or ORCHESTRATOR for the one that looks after its run."
    )
    status: WorkerStatus = strawberry.field(description="How far it has come.")
    status_reason: str | None = strawberry.field(description="Why it is in this status, for people.")
    runtime: str = strawberry.field(description="What it runs: command, or the name of an agent.")
    command: list[str] = strawberry.field(
        description="The executable and its arguments; empty for an agent, which is started as the settings say."
    )
    capabilities: list[Capability] = strawberry.field(
        description="What this runtime can do; a verb outside it is refused before it is sent."
    )
    pid: int | None = strawberry.field(description="Process id on its host.")
    exit_code: int | None = strawberry.field(description="What the process ended with.")
    started_at: datetime | None = strawberry.field(description="When the process was up.")
    ended_at: datetime | None = strawberry.field(
        description="When the whole process tree was known to be gone."
    )
    last_heartbeat_at: datetime | None = strawberry.field(description="When its runner was last heard.")
    attempt: int = strawberry.field(description="Which attempt of its task it is; also its fence.")
    current_activity: str | None = strawberry.field(description="What it says it is doing.")
    progress: int | None = strawberry.field(description="How far it says it is, 0 to 100.")

    @classmethod
    def of(cls, row: WorkerRow) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(row.id),
            name=row.name,
            role=Role(row.role),
            status=WorkerStatus(row.status),
            status_reason=row.status_reason,
            runtime=runtime_name(row.runtime),
            command=row.runtime.get("argv", []),
            capabilities=list(CAPABILITIES.get(row.runtime["kind"], ())),
            pid=row.pid,
            exit_code=row.exit_code,
            started_at=row.started_at,
            ended_at=row.ended_at,
            last_heartbeat_at=row.last_heartbeat_at,
            attempt=row.fence,
            current_activity=row.current_activity,
            progress=row.progress,
        )

    @strawberry.field(description="Its run.")
    async def run(self, info: Info) -> Annotated["Run", strawberry.lazy("app.schema.runs")] | None:
        row = await info.context.loaders.runs.load(self.row.run_id)
        return shown(row)

    @strawberry.field(
        description="The skill it was started with, as it is now. Null for none, and where it is gone from disk."
    )
    async def skill(self, info: Info) -> skills.Skill | None:
        if self.row.skill is None:
            return None
        found = await info.context.loaders.skills_of_workers.load((self.row.run_id, self.row.skill))
        return None if found is None else skills.Skill.of(found)

    @strawberry.field(description="The task it works on; null for a worker beside the DAG.")
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.schema.tasks")] | None:
        if self.row.task_id is None:
            return None
        row = await info.context.loaders.tasks.load(self.row.task_id)
        return shown(row)

    @strawberry.field(description="Where it runs; null until a host has room for it.")
    async def host(self, info: Info) -> Annotated["Host", strawberry.lazy("app.schema.hosts")] | None:
        row = await info.context.loaders.hosts.load(self.row.host_id) if self.row.host_id else None
        return shown(row)

    @strawberry.field(description="Labels that its host has to have.")
    def host_labels(self) -> list[str]:
        return list(self.row.host_labels)

    @strawberry.field(description="What it was given to read.")
    async def context(
        self, info: Info
    ) -> list[Annotated["ContextItem", strawberry.lazy("app.schema.context_items")]]:
        rows = await info.context.loaders.context_of_worker.load(self.row.id)
        return [shown(row) for row in rows]


async def connect_workers(
    info: Info, filter: WorkerFilter | None, wanted: Window, *, run_id: str | None = None
) -> Connection[Worker]:
    filter = given_filter(filter) or WorkerFilter()
    only = Wanted(
        project_id=given(filter.project_id),
        run_id=run_id or given(filter.run_id),
        task_id=given(filter.task_id),
        host_id=given(filter.host_id),
        statuses=names_of(filter.statuses),
        runtime=given(filter.runtime),
        search=given(filter.search),
    )
    return await connect(
        info.context,
        lambda tx: store.workers.select_all(tx, only),
        NEWEST_FIRST,
        wanted,
        Worker.of,
    )


@strawberry.type
class WorkerQuery:
    @strawberry.field(description="A worker by its id.")
    async def worker(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Worker | None:
        row = await info.context.read(store.workers.find, id)
        return shown(row)

    @strawberry.field(description="Every worker that the caller may see, newest first.")
    async def workers(
        self,
        info: Info,
        filter: Annotated[
            WorkerFilter | None, strawberry.argument(description="Which of them.")
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Worker] | None:
        return await connect_workers(info, filter, window(first, after, last, before))


@strawberry.input(description="A variable of a worker's environment.")
class EnvVarInput:
    name: str = strawberry.field(description="Its name; TRACKSIDE_… is taken.")
    value: str = strawberry.field(description="Its value; the audit trail does not keep it.")


@strawberry.input(description="A worker to start by hand.")
class SpawnWorkerInput:
    run_id: strawberry.ID = strawberry.field(description="The run it belongs to.")
    task_id: strawberry.ID | None = optional("A ready task; without one the worker stands beside the DAG.")
    name: str | None = optional("What people call it.")
    skill: str | None = optional("Name of the skill it is started with.")
    runtime: RuntimeInput | None = optional("What it runs; the task's or the run's own where it is left out.")
    env: list[EnvVarInput] | None = optional("Variables added to its environment.")
    budget_usd: Decimal | None = optional(
        "What it may spend, in US dollars: reserved at once of the budgets of its task and its run. Where it is left out, what "
        "is left of its task's budget is reserved; where that has none, nothing."
    )
    host_labels: list[str] | None = optional(
        "Labels that its host has to have, all of them. Refused with UNAVAILABLE where no host that takes workers now has."
    )
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A request to a worker.")
class WorkerVerbInput:
    worker_id: strawberry.ID = strawberry.field(description="The worker.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A worker to end.")
class KillWorkerInput(WorkerVerbInput):
    grace_seconds: int | None = optional(
        "How long after SIGTERM its tree gets SIGKILL, 0 to 3,600; 10 where it is left out."
    )


@strawberry.input(description="What a worker says of itself.")
class ReportProgressInput:
    worker_id: strawberry.ID = strawberry.field(description="The worker.")
    activity: str | None = optional("What it is doing.")
    progress: int | None = optional("How far it is, 0 to 100.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of a mutation that concerns a worker.")
class WorkerPayload(Payload):
    @strawberry.field(description="The worker as it is now.")
    async def worker(self, info: Info) -> Worker | None:
        id = self.outcome.ref("worker")
        row = await info.context.loaders.workers.load(id) if id is not None else None
        return shown(row)


@strawberry.type
class WorkerMutation:
    @strawberry.mutation(
        description="Start an agent by hand, on a ready task or beside the DAG. Refused where another task is at work on "
        "paths that the task means to change, unless the run's conflictPolicy or an answer allows it."
    )
    async def spawn_worker(
        self, info: Info, input: Annotated[SpawnWorkerInput, strawberry.argument(description="The worker.")]
    ) -> WorkerPayload | None:
        async def prepare() -> Write:
            run = await info.context.read(store.runs.get, input.run_id)
            project = await info.context.read(store.projects.get, run.project_id)
            name, skill = given(input.name), given(input.skill)
            skill = limits.name(skill, "input", "skill") if skill is not None else None
            named = [(skill, ["input", "skill"])] if skill is not None else []
            env = given(input.env) or []
            site = Site(project.root, info.context.services.agents)
            return await skills.checked(info.context, project, named, commands.workers.spawn), {
                "run_id": run.id,
                "task_id": given(input.task_id),
                "runtime": await asyncio.to_thread(runtime_of, input.runtime, site, "input", "runtime"),
                "name": limits.name(name, "input", "name") if name is not None else None,
                "skill": skill,
                "host_labels": _labels(given(input.host_labels) or []),
                "environment": limits.environment([(one.name, one.value) for one in env], "input", "env"),
                "budget": budget(input.budget_usd, "input", "budgetUsd"),
            }

        return WorkerPayload(outcome=await act(info, STEERING, input, prepare))

    @strawberry.mutation(
        description="End a worker's whole process tree. Answers when that is REQUESTED; WorkerStatusChanged to KILLED "
        "comes when nothing of the tree is left. The task goes on by its own rules."
    )
    async def kill_worker(
        self, info: Info, input: Annotated[KillWorkerInput, strawberry.argument(description="Which worker.")]
    ) -> WorkerPayload | None:
        def prepare() -> Write:
            grace = given(input.grace_seconds)
            if grace is not None:
                limits.number(grace, "input", "graceSeconds", least=0, most=3600)
            return commands.workers.kill, {
                "worker_id": input.worker_id,
                "grace_seconds": grace,
                "reason": given(input.reason),
            }

        return WorkerPayload(outcome=await act(info, STEERING, input, prepare))

    @strawberry.mutation(description="Pause a worker where its runtime can.")
    async def pause_worker(
        self, info: Info, input: Annotated[WorkerVerbInput, strawberry.argument(description="Which worker.")]
    ) -> WorkerPayload | None:
        return WorkerPayload(
            outcome=await act(
                info, STEERING, input, lambda: (commands.workers.pause, {"worker_id": input.worker_id})
            )
        )

    @strawberry.mutation(description="Let a paused worker go on.")
    async def resume_worker(
        self, info: Info, input: Annotated[WorkerVerbInput, strawberry.argument(description="Which worker.")]
    ) -> WorkerPayload | None:
        return WorkerPayload(
            outcome=await act(
                info, STEERING, input, lambda: (commands.workers.resume, {"worker_id": input.worker_id})
            )
        )

    @strawberry.mutation(description="What a worker says of itself: what it is doing, how far it is.")
    async def report_progress(
        self,
        info: Info,
        input: Annotated[ReportProgressInput, strawberry.argument(description="The report.")],
    ) -> WorkerPayload | None:
        def prepare() -> Write:
            activity, progress = given(input.activity), given(input.progress)
            return commands.workers.report_progress, {
                "worker_id": input.worker_id,
                "activity": limits.name(activity, "input", "activity", limit=limits.TITLE)
                if activity is not None
                else None,
                "progress": limits.number(progress, "input", "progress", least=0, most=100)
                if progress is not None
                else None,
            }

        return WorkerPayload(outcome=await act(info, ASKING, input, prepare))


def _labels(labels: list[str]) -> list[str]:
    limits.count(labels, limits.LABELS, "input", "hostLabels")
    return list(dict.fromkeys(limits.name(label, "input", "hostLabels") for label in labels))
