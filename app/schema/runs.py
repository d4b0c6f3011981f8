"""Runs: one execution of a plan each."""

from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Final, Self

import strawberry

from app import store
from app.domain import limits
from app.domain.phases import OPEN
from app.domain.runs import EDITABLE, RUN, Patience, RunMove
from app.schema import attention, phases, tasks, workers
from app.schema.budgets import Budgeted
from app.schema.connections import After, Before, Connection, First, Last, connect, window
from app.schema.context import Context, Info
from app.schema.enums import ConflictPolicy, PlanFormat, RunStatus, TaskOrder, describe
from app.schema.inputs import given, given_filter, names_of, optional
from app.schema.interfaces import Node
from app.schema.progress import Progress
from app.schema.shapes import shape_of, shown
from app.schema.supervisors import Supervisor
from app.schema.usage import Usage, usage_of
from app.store.paging import Key, Window
from app.store.runs import RunFilter as Wanted
from app.store.tables import RunRow

if TYPE_CHECKING:
    from app.schema.attention import AttentionFilter, AttentionItem
    from app.schema.projects import Project
    from app.schema.tasks import Task, TaskFilter
    from app.schema.workers import Worker


class RunAction(Enum):
    START = "START"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    STOP = "STOP"
    RETRY = "RETRY"
    ARCHIVE = "ARCHIVE"
    ADVANCE = "ADVANCE"


describe(
    RunAction,
    "What can be asked of a run in its present status.",
    {
        "START": "startRun.",
        "PAUSE": "pauseRun.",
        "RESUME": "resumeRun.",
        "STOP": "stopRun.",
        "RETRY": "retryRun.",
        "ARCHIVE": "archiveRun.",
        "ADVANCE": "advancePhase; its gate and its guard are judged then.",
    },
)


@strawberry.enum(description="Orders of a list of runs.")
class RunOrder(Enum):
    CREATED_DESC = strawberry.enum_value("CREATED_DESC", description="Newest first.")
    LAST_ACTIVITY_DESC = strawberry.enum_value("LAST_ACTIVITY_DESC", description="Last active first.")
    COST_DESC = strawberry.enum_value("COST_DESC", description="The dearest first.")
    NAME_ASC = strawberry.enum_value("NAME_ASC", description="By name.")


ORDERS: Final = {
    RunOrder.CREATED_DESC: [Key(RunRow.created_at, True), Key(RunRow.id, True)],
    RunOrder.LAST_ACTIVITY_DESC: [Key(RunRow.last_activity_at, True), Key(RunRow.id, True)],
    RunOrder.COST_DESC: [Key(RunRow.cost, True), Key(RunRow.id, True)],
    RunOrder.NAME_ASC: [Key(RunRow.name), Key(RunRow.id)],
}


@strawberry.input(description="Which runs. Every field narrows further.")
class RunFilter:
    search: str | None = optional("Part of the name, or a whole id.")
    created_after: datetime | None = optional("Made after this instant.")
    project_id: strawberry.ID | None = optional("Of this project.")
    statuses: list[RunStatus] | None = optional("In one of these statuses.")
    phase: str | None = optional("Now in the phase with this key.")
    stale: bool | None = optional(
        "Whether it should be getting on and has not for `staleAfterSeconds`: paused, new and ended runs never are."
    )
    stale_after_seconds: int | None = optional(
        "After how much silence a run is stale; as its project or the server is set where it is left out (`TRACKSIDE_STALE_AFTER_SECONDS`)."
    )
    waiting_for_input: bool | None = optional("Whether anything in it waits for a person.")


@strawberry.type(description="The document a run was made from, as it was then.")
class RunPlan:
    run_id: strawberry.Private[str]
    path: str | None = strawberry.field(description="Where it was read, from the project's root.")
    format: PlanFormat = strawberry.field(description="How it is written.")
    hash: str = strawberry.field(description="SHA-256 of the text, in hexadecimal digits.")

    @strawberry.field(description="The whole text.")
    async def text(self, info: Info) -> str:
        return await info.context.loaders.plan_texts.load(self.run_id) or ""


