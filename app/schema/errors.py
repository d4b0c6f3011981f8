"""How a refusal reaches the client: as typed data, never as a stack trace."""

from collections.abc import Callable
from typing import Any, Final, Self

import strawberry

from app.domain.errors import AppError
from app.schema.enums import ErrorCode


@strawberry.interface(description="A refusal the caller can act on. Anything else is an error without data.")
class UserError:
    code: ErrorCode = strawberry.field(description="Why, for programs.")
    message: str = strawberry.field(description="Why, for people.")
    path: list[str] | None = strawberry.field(description="Where in the input.")
    suggestion: str | None = strawberry.field(description="What to do instead.")


def words(error: AppError) -> dict[str, Any]:
    """What every refusal says."""
    return {
        "code": error.code,
        "message": error.message,
        "path": error.path,
        "suggestion": error.suggestion,
    }


@strawberry.type(description="A refusal that carries nothing beyond its code and words.")
class GenericError(UserError):
    @classmethod
    def of(cls, error: AppError) -> Self:
        return cls(**words(error))


@strawberry.type(description="The run has moved on since the caller read it.")
class VersionConflict(UserError):
    expected: int = strawberry.field(description="The version the caller knew.")
    actual: int = strawberry.field(description="The version the run has now.")
    current_phase: str | None = strawberry.field(description="Key of the phase the run is in now.")

    @classmethod
    def of(cls, error: AppError) -> Self:
        details = error.details
        return cls(
            **words(error),
            expected=details["expected"],
            actual=details["actual"],
            current_phase=details["currentPhase"],
        )


@strawberry.type(description="The tasks would wait for each other for ever.")
class DagCycleError(UserError):
    cycle: list[str] = strawberry.field(
        description="Keys of the tasks around the circle; the first one stands again at the end."
    )

    @classmethod
    def of(cls, error: AppError) -> Self:
        return cls(**words(error), cycle=error.details["cycle"])


def user_error(error: AppError) -> UserError:
    return TYPED.get(error.code, GenericError.of)(error)


TYPED: Final[dict[ErrorCode, Callable[[AppError], UserError]]] = {
    ErrorCode.VERSION_CONFLICT: VersionConflict.of,
    ErrorCode.DAG_CYCLE: DagCycleError.of,
}
"""Refusals with a type of their own. A noun's module adds what names its own objects."""
