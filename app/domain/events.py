"""The vocabulary of the log: one member per fact, named in the past tense, as the schema names its type."""

from enum import StrEnum
from typing import Final


class EventKind(StrEnum):
    PROJECT_CHANGED = "ProjectChanged"
    RUN_STATUS_CHANGED = "RunStatusChanged"
    RUN_CONFIGURED = "RunConfigured"
    RUN_DELETED = "RunDeleted"
    STALE_DETECTED = "StaleDetected"
    SUPERVISOR_STATE_CHANGED = "SupervisorStateChanged"
    SUPERVISOR_RESTORED = "SupervisorRestored"
    HEARTBEAT_RECEIVED = "HeartbeatReceived"
    PHASE_CHANGED = "PhaseChanged"
    DELIVERABLE_COMPLETED = "DeliverableCompleted"
    DELIVERABLE_CHANGED = "DeliverableChanged"
    TASK_STATUS_CHANGED = "TaskStatusChanged"
    SUBTASK_CHANGED = "SubtaskChanged"
    FINDING_ADDED = "FindingAdded"
    PLAN_CHANGED = "PlanChanged"
    PLAN_IMPORTED = "PlanImported"
    DAG_MUTATED = "DagMutated"
    WORKER_STATUS_CHANGED = "WorkerStatusChanged"
    WORKER_ORDERED = "WorkerOrdered"
    WORKER_REPORTED = "WorkerReported"
    TOOL_STARTED = "ToolStarted"
    TOOL_COMPLETED = "ToolCompleted"
    BUDGET_WARNED = "BudgetWarned"
    ATTENTION_OPENED = "AttentionOpened"
    ATTENTION_CLOSED = "AttentionClosed"
    CONTEXT_INJECTED = "ContextInjected"
    COMMAND_CHANGED = "CommandChanged"
    PIPELINE_CHANGED = "PipelineChanged"
    HOST_CHANGED = "HostChanged"
    TOKEN_CHANGED = "TokenChanged"


ADMINS_ONLY: Final = frozenset({EventKind.TOKEN_CHANGED})
"""Facts that nobody else is told."""

ASKED_FOR: Final = frozenset({EventKind.HEARTBEAT_RECEIVED})
"""Facts that are told to those only who ask for them: there are many, they say little, and they are forgotten after a day."""
