"""What can be asked of a run."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from app import commands, store
from app.commands.runs import PlanSource
from app.domain import limits
from app.domain.access import OPERATORS, STEERING
from app.domain.plans import Plan, PlanPhase, PlanTask, Runtime, runtime_from, runtime_values
from app.schema import files, skills
from app.schema.budgets import budget, limit
from app.schema.context import Info
from app.schema.dag import AddTaskInput
from app.schema.enums import ConflictPolicy, PlanFormat, Urgency
from app.schema.inputs import EXPECTED_VERSION, IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.phase_inputs import PhaseInput, apply_phases
from app.schema.runs import Run
from app.schema.runtimes import RuntimeInput, Site, check, check_plan, runtime_of
from app.schema.shapes import shown
from app.store.tables import ProjectRow

RUN_ID = "The run."
MODES = ("phase_guard", "auto_advance", "auto_complete", "conflict_policy")
"""Settings that a new run has from its project where it does not say so itself."""


@strawberry.input(description="A plan as text.")
class PlanTextInput:
    format: PlanFormat = strawberry.field(description="How it is written.")
    content: str = strawberry.field(description="The whole text, at most 524,288 characters.")


@strawberry.input(one_of=True, description="Where the plan comes from: exactly one of these.")
class PlanInput:
    path: str | None = optional("A plan file inside the project, from its root.")
    text: PlanTextInput | None = optional("The plan itself.")
    tasks: list[AddTaskInput] | None = optional("Tasks, of one phase or of the phases that they name.")


@strawberry.input(description="A new run.")
class CreateRunInput:
    project_id: strawberry.ID = strawberry.field(description="The project it belongs to.")
    name: str | None = optional("What people call it; the plan's title where it is left out.")
    plan: PlanInput = strawberry.field(description="What is to be done.")
    runtime: RuntimeInput | None = optional(
        "What tasks run that do not say so themselves; the project's setting where it is left out. A task with neither waits for "
        "a person to complete it."
    )
    supervisor: RuntimeInput | None = optional(
        "An agent that looks after the run in place of the built-in supervisor: started with the run, and again when it "
        "dies; the plan's where it is left out. It has an ORCHESTRATOR token for the run, and counts for no `maxWorkers`."
    )
    phases: list[PhaseInput] | None = optional(
        "What its phases owe and ask for, beside what the plan says of them."
    )
    phase_guard: bool | None = optional(
        "Whether phases that do not say so themselves are left only when somebody confirms; the project's "
        "setting "
        "where it is left out."
    )
    auto_advance: bool | None = optional(
        "Whether it goes on by itself when the gate of a phase holds; the project's setting where it is left out."
    )
    auto_complete: bool | None = optional(
        "Whether it completes by itself behind its last gate, or waits for checkCompletion; the project's setting "
        "where it is left out."
    )
    conflict_policy: ConflictPolicy | None = optional(
        "What becomes of ready tasks whose `paths` overlap; where it is left out what the plan says, or the server's setting."
    )
    max_workers: int | None = optional(
        "How many workers it may have at once; the project's setting where neither this nor the plan says."
    )
    budget_usd: Decimal | None = optional(
        "What it may spend, in US dollars: it is paused when that is used up. What the plan says where it is left out."
    )
    start: bool | None = optional("Start it at once.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A request to a run.")
class RunVerbInput:
    run_id: strawberry.ID = strawberry.field(description=RUN_ID)
    expected_version: int | None = optional(EXPECTED_VERSION)
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A request to pause a run.")
class PauseRunInput(RunVerbInput):
    mode: Urgency | None = optional(
        "DRAIN where it is left out. A run that drains may be paused again with NOW."
    )


@strawberry.input(description="A request to stop a run.")
class StopRunInput(RunVerbInput):
    mode: Urgency | None = optional(
        "DRAIN where it is left out. A run that drains may be stopped again with NOW."
    )


@strawberry.input(description="A request to retry what has failed in a run.")
class RetryRunInput(RunVerbInput):
    pass


@strawberry.input(description="New settings of a run; what is left out stays as it is.")
class ConfigureRunInput(RunVerbInput):
    phase_guard: bool | None = optional(
        "Whether phases that do not say so themselves are left only when somebody confirms."
    )
    auto_advance: bool | None = optional("Whether it goes on by itself when the gate of a phase holds.")
    auto_complete: bool | None = optional("Whether it completes by itself behind its last gate.")
    conflict_policy: ConflictPolicy | None = optional(
        "What becomes of ready tasks whose `paths` overlap. What is asked about them is settled by it at once."
    )
    max_workers: int | None = optional("How many workers it may have at once.")
    budget_usd: Decimal | None = optional(
        "What it may spend, in US dollars; null takes the limit away. A run that its budget has paused goes on when it is "
        "raised, one that has spent more already is paused."
    )


@strawberry.type(description="The answer of a mutation that concerns a run.")
class RunPayload(Payload):
    @strawberry.field(description="The run as it is now.")
    async def run(self, info: Info) -> Run | None:
        id = self.outcome.ref("run")
        row = await info.context.loaders.runs.load(id) if id is not None else None
        return shown(row)


Verb = Annotated[RunVerbInput, strawberry.argument(description="Which run, and why.")]


@strawberry.type
class RunMutation:
    @strawberry.mutation(description="Make a run out of a plan.")
    async def create_run(
        self, info: Info, input: Annotated[CreateRunInput, strawberry.argument(description="The run.")]
    ) -> RunPayload | None:
        async def prepare() -> Write:
            project = await info.context.read(store.projects.get, input.project_id)
            arguments = await asyncio.to_thread(
                _new_run, input, project, Site(project.root, info.context.services.agents)
            )
            named = _skills(arguments["plan"])
            create = await skills.checked(info.context, project, named, commands.runs.create)
            return create, {**arguments, "server": info.context.services.defaults}

        return RunPayload(outcome=await act(info, OPERATORS, input, prepare))

    @strawberry.mutation(description="Start a run that was only created.")
    async def start_run(self, info: Info, input: Verb) -> RunPayload | None:
        return RunPayload(
            outcome=await act(info, OPERATORS, input, lambda: (commands.runs.start, _which(input)))
        )

    @strawberry.mutation(
        description="Start nothing more. DRAIN lets workers finish, NOW pauses them. Reads, answers, edits, "
        "injections and spawning by hand go on working."
    )
    async def pause_run(
        self,
        info: Info,
        input: Annotated[PauseRunInput, strawberry.argument(description="Which run, and how.")],
    ) -> RunPayload | None:
        mode = given(input.mode) or Urgency.DRAIN
        arguments = {**_which(input), "mode": mode, "reason": given(input.reason)}
        return RunPayload(outcome=await act(info, STEERING, input, lambda: (commands.runs.pause, arguments)))

    @strawberry.mutation(description="Go on with a paused run and its paused workers.")
    async def resume_run(self, info: Info, input: Verb) -> RunPayload | None:
        return RunPayload(
            outcome=await act(info, STEERING, input, lambda: (commands.runs.resume, _which(input)))
        )

    @strawberry.mutation(description="End a run: DRAIN lets running workers finish, NOW kills them.")
    async def stop_run(
        self,
        info: Info,
        input: Annotated[StopRunInput, strawberry.argument(description="Which run, and how.")],
    ) -> RunPayload | None:
        mode = given(input.mode) or Urgency.DRAIN
        arguments = {**_which(input), "mode": mode, "reason": given(input.reason)}
        return RunPayload(outcome=await act(info, OPERATORS, input, lambda: (commands.runs.stop, arguments)))

    @strawberry.mutation(description="Make the failed tasks ready again and go on.")
    async def retry_run(
        self,
        info: Info,
        input: Annotated[RetryRunInput, strawberry.argument(description="Which run, and why.")],
    ) -> RunPayload | None:
        arguments = {**_which(input), "reason": given(input.reason)}
        return RunPayload(outcome=await act(info, STEERING, input, lambda: (commands.runs.retry, arguments)))

    @strawberry.mutation(description="Put an ended run away.")
    async def archive_run(self, info: Info, input: Verb) -> RunPayload | None:
        arguments = {**_which(input), "reason": given(input.reason)}
        return RunPayload(
            outcome=await act(info, OPERATORS, input, lambda: (commands.runs.archive, arguments))
        )

    @strawberry.mutation(description="Change the settings of a run.")
    async def configure_run(
        self,
        info: Info,
        input: Annotated[ConfigureRunInput, strawberry.argument(description="Which run, and what.")],
    ) -> RunPayload | None:
        def prepare() -> Write:
            return commands.runs.configure, {
                **_which(input),
                "max_workers": _max_workers(given(input.max_workers)),
                "phase_guard": given(input.phase_guard),
                "auto_advance": given(input.auto_advance),
                "auto_complete": given(input.auto_complete),
                "budget": limit(input.budget_usd, "input", "budgetUsd"),
                "conflict_policy": given(input.conflict_policy),
            }

        return RunPayload(outcome=await act(info, OPERATORS, input, prepare))


def _which(input: RunVerbInput) -> dict[str, object]:
    return {"run_id": input.run_id, "expected_version": given(input.expected_version)}


def _max_workers(value: int | None) -> int | None:
    if value is None:
        return None
    return limits.number(value, "input", "maxWorkers", least=1, most=limits.WORKERS)


def _new_run(input: CreateRunInput, project: ProjectRow, site: Site) -> dict[str, Any]:
    """Read and check everything that a run is made of."""
    name = given(input.name)
    runtime = runtime_of(input.runtime, site, "input", "runtime")
    supervisor = runtime_of(input.supervisor, site, "input", "supervisor")
    plan, source = _plan(input.plan, site)
    apply_phases(plan, given(input.phases), is_document=given(input.plan.tasks) is None)
    check_plan(plan, site)
    return {
        "project_id": project.id,
        "plan": plan,
        "source": source,
        "name": limits.name(name, "input", "name") if name is not None else None,
        "runtime": runtime or _planned(plan.runtime, site, "runtime"),
        "supervisor": supervisor or _planned(plan.supervisor, site, "supervisor"),
        "max_workers": _max_workers(given(input.max_workers)),
        "budget": budget(input.budget_usd, "input", "budgetUsd"),
        **{name: given(getattr(input, name)) for name in MODES},
        "start": bool(given(input.start)),
    }


def _planned(runtime: Runtime | None, site: Site, key: str) -> dict[str, Any] | None:
    """What the plan says itself, where the caller does not."""
    if runtime is None:
        return None
    check(runtime, site, "input", "plan", key)
    return runtime_values(runtime)


def _skills(plan: Plan) -> Iterator[tuple[str, list[str]]]:
    """The skills that a plan names, with the task that does."""
    for task in plan.tasks():
        if task.skill:
            yield task.skill, ["input", "plan", "tasks", task.key, "skill"]


def _plan(input: PlanInput, site: Site) -> tuple[Plan, PlanSource]:
    if (path := given(input.path)) is not None:
        return files.read_plan_file(site.root, path)
    if (text := given(input.text)) is not None:
        return files.read_plan_text(text.content, text.format)
    return _plan_of_tasks(given(input.tasks) or [], site), PlanSource()


def _plan_of_tasks(tasks: list[AddTaskInput], site: Site) -> Plan:
    """A plan given task by task: phases in the order in which tasks first name them."""
    if not tasks:
        raise limits.invalid("A run needs at least one task.", ["input", "plan", "tasks"])
    limits.count(tasks, limits.OPERATIONS, "input", "plan", "tasks")
    phases: dict[str, PlanPhase] = {}
    known: set[str] = set()
    for position, given_task in enumerate(tasks):
        where = ["input", "plan", "tasks", str(position)]
        edit = given_task.edit(site, where)
        if edit.key in known:
            raise limits.invalid(f"Two tasks have the key {edit.key!r}.", [*where, "key"])
        known.add(edit.key)
        key = edit.phase or "main"
        phase = phases.setdefault(key, PlanPhase(key=key, title=edit.phase or "Tasks"))
        phase.tasks.append(
            PlanTask(
                key=edit.key,
                title=edit.title,
                description=edit.description,
                depends_on=edit.depends_on,
                priority=edit.priority,
                paths=edit.paths,
                runtime=runtime_from(edit.runtime) if edit.runtime is not None else None,
                max_attempts=edit.max_attempts,
                timeout_seconds=edit.timeout_seconds,
                skill=edit.skill,
                budget=edit.budget,
            )
        )
    plan = Plan(format=PlanFormat.TRACKSIDE, phases=list(phases.values()))
    _check_order(plan, known)
    return plan


def _check_order(plan: Plan, known: set[str]) -> None:
    rank = {task.key: number for number, phase in enumerate(plan.phases) for task in phase.tasks}
    for task in plan.tasks():
        for needed in task.depends_on:
            if needed not in known:
                raise limits.invalid(
                    f"{task.key!r} depends on {needed!r}, which is no task.", ["input", "plan", "tasks"]
                )
            if rank[needed] > rank[task.key]:
                raise limits.invalid(
                    f"{task.key!r} cannot wait for {needed!r} of a later phase.", ["input", "plan", "tasks"]
                )
