"""What a new run's phases owe and ask for, beside what its plan says."""

from collections.abc import Sequence

import strawberry

from app.domain import limits
from app.domain.errors import AppError
from app.domain.phases import Gate, gate_problem
from app.domain.plans import Plan, PlanDeliverable, PlanPhase
from app.schema.enums import TaskRequirement
from app.schema.inputs import given, optional


@strawberry.input(description="A named thing that a phase owes.")
class DeliverableInput:
    key: str = strawberry.field(description="What it is named by within its phase: at most 200 characters.")
    title: str | None = optional("What it is; its key where it is left out.")
    required: bool | None = optional("Whether the gate waits for it; it does where this is left out.")

    def read(self, where: list[str]) -> PlanDeliverable:
        key, title, required = limits.key(self.key, *where, "key"), given(self.title), given(self.required)
        return PlanDeliverable(
            key,
            limits.name(title, *where, "title", limit=limits.TITLE) if title is not None else key,
            required=required is not False,
        )


@strawberry.input(description="What has to hold of the tasks of a phase before it is left.")
class GateInput:
    task_requirement: TaskRequirement = strawberry.field(description="What is asked of the tasks.")
    minimum: int | None = optional("How many tasks, for MIN; at least 1.")
    tasks: list[str] | None = optional("Keys of tasks of the phase, for NAMED; at most 200.")

    def read(self, where: list[str]) -> Gate:
        keys = given(self.tasks) or []
        limits.count(keys, limits.GATE_TASKS, *where, "tasks")
        named = dict.fromkeys(limits.key(key, *where, "tasks") for key in keys)
        return Gate(self.task_requirement, given(self.minimum), tuple(named))


@strawberry.input(description="What a phase owes and asks for, beside what the plan says of it.")
class PhaseInput:
    key: str = strawberry.field(
        description="Which phase. Where the plan is a list of tasks, one that no task names may owe deliverables: it "
        "comes after the one before it in this list."
    )
    title: str | None = optional("What people call it, in place of what the plan says.")
    deliverables: list[DeliverableInput] | None = optional(
        "What it owes, in place of what the plan says; at most 100."
    )
    gate: GateInput | None = optional(
        "What its tasks have to have come to, in place of what the plan says; ALL where neither says."
    )
    guard: bool | None = optional(
        "Whether it is left only when somebody confirms; as the run says where this is left out."
    )


def apply_phases(plan: Plan, inputs: Sequence[PhaseInput] | None, *, is_document: bool) -> None:
    """Add to the plan what the caller says of its phases."""
    limits.count(inputs or [], limits.OPERATIONS, "input", "phases")
    seen: set[str] = set()
    before: PlanPhase | None = None
    for position, input in enumerate(inputs or []):
        where = ["input", "phases", str(position)]
        key = limits.key(input.key, *where, "key")
        if key in seen:
            raise limits.invalid(f"The phase {key!r} is given twice.", [*where, "key"])
        seen.add(key)
        phase = next((one for one in plan.phases if one.key == key), None)
        if phase is None:
            if is_document or not given(input.deliverables):
                raise _no_such_phase(plan, key, where)
            phase = PlanPhase(key=key, title=key)
            plan.phases.insert(plan.phases.index(before) + 1 if before is not None else 0, phase)
        _apply(phase, input, where)
        before = phase


def _no_such_phase(plan: Plan, key: str, where: list[str]) -> AppError:
    """Also where no task of a list names it and it owes nothing: that is a slip of the finger rather than a phase."""
    return limits.invalid(
        f"The plan has no phase {key!r}.",
        [*where, "key"],
        f"It has: {', '.join(one.key for one in plan.phases)}.",
    )


def _apply(phase: PlanPhase, input: PhaseInput, where: list[str]) -> None:
    title, owed, gate = given(input.title), given(input.deliverables), given(input.gate)
    if title is not None:
        phase.title = limits.name(title, *where, "title", limit=limits.TITLE)
    if owed is not None:
        limits.count(owed, limits.DELIVERABLES, *where, "deliverables")
        phase.deliverables = [
            DeliverableInput.read(one, [*where, "deliverables", str(n)]) for n, one in enumerate(owed)
        ]
        keys = [one.key for one in phase.deliverables]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise limits.invalid(f"Two deliverables have the key {twice!r}.", [*where, "deliverables"])
    if gate is not None:
        phase.gate = GateInput.read(gate, [*where, "gate"])
        problem = gate_problem(phase.gate, [task.key for task in phase.tasks])
        if problem is not None:
            raise limits.invalid(f"This gate could never hold: {problem}", [*where, "gate"])
    if given(input.guard) is not None:
        phase.guard = input.guard
