"""The attention queue: what only a person can settle."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import strawberry

from app import commands, store
from app.commands.attention import NO_DEFAULT
from app.domain import limits
from app.domain.access import ASKING, OPERATORS, STEERING
from app.domain.errors import AppError
from app.schema.connections import After, Before, Connection, First, Last, connect, window
from app.schema.context import Info
from app.schema.enums import AttentionKind, AttentionStatus, ErrorCode
from app.schema.errors import TYPED, UserError, words
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, given_filter, names_of, optional
from app.schema.interfaces import Node
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.scalars import Json
from app.schema.shapes import shape_of, shown
from app.store.attention import AttentionFilter as Wanted
from app.store.paging import Key, Window
from app.store.tables import AttentionRow

if TYPE_CHECKING:
    from app.schema.runs import Run
    from app.schema.tasks import Task
    from app.schema.workers import Worker


MOST_HELD_BACK_FIRST: Final = [Key(AttentionRow.blocked_tasks, True), Key(AttentionRow.id)]


@strawberry.input(description="Which items. Every field narrows further.")
class AttentionFilter:
    project_id: strawberry.ID | None = optional("Of this project.")
    run_id: strawberry.ID | None = optional("Of this run.")
    kinds: list[AttentionKind] | None = optional("Of these kinds.")
    statuses: list[AttentionStatus] | None = optional("In these statuses; OPEN where it is left out.")


@strawberry.type(description="An answer that may be chosen.")
class AttentionOption:
    value: str = strawberry.field(description="What to answer.")
    label: str = strawberry.field(description="What to show.")


@shape_of(AttentionRow)
@strawberry.type(description="Something that waits for a person.")
class AttentionItem(Node):
    row: strawberry.Private[AttentionRow]
    kind: AttentionKind = strawberry.field(description="What it asks for.")
    status: AttentionStatus = strawberry.field(description="Whether it still waits.")
    title: str = strawberry.field(description="The question.")
    detail: str | None = strawberry.field(description="What one should know to answer it.")
    options: list[AttentionOption] = strawberry.field(
        description="The answers there are; empty where any will do."
    )
    answer_schema: Json | None = strawberry.field(description="JSON Schema that the answer must satisfy.")
    default_answer: Json | None = strawberry.field(description="What is answered at the deadline.")
    answer: Json | None = strawberry.field(description="What was answered.")
    answered_at: datetime | None = strawberry.field(description="When it was settled.")
    answered_by: str | None = strawberry.field(description="Who settled it.")
    blocked_tasks: int = strawberry.field(
        description="How many unfinished tasks cannot go on before this is answered; counted anew every second."
    )
    created_at: datetime = strawberry.field(description="When it was asked.")
    expires_at: datetime | None = strawberry.field(description="Its deadline.")

    @classmethod
    def of(cls, row: AttentionRow) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(row.id),
            kind=AttentionKind(row.kind),
            status=AttentionStatus(row.status),
            title=row.title,
            detail=row.detail,
            options=[AttentionOption(value=option, label=option) for option in row.options],
            answer_schema=_json(row.answer_schema),
            default_answer=_json(row.default_answer),
            answer=_json(row.answer),
            answered_at=row.answered_at,
            answered_by=row.answered_by,
            blocked_tasks=row.blocked_tasks,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )

    @strawberry.field(description="The run it belongs to.")
    async def run(self, info: Info) -> Annotated["Run", strawberry.lazy("app.schema.runs")] | None:
        row = await info.context.loaders.runs.load(self.row.run_id)
        return shown(row)

    @strawberry.field(description="The task that asked first.")
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.schema.tasks")] | None:
        rows = await info.context.loaders.attention_tasks.load(self.row.id)
        return shown(rows[0]) if rows else None

    @strawberry.field(description="Every task that a merged question holds.")
    async def tasks(
        self,
        info: Info,
        first: Annotated[
            int | None, strawberry.argument(description="How many; 100 where it is left out.")
        ] = strawberry.UNSET,
    ) -> list[Annotated["Task", strawberry.lazy("app.schema.tasks")]]:
        wanted = given(first)
        size = limits.number(
            wanted if wanted is not None else limits.PAGE, "first", least=0, most=limits.PAGE
        )
        rows = await info.context.loaders.attention_tasks.load(self.row.id)
        return [shown(row) for row in rows[:size]]

    @strawberry.field(description="The worker that asked first.")
    async def worker(self, info: Info) -> Annotated["Worker", strawberry.lazy("app.schema.workers")] | None:
        for asker in await info.context.loaders.askers.load(self.row.id):
            if asker.worker_id is not None:
                row = await info.context.loaders.workers.load(asker.worker_id)
                return shown(row)
        return None


@strawberry.type(description="Somebody else has settled the item first.")
class AlreadyAnsweredError(UserError):
    item_id: strawberry.Private[str]

    @strawberry.field(description="The item with the answer it was given.")
    async def item(self, info: Info) -> AttentionItem | None:
        row = await info.context.loaders.attention.load(self.item_id)
        return shown(row)

    @classmethod
    def of(cls, error: AppError) -> Self:
        return cls(**words(error), item_id=error.details["item"])


TYPED[ErrorCode.ALREADY_ANSWERED] = AlreadyAnsweredError.of


async def connect_items(
    info: Info, filter: AttentionFilter | None, wanted: Window, *, run_id: str | None = None
) -> Connection[AttentionItem]:
    only = wanted_items(filter, run_id=run_id)
    return await connect(
        info.context,
        lambda tx: store.attention.select_all(tx, only),
        MOST_HELD_BACK_FIRST,
        wanted,
        AttentionItem.of,
    )


def wanted_items(filter: AttentionFilter | None, *, run_id: str | None = None) -> Wanted:
    """The filter as the store takes it; within a run, where one is given."""
    filter = given_filter(filter) or AttentionFilter()
    wanted_run, statuses = given(filter.run_id), names_of(filter.statuses)
    of_another_run = run_id is not None and wanted_run not in (None, run_id)
    return Wanted(
        project_id=given(filter.project_id),
        run_id=run_id or wanted_run,
        kinds=[] if of_another_run else names_of(filter.kinds),
        statuses=[AttentionStatus.OPEN] if statuses is None else statuses,
    )


@strawberry.type
class AttentionQuery:
    @strawberry.field(description="What waits for a person, the item that holds back most work first.")
    async def attention(
        self,
        info: Info,
        filter: Annotated[
            AttentionFilter | None,
            strawberry.argument(description="Which items; the open ones where it is left out."),
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[AttentionItem] | None:
        return await connect_items(info, filter, window(first, after, last, before))


@strawberry.input(description="A question for people.")
class AskQuestionInput:
    run_id: strawberry.ID = strawberry.field(description="The run it belongs to.")
    task_id: strawberry.ID | None = optional("The task it is about; the worker's own where it is left out.")
    worker_id: strawberry.ID | None = optional(
        "The worker that waits for the answer; the caller's own where it is one."
    )
    question: str = strawberry.field(description="What is asked, in a line of at most 500 characters.")
    detail: str | None = optional("What one should know to answer it.")
    options: list[str] | None = optional("The answers there are; at most 50.")
    answer_schema: Json | None = optional("JSON Schema that the answer must satisfy.")
    default_answer: Json | None = optional("What is answered at the deadline.")
    expires_in_seconds: int | None = optional("The deadline, from now on.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="An answer.")
class AnswerAttentionInput:
    item_id: strawberry.ID = strawberry.field(description="The item.")
    answer: Json = strawberry.field(description="Any JSON value that satisfies the item's options or schema.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="An item to close without an answer.")
class DismissAttentionInput:
    item_id: strawberry.ID = strawberry.field(description="The item.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of a mutation that concerns an attention item.")
class AttentionPayload(Payload):
    @strawberry.field(description="The item as it is now.")
    async def item(self, info: Info) -> AttentionItem | None:
        id = self.outcome.ref("item")
        row = await info.context.loaders.attention.load(id) if id is not None else None
        return shown(row)


@strawberry.type
class AttentionMutation:
    @strawberry.mutation(
        description="Ask people something. A worker that asks waits for the answer; the same question of one run is "
        "one item, and one answer releases all who asked."
    )
    async def ask_question(
        self, info: Info, input: Annotated[AskQuestionInput, strawberry.argument(description="The question.")]
    ) -> AttentionPayload | None:
        actor = info.context.actor

        def prepare() -> Write:
            return commands.attention.ask, {
                **_question(input),
                "run_id": input.run_id,
                "task_id": given(input.task_id),
                "worker_id": given(input.worker_id) or actor.worker_id,
            }

        return AttentionPayload(outcome=await act(info, ASKING, input, prepare))

    @strawberry.mutation(
        description="Settle an item. Everyone who asked goes on. For operators and administrators; the ORCHESTRATOR of a "
        "run may settle its items of kind PHASE_CONFIRMATION, as advancePhase would."
    )
    async def answer_attention(
        self,
        info: Info,
        input: Annotated[AnswerAttentionInput, strawberry.argument(description="The answer.")],
    ) -> AttentionPayload | None:
        async def prepare() -> Write:
            item = await info.context.loaders.attention.load(input.item_id)
            if item is not None and item.kind != AttentionKind.PHASE_CONFIRMATION:
                info.context.actor.require(OPERATORS)
            return commands.attention.answer, {"item_id": input.item_id, "answer": input.answer}

        return AttentionPayload(outcome=await act(info, STEERING, input, prepare))

    @strawberry.mutation(
        description="Close an item without an answer. Everyone who asked goes on without one."
    )
    async def dismiss_attention(
        self,
        info: Info,
        input: Annotated[DismissAttentionInput, strawberry.argument(description="Which item.")],
    ) -> AttentionPayload | None:
        arguments = {"item_id": input.item_id}
        return AttentionPayload(
            outcome=await act(info, OPERATORS, input, lambda: (commands.attention.dismiss, arguments))
        )


def _question(input: AskQuestionInput) -> dict[str, Any]:
    detail, options, seconds = (
        given(input.detail),
        given(input.options) or [],
        given(input.expires_in_seconds),
    )
    limits.count(options, limits.OPTIONS, "input", "options")
    if seconds is not None:
        limits.number(seconds, "input", "expiresInSeconds", least=1, most=limits.SECONDS)
    return {
        "question": limits.name(input.question, "input", "question", limit=limits.TITLE),
        "detail": limits.text(detail, "input", "detail") if detail is not None else None,
        "options": [limits.name(option, "input", "options") for option in options],
        "answer_schema": given(input.answer_schema),
        "default_answer": NO_DEFAULT if input.default_answer is strawberry.UNSET else input.default_answer,
        "expires_in_seconds": seconds,
    }


def _json(value: Any) -> Json | None:
    return None if value is None else Json(value)
