"""Supervisors: what looks after a run."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from app import store
from app.domain import limits
from app.domain.supervisors import OVER
from app.schema.context import Info
from app.schema.enums import SupervisorState
from app.schema.inputs import given
from app.schema.progress import Progress
from app.schema.restorations import Restoration
from app.schema.shapes import shown
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import RunRow

if TYPE_CHECKING:
    from app.schema.tasks import Task
    from app.schema.workers import Worker

First = Annotated[int | None, strawberry.argument(description="How many, 0 to 100; 10 where it is left out.")]
_FIRST: Final = 10


@strawberry.type(description="What an agent said of itself.")
class Heartbeat:
    at: datetime = strawberry.field(description="When it was heard.")
    state: SupervisorState = strawberry.field(description="How it stood.")
    activity: str | None = strawberry.field(description="What it was doing.")
    progress: int = strawberry.field(description="How far it was, 0 to 100.")


@strawberry.type(
    description="What looks after a run: the control plane itself, or an agent that says of itself how it stands."
)
class Supervisor:
    row: strawberry.Private[SupervisorRow]
    run: strawberry.Private[RunRow]

    @strawberry.field(description="Opaque.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.row.id)

    @strawberry.field(description="How it stands.")
    def state(self) -> SupervisorState:
        return SupervisorState(self.row.state)

    @strawberry.field(description="Whether it is an agent; otherwise the control plane itself.")
    def is_agent(self) -> bool:
        return self.row.is_agent

    @strawberry.field(description="What it is doing, for people.")
    def current_activity(self) -> str | None:
        return self.row.activity if self.row.is_agent else _activity(self.run)

    @strawberry.field(description="How far it is, 0 to 100; of the built-in one, how far its run is.")
    def progress(self) -> int:
        return self.row.progress if self.row.is_agent else int(Progress.of(self.run).percent)

    @strawberry.field(
        description="The tasks that it waits for, as it says; of the built-in one, those that are worked on."
    )
    async def pending_tasks(
        self, info: Info, first: First = strawberry.UNSET
    ) -> list[Annotated["Task", strawberry.lazy("app.schema.tasks")]]:
        size, row = _size(first), self.row
        if row.is_agent:
            found = await info.context.loaders.tasks.load_many(row.pending_tasks[:size])
            return [shown(task) for task in found if task is not None]
        rows = await info.context.loaders.reads.load(
            lambda tx: store.supervisors.tasks_under_way(tx, row.run_id, size)
        )
        return [shown(task) for task in rows]

    @strawberry.field(
        description="The worker that it is, where Trackside starts it as a process; null between two starts, and for any other."
    )
    async def worker(self, info: Info) -> Annotated["Worker", strawberry.lazy("app.schema.workers")] | None:
        if self.row.worker_id is None:
            return None
        row = await info.context.loaders.workers.load(self.row.worker_id)
        return shown(row)

    @strawberry.field(
        description="When its process is started next; null while one lives, and where none is to be started."
    )
    def starts_at(self) -> datetime | None:
        return self.row.starts_at if self.row.worker_id is None else None

    @strawberry.field(description="How often it was restarted.")
    def restarts(self) -> int:
        return self.row.restarts

    @strawberry.field(
        description="When it was last heard; of the built-in one, when the server that leads last said that it does."
    )
    async def last_heartbeat_at(self, info: Info) -> datetime | None:
        if self.row.is_agent:
            return self.row.last_heartbeat_at
        return (await info.context.loaders.leader.load("")).heard_at

    @strawberry.field(
        description="Whether it looks after its run now: neither over nor given up for dead; started, where Trackside starts "
        "it; led by a server that lives, where it is the built-in one."
    )
    async def alive(self, info: Info) -> bool:
        if self.row.state in OVER:
            return False
        if self.row.is_agent:
            return self.row.runtime is None or self.row.worker_id is not None
        return (await info.context.loaders.leader.load("")).lives

    @strawberry.field(
        description="When its state was last saved. That of an agent is with whatever it sends and with every change of phase; "
        "the built-in one follows from its run, and is saved by syncSupervisor in name only."
    )
    def saved_at(self) -> datetime | None:
        return self.row.saved_at

    @strawberry.field(
        description="How an agent is brought back, and what it is told; null for the built-in one, which knows no more than its run."
    )
    def restoration(self) -> Restoration | None:
        return Restoration(row=self.row) if self.row.is_agent else None

    @strawberry.field(
        description="What an agent said of itself during the last day, newest first; nothing of the built-in one."
    )
    async def heartbeats(self, info: Info, first: First = strawberry.UNSET) -> list[Heartbeat]:
        size, run_id = _size(first), self.row.run_id
        if not self.row.is_agent:
            return []
        rows = await info.context.loaders.reads.load(
            lambda tx: store.supervisors.heartbeats(tx, run_id, size)
        )
        return [
            Heartbeat(
                at=row.at,
                state=SupervisorState(row.data["state"]),
                activity=row.data["activity"],
                progress=row.data["progress"],
            )
            for row in rows
        ]


def _size(first: Any) -> int:
    wanted = given(first)
    return limits.number(_FIRST if wanted is None else wanted, "first", least=0, most=limits.PAGE)


def _activity(run: RunRow) -> str | None:
    """What a run says of itself, or how many of its tasks are where."""
    if run.status_reason is not None or run.started_at is None or run.completed_at is not None:
        return run.status_reason
    parts = [(run.running, "running"), (run.waiting, "waiting for an answer"), (run.ready, "ready")]
    return "Tasks: " + (", ".join(f"{number} {what}" for number, what in parts if number) or "none under way")
