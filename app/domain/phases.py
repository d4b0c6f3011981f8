"""The stages of a run. A task may start only while its phase is active."""

from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table


class PhaseStatus(StrEnum):
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"


class PhaseMove(StrEnum):
    BEGIN = "BEGIN"
    COMPLETE = "COMPLETE"


PHASE: Final = Machine(
    "phase",
    PhaseStatus.PENDING,
    table(
        ((PhaseStatus.PENDING,), PhaseMove.BEGIN, PhaseStatus.ACTIVE),
        ((PhaseStatus.ACTIVE,), PhaseMove.COMPLETE, PhaseStatus.COMPLETED),
    ),
)


def gate_holds(unfinished_tasks: int) -> bool:
    """The default gate, ALL: every task is completed, skipped or no longer part of the run."""
    return unfinished_tasks == 0
