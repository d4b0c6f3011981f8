"""What is asked of a run's supervisor, and what an agent that is one says of itself."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from app import commands
from app.domain import limits
from app.domain.access import OPERATORS, STEERING, SUPERVISING
from app.domain.errors import AppError
from app.schema.context import Info
from app.schema.enums import SupervisorState
from app.schema.errors import UserError, user_error
from app.schema.inputs import given, optional, plain, refuse_unstorable
from app.schema.mutations import act
from app.schema.restorations import RestorationContext
from app.schema.run_mutations import RunPayload, RunVerbInput


@strawberry.input(
    description="What an agent that looks after a run says of itself. What is left out stays as it was."
)
class HeartbeatInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    state: SupervisorState = strawberry.field(description="How it stands.")
    phase: str | None = optional("Key of the phase that it is at.")
    current_activity: str | None = optional("What it is doing, for people.")
    progress: int | None = optional("How far it is, 0 to 100.")
    pending_task_ids: list[strawberry.ID] | None = optional("The tasks that it waits for, at most 100.")
    memo: str | None = optional(
        "What it wants to be told when it is brought back, at most 16,384 characters: what it has decided, what it means to do next. "
        "Takes the place of the one before."
    )
    session_id: str | None = optional(
        "The session of its own in which it works, where its runtime can resume one."
    )
    idempotency_key: str | None = optional(
        "Taken, and not needed: a heartbeat that comes twice is one more sign of life."
    )


@strawberry.type(description="The answer to a heartbeat.")
class HeartbeatPayload:
    at: datetime | None = strawberry.field(description="When it was heard; null where it was refused.")
    every_seconds: float = strawberry.field(description="How often it should be sent.")
    restoration: RestorationContext | None = strawberry.field(
        description="What it has to know, in the answer to the first one after restartSupervisor; null in any other. "
        "Supervisor.restoration tells it at any time."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty where it was not.")


Verb = Annotated[RunVerbInput, strawberry.argument(description="Of which run, and why.")]


@strawberry.type
class SupervisorMutation:
    @strawberry.mutation(
        description="Say that the agent which looks after a run is alive, with an ORCHESTRATOR token for this run. Where the "
        "run was made with a `supervisor`, only the process that Trackside has started is heard; of any other run the first "
        "that beats takes the place of the built-in supervisor. SUPERVISOR_NOT_FOUND for another one, and where the run has "
        "ended; SUPERVISOR_DEAD once it was given up, until restartSupervisor. Heartbeats are in no audit trail."
    )
    async def heartbeat(
        self,
        info: Info,
        input: Annotated[HeartbeatInput, strawberry.argument(description="The sign of life.")],
    ) -> HeartbeatPayload | None:
        context = info.context
        every = context.services.supervisor_heartbeat_seconds
        try:
            context.actor.require(SUPERVISING)
            refuse_unstorable(plain(input), "input")
            heard = await context.services.db.write(
                commands.supervisors.beat, actor=context.actor, **_said(input)
            )
        except AppError as error:
            return HeartbeatPayload(
                at=None, every_seconds=every, restoration=None, user_errors=[user_error(error)]
            )
        finally:
            context.forget()
        restored = RestorationContext.of(heard.restored) if heard.restored is not None else None
        return HeartbeatPayload(at=heard.at, every_seconds=every, restoration=restored, user_errors=[])

    @strawberry.mutation(
        description="Have what looks after a run begin again. An agent that Trackside starts is ended and started anew, however "
        "often it was before; another's place is free then for whoever beats first. It is brought back from what was saved, step "
        "by step, and told what it has to know in its prompt, or in the answer to its first heartbeat."
    )
    async def restart_supervisor(self, info: Info, input: Verb) -> RunPayload | None:
        arguments = {**_which(input), "reason": given(input.reason)}
        return RunPayload(
            outcome=await act(info, OPERATORS, input, lambda: (commands.supervisors.restart, arguments))
        )

    @strawberry.mutation(
        description="Makes the supervisor write its state now. An agent is saved with whatever it sends, too."
    )
    async def sync_supervisor(self, info: Info, input: Verb) -> RunPayload | None:
        return RunPayload(
            outcome=await act(info, STEERING, input, lambda: (commands.supervisors.sync, _which(input)))
        )


def _which(input: RunVerbInput) -> dict[str, Any]:
    return {"run_id": input.run_id, "expected_version": given(input.expected_version)}


def _said(input: HeartbeatInput) -> dict[str, Any]:
    key, phase, activity = given(input.idempotency_key), given(input.phase), given(input.current_activity)
    progress, tasks = given(input.progress), given(input.pending_task_ids)
    if key is not None:
        limits.name(key, "input", "idempotencyKey", limit=limits.IDEMPOTENCY_KEY)
    if phase is not None:
        limits.name(phase, "input", "phase", limit=limits.KEY)
    if activity is not None:
        limits.name(activity, "input", "currentActivity", limit=limits.TITLE)
    if progress is not None:
        limits.number(progress, "input", "progress", least=0, most=100)
    if tasks is not None:
        limits.count(tasks, limits.PAGE, "input", "pendingTaskIds")
    return {
        **_remembered(input),
        "run_id": str(input.run_id),
        "state": input.state,
        "phase": phase,
        "activity": activity,
        "progress": progress,
        "pending_tasks": list(dict.fromkeys(map(str, tasks))) if tasks is not None else None,
    }


def _remembered(input: HeartbeatInput) -> dict[str, Any]:
    memo, session_id = given(input.memo), given(input.session_id)
    if session_id is not None:
        session_id = limits.name(session_id, "input", "sessionId")
    return {
        "memo": limits.text(memo, "input", "memo", limit=limits.MEMO) if memo is not None else None,
        "session_id": session_id,
    }
