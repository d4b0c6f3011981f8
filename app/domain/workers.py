"""The life of a worker: one process of one agent, for one attempt of one task."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table


class WorkerStatus(StrEnum):
    SPAWNING = "SPAWNING"
    RUNNING = "RUNNING"
    WAITING_FOR_INPUT = "WAITING_FOR_INPUT"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    LOST = "LOST"


class WorkerMove(StrEnum):
    START = "START"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    ASK = "ASK"
    GO_ON = "GO_ON"
    SUCCEED = "SUCCEED"
    FAIL = "FAIL"
    KILL = "KILL"
    DIE = "DIE"
    LOSE = "LOSE"


class Desire(StrEnum):
    """What the control plane wants of a worker; its runner sees to it."""

    RUN = "RUN"
    PAUSE = "PAUSE"
    STOP = "STOP"


class ExitReason(StrEnum):
    """Why an agent's process ended, as its runner saw it. FINISHED and FAILED are the agent's own words."""

    EXITED = "EXITED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    TIMED_OUT = "TIMED_OUT"
    CANNOT_START = "CANNOT_START"
    RUNNER_LOST = "RUNNER_LOST"


class Capability(StrEnum):
    INJECT_NOW = "INJECT_NOW"
    INJECT_NEXT_TURN = "INJECT_NEXT_TURN"
    PAUSE = "PAUSE"
    INTERRUPT = "INTERRUPT"
    RESUME_SESSION = "RESUME_SESSION"
    ASK = "ASK"
    USAGE = "USAGE"
    TOOL_CALLS = "TOOL_CALLS"


S, M = WorkerStatus, WorkerMove
_UP = (S.RUNNING, S.WAITING_FOR_INPUT, S.PAUSED)
WORKER: Final = Machine(
    "worker",
    S.SPAWNING,
    table(
        ((S.SPAWNING,), M.START, S.RUNNING),
        ((S.RUNNING, S.WAITING_FOR_INPUT), M.PAUSE, S.PAUSED),
        ((S.PAUSED,), M.RESUME, S.RUNNING),
        ((S.RUNNING,), M.ASK, S.WAITING_FOR_INPUT),
        ((S.WAITING_FOR_INPUT,), M.GO_ON, S.RUNNING),
        (_UP, M.SUCCEED, S.SUCCEEDED),
        ((S.SPAWNING, *_UP), M.FAIL, S.FAILED),
        ((S.SPAWNING, *_UP, S.STOPPING), M.KILL, S.STOPPING),
        ((S.STOPPING,), M.DIE, S.KILLED),
        ((S.SPAWNING, *_UP), M.LOSE, S.LOST),
    ),
)

LIVE: Final = frozenset({S.SPAWNING, S.RUNNING, S.WAITING_FOR_INPUT, S.PAUSED, S.STOPPING})

CAPABILITIES: Final[dict[str, tuple[Capability, ...]]] = {
    "command": (Capability.PAUSE, Capability.INJECT_NEXT_TURN, Capability.ASK),
    "agent": (
        Capability.PAUSE,
        Capability.INJECT_NEXT_TURN,
        Capability.ASK,
        Capability.USAGE,
        Capability.TOOL_CALLS,
    ),
}
"""By kind of runtime. A verb outside a worker's capabilities is refused before it is sent."""


def is_silent(last_heard: datetime, now: datetime, *, ready_since: datetime, patience: timedelta) -> bool:
    """Silence counts from when this server became ready: before that nobody was listening."""
    return now - max(last_heard, ready_since) > patience
