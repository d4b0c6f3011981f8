"""Enums of the domain as enums of the schema: described once, value by value, before any type uses them.

Those of one room alone are described there.
"""

from collections.abc import Mapping
from enum import Enum

import strawberry

from app.domain.access import Role
from app.domain.attention import AttentionKind, AttentionStatus
from app.domain.batches import BatchOperation
from app.domain.commands import CommandStatus
from app.domain.conflicts import ConflictPolicy
from app.domain.context import ContextFileState, ContextKind
from app.domain.deliverables import DeliverableStatus
from app.domain.errors import ADVICE, ErrorCode
from app.domain.hosts import HostStatus
from app.domain.phases import PhaseStatus, TaskRequirement
from app.domain.plans import PlanFormat
from app.domain.reports import LogStream
from app.domain.restorations import RestorationStep
from app.domain.runs import RunStatus, Urgency
from app.domain.subtasks import SubtaskChange
from app.domain.supervisors import SupervisorState
from app.domain.tasks import TaskOrder, TaskStatus
from app.domain.tools import ToolCallStatus
from app.domain.usage import UsageGroup, UsageInterval
from app.domain.workers import Capability, Desire, ExitReason, WorkerStatus


def describe(kind: type[Enum], description: str, values: Mapping[str, str]) -> None:
    """Make an enum of the domain one of the schema. KeyError where a value is not described."""
    strawberry.enum(kind, description=description)
    for value in kind.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


