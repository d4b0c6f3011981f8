"""What only a person can settle, and how an item ends."""

from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table


class AttentionKind(StrEnum):
    QUESTION = "QUESTION"
    PERMISSION = "PERMISSION"
    CONFLICT = "CONFLICT"
    PHASE_CONFIRMATION = "PHASE_CONFIRMATION"
    BUDGET = "BUDGET"
    FAILURE = "FAILURE"


class AttentionStatus(StrEnum):
    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    DISMISSED = "DISMISSED"
    EXPIRED = "EXPIRED"


class AttentionMove(StrEnum):
    ANSWER = "ANSWER"
    DISMISS = "DISMISS"
    EXPIRE = "EXPIRE"


S, M = AttentionStatus, AttentionMove
ATTENTION: Final = Machine(
    "attention item",
    S.OPEN,
    table(
        ((S.OPEN,), M.ANSWER, S.ANSWERED),
        ((S.OPEN,), M.DISMISS, S.DISMISSED),
        ((S.OPEN,), M.EXPIRE, S.EXPIRED),
    ),
)
