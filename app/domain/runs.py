"""The life of a run, and how its status follows from what its tasks and workers do."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table


class RunStatus(StrEnum):
    CREATED = "CREATED"
    ACTIVE = "ACTIVE"
    WAITING_FOR_INPUT = "WAITING_FOR_INPUT"
    PAUSING = "PAUSING"
    PAUSED = "PAUSED"
    BLOCKED = "BLOCKED"
    COMPLETING = "COMPLETING"
    STOPPING = "STOPPING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    ARCHIVED = "ARCHIVED"


class RunMove(StrEnum):
    START = "START"
    PAUSE = "PAUSE"
    REST = "REST"
    RESUME = "RESUME"
    AWAIT_INPUT = "AWAIT_INPUT"
    BLOCK = "BLOCK"
    GO_ON = "GO_ON"
    FAIL = "FAIL"
    RETRY = "RETRY"
    FINISH = "FINISH"
    REOPEN = "REOPEN"
    COMPLETE = "COMPLETE"
    STOP = "STOP"
    CANCEL = "CANCEL"
    ARCHIVE = "ARCHIVE"


class Urgency(StrEnum):
    """DRAIN lets workers finish; NOW does not."""

    DRAIN = "DRAIN"
    NOW = "NOW"


S, M = RunStatus, RunMove
RUN: Final = Machine(
    "run",
    S.CREATED,
    table(
        ((S.CREATED,), M.START, S.ACTIVE),
        ((S.ACTIVE, S.WAITING_FOR_INPUT, S.BLOCKED, S.PAUSING), M.PAUSE, S.PAUSING),
        ((S.PAUSING,), M.REST, S.PAUSED),
        ((S.PAUSED, S.PAUSING), M.RESUME, S.ACTIVE),
        ((S.ACTIVE,), M.AWAIT_INPUT, S.WAITING_FOR_INPUT),
        ((S.ACTIVE,), M.BLOCK, S.BLOCKED),
        ((S.WAITING_FOR_INPUT, S.BLOCKED), M.GO_ON, S.ACTIVE),
        ((S.ACTIVE,), M.FAIL, S.FAILED),
        ((S.FAILED, S.BLOCKED), M.RETRY, S.ACTIVE),
        ((S.ACTIVE,), M.FINISH, S.COMPLETING),
        ((S.COMPLETING,), M.REOPEN, S.ACTIVE),
        ((S.COMPLETING,), M.COMPLETE, S.COMPLETED),
        (
            (
                S.CREATED,
                S.ACTIVE,
                S.WAITING_FOR_INPUT,
                S.PAUSING,
                S.PAUSED,
                S.BLOCKED,
                S.COMPLETING,
                S.STOPPING,
            ),
            M.STOP,
            S.STOPPING,
        ),
        ((S.STOPPING,), M.CANCEL, S.CANCELLED),
        ((S.COMPLETED, S.FAILED, S.CANCELLED), M.ARCHIVE, S.ARCHIVED),
    ),
)

ENDED: Final = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.ARCHIVED})
"""A run in one of these starts nothing any more; FAILED alone can go on, by a retry."""

DRIVEN: Final = frozenset({S.ACTIVE, S.WAITING_FOR_INPUT, S.BLOCKED})
"""Under way, and neither held nor ending."""

EDITABLE: Final = frozenset(RunStatus) - {S.STOPPING, S.COMPLETED, S.CANCELLED, S.ARCHIVED}
"""Where tasks may still be added, changed, skipped, retried."""


EXPECTED_TO_MOVE: Final = frozenset(
    {S.ACTIVE, S.WAITING_FOR_INPUT, S.BLOCKED, S.PAUSING, S.COMPLETING, S.STOPPING}
)
"""Where silence means that something is amiss, or that somebody is waited for."""

STALE_AFTER: Final = timedelta(minutes=30)
"""How long such a run may be without activity before it is stale, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long a run may be silent before it is stale; of `everywhere`, whatever its project says of that."""

    silence: timedelta = STALE_AFTER
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What the status of a run is judged by.

    `movable` counts tasks that a worker is on or that can get one without anybody's help (also those that wait
    out their back-off), `waiting` those that wait for an answer, `failed` those that have finally failed;
    `workers` counts live workers, `restless` those of them that are not paused. A phase that waits to be confirmed
    counts as waiting, and so does a task that a conflict holds back, which is not movable. Where each place is taken by a
    worker that waits for an answer no other task is movable, and that counts as one more that waits. `ready`: the gate of
    the phase it is in holds; `gates_met`: that of the last one was passed. `used_up`: its budget is; `budget_paused`: it was that
    which has paused it.
    """

    status: RunStatus
    movable: int
    waiting: int
    failed: int
    workers: int
    restless: int
    gates_met: bool
    pause_mode: Urgency | None = None
    auto_complete: bool = True
    ready: bool = False
    used_up: bool = False
    budget_paused: bool = False


def next_move(run: Standing) -> RunMove | None:
    """The move a run makes by itself, or None where it stays. Asked again after each move."""
    match run.status:
        case S.STOPPING:
            return M.CANCEL if run.workers == 0 else None
        case S.PAUSING | S.PAUSED if run.budget_paused and (run.gates_met or not run.used_up):
            return M.RESUME
        case S.PAUSING:
            busy = run.restless if run.pause_mode is Urgency.NOW else run.workers
            return M.REST if busy == 0 else None
        case S.COMPLETING:
            if not run.gates_met:
                return M.REOPEN
            return M.COMPLETE if run.workers == 0 else None
        case S.ACTIVE | S.WAITING_FOR_INPUT | S.BLOCKED if run.used_up and not run.gates_met:
            return M.PAUSE
        case S.ACTIVE:
            return _from_active(run)
        case S.WAITING_FOR_INPUT:
            return M.GO_ON if _from_active(run) is not M.AWAIT_INPUT else None
        case S.BLOCKED:
            return M.GO_ON if _from_active(run) is not M.BLOCK else None
        case _:
            return None


def _from_active(run: Standing) -> RunMove | None:
    if run.gates_met and run.auto_complete:
        return M.FINISH
    if run.movable:
        return None
    if run.waiting:
        return M.AWAIT_INPUT
    # behind a gate that holds nothing has to be done any more but to go on: what has failed was not needed
    return M.FAIL if run.failed and not (run.ready or run.gates_met) else M.BLOCK
