"""How far a request to change something has come."""

from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table


class CommandStatus(StrEnum):
    REQUESTED = "REQUESTED"
    DELIVERED = "DELIVERED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    EFFECTIVE = "EFFECTIVE"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class CommandMove(StrEnum):
    DELIVER = "DELIVER"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    TAKE_EFFECT = "TAKE_EFFECT"
    REJECT = "REJECT"
    EXPIRE = "EXPIRE"


S, M = CommandStatus, CommandMove
UNDER_WAY: Final = (S.REQUESTED, S.DELIVERED, S.ACKNOWLEDGED)
COMMAND: Final = Machine(
    "command",
    S.REQUESTED,
    table(
        ((S.REQUESTED,), M.DELIVER, S.DELIVERED),
        ((S.REQUESTED, S.DELIVERED), M.ACKNOWLEDGE, S.ACKNOWLEDGED),
        (UNDER_WAY, M.TAKE_EFFECT, S.EFFECTIVE),
        (UNDER_WAY, M.REJECT, S.REJECTED),
        (UNDER_WAY, M.EXPIRE, S.EXPIRED),
    ),
)
