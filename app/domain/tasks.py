"""The life of a task, its attempts, and what counts as finished."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table


class TaskStatus(StrEnum):
    PENDING = "PENDING"
    READY = "READY"
    RUNNING = "RUNNING"
    WAITING_FOR_INPUT = "WAITING_FOR_INPUT"
    BLOCKED = "BLOCKED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class TaskOrder(StrEnum):
    PLAN = "PLAN"
    TOPOLOGICAL = "TOPOLOGICAL"
    STARTED_DESC = "STARTED_DESC"
    BLOCKS_DESC = "BLOCKS_DESC"


class TaskMove(StrEnum):
    MAKE_READY = "MAKE_READY"
    HOLD_BACK = "HOLD_BACK"
    RUN = "RUN"
    COMPLETE = "COMPLETE"
    FINISH_LATE = "FINISH_LATE"
    ASK = "ASK"
    GO_ON = "GO_ON"
    TRY_AGAIN = "TRY_AGAIN"
    FAIL = "FAIL"
    BLOCK = "BLOCK"
    UNBLOCK = "UNBLOCK"
    SKIP = "SKIP"
    RETRY = "RETRY"
    CANCEL = "CANCEL"


S, M = TaskStatus, TaskMove
TASK: Final = Machine(
    "task",
    S.PENDING,
    table(
        ((S.PENDING,), M.MAKE_READY, S.READY),
        ((S.READY,), M.HOLD_BACK, S.PENDING),
        ((S.READY,), M.RUN, S.RUNNING),
        ((S.READY, S.RUNNING, S.WAITING_FOR_INPUT), M.COMPLETE, S.COMPLETED),
        # blocked while its worker was already past the end: the work is done, and running it again would repeat it
        ((S.BLOCKED,), M.FINISH_LATE, S.COMPLETED),
        ((S.RUNNING,), M.ASK, S.WAITING_FOR_INPUT),
        ((S.WAITING_FOR_INPUT,), M.GO_ON, S.RUNNING),
        # READY: its worker could not be started
        ((S.READY, S.RUNNING, S.WAITING_FOR_INPUT), M.TRY_AGAIN, S.READY),
        ((S.READY, S.RUNNING, S.WAITING_FOR_INPUT), M.FAIL, S.FAILED),
        ((S.PENDING, S.READY, S.RUNNING), M.BLOCK, S.BLOCKED),
        ((S.BLOCKED,), M.UNBLOCK, S.PENDING),
        ((S.PENDING, S.READY, S.BLOCKED, S.FAILED), M.SKIP, S.SKIPPED),
        ((S.FAILED, S.COMPLETED, S.SKIPPED, S.CANCELLED), M.RETRY, S.PENDING),
        (
            (S.PENDING, S.READY, S.RUNNING, S.WAITING_FOR_INPUT, S.BLOCKED, S.FAILED),
            M.CANCEL,
            S.CANCELLED,
        ),
    ),
)

SATISFIES: Final = frozenset({S.COMPLETED, S.SKIPPED})
"""What lets the tasks that depend on it go on."""

FINISHED: Final = frozenset({S.COMPLETED, S.SKIPPED, S.CANCELLED})
"""What a gate no longer waits for."""

WORKED_ON: Final = frozenset({S.RUNNING, S.WAITING_FOR_INPUT})

BACK_OFF_START: Final = timedelta(seconds=1)
BACK_OFF_LIMIT: Final = timedelta(minutes=1)


def back_off(failures: int) -> timedelta:
    """How long a task rests after its nth failed attempt: 1, 2, 4 … 60 seconds."""
    if failures < 1:
        raise ValueError("there is no back-off before the first failure")
    doubled: timedelta = BACK_OFF_START * (2 ** min(failures - 1, 16))
    return min(BACK_OFF_LIMIT, doubled)


def may_try_again(failures: int, max_attempts: int) -> bool:
    """`failures` counts from the start or from the last retry by hand."""
    return failures < max_attempts
