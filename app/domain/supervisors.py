"""What looks after a run: how it stands, and what becomes of one that is not heard any more."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table
from app.domain.runs import RunStatus
from app.domain.tasks import back_off


class SupervisorState(StrEnum):
    INITIALIZING = "INITIALIZING"
    IDLE = "IDLE"
    WORKING = "WORKING"
    WAITING_FOR_USER = "WAITING_FOR_USER"
    WAITING_FOR_TASKS = "WAITING_FOR_TASKS"
    BLOCKED = "BLOCKED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"


class SupervisorMove(StrEnum):
    REST = "REST"
    WORK = "WORK"
    ASK = "ASK"
    AWAIT_TASKS = "AWAIT_TASKS"
    BLOCK = "BLOCK"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    INTERRUPT = "INTERRUPT"
    RESTART = "RESTART"


S, M = SupervisorState, SupervisorMove
_AT_WORK: Final = (S.IDLE, S.WORKING, S.WAITING_FOR_USER, S.WAITING_FOR_TASKS, S.BLOCKED)
_OPEN: Final = (S.INITIALIZING, *_AT_WORK)


def _but(state: SupervisorState) -> tuple[SupervisorState, ...]:
    return tuple(one for one in _OPEN if one is not state)


SUPERVISOR: Final = Machine(
    "supervisor",
    S.INITIALIZING,
    table(
        (_but(S.IDLE), M.REST, S.IDLE),
        (_but(S.WORKING), M.WORK, S.WORKING),
        (_but(S.WAITING_FOR_USER), M.ASK, S.WAITING_FOR_USER),
        (_but(S.WAITING_FOR_TASKS), M.AWAIT_TASKS, S.WAITING_FOR_TASKS),
        (_but(S.BLOCKED), M.BLOCK, S.BLOCKED),
        (_OPEN, M.COMPLETE, S.COMPLETED),
        (_OPEN, M.FAIL, S.FAILED),
        (_OPEN, M.INTERRUPT, S.INTERRUPTED),
        ((*_OPEN, S.COMPLETED, S.FAILED, S.INTERRUPTED), M.RESTART, S.INITIALIZING),
    ),
)

OVER: Final = frozenset({S.COMPLETED, S.FAILED, S.INTERRUPTED})
"""Where a supervisor does nothing any more, unless it is restarted."""

DEAD: Final = frozenset({S.FAILED, S.INTERRUPTED})
"""Where an agent may do nothing before it is restarted, while its run goes on."""

TOWARDS: Final[Mapping[SupervisorState, SupervisorMove]] = {
    S.INITIALIZING: M.RESTART,
    S.IDLE: M.REST,
    S.WORKING: M.WORK,
    S.WAITING_FOR_USER: M.ASK,
    S.WAITING_FOR_TASKS: M.AWAIT_TASKS,
    S.BLOCKED: M.BLOCK,
    S.COMPLETED: M.COMPLETE,
    S.FAILED: M.FAIL,
    S.INTERRUPTED: M.INTERRUPT,
}
"""By which move a state is reached."""

R = RunStatus
BUILT_IN: Final[Mapping[RunStatus, SupervisorState | None]] = {
    R.CREATED: S.INITIALIZING,
    R.ACTIVE: S.WORKING,
    R.WAITING_FOR_INPUT: S.WAITING_FOR_USER,
    R.BLOCKED: S.BLOCKED,
    R.PAUSING: S.WAITING_FOR_TASKS,
    R.PAUSED: S.IDLE,
    R.COMPLETING: S.WORKING,
    R.STOPPING: S.WAITING_FOR_TASKS,
    R.COMPLETED: S.COMPLETED,
    R.FAILED: S.FAILED,
    R.CANCELLED: S.INTERRUPTED,
    R.ARCHIVED: None,
}
"""How the built-in supervisor stands; None where it stays as it was. It follows from nothing but its run's status, so it
costs nothing while that stays the same."""


class RestartCause(StrEnum):
    """Why a supervisor begins again: its process died, or somebody asked for it."""

    DEATH = "DEATH"
    REQUEST = "REQUEST"


class GivenUp(StrEnum):
    """What people may answer about an agent that dies again and again."""

    RESTART = "RESTART"
    BUILT_IN = "BUILT_IN"
    STOP_RUN = "STOP_RUN"


RESTARTS: Final = 5
RESTARTS_WITHIN: Final = timedelta(minutes=10)
"""How often an agent that dies is started again by itself, in how long; after that people are asked."""


def lately(restarts: Sequence[datetime], now: datetime) -> list[datetime]:
    """The restarts that count against the next one."""
    return [moment for moment in restarts if now - moment < RESTARTS_WITHIN]


def next_start(restarts: Sequence[datetime], now: datetime) -> datetime | None:
    """When an agent that has just died is started again: 1, 2, 4 … seconds after. None after too many restarts lately."""
    recent = len(lately(restarts, now))
    return now + back_off(recent + 1) if recent < RESTARTS else None


def moves_to(state: SupervisorState, target: SupervisorState) -> list[SupervisorMove]:
    """The moves from one state to another. What is over is restarted first."""
    if state is target:
        return []
    if state in OVER and target is not S.INITIALIZING:
        return [M.RESTART, TOWARDS[target]]
    return [TOWARDS[target]]
