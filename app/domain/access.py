"""Who a caller is, and which role may do what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.domain.errors import AppError, ErrorCode


class Role(StrEnum):
    VIEWER = "VIEWER"
    OPERATOR = "OPERATOR"
    ADMIN = "ADMIN"
    ORCHESTRATOR = "ORCHESTRATOR"
    WORKER = "WORKER"
    RUNNER = "RUNNER"


OPERATORS: Final = frozenset({Role.OPERATOR, Role.ADMIN})
ADMINS: Final = frozenset({Role.ADMIN})
STEERING: Final = OPERATORS | {Role.ORCHESTRATOR}
ASKING: Final = STEERING | {Role.WORKER}
READERS: Final = frozenset(Role) - {Role.RUNNER}
RUNNERS: Final = frozenset({Role.RUNNER})
SUPERVISING: Final = frozenset({Role.ORCHESTRATOR})
BOUND: Final = frozenset({Role.ORCHESTRATOR, Role.WORKER})
"""Roles whose tokens are for one run or one worker, and can be made by people."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller. A scope of None is no limit; a worker's token carries its project, run, worker and fence.

    `id` is the same for the same token: idempotency keys are scoped to it. `name` is for people. `expires_at` is when
    the token stops being good by itself.
    """

    id: str
    name: str
    role: Role
    project_id: str | None = None
    run_id: str | None = None
    worker_id: str | None = None
    fence: int | None = None
    expires_at: datetime | None = None

    def require(self, roles: frozenset[Role]) -> None:
        if self.role not in roles:
            raise AppError(
                ErrorCode.FORBIDDEN,
                f"The role {self.role} may not do this.",
                suggestion=f"Use a token with the role {' or '.join(sorted(roles))}.",
            )
