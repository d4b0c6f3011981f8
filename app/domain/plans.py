"""What every plan format is read into: phases, tasks, what they wait for, and what could not be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from app.domain.phases import Gate


class PlanFormat(StrEnum):
    TRACKSIDE = "TRACKSIDE"
    CONDUCTOR = "CONDUCTOR"
    SPEC_KIT = "SPEC_KIT"
    OPENSPEC = "OPENSPEC"
    KIRO = "KIRO"
    TASK_MASTER = "TASK_MASTER"
    MARKDOWN = "MARKDOWN"


class PlanStatus(StrEnum):
    """What the document says of a task. DONE is imported as completed and CANCELLED as skipped, the others as pending."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"


SETTLED: Final = frozenset({PlanStatus.DONE, PlanStatus.CANCELLED})
"""What is not run, and holds back nothing."""


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """Something in the document that was not read, or was read in a way its author may not expect."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class PlanSubtask:
    """`key` and `depends_on` are only told: a subtask is a box under its task, and nothing waits for it alone."""

    title: str
    status: PlanStatus = PlanStatus.PENDING
    line: int = 0
    key: str = ""
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandRuntime:
    """An executable and its arguments; no shell."""

    argv: tuple[str, ...]


def runtime_values(runtime: CommandRuntime) -> dict[str, Any]:
    """As a run keeps it."""
    return {"kind": "command", "argv": list(runtime.argv)}


@dataclass(slots=True)
class PlanTask:
    """`depends_on` holds keys of other tasks of the same plan; `line` counts from 1."""

    key: str
    title: str
    description: str = ""
    status: PlanStatus = PlanStatus.PENDING
    depends_on: list[str] = field(default_factory=list)
    subtasks: list[PlanSubtask] = field(default_factory=list)
    priority: int = 0
    paths: list[str] = field(default_factory=list)
    runtime: CommandRuntime | None = None
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    skill: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class PlanDeliverable:
    key: str
    title: str
    required: bool = True


@dataclass(slots=True)
class PlanPhase:
    """`guard` is None where the run decides whether the phase is left only when somebody confirms."""

    key: str
    title: str
    tasks: list[PlanTask] = field(default_factory=list)
    line: int = 0
    deliverables: list[PlanDeliverable] = field(default_factory=list)
    gate: Gate = field(default_factory=Gate)
    guard: bool | None = None


@dataclass(slots=True)
class Plan:
    """A plan as read. Keys of tasks are unique in the plan, keys of phases too."""

    format: PlanFormat
    title: str | None = None
    phases: list[PlanPhase] = field(default_factory=list)
    warnings: list[PlanWarning] = field(default_factory=list)
    runtime: CommandRuntime | None = None
    max_workers: int | None = None

    def tasks(self) -> Iterator[PlanTask]:
        for phase in self.phases:
            yield from phase.tasks
