"""Leaving phases, settling what they owe, and asking whether a run may complete."""

from typing import Annotated, Self

import strawberry

from app import commands
from app.domain import limits
from app.domain.access import ADMINS, OPERATORS, STEERING
from app.domain.errors import AppError
from app.schema.attention import AttentionItem
from app.schema.context import Info
from app.schema.enums import ErrorCode
from app.schema.errors import TYPED, UserError, words
from app.schema.inputs import EXPECTED_VERSION, IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.phases import Deliverable
from app.schema.run_mutations import RunPayload, Verb
from app.schema.runs import Run
from app.schema.shapes import shown


@strawberry.type(
    description="The phase is guarded: it is left only when somebody who may has confirmed it, whoever the caller is."
)
class PhaseGuardRequired(UserError):
    phase_id: strawberry.Private[str]
    item_id: strawberry.Private[str | None]

    @strawberry.field(description="What the phase owes, to look at before it is confirmed.")
    async def deliverables(self, info: Info) -> list[Deliverable]:
        return [shown(row) for row in await info.context.loaders.deliverables_of_phase.load(self.phase_id)]

    @strawberry.field(
        description="The item that asks people to confirm; null where it was dismissed, or the gate does not hold yet."
    )
    async def item(self, info: Info) -> AttentionItem | None:
        row = await info.context.loaders.attention.load(self.item_id) if self.item_id is not None else None
        return shown(row)

    @classmethod
    def of(cls, error: AppError) -> Self:
        return cls(**words(error), phase_id=error.details["phase"], item_id=error.details["item"])


@strawberry.type(description="The gate of the phase does not hold.")
class ValidationFailed(UserError):
    missing: list[str] = strawberry.field(description="Everything that it waits for, in words.")

    @classmethod
    def of(cls, error: AppError) -> Self:
        return cls(**words(error), missing=error.details["missing"])


TYPED[ErrorCode.PHASE_GUARD_REQUIRED] = PhaseGuardRequired.of
TYPED[ErrorCode.VALIDATION_FAILED] = ValidationFailed.of


@strawberry.input(description="A request to leave the current phase of a run.")
class AdvancePhaseInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    to_phase: str | None = optional(
        "Key of the phase that is to begin: refused where another one comes next. Left out, whichever does."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    confirmed: bool | None = optional("Confirm it. A guarded phase is not left without.")
    force: bool | None = optional("Leave it although its gate does not hold; for the role ADMIN.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A deliverable that is there.")
class CompleteDeliverableInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    phase: str = strawberry.field(description="Key of the phase that owes it.")
    deliverable: str = strawberry.field(description="Its key.")
    evidence: str | None = optional("What shows it: a path, an address, a few words.")
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A deliverable to do without.")
class WaiveDeliverableInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    phase: str = strawberry.field(description="Key of the phase that owes it.")
    deliverable: str = strawberry.field(description="Its key.")
    reason: str | None = optional("Why: it is kept with the deliverable and in the audit trail.")
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="Whether a run completes.")
class CheckCompletionPayload(Payload):
    @strawberry.field(description="The run as it is now.")
    async def run(self, info: Info) -> Run | None:
        id = self.outcome.ref("run")
        row = await info.context.loaders.runs.load(id) if id is not None else None
        return shown(row)

    @strawberry.field(description="Whether nothing was missing: every gate was met.")
    def ready(self) -> bool:
        return bool(self.outcome.refs.get("ready"))

    @strawberry.field(
        description="Whether the run would complete, and therefore has begun to; false for one that had already."
    )
    def would_complete(self) -> bool:
        return bool(self.outcome.refs.get("wouldComplete"))

    @strawberry.field(description="What has to happen first, in words.")
    def missing(self) -> list[str]:
        return list(self.outcome.refs.get("missing", []))


@strawberry.type
class PhaseMutation:
    @strawberry.mutation(
        description="Leave the current phase for the next one. Refused with ValidationFailed while its gate does not "
        "hold, and with PhaseGuardRequired where it is guarded and this is no confirmation."
    )
    async def advance_phase(
        self,
        info: Info,
        input: Annotated[AdvancePhaseInput, strawberry.argument(description="Which run, and how.")],
    ) -> RunPayload | None:
        def prepare() -> Write:
            to_phase, force = given(input.to_phase), bool(given(input.force))
            if force:
                info.context.actor.require(ADMINS)
            return commands.phases.advance, {
                "run_id": input.run_id,
                "to_phase": limits.key(to_phase, "input", "toPhase") if to_phase is not None else None,
                "confirmed": bool(given(input.confirmed)),
                "force": force,
                "reason": given(input.reason),
                "expected_version": given(input.expected_version),
            }

        return RunPayload(outcome=await act(info, STEERING, input, prepare))

    @strawberry.mutation(description="Say that a deliverable is there, and what shows it.")
    async def complete_deliverable(
        self,
        info: Info,
        input: Annotated[CompleteDeliverableInput, strawberry.argument(description="Which one.")],
    ) -> RunPayload | None:
        def prepare() -> Write:
            evidence = given(input.evidence)
            return commands.deliverables.complete, {
                **_owed(input),
                "evidence": limits.text(evidence, "input", "evidence") if evidence is not None else None,
            }

        return RunPayload(outcome=await act(info, STEERING, input, prepare))

    @strawberry.mutation(description="Do without a deliverable. Who said so, and why, is kept.")
    async def waive_deliverable(
        self,
        info: Info,
        input: Annotated[WaiveDeliverableInput, strawberry.argument(description="Which one, and why.")],
    ) -> RunPayload | None:
        def prepare() -> Write:
            return commands.deliverables.waive, {**_owed(input), "reason": given(input.reason)}

        return RunPayload(outcome=await act(info, OPERATORS, input, prepare))

    @strawberry.mutation(
        description="Ask whether the run would complete, and complete it if it may. A run whose autoComplete is off "
        "waits for this behind its last gate."
    )
    async def check_completion(self, info: Info, input: Verb) -> CheckCompletionPayload | None:
        arguments = {
            "run_id": input.run_id,
            "reason": given(input.reason),
            "expected_version": given(input.expected_version),
        }
        return CheckCompletionPayload(
            outcome=await act(info, STEERING, input, lambda: (commands.phases.check_completion, arguments))
        )


def _owed(input: CompleteDeliverableInput | WaiveDeliverableInput) -> dict[str, object]:
    return {
        "run_id": input.run_id,
        "phase": limits.key(input.phase, "input", "phase"),
        "deliverable": limits.key(input.deliverable, "input", "deliverable"),
        "expected_version": given(input.expected_version),
    }
