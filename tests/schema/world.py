"""A project with one of everything in it, and short ways to get more."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from app import commands, store
from app.commands.context import Item
from app.domain.access import Role
from app.domain.plans import Plan, PlanDeliverable, PlanFormat, PlanPhase
from app.domain.usage import Amounts
from app.store.db import Database, Tx
from tests.factories import a_task, an_actor
from tests.fleet import Fleet, Timepiece
from tests.schema.api import Api

Dump = dict[str, list[str]]


def use(tx: Tx, worker_id: str) -> None:
    """Something that was used, past the reports of a runner, which tests number themselves."""
    worker = store.workers.get(tx, worker_id)
    run = store.runs.lock(tx, worker.run_id)
    store.usage.add(tx, run, worker, "m-1", tx.now, Amounts(1200, 80, cost=125_000_000), models=2)


@dataclass(frozen=True)
class World:
    """A run of two phases with a worker on `build`, which has asked something and was given something."""

    api: Api
    fleet: Fleet
    root: Path
    project: str
    run: str
    task: str
    later_task: str
    phase: str
    worker: str
    item: str
    command: str
    context: str
    subtask: str
    token: str

    @classmethod
    async def make(cls, api: Api, root: Path, clock: Timepiece) -> "World":
        fleet = Fleet(api.services.db, clock)
        made = await api.do("createProject", "project { id }", name=root.name, root=str(root))
        project = made["project"]["id"]
        run = await fleet.a_run(["build", "test < build"], ["ship"], project_id=project)
        worker = await fleet.working(run, "build")
        given = await fleet.do(
            commands.context.inject, items=[Item("TEXT", "Mind the gap.", 4)], worker_id=worker
        )
        built = await fleet.task(run, "build")
        boxed = await fleet.do(commands.subtasks.create, task_id=built.id, title="Look around")
        item = await fleet.asking(run, "build", "Which colour?", options=["red", "blue"])
        await fleet.db.write(use, worker)
        tasks = await fleet.tasks(run)
        token = await api.do("createToken", "token { id }", name="Olga", role="VIEWER", projectId=project)
        return cls(
            api,
            fleet,
            root,
            project,
            run,
            tasks["build"].id,
            tasks["test"].id,
            tasks["build"].phase_id,
            worker,
            item,
            given.command_id,
            given.refs["items"][0],
            boxed.refs["subtask"],
            token["token"]["id"],
        )

    async def a_run(self, *entries: Any, **arguments: Any) -> str:
        """Another run of the same project."""
        return await self.fleet.a_run(*entries, project_id=self.project, **arguments)

    async def a_guarded_run(self) -> str:
        """Its first phase owes a paper and is guarded; the paper was waived, and its one task is done already."""
        phase = PlanPhase("phase-1", "First", [a_task("made", done=True)], guard=True)
        phase.deliverables = [PlanDeliverable("paper", "The paper")]
        later = PlanPhase("phase-2", "Second", [a_task("later")])
        plan = Plan(PlanFormat.TRACKSIDE, "Guarded", [phase, later])
        run = await self.a_run(plan=plan)
        await self.fleet.do(commands.deliverables.waive, run_id=run, phase="phase-1", deliverable="paper")
        return run

    async def a_task(self, *, runtime: dict[str, Any] | None = None, **arguments: Any) -> str:
        """A ready task of a run of its own; done by hand unless it is given a runtime."""
        run = await self.a_run("task", runtime=runtime, **arguments)
        return (await self.fleet.task(run, "task")).id

    async def a_worker(self) -> str:
        """A running worker on a task of a run of its own."""
        run = await self.a_run("task")
        return await self.fleet.working(run, "task")

    async def runner_of(self, worker_id: str) -> Api:
        return self.api.by(await self._of_worker(worker_id, Role.RUNNER))

    async def agent_of(self, worker_id: str) -> Api:
        return self.api.by(await self._of_worker(worker_id, Role.WORKER))

    async def orchestrator_of(self, run_id: str) -> Api:
        return self.api.by(an_actor(Role.ORCHESTRATOR, project_id=self.project, run_id=run_id))

    async def _of_worker(self, worker_id: str, role: Role) -> Any:
        worker = await self.fleet.worker(worker_id)
        run = await self.fleet.run(worker.run_id)
        return replace(
            an_actor(role, id=f"{role.lower()}:{worker_id}"),
            name=f"{role.lower()}:{worker_id}",
            project_id=run.project_id,
            run_id=run.id,
            worker_id=worker_id,
            fence=worker.fence,
        )

    async def dump(self, *without: str) -> Dump:
        return await dump(self.api.services.db, *without)


async def dump(db: Database, *without: str) -> Dump:
    """Every row of every table, as text."""

    def read(tx: Tx) -> Dump:
        found: Dump = {}
        connection = tx.session.connection()
        for table in SQLModel.metadata.sorted_tables:
            if table.name not in without:
                rows = connection.exec_driver_sql(f'SELECT * FROM "{table.name}"')
                found[table.name] = sorted(repr(tuple(row)) for row in rows)
        return found

    return await db.read(read)
