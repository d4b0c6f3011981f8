"""Refusals a caller can act on. Anything else that escapes is a bug."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INVALID_INPUT = "INVALID_INPUT"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    DAG_CYCLE = "DAG_CYCLE"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    NOT_SUPPORTED_BY_RUNTIME = "NOT_SUPPORTED_BY_RUNTIME"
    ALREADY_ANSWERED = "ALREADY_ANSWERED"
    PLAN_INVALID = "PLAN_INVALID"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    STALE_FENCE = "STALE_FENCE"
    UNAVAILABLE = "UNAVAILABLE"


class AppError(Exception):
    """A refusal in words meant for the caller.

    `path` says where in the input, `suggestion` what to do instead, `details` carries what a typed refusal adds
    (the cycle of a DAG_CYCLE, the versions of a VERSION_CONFLICT).
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        suggestion: str | None = None,
        path: Sequence[str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.suggestion = suggestion
        self.path = list(path) if path is not None else None
        self.details = dict(details or {})


def not_found(noun: str, id: str) -> AppError:
    """The same words whether the thing does not exist or is hidden from the caller."""
    return AppError(
        ErrorCode.NOT_FOUND, f"There is no {noun} {id!r}.", suggestion="Check the id, or list what there is."
    )
