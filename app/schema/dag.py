"""Changing the DAG of a run under way."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app import commands, store
from app.domain import limits
from app.domain.access import STEERING
from app.domain.edits import AddDependency, AddTask, Edit, EditTask, RemoveDependency, RemoveTask
from app.schema import skills
from app.schema.budgets import budget, limit
from app.schema.context import Info
from app.schema.inputs import EXPECTED_VERSION, IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.runtimes import RuntimeInput, Site, runtime_of
from app.schema.shapes import shown

if TYPE_CHECKING:
    from app.schema.runs import Run
    from app.schema.tasks import Task
    from app.schema.workers import Worker


@strawberry.input(description="A task.")
class AddTaskInput:
    key: str = strawberry.field(description="What it is named by within its run: at most 200 characters.")
    title: str = strawberry.field(description="What is to be done, in a line.")
    description: str | None = optional("What is to be done, in full.")
    phase: str | None = optional("Key of its phase; the run's current one where it is left out.")
    depends_on: list[str] | None = optional("Keys of the tasks it waits for.")
    priority: int | None = optional("Higher starts first among those that are ready; 0 where it is left out.")
    max_attempts: int | None = optional("How often it is tried before it has failed; 1 where it is left out.")
    timeout_seconds: int | None = optional("How long one attempt may work; waiting and pauses do not count.")
    runtime: RuntimeInput | None = optional("What its worker runs; the run's own where it is left out.")
    skill: str | None = optional("Name of the skill its worker is started with.")
    budget_usd: Decimal | None = optional(
        "What all its attempts together may spend, in US dollars; nothing limits that where it is left out."
    )
    paths: list[str] | None = optional("Paths, as globs, that the task means to change.")

    def edit(self, site: Site, where: list[str]) -> AddTask:
        """Checked, and as the commands take it."""
        title, description = given(self.title), given(self.description)
        return AddTask(
            key=limits.key(self.key, *where, "key"),
            title=limits.name(title, *where, "title", limit=limits.TITLE),
            description=limits.text(description, *where, "description") if description else "",
            phase=_name(self.phase, [*where, "phase"]),
            depends_on=[limits.key(one, *where, "dependsOn") for one in given(self.depends_on) or []],
            priority=_priority(self.priority, where) or 0,
            max_attempts=_attempts(self.max_attempts, where) or 1,
            timeout_seconds=_seconds(self.timeout_seconds, where),
            runtime=runtime_of(self.runtime, site, *where, "runtime"),
            skill=_name(self.skill, [*where, "skill"]),
            budget=budget(self.budget_usd, *where, "budgetUsd"),
            paths=_paths(self.paths, where) or [],
        )


@strawberry.input(description="A change of a task; what is left out stays as it is.")
class EditTaskInput:
    task: str = strawberry.field(description="Key of the task.")
    title: str | None = optional("What is to be done, in a line.")
    description: str | None = optional("What is to be done, in full.")
    phase: str | None = optional("Key of another phase; only for a task that has not started.")
    priority: int | None = optional("Higher starts first among those that are ready.")
    max_attempts: int | None = optional("How often it is tried before it has failed.")
    timeout_seconds: int | None = optional("How long one attempt may work.")
    runtime: RuntimeInput | None = optional("What its next worker runs.")
    skill: str | None = optional("Name of the skill its next worker is started with.")
    budget_usd: Decimal | None = optional(
        "What all its attempts together may spend, in US dollars; null takes the limit away. What waits for more goes on."
    )
    paths: list[str] | None = optional("Paths, as globs, that the task means to change.")

    def edit(self, site: Site, where: list[str]) -> EditTask:
        title, description = given(self.title), given(self.description)
        return EditTask(
            task=limits.key(self.task, *where, "task"),
            title=limits.name(title, *where, "title", limit=limits.TITLE) if title is not None else None,
            description=limits.text(description, *where, "description") if description is not None else None,
            phase=_name(self.phase, [*where, "phase"]),
            priority=_priority(self.priority, where),
            max_attempts=_attempts(self.max_attempts, where),
            timeout_seconds=_seconds(self.timeout_seconds, where),
            runtime=runtime_of(self.runtime, site, *where, "runtime"),
            skill=_name(self.skill, [*where, "skill"]),
            budget=limit(self.budget_usd, *where, "budgetUsd"),
            paths=_paths(self.paths, where),
        )


@strawberry.input(description="A task to take out of the run.")
class RemoveTaskInput:
    task: str = strawberry.field(description="Key of the task.")
    kill_worker: bool | None = optional(
        "End the worker that is on it; without this a running task is not removed."
    )


@strawberry.input(description="One task waiting for another.")
class DependencyInput:
    task: str = strawberry.field(description="Key of the task that waits.")
    depends_on: str = strawberry.field(description="Key of the task it waits for.")

    def keys(self, where: list[str]) -> tuple[str, str]:
        return limits.key(self.task, *where, "task"), limits.key(self.depends_on, *where, "dependsOn")


@strawberry.input(
    one_of=True,
    description="One step of a change: exactly one of these. Tasks are named by their key in the plan.",
)
class DagOperationInput:
    add_task: AddTaskInput | None = optional("Add a task.")
    remove_task: RemoveTaskInput | None = optional(
        "Take a task out; what depends on it no longer waits for it."
    )
    add_dependency: DependencyInput | None = optional("Let a task that has not started wait for another.")
    remove_dependency: DependencyInput | None = optional("Let a task no longer wait for another.")
    update_task: EditTaskInput | None = optional("Change a task.")

    def edit(self, site: Site, where: list[str]) -> Edit:
        if (added := given(self.add_task)) is not None:
            return AddTaskInput.edit(added, site, [*where, "addTask"])
        if (changed := given(self.update_task)) is not None:
            return EditTaskInput.edit(changed, site, [*where, "updateTask"])
        if (removed := given(self.remove_task)) is not None:
            key = limits.key(removed.task, *where, "removeTask", "task")
            return RemoveTask(task=key, kill_worker=bool(given(removed.kill_worker)))
        if (more := given(self.add_dependency)) is not None:
            return AddDependency(*DependencyInput.keys(more, [*where, "addDependency"]))
        less = given(self.remove_dependency)
        return RemoveDependency(*DependencyInput.keys(less, [*where, "removeDependency"]))


@strawberry.input(description="A change of a run's DAG.")
class MutateDagInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    expected_version: int | None = optional(EXPECTED_VERSION)
    operations: list[DagOperationInput] = strawberry.field(
        description="What to do, in this order; at most 1,000. All of it is done or nothing."
    )
    dry_run: bool | None = optional("Only tell the impact; nothing is changed or recorded.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="A task that a change adds.")
class PlannedTask:
    key: str = strawberry.field(description="What it is named by.")
    title: str = strawberry.field(description="What is to be done.")
    phase: str | None = strawberry.field(description="Key of its phase.")
    depends_on: list[str] = strawberry.field(description="Keys of the tasks it waits for.")
    id: strawberry.Private[str]

    @strawberry.field(description="The task itself; null in a dry run.")
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.schema.tasks")] | None:
        row = await info.context.loaders.tasks.load(self.id)
        return shown(row)


@strawberry.type(description="What a change does: the same for a dry run and for the real thing.")
class DagImpact:
    refs: strawberry.Private[dict[str, Any]]

    @strawberry.field(description="Tasks that become ready by it.")
    async def ready(self, info: Info) -> list[Annotated["Task", strawberry.lazy("app.schema.tasks")]]:
        return await _tasks(info, self.refs["ready"])

    @strawberry.field(description="Tasks that have to wait again by it.")
    async def pending(self, info: Info) -> list[Annotated["Task", strawberry.lazy("app.schema.tasks")]]:
        return await _tasks(info, self.refs["pending"])

    @strawberry.field(description="Tasks that it adds.")
    def added(self) -> list[PlannedTask]:
        return [
            PlannedTask(
                key=task["key"],
                title=task["title"],
                phase=task["phase"],
                depends_on=task["dependsOn"],
                id=task["task"],
            )
            for task in self.refs["added"]
        ]

    @strawberry.field(description="Tasks that it takes out.")
    async def removed(self, info: Info) -> list[Annotated["Task", strawberry.lazy("app.schema.tasks")]]:
        return await _tasks(info, self.refs["removed"])

    @strawberry.field(description="Workers that it ends.")
    async def killed_workers(
        self, info: Info
    ) -> list[Annotated["Worker", strawberry.lazy("app.schema.workers")]]:
        rows = await info.context.loaders.workers.load_many(self.refs["killedWorkers"])
        return [shown(row) for row in rows if row is not None]


@strawberry.type(description="The answer of mutateDag.")
class MutateDagPayload(Payload):
    @strawberry.field(description="The run as it is now.")
    async def run(self, info: Info) -> Annotated["Run", strawberry.lazy("app.schema.runs")] | None:
        id = self.outcome.ref("run")
        row = await info.context.loaders.runs.load(id) if id is not None else None
        return shown(row)

    @strawberry.field(description="What the change does; null where it was refused.")
    def impact(self) -> DagImpact | None:
        refs = self.outcome.refs.get("impact")
        return None if refs is None else DagImpact(refs=refs)


@strawberry.type
class DagMutation:
    @strawberry.mutation(
        description="One atomic, versioned change of a running DAG; dryRun tells its impact and changes nothing."
    )
    async def mutate_dag(
        self, info: Info, input: Annotated[MutateDagInput, strawberry.argument(description="The change.")]
    ) -> MutateDagPayload | None:
        async def prepare() -> Write:
            run = await info.context.read(store.runs.get, input.run_id)
            project = await info.context.read(store.projects.get, run.project_id)
            site = Site(project.root, info.context.services.agents)
            edits = await asyncio.to_thread(_edits, input.operations, site)
            change = await skills.checked(info.context, project, _skills(edits), commands.dag.mutate)
            return change, {
                "run_id": run.id,
                "edits": edits,
                "expected_version": given(input.expected_version),
            }

        return MutateDagPayload(
            outcome=await act(info, STEERING, input, prepare, rehearse=bool(given(input.dry_run)))
        )


def _edits(operations: list[DagOperationInput], site: Site) -> list[Edit]:
    where = ["input", "operations"]
    if not operations:
        raise limits.invalid("A change needs at least one operation.", where)
    limits.count(operations, limits.OPERATIONS, *where)
    return [operation.edit(site, [*where, str(position)]) for position, operation in enumerate(operations)]


def _skills(edits: list[Edit]) -> Iterator[tuple[str, list[str]]]:
    """The skills that a change names, with where it does."""
    for position, edit in enumerate(edits):
        if isinstance(edit, AddTask | EditTask) and edit.skill:
            operation = "addTask" if isinstance(edit, AddTask) else "updateTask"
            yield edit.skill, ["input", "operations", str(position), operation, "skill"]


async def _tasks(info: Info, ids: list[str]) -> list[Any]:
    rows = await info.context.loaders.tasks.load_many(ids)
    return [shown(row) for row in rows if row is not None]


def _priority(value: Any, where: list[str]) -> int | None:
    value = given(value)
    if value is None:
        return None
    return limits.number(value, *where, "priority", least=-limits.PRIORITY, most=limits.PRIORITY)


def _attempts(value: Any, where: list[str]) -> int | None:
    value = given(value)
    if value is None:
        return None
    return limits.number(value, *where, "maxAttempts", least=1, most=limits.ATTEMPTS)


def _seconds(value: Any, where: list[str]) -> int | None:
    value = given(value)
    if value is None:
        return None
    return limits.number(value, *where, "timeoutSeconds", least=1, most=limits.SECONDS)


def _name(value: Any, where: list[str]) -> str | None:
    value = given(value)
    return None if value is None else limits.name(value, *where)


def _paths(value: Any, where: list[str]) -> list[str] | None:
    value = given(value)
    if value is None:
        return None
    limits.count(value, limits.PATHS, *where, "paths")
    paths = [limits.name(path, *where, "paths", limit=4096) for path in value]
    for path in paths:
        if path.startswith("/") or ".." in path.split("/"):
            raise limits.invalid(f"{path} lies outside the project.", [*where, "paths"])
    return paths
