"""Enums of the domain as enums of the schema: described once, before any type uses them."""

import strawberry

from app.domain.access import Role
from app.domain.attention import AttentionKind, AttentionStatus
from app.domain.commands import CommandStatus
from app.domain.errors import ErrorCode
from app.domain.phases import PhaseStatus
from app.domain.plans import PlanFormat
from app.domain.reports import LogStream
from app.domain.runs import RunStatus, Urgency
from app.domain.tasks import TaskStatus
from app.domain.workers import Capability, Desire, ExitReason, WorkerStatus

strawberry.enum(AttentionKind, description="What an item asks for.")
strawberry.enum(AttentionStatus, description="Whether an item still waits, and how it ended.")
strawberry.enum(Capability, description="What a runtime can do.")
strawberry.enum(
    CommandStatus, description="How far a request has come. What needs no runner is EFFECTIVE at once."
)
strawberry.enum(Desire, description="What the control plane wants of a worker.")
strawberry.enum(ErrorCode, description="Why a request was refused. Stable: programs may switch on it.")
strawberry.enum(ExitReason, description="Why an agent's process ended.")
strawberry.enum(LogStream, description="Where a line of a log comes from.")
strawberry.enum(
    PhaseStatus, description="How far a phase has come. Its tasks may start only while it is ACTIVE."
)
strawberry.enum(PlanFormat, description="How a plan is written.")
strawberry.enum(
    Role,
    description=(
        "What a token may do. VIEWER reads, OPERATOR steers, ADMIN may do everything; ORCHESTRATOR steers one run, "
        "WORKER and RUNNER act for one worker."
    ),
)
strawberry.enum(RunStatus, description="How far a run has come.")
strawberry.enum(TaskStatus, description="How far a task has come.")
strawberry.enum(Urgency, description="DRAIN lets running workers finish; NOW does not.")
strawberry.enum(WorkerStatus, description="How far a worker has come.")

__all__ = [
    "AttentionKind",
    "AttentionStatus",
    "Capability",
    "CommandStatus",
    "Desire",
    "ErrorCode",
    "ExitReason",
    "LogStream",
    "PhaseStatus",
    "PlanFormat",
    "Role",
    "RunStatus",
    "TaskStatus",
    "Urgency",
    "WorkerStatus",
]
