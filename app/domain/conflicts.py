"""What becomes of ready tasks that mean to change paths which another task is at work on."""

from enum import StrEnum

from app.domain.tasks import SATISFIES, TaskStatus


class ConflictPolicy(StrEnum):
    ASK = "ASK"
    SERIALIZE = "SERIALIZE"
    ALLOW = "ALLOW"


class ConflictAnswer(StrEnum):
    SERIALIZE = "SERIALIZE"
    PARALLELIZE = "PARALLELIZE"
    SKIP = "SKIP"


def is_in_the_way(status: TaskStatus, *, has_worker: bool) -> bool:
    """Whether a task is at work, and nobody else should change its paths. Who says that it is done has let go of them."""
    return has_worker and status not in SATISFIES


def stays_in_the_way(status: TaskStatus, *, has_worker: bool, failures: int, has_runtime: bool) -> bool:
    """Whether one that was in the way still is: also between two attempts, with its work half done."""
    if (
        status is TaskStatus.CANCELLED
    ):  # its worker is being ended: nobody has to be asked about the moment that takes
        return False
    rests = status is TaskStatus.READY and failures > 0 and has_runtime
    return rests or is_in_the_way(status, has_worker=has_worker)