@shape_of(RunRow)
@strawberry.type(description="One execution of a plan: phases, a DAG of tasks, settings, one version number.")
class Run(Budgeted, Node):
    row: strawberry.Private[RunRow]
    name: str = strawberry.field(description="What people call it.")
    status: RunStatus = strawberry.field(description="How far it has come.")
    status_reason: str | None = strawberry.field(description="Why it is in this status, for people.")
    version: int = strawberry.field(
        description="Grows by one with every change that a client's command or a phase change makes to the run."
    )
    progress: Progress = strawberry.field(description="How many tasks are how far.")
    max_workers: int = strawberry.field(description="How many workers it may have at once.")
    phase_guard: bool = strawberry.field(
        description="Whether phases that do not say so themselves are left only when somebody confirms."
    )
    auto_advance: bool = strawberry.field(
        description="Whether it goes on by itself when the gate of a phase holds."
    )
    auto_complete: bool = strawberry.field(
        description="Whether it completes by itself behind its last gate, or waits for checkCompletion."
    )
    conflict_policy: ConflictPolicy = strawberry.field(
        description="What becomes of a ready task that means to change paths which another is at work on."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    started_at: datetime | None = strawberry.field(description="When it was first started.")
    completed_at: datetime | None = strawberry.field(description="When it ended.")
    last_activity_at: datetime = strawberry.field(description="When anything last happened in it.")
    open_attention: int = strawberry.field(description="How many items wait for a person.")

    @classmethod
    def of(cls, row: RunRow) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(row.id),
            name=row.name,
            status=RunStatus(row.status),
            status_reason=row.status_reason,
            version=row.version,
            progress=Progress.of(row),
            max_workers=row.max_workers,
            phase_guard=row.phase_guard,
            auto_advance=row.auto_advance,
            auto_complete=row.auto_complete,
            conflict_policy=ConflictPolicy(row.conflict_policy),
            created_at=row.created_at,
            started_at=row.started_at,
            completed_at=row.completed_at,
            last_activity_at=row.last_activity_at,
            open_attention=row.open_attention,
        )

    @strawberry.field(description="The project it belongs to.")
    async def project(
        self, info: Info
    ) -> Annotated["Project", strawberry.lazy("app.schema.projects")] | None:
        row = await info.context.loaders.projects.load(self.row.project_id)
        return shown(row)

    @strawberry.field(description="What looks after it.")
    async def supervisor(self, info: Info) -> Supervisor | None:
        row = await info.context.loaders.supervisors.load(self.row.id)
        return Supervisor(row=row, run=self.row) if row is not None else None

    @strawberry.field(description="The phase it is in; null before it is started.")
    async def phase(self, info: Info) -> phases.Phase | None:
        if self.row.phase_id is None:
            return None
        row = await info.context.loaders.phases.load(self.row.phase_id)
        return shown(row)

    @strawberry.field(
        description="Whether the phase it is in may be left, and what is missing; null before it is started."
    )
    async def readiness(self, info: Info) -> phases.Readiness | None:
        if self.row.phase_id is None:
            return None
        phase = await info.context.loaders.phases.load(self.row.phase_id)
        return None if phase is None else await phases.readiness_of(info, self.row, phase)

    @strawberry.field(description="Its phases, in order.")
    async def phases(self, info: Info) -> list[phases.Phase]:
        return [shown(row) for row in await info.context.loaders.phases_of_run.load(self.row.id)]

    @strawberry.field(description="What it was made from; null where it was given as a list of tasks.")
    def plan(self) -> RunPlan | None:
        row = self.row
        if not row.plan_format:
            return None
        format = PlanFormat(row.plan_format)
        return RunPlan(run_id=row.id, path=row.plan_path, format=format, hash=row.plan_hash)

    @strawberry.field(description="What can be asked of it now.")
    async def allowed_actions(self, info: Info) -> list[RunAction]:
        allowed = {move.value for move in RUN.allowed(self.status)}
        if self.status is RunStatus.BLOCKED and not self.row.failed:
            allowed.discard(RunMove.RETRY.value)
        if self.row.phase_id is not None and self.status in EDITABLE:
            phase = await info.context.loaders.phases.load(self.row.phase_id)
            if phase is not None and phase.status in OPEN:
                allowed.add(RunAction.ADVANCE.value)
        return [action for action in RunAction if action.value in allowed]

    @strawberry.field(
        description="What all its workers have used so far; null while none has told of anything."
    )
    async def usage(self, info: Info) -> Usage | None:
        return await usage_of(info, self.row.id)

    @strawberry.field(description="Its tasks; at most 5,000 at a time.")
    async def tasks(
        self,
        info: Info,
        filter: Annotated[
            Annotated["TaskFilter", strawberry.lazy("app.schema.tasks")] | None,
            strawberry.argument(description="Which of them."),
        ] = strawberry.UNSET,
        order_by: Annotated[
            TaskOrder | None,
            strawberry.argument(description="In which order; that of the plan where it is left out."),
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated["Task", strawberry.lazy("app.schema.tasks")]] | None:
        return await tasks.connect_tasks(
            info, self.row.id, filter, order_by, window(first, after, last, before)
        )

    @strawberry.field(description="Its workers, newest first.")
    async def workers(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated["Worker", strawberry.lazy("app.schema.workers")]] | None:
        return await workers.connect_workers(
            info, None, window(first, after, last, before), run_id=self.row.id
        )

    @strawberry.field(description="What waits for a person in it, the item that holds back most work first.")
    async def attention(
        self,
        info: Info,
        filter: Annotated[
            Annotated["AttentionFilter", strawberry.lazy("app.schema.attention")] | None,
            strawberry.argument(description="Which items; the open ones where it is left out."),
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated["AttentionItem", strawberry.lazy("app.schema.attention")]] | None:
        return await attention.connect_items(
            info, filter, window(first, after, last, before), run_id=self.row.id
        )


def patience(context: Context, seconds: int | None, *path: str) -> Patience:
    """As the reader says; else as projects and the server do."""
    seconds = given(seconds)
    if seconds is None:
        return Patience(context.services.stale_after)
    asked = limits.number(seconds, *path, least=1, most=limits.SECONDS)
    return Patience(timedelta(seconds=asked), everywhere=True)


async def connect_runs(
    info: Info,
    filter: RunFilter | None,
    order_by: RunOrder | None,
    wanted: Window,
    *,
    project_id: str | None = None,
) -> Connection[Run]:
    only, order_by = wanted_runs(info.context, filter, project_id=project_id), given(order_by)
    return await connect(
        info.context,
        lambda tx: store.runs.select_all(tx, only),
        ORDERS[order_by or RunOrder.CREATED_DESC],
        wanted,
        Run.of,
    )


def wanted_runs(
    context: Context, filter: RunFilter | None, *, project_id: str | None = None, where: str = "filter"
) -> Wanted:
    """The filter as the store takes it; within a project, where one is given."""
    filter = given_filter(filter) or RunFilter()
    wanted_project = given(filter.project_id)
    of_another_project = project_id is not None and wanted_project not in (None, project_id)
    return Wanted(
        project_id=project_id or wanted_project,
        statuses=[] if of_another_project else names_of(filter.statuses),
        search=given(filter.search),
        created_after=given(filter.created_after),
        phase=given(filter.phase),
        waiting=given(filter.waiting_for_input),
        stale=given(filter.stale),
        patience=patience(context, filter.stale_after_seconds, *where.split("."), "staleAfterSeconds"),
    )


@strawberry.type
class RunQuery:
    @strawberry.field(description="A run by its id.")
    async def run(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Run | None:
        row = await info.context.read(store.runs.find, id)
        return shown(row)

    @strawberry.field(description="Every run that the caller may see.")
    async def runs(
        self,
        info: Info,
        filter: Annotated[
            RunFilter | None, strawberry.argument(description="Which of them.")
        ] = strawberry.UNSET,
        order_by: Annotated[
            RunOrder | None,
            strawberry.argument(description="In which order; newest first where it is left out."),
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Run] | None:
        return await connect_runs(info, filter, order_by, window(first, after, last, before))
