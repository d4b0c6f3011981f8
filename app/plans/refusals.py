"""How a reader says no: one sentence with the document and the line, so that its author can mend it."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import AppError, ErrorCode


def refusal(
    name: str,
    reason: str,
    *,
    suggestion: str,
    line: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> AppError:
    where = f"{name}, line {line}" if line else name
    return AppError(
        ErrorCode.PLAN_INVALID,
        f"{where}: {reason}",
        suggestion=suggestion,
        details={"line": line, **(details or {})},
    )
