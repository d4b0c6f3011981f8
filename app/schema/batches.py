"""The same done to many runs at once."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final

import strawberry

from app import commands
from app.domain import limits
from app.domain.access import ADMINS
from app.domain.batches import BY_AGE, CONCERNS, OLD_AFTER, STILL_FOR
from app.schema.context import Context, Info
from app.schema.enums import BatchOperation, ErrorCode
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.runs import Run, RunFilter, wanted_runs
from app.schema.shapes import shown
from app.store.runs import RunFilter as Wanted

_FIRST: Final = 100
_HOURS: Final = 10 * 366 * 24


@strawberry.input(description="What is to be done to which runs.")
class BatchRunsInput:
    operation: BatchOperation = strawberry.field(description="What is to be done.")
    filter: RunFilter | None = optional(
        "To which of the runs that it can be done to; to all of them where it is left out."
    )
    older_than_hours: int | None = optional(
        f"Only to runs that have done nothing for so long. {int(OLD_AFTER.total_seconds()) // 3600} where it is left "
        "out, for ARCHIVE_OLD and CLEANUP_ARCHIVED; half an hour for RESTART_STALE."
    )
    dry_run: bool | None = optional("Only tell which runs are meant. True where it is left out.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="A run that refused what was done to the others.")
class BatchFailure:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    code: ErrorCode = strawberry.field(description="Why, for programs.")
    message: str = strawberry.field(description="Why, for people.")


@strawberry.type(description="The answer of batchRuns.")
class BatchRunsPayload(Payload):
    @strawberry.field(description="Runs that refused.")
    def failures(self) -> list[BatchFailure]:
        return [
            BatchFailure(
                run_id=strawberry.ID(one["run"]), code=ErrorCode(one["code"]), message=one["message"]
            )
            for one in self.outcome.refs.get("failures", ())
        ]

    @strawberry.field(description="How many runs were changed, or would be.")
    def affected_count(self) -> int:
        return len(self.outcome.refs.get("affected", ()))

    @strawberry.field(description="Ids of the runs that were changed, or would be; the longest silent first.")
    def affected_ids(self) -> list[strawberry.ID]:
        return [strawberry.ID(id) for id in self.outcome.refs.get("affected", ())]

    @strawberry.field(description="The same as objects; runs that were deleted are left out.")
    async def runs(
        self,
        info: Info,
        first: Annotated[
            int | None, strawberry.argument(description="How many, 0 to 100; 100 where it is left out.")
        ] = strawberry.UNSET,
    ) -> list[Run] | None:
        wanted = given(first)
        most = _FIRST if wanted is None else limits.number(wanted, "first", least=0, most=_FIRST)
        rows = await info.context.loaders.runs.load_many(self.outcome.refs.get("affected", [])[:most])
        return [shown(row) for row in rows if row is not None]


@strawberry.type
class BatchMutation:
    @strawberry.mutation(
        description="Do the same to many runs, at most 500 in one request. A run that refuses does not stop the others. "
        "Unless `dryRun` is false it only tells which runs are meant. RATE_LIMITED after ten of them in a minute."
    )
    async def batch_runs(
        self, info: Info, input: Annotated[BatchRunsInput, strawberry.argument(description="The batch.")]
    ) -> BatchRunsPayload | None:
        fresh: list[str] = []  # what is answered again from the record is no batch of its own

        def prepare() -> Write:
            fresh.append(input.operation)
            return commands.batches.perform, {
                "operation": input.operation,
                "only": _concerned(info.context, input),
                "silence": _silence(input),
                "actor_id": info.context.actor.id,
                "reason": given(input.reason),
            }

        dry = given(input.dry_run) is not False
        outcome = await act(info, ADMINS, input, prepare, rehearse=dry)
        if fresh and not dry and not outcome.errors:
            info.context.services.observer.batch_operation(
                input.operation,
                len(outcome.refs.get("affected", ())),
                len(outcome.refs.get("failures", ())),
            )
        return BatchRunsPayload(outcome=outcome)


def _concerned(context: Context, input: BatchRunsInput) -> Wanted:
    """The runs that are meant, among those that the operation can be done to."""
    only = wanted_runs(context, input.filter, where="input.filter")
    statuses = CONCERNS[input.operation]
    if only.statuses is not None:
        statuses &= frozenset(only.statuses)
    return replace(only, statuses=sorted(statuses))


def _silence(input: BatchRunsInput) -> timedelta | None:
    hours = given(input.older_than_hours)
    if hours is None:
        return OLD_AFTER if input.operation in BY_AGE else STILL_FOR.get(input.operation)
    return timedelta(hours=limits.number(hours, "input", "olderThanHours", least=0, most=_HOURS))
