"""Refusals a caller can act on. Anything else that escapes is a bug."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple


class ErrorCode(StrEnum):
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INVALID_INPUT = "INVALID_INPUT"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    PHASE_GUARD_REQUIRED = "PHASE_GUARD_REQUIRED"
    INVALID_DELIVERABLE = "INVALID_DELIVERABLE"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    SUPERVISOR_NOT_FOUND = "SUPERVISOR_NOT_FOUND"
    SUPERVISOR_DEAD = "SUPERVISOR_DEAD"
    DAG_CYCLE = "DAG_CYCLE"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    NOT_SUPPORTED_BY_RUNTIME = "NOT_SUPPORTED_BY_RUNTIME"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    ALREADY_ANSWERED = "ALREADY_ANSWERED"
    PLAN_INVALID = "PLAN_INVALID"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    STALE_FENCE = "STALE_FENCE"
    RATE_LIMITED = "RATE_LIMITED"
    UNAVAILABLE = "UNAVAILABLE"


class Advice(NamedTuple):
    """A row of the manual: when a refusal comes, and what its caller does then."""

    comes: str
    do: str


ADVICE: Final[Mapping[ErrorCode, Advice]] = {
    ErrorCode.NOT_FOUND: Advice(
        "There is no such thing, or the token may not see it: both are said in the same words.",
        "Check the id, or list what there is.",
    ),
    ErrorCode.FORBIDDEN: Advice(
        "The role of the token may not do this, or the token is for one project, run or worker and this is another.",
        "Use a token of a role that the suggestion names. A worker asks a person, with `askQuestion`.",
    ),
    ErrorCode.INVALID_INPUT: Advice(
        "A value is of the wrong form; `path` says which.",
        "Correct the value. Sending it again does not help.",
    ),
    ErrorCode.INVALID_TRANSITION: Advice(
        "The object is in a state in which this cannot be done.",
        "Read its state, do what the suggestion says, or leave it: what was wanted may have happened already.",
    ),
    ErrorCode.VERSION_CONFLICT: Advice(
        "The run is no longer at the `expectedVersion`: somebody else was faster.",
        "Read the run again, decide again, and send the request with the version it has now (`actual`).",
    ),
    ErrorCode.PHASE_GUARD_REQUIRED: Advice(
        "The phase is guarded: it is left only when somebody who may has confirmed it, whoever the caller is.",
        "Look at its `deliverables`, then send `advancePhase` with `confirmed`, or answer the `item`.",
    ),
    ErrorCode.INVALID_DELIVERABLE: Advice(
        "The phase owes no deliverable of this key.", "Use one of the keys that the suggestion names."
    ),
    ErrorCode.VALIDATION_FAILED: Advice(
        "The gate of the phase does not hold yet; `missing` names what it waits for.",
        "See to what is missing. An ADMIN may go on without it, with `force`.",
    ),
    ErrorCode.SUPERVISOR_NOT_FOUND: Advice(
        "Nothing looks after the run any more, because it has ended; or another agent does than the one whose token this is.",
        "Leave the run, or go on with it by `retryRun`. To take another agent's place, have the supervisor restarted first; of a "
        "run that was made with a `supervisor`, only the process that Trackside has started is heard.",
    ),
    ErrorCode.SUPERVISOR_DEAD: Advice(
        "The agent that looks after the run has given up, or was given up because it was not heard for too long.",
        "Have an operator send `restartSupervisor`. Then the first agent that beats looks after the run. One that Trackside has "
        "started is ended and started again by itself.",
    ),
    ErrorCode.DAG_CYCLE: Advice(
        "With this change tasks would wait for each other for ever; `cycle` names them.",
        "Leave out one of the dependencies around the circle.",
    ),
    ErrorCode.IDEMPOTENCY_MISMATCH: Advice(
        "The idempotency key was used before, for the same mutation with another input.",
        "Use a new key for a new request, and the same input for a repeated one.",
    ),
    ErrorCode.NOT_SUPPORTED_BY_RUNTIME: Advice(
        "The worker's runtime cannot do this.", "Look at the worker's `capabilities` before asking."
    ),
    ErrorCode.BUDGET_EXCEEDED: Advice(
        "A budget is used up, or has no room for what the worker would reserve of it; the message says whose, and what is left.",
        "Raise the budget with `configureRun` or `updateTask`, answer the BUDGET item, or spawn with a smaller `budgetUsd`.",
    ),
    ErrorCode.ALREADY_ANSWERED: Advice(
        "The attention item is settled: answered, dismissed, or past its deadline.",
        "Take the answer it was given, which comes with the refusal as `item`.",
    ),
    ErrorCode.PLAN_INVALID: Advice(
        "The plan cannot be read; the message names the document, the lines, and what is wrong.",
        "Correct the plan. `trackside plan show` tells the same without a server.",
    ),
    ErrorCode.LIMIT_EXCEEDED: Advice(
        "Something is longer, larger or more than is taken.", "Send less at a time: see [limits](limits.md)."
    ),
    ErrorCode.STALE_FENCE: Advice(
        "The worker is over, or another attempt has taken its place.",
        "Stop: nothing that this worker says counts any more. Only runners and workers see it.",
    ),
    ErrorCode.RATE_LIMITED: Advice(
        "This was asked for too often in too short a time.",
        "Wait as long as the suggestion says, then ask again.",
    ),
    ErrorCode.UNAVAILABLE: Advice(
        "The server is going away, or something it needs does not work or is not there, such as a host with these labels.",
        "Try again in a moment. Subscriptions go on from their last cursor.",
    ),
}


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