describe(
    AttentionKind,
    "What an item asks for.",
    {
        "QUESTION": "An answer to a question of a worker or a person.",
        "PERMISSION": "Whether an agent may do what it is about to do.",
        "CONFLICT": "What becomes of tasks that mean to change the same paths.",
        "BUDGET": "Whether to go on behind a budget that is used up.",
        "FAILURE": "What becomes of something that failed and is not tried again by itself.",
        "PHASE_CONFIRMATION": "That a guarded phase, whose gate holds, may be left.",
    },
)
describe(
    AttentionStatus,
    "Whether an item still waits, and how it ended.",
    {
        "OPEN": "It waits for a person.",
        "ANSWERED": "A person answered it.",
        "DISMISSED": "It was closed without an answer, by a person or because nobody waited for it any more.",
        "EXPIRED": "Its deadline passed; its default answer, if it has one, was applied.",
    },
)
describe(
    BatchOperation,
    "What can be done to many runs at once.",
    {
        "ARCHIVE_OLD": "Put away runs that have ended and were not touched for long.",
        "PAUSE_ALL": "Pause what goes on; running workers finish.",
        "RESUME_ALL": "Go on with what is paused.",
        "CLEANUP_ARCHIVED": "Delete archived runs that were not touched for long. This cannot be undone.",
        "RESTART_STALE": "Restart what looks after runs that should be getting on and are not.",
    },
)
describe(
    ConflictPolicy,
    "What becomes of a ready task that means to change paths which another task is at work on.",
    {
        "ASK": "It waits for an answer: an item of kind CONFLICT. Or until the other has ended, then nobody is asked any more.",
        "SERIALIZE": "It is made to depend on the other.",
        "ALLOW": "It starts, beside the other.",
    },
)
describe(
    Capability,
    "What a runtime can do.",
    {
        "INJECT_NOW": "It takes context in the middle of a turn.",
        "INJECT_NEXT_TURN": "It takes context when it asks for it or begins its next turn.",
        "PAUSE": "It can be paused and resumed.",
        "INTERRUPT": "Its turn can be ended without ending it.",
        "RESUME_SESSION": "A later attempt can go on with the conversation of an earlier one.",
        "ASK": "It can ask people and wait for the answer.",
        "USAGE": "It tells the tokens and the money it uses.",
        "TOOL_CALLS": "It tells the tools it calls.",
    },
)
describe(
    CommandStatus,
    "How far a request has come. What needs no runner is EFFECTIVE at once.",
    {
        "REQUESTED": "It is recorded, and on its way to the worker's runner.",
        "DELIVERED": "It was sent to the runner.",
        "ACKNOWLEDGED": "The runner has read it.",
        "EFFECTIVE": "It is done.",
        "REJECTED": "It was refused and changed nothing.",
        "EXPIRED": "Its worker ended before it could take effect, or a later request replaced it.",
    },
)
describe(
    ContextFileState,
    "How what is known of a file stands to the file itself.",
    {
        "FRESH": "It was read, and has not changed since.",
        "STALE": "It is new or was changed, and is about to be read.",
        "FAILED": "It cannot be given as context, or has no skeleton; `error` says why.",
    },
)
describe(
    ContextKind,
    "What a context item is.",
    {
        "FILE": "A whole file, as it was when it was given.",
        "SKELETON": "A file without the bodies of its functions, as it was when it was given.",
        "TEXT": "Text of the caller's own.",
    },
)
describe(
    DeliverableStatus,
    "Whether a deliverable is there.",
    {
        "PENDING": "It is not there yet.",
        "COMPLETED": "It is there.",
        "WAIVED": "Somebody has decided to do without it.",
    },
)
describe(
    Desire,
    "What the control plane wants of a worker.",
    {
        "RUN": "That its agent runs.",
        "PAUSE": "That its agent rests.",
        "STOP": "That its whole process tree ends.",
    },
)
describe(
    ErrorCode,
    "Why a request was refused. Stable: programs may switch on it.",
    {code: advice.comes for code, advice in ADVICE.items()},
)
describe(
    ExitReason,
    "Why an agent's process ended.",
    {
        "EXITED": "By itself, with an exit status.",
        "FINISHED": "The agent said that it is done; its process was let go.",
        "FAILED": "The agent said that it cannot go on, or stopped talking.",
        "KILLED": "By a signal.",
        "TIMED_OUT": "Its task's time was over.",
        "CANNOT_START": "The program could not be started.",
        "RUNNER_LOST": "The runner beside it had died; what was left of the tree was ended.",
    },
)
describe(
    HostStatus,
    "Whether a host is there, and takes new workers.",
    {
        "ONLINE": "It is there and takes workers.",
        "DRAINING": "It is there, and takes no new workers.",
        "OFFLINE": "Nothing was heard of it for a while, or its server was stopped.",
    },
)
describe(
    LogStream,
    "Where a line of a log comes from.",
    {
        "STDOUT": "The agent's standard output.",
        "STDERR": "The agent's standard error.",
        "AGENT": "What the agent said, in its protocol's words.",
        "SYSTEM": "The runner's own remarks.",
    },
)
describe(
    PhaseStatus,
    "How far a phase has come. Its tasks may start only while it is ACTIVE.",
    {
        "PENDING": "The phase before it is not completed.",
        "ACTIVE": "Its tasks may start.",
        "AWAITING_CONFIRMATION": "Its gate holds, and somebody has to confirm that it is left.",
        "COMPLETED": "It was left: its gate held, or an administrator forced it.",
    },
)
describe(
    PlanFormat,
    "How a plan is written.",
    {
        "TRACKSIDE": "Trackside's own YAML, with a published JSON Schema.",
        "CONDUCTOR": "Conductor's `plan.md`: phases, tasks and subtasks in strict order.",
        "TASK_MASTER": "Task Master's `tasks.json`: a list of tasks for each tag.",
        "SPEC_KIT": "spec-kit's `tasks.md`: phases in order, tasks in order but for those marked `[P]`.",
        "OPENSPEC": "OpenSpec's `tasks.md`: numbered sections, tasks in the order of the document.",
        "KIRO": "Kiro's `tasks.md`: numbered tasks with requirements, in the order of the document.",
        "MARKDOWN": "Any Markdown with tick-boxes or tasks as headings.",
    },
)
describe(
    Role,
    "What a token may do.",
    {
        "VIEWER": "Reads.",
        "OPERATOR": "Reads and steers.",
        "ADMIN": "May do everything.",
        "ORCHESTRATOR": "Steers one run, as its supervisor.",
        "WORKER": "Acts for one worker: asks, reports, reads its run.",
        "RUNNER": "Speaks for one worker's process: the protocol between a runner and the control plane.",
    },
)
describe(
    RunStatus,
    "How far a run has come.",
    {
        "CREATED": "It was not started yet.",
        "ACTIVE": "Its tasks are started as they become ready.",
        "WAITING_FOR_INPUT": "Nothing can go on before a person answers.",
        "PAUSING": "Nothing new is started; what runs finishes or is being paused.",
        "PAUSED": "It rests until it is resumed.",
        "BLOCKED": "Nothing can go on for another reason than an open question.",
        "COMPLETING": "The last gate holds; it cleans up.",
        "STOPPING": "Its workers are ending.",
        "COMPLETED": "Its last gate held.",
        "FAILED": "A task has failed for good and nothing else could go on.",
        "CANCELLED": "It was stopped.",
        "ARCHIVED": "It is over and out of the way.",
    },
)
describe(
    RestorationStep,
    "The steps by which an agent that looks after a run is brought back.",
    {
        "STATE_LOADED": "What was saved of it was looked through.",
        "STARTED_FRESH": "Nothing that holds was saved: it begins from what the run is now.",
        "CHECKPOINT_TAKEN": "The newest state was damaged, so an older one is gone on from.",
        "CONVERSATION_RESTORED": "Its notes and its session are there again.",
        "QUESTIONS_DELIVERED": "What it had asked and nobody has answered is put to people again.",
        "TASKS_AWAITED": "What it waited for and is not over is waited for on.",
        "CONTEXT_HANDED_OVER": "It was given what it has to know.",
        "RESUMED": "It was heard again and goes on.",
    },
)
describe(
    SupervisorState,
    "How what looks after a run stands.",
    {
        "INITIALIZING": "It begins, or begins again.",
        "IDLE": "It has nothing to do: its run rests.",
        "WORKING": "It gets its run on.",
        "WAITING_FOR_USER": "It waits for a person.",
        "WAITING_FOR_TASKS": "It waits for tasks that are worked on, and starts none.",
        "BLOCKED": "It cannot get its run on.",
        "COMPLETED": "Its run is completed.",
        "FAILED": "Its run has failed, or it has itself.",
        "INTERRUPTED": "Its run was stopped, or it was not heard any more.",
    },
)
describe(
    SubtaskChange,
    "What happened to a subtask.",
    {"CREATED": "It is new.", "UPDATED": "It was ticked, unticked or renamed.", "DELETED": "It is gone."},
)
describe(
    TaskOrder,
    "Orders of a run's tasks.",
    {
        "PLAN": "As in the plan; added tasks last.",
        "TOPOLOGICAL": "Each after everything it waits for, otherwise as in the plan.",
        "STARTED_DESC": "Last started first; those that were never started last.",
        "BLOCKS_DESC": "What holds most unfinished tasks back first. Counted over the whole graph: slow for large runs.",
    },
)
describe(
    TaskRequirement,
    "What a gate asks of the tasks of its phase. What is left over when the phase is left is skipped, except where a "
    "worker is on it.",
    {
        "NONE": "Nothing.",
        "ALL": "That each is completed or skipped.",
        "MIN": "That so many are completed or skipped.",
        "NAMED": "That these are completed or skipped.",
    },
)
describe(
    TaskStatus,
    "How far a task has come.",
    {
        "PENDING": "It waits for its phase or for other tasks.",
        "READY": "It can be started.",
        "RUNNING": "A worker is at it.",
        "WAITING_FOR_INPUT": "Its worker waits for an answer.",
        "BLOCKED": "A person holds it back.",
        "COMPLETED": "It is done.",
        "FAILED": "Its last attempt failed.",
        "SKIPPED": "A person left it out; what waits for it goes on.",
        "CANCELLED": "It was removed, or its run was stopped.",
    },
)
describe(
    ToolCallStatus,
    "How far a call of a tool has come.",
    {
        "STARTED": "It goes on.",
        "COMPLETED": "It has come back.",
        "FAILED": "It came back with an error, or its worker ended first.",
    },
)
describe(
    UsageGroup,
    "What usage is added up by.",
    {
        "PROJECT": "By project.",
        "RUN": "By run.",
        "PHASE": "By the phase that the task is in now.",
        "TASK": "By task.",
        "WORKER": "By worker.",
        "MODEL": "By model, as agents name them.",
        "DAY": "By day, UTC.",
    },
)
describe(
    UsageInterval,
    "What time usage is told for.",
    {"HOUR": "Each hour, UTC.", "DAY": "Each day, UTC."},
)
describe(
    Urgency,
    "How a pause or a stop is done.",
    {
        "DRAIN": "Running workers finish.",
        "NOW": "Running workers are paused, or killed, at once.",
    },
)
describe(
    WorkerStatus,
    "How far a worker has come.",
    {
        "SPAWNING": "Its process is being started.",
        "RUNNING": "Its agent runs.",
        "WAITING_FOR_INPUT": "Its agent has asked and waits for the answer.",
        "PAUSED": "Its agent rests.",
        "STOPPING": "Its process tree is being ended.",
        "SUCCEEDED": "Its agent ended well.",
        "FAILED": "Its agent could not be started, or ended with an error.",
        "KILLED": "It was killed, and nothing of its process tree is left.",
        "LOST": "Nothing was heard of it, or its runner died.",
    },
)

__all__ = [
    "AttentionKind",
    "AttentionStatus",
    "BatchOperation",
    "Capability",
    "CommandStatus",
    "ConflictPolicy",
    "ContextFileState",
    "ContextKind",
    "DeliverableStatus",
    "Desire",
    "ErrorCode",
    "ExitReason",
    "HostStatus",
    "LogStream",
    "PhaseStatus",
    "PlanFormat",
    "RestorationStep",
    "Role",
    "RunStatus",
    "SubtaskChange",
    "SupervisorState",
    "TaskOrder",
    "TaskRequirement",
    "TaskStatus",
    "ToolCallStatus",
    "Urgency",
    "UsageGroup",
    "UsageInterval",
    "WorkerStatus",
]
