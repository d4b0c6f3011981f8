"""Reading a run's plan again, while the run goes on."""

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from app import commands, plans, store
from app.commands.runs import PlanSource
from app.domain import limits
from app.domain.access import STEERING
from app.domain.errors import AppError
from app.domain.plans import Plan, PlanFormat
from app.schema import files
from app.schema.context import Info
from app.schema.dag import DagImpact
from app.schema.inputs import EXPECTED_VERSION, IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.run_mutations import PlanTextInput
from app.schema.runtimes import Site, check_plan
from app.schema.shapes import shown
from app.store.tables import RunRow

if TYPE_CHECKING:
    from app.schema.runs import Run


@strawberry.input(one_of=True, description="A plan document: exactly one of these.")
class PlanDocumentInput:
    path: str | None = optional("A plan file inside the project, from its root.")
    text: PlanTextInput | None = optional("The plan itself.")


@strawberry.input(description="A plan to read again into its run.")
class ImportPlanInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    plan: PlanDocumentInput | None = optional(
        "The document; the file that the run was made from where it is left out."
    )
    kill_workers: bool | None = optional(
        "Also take out tasks that a worker is on, and end the worker; without this they stay."
    )
    dry_run: bool | None = optional("Only tell what would be done; nothing is changed or recorded.")
    expected_version: int | None = optional(EXPECTED_VERSION)
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.enum(description="What a step of an import does.")
class PlanOperationKind(Enum):
    ADD_PHASE = strawberry.enum_value("ADD_PHASE", description="Adds a phase.")
    RENAME_PHASE = strawberry.enum_value("RENAME_PHASE", description="Gives a phase another title.")
    ADD_TASK = strawberry.enum_value("ADD_TASK", description="Adds a task.")
    REMOVE_TASK = strawberry.enum_value("REMOVE_TASK", description="Takes a task out of the run.")
    EDIT_TASK = strawberry.enum_value("EDIT_TASK", description="Changes what a task says, or its phase.")
    ADD_DEPENDENCY = strawberry.enum_value("ADD_DEPENDENCY", description="Lets a task wait for another.")
    REMOVE_DEPENDENCY = strawberry.enum_value(
        "REMOVE_DEPENDENCY", description="Lets a task no longer wait for another."
    )


@strawberry.type(description="A step of an import.")
class PlanOperation:
    kind: PlanOperationKind = strawberry.field(description="What it does.")
    key: str = strawberry.field(description="Key of the task, or of the phase.")
    title: str | None = strawberry.field(description="Its title, where the step sets it.")
    phase: str | None = strawberry.field(description="Key of the phase that a task gets into.")
    depends_on: list[str] = strawberry.field(description="Keys of the tasks that the step is about.")
    fields: list[str] = strawberry.field(description="What an edit changes, by the names of EditTaskInput.")


@strawberry.type(description="Something that the plan says otherwise now and that an import leaves as it is.")
class PlanRemark:
    task: str | None = strawberry.field(
        description="Key of the task in the run; null where it is about none."
    )
    message: str = strawberry.field(description="What is left as it is, and why.")


@strawberry.type(description="The answer of importPlan.")
class ImportPlanPayload(Payload):
    @strawberry.field(description="The run as it is now.")
    async def run(self, info: Info) -> Annotated["Run", strawberry.lazy("app.schema.runs")] | None:
        id = self.outcome.ref("run")
        row = await info.context.loaders.runs.load(id) if id is not None else None
        return shown(row)

    @strawberry.field(description="What is done, in this order. Null where it was refused.")
    def operations(self) -> list[PlanOperation] | None:
        found = self.outcome.refs.get("operations")
        if found is None:
            return None
        return [
            PlanOperation(
                kind=PlanOperationKind(one["kind"]),
                key=one["key"],
                title=one.get("title"),
                phase=one.get("phase"),
                depends_on=one.get("dependsOn", []),
                fields=[_FIELDS.get(name, name) for name in one.get("fields", [])],
            )
            for one in found
        ]

    @strawberry.field(
        description="What is left as it is although the plan says otherwise. Null where it was refused."
    )
    def remarks(self) -> list[PlanRemark] | None:
        found = self.outcome.refs.get("remarks")
        return None if found is None else [PlanRemark(**one) for one in found]

    @strawberry.field(description="What the change does to the run; null where it was refused.")
    def impact(self) -> DagImpact | None:
        refs = self.outcome.refs.get("impact")
        return None if refs is None else DagImpact(refs=refs)


_FIELDS: Final = {
    "max_attempts": "maxAttempts",
    "timeout_seconds": "timeoutSeconds",
    "budget": "budgetUsd",
}


@strawberry.type
class PlanImportMutation:
    @strawberry.mutation(
        description="Bring a run under way to what its plan says now, as one atomic change; dryRun tells what that is. Only what "
        "the document says otherwise than before is changed: what was done to the run by hand stays."
    )
    async def import_plan(
        self,
        info: Info,
        input: Annotated[ImportPlanInput, strawberry.argument(description="Which run and plan.")],
    ) -> ImportPlanPayload | None:
        async def prepare() -> Write:
            run = await info.context.read(store.runs.get, input.run_id)
            project = await info.context.read(store.projects.get, run.project_id)
            text = (await info.context.read(store.runs.plan_texts, [run.id])).get(run.id, "")
            site = Site(project.root, info.context.services.agents)
            old, (new, source) = await asyncio.to_thread(_documents, run, text, given(input.plan), site)
            return commands.plans.import_plan, {
                "run_id": run.id,
                "old": old,
                "old_hash": run.plan_hash,
                "new": new,
                "source": source,
                "kill": bool(given(input.kill_workers)),
                "expected_version": given(input.expected_version),
            }

        return ImportPlanPayload(
            outcome=await act(info, STEERING, input, prepare, rehearse=bool(given(input.dry_run)))
        )


def _documents(
    run: RunRow, text: str, document: PlanDocumentInput | None, site: Site
) -> tuple[Plan | None, tuple[Plan, PlanSource]]:
    """The plan as the run has it, if there is one that can be read, and as it is now."""
    new, source = _new(run, document, site.root)
    check_plan(new, site)
    old = None
    if run.plan_format:
        try:
            old = plans.read(text, name=run.plan_path or "plan", format=PlanFormat(run.plan_format))
        except AppError:
            old = None  # readers become stricter: then nothing is known to have been taken out of the plan
    return old, (new, source)


def _new(run: RunRow, document: PlanDocumentInput | None, root: str) -> tuple[Plan, PlanSource]:
    text: Any = given(document.text) if document is not None else None
    if text is not None:
        return files.read_plan_text(text.content, text.format)
    path = given(document.path) if document is not None else run.plan_path
    if path is None:
        raise limits.invalid(
            "The run was not made from a file of its project.",
            ["input", "plan"],
            "Give the plan as a path or as text.",
        )
    if path == run.plan_path and run.plan_format:
        return files.read_plan_file(root, path, PlanFormat(run.plan_format))
    return files.read_plan_file(root, path)
