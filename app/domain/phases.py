"""The stages of a run, and the gates between them. A task becomes READY only while its phase is ACTIVE."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table


class PhaseStatus(StrEnum):
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    AWAITING_CONFIRMATION = "AWAITING_CONFIRMATION"
    COMPLETED = "COMPLETED"


class PhaseMove(StrEnum):
    BEGIN = "BEGIN"
    AWAIT_CONFIRMATION = "AWAIT_CONFIRMATION"
    REOPEN = "REOPEN"
    CONFIRM = "CONFIRM"
    COMPLETE = "COMPLETE"


class TaskRequirement(StrEnum):
    """What a gate asks of the tasks of its phase."""

    NONE = "NONE"
    ALL = "ALL"
    MIN = "MIN"
    NAMED = "NAMED"


S, M = PhaseStatus, PhaseMove
PHASE: Final = Machine(
    "phase",
    S.PENDING,
    table(
        ((S.PENDING,), M.BEGIN, S.ACTIVE),
        ((S.ACTIVE,), M.AWAIT_CONFIRMATION, S.AWAITING_CONFIRMATION),
        # its gate does not hold any more (a task was added), or its guard was taken away
        ((S.AWAITING_CONFIRMATION,), M.REOPEN, S.ACTIVE),
        ((S.AWAITING_CONFIRMATION,), M.CONFIRM, S.COMPLETED),
        ((S.ACTIVE,), M.COMPLETE, S.COMPLETED),
    ),
)

OPEN: Final = (S.ACTIVE, S.AWAITING_CONFIRMATION)
"""A run is in one of these until its last gate is met."""


COUNTING: Final = (TaskRequirement.MIN, TaskRequirement.NAMED)
"""Gates that count on certain tasks being there."""


@dataclass(frozen=True, slots=True)
class Gate:
    """`minimum` belongs to MIN, `tasks` (keys of the phase's own tasks) to NAMED."""

    requirement: TaskRequirement = TaskRequirement.ALL
    minimum: int | None = None
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhaseStanding:
    """What a phase is judged by. `unfinished` tasks are neither done nor removed, `done` ones completed or skipped."""

    status: PhaseStatus
    requirement: TaskRequirement = TaskRequirement.ALL
    minimum: int = 0
    unfinished: int = 0
    done: int = 0
    named_left: int = 0
    owed: int = 0
    guarded: bool = False
    auto_advance: bool = True


def gate_holds(phase: PhaseStanding) -> bool:
    """Every required deliverable is completed or waived, and the tasks are as far as the gate asks."""
    return phase.owed == 0 and tasks_suffice(phase)


def tasks_suffice(phase: PhaseStanding) -> bool:
    match phase.requirement:
        case TaskRequirement.NONE:
            return True
        case TaskRequirement.ALL:
            return phase.unfinished == 0
        case TaskRequirement.MIN:
            return phase.done >= phase.minimum
        case TaskRequirement.NAMED:
            return phase.named_left == 0


def next_phase_move(phase: PhaseStanding) -> PhaseMove | None:
    """The move a phase makes by itself, or None where it stays. Asked again after each move."""
    ready = gate_holds(phase)
    if phase.status is S.AWAITING_CONFIRMATION:
        return None if ready and phase.guarded else M.REOPEN
    if phase.status is not S.ACTIVE or not ready:
        return None
    if phase.guarded:
        return M.AWAIT_CONFIRMATION
    return M.COMPLETE if phase.auto_advance else None


def gate_problem(gate: Gate, tasks: Collection[str]) -> str | None:
    """Why this gate could never hold, or says nothing, over these tasks of its phase."""
    if gate.requirement is not TaskRequirement.MIN and gate.minimum is not None:
        return f"minimum goes with MIN, not with {gate.requirement}."
    if gate.requirement is not TaskRequirement.NAMED and gate.tasks:
        return f"tasks go with NAMED, not with {gate.requirement}."
    if gate.requirement is TaskRequirement.MIN:
        if gate.minimum is None or gate.minimum < 1:
            return "MIN needs a minimum of at least 1."
        if gate.minimum > len(tasks):
            return f"the phase has {len(tasks)} tasks, fewer than the minimum of {gate.minimum}."
    if gate.requirement is TaskRequirement.NAMED:
        if not gate.tasks:
            return "NAMED needs the keys of tasks."
        known = set(tasks)
        unknown = [key for key in gate.tasks if key not in known]
        if unknown:
            return f"the phase has no task {', '.join(map(repr, unknown[:5]))}."
    return None
