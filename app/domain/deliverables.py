"""What a phase owes, and how it is settled."""

from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table


class DeliverableStatus(StrEnum):
    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    WAIVED = "WAIVED"


class DeliverableMove(StrEnum):
    COMPLETE = "COMPLETE"
    WAIVE = "WAIVE"


S, M = DeliverableStatus, DeliverableMove
DELIVERABLE: Final = Machine(
    "deliverable",
    S.PENDING,
    table(
        # what was waived may still come
        ((S.PENDING, S.WAIVED), M.COMPLETE, S.COMPLETED),
        ((S.PENDING,), M.WAIVE, S.WAIVED),
    ),
)
