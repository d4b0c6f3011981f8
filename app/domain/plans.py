"""What every plan format is read into: phases, tasks, what they wait for, and what could not be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from app.domain.conflicts import ConflictPolicy
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


@dataclass(frozen=True, slots=True)
class AgentRuntime:
    """An agent by its configured name: how it is started is looked up when it is."""

    name: str
    model: str | None = None
    prompt: str | None = None


Runtime = CommandRuntime | AgentRuntime


def runtime_values(runtime: Runtime) -> dict[str, Any]:
    """As runs, tasks and workers keep it."""
    if isinstance(runtime, CommandRuntime):
        return {"kind": "command", "argv": list(runtime.argv)}
    return {"kind": "agent", "name": runtime.name, "model": runtime.model, "prompt": runtime.prompt}


def runtime_from(values: dict[str, Any]) -> Runtime:
    if values["kind"] == "command":
        return CommandRuntime(tuple(values["argv"]))
    return AgentRuntime(values["name"], values["model"], values["prompt"])


def runtime_name(values: dict[str, Any]) -> str:
    """What people call it: `command`, or the agent's name."""
    name: str = values.get("name") or values["kind"]
    return name


@dataclass(slots=True)
class PlanTask:
    """`depends_on` holds keys of other tasks of the same plan; `line` counts from 1; `budget` is in `usage.UNITS`."""

    key: str
    title: str
    description: str = ""
    status: PlanStatus = PlanStatus.PENDING
    depends_on: list[str] = field(default_factory=list)
    subtasks: list[PlanSubtask] = field(default_factory=list)
    priority: int = 0
    paths: list[str] = field(default_factory=list)
    runtime: Runtime | None = None
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    budget: int | None = None
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
    runtime: Runtime | None = None
    supervisor: Runtime | None = None
    max_workers: int | None = None
    budget: int | None = None
    conflict_policy: ConflictPolicy | None = None

    def tasks(self) -> Iterator[PlanTask]:
        for phase in self.phases:
            yield from phase.tasks
