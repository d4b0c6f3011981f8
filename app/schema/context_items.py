"""Context: files and text given to workers, with a receipt for each."""

import asyncio
from datetime import datetime
from enum import Enum
from typing import Annotated, Self

import strawberry

from app import commands, store
from app.commands.context import Item
from app.context import LANGUAGES, count_tokens
from app.domain import limits
from app.domain.access import STEERING
from app.schema import files
from app.schema.context import Info
from app.schema.enums import ContextKind
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.shapes import shape_of
from app.store.db import Tx
from app.store.tables import ContextItemRow, ProjectRow


@strawberry.enum(description="When a worker is to get what it is given.")
class Delivery(Enum):
    NOW = strawberry.enum_value("NOW", description="At once where its runtime can, else at its next turn.")
    NEXT_TURN = strawberry.enum_value("NEXT_TURN", description="At its next turn.")


@shape_of(ContextItemRow)
@strawberry.type(description="Something given to a worker to read.")
class ContextItem:
    id: strawberry.ID = strawberry.field(description="Opaque.")
    kind: ContextKind = strawberry.field(description="What it is.")
    path: str | None = strawberry.field(
        description="Of a file or a skeleton: its path from the project's root."
    )
    tokens: int = strawberry.field(description="Its size in tokens, estimated at four bytes each.")
    delivered_at: datetime | None = strawberry.field(
        description="The receipt: when it lay in the worker's inbox. Null until then."
    )

    @classmethod
    def of(cls, row: ContextItemRow) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            kind=ContextKind(row.kind),
            path=row.path,
            tokens=row.tokens,
            delivered_at=row.delivered_at,
        )


@strawberry.input(one_of=True, description="Who gets it: exactly one of these.")
class ContextTargetInput:
    run_id: strawberry.ID | None = optional("Every worker of this run that is alive.")
    task_id: strawberry.ID | None = optional("The worker of this task, or its next one.")
    worker_id: strawberry.ID | None = optional("This worker.")


@strawberry.input(one_of=True, description="What to give: exactly one of these.")
class ContextInput:
    file: str | None = optional(
        "A UTF-8 text file of the project, by its path from the root; at most 512 KiB."
    )
    skeleton: str | None = optional(
        "The same without the bodies of its functions: signatures, types and comments. Of a language that has one: "
        f"{', '.join(language.name for language in LANGUAGES)}."
    )
    text: str | None = optional("Text; at most 65,536 characters.")


@strawberry.input(description="Context for workers.")
class InjectContextInput:
    target: ContextTargetInput = strawberry.field(description="Who gets it.")
    items: list[ContextInput] = strawberry.field(description="What they get; at most 50.")
    deliver: Delivery | None = optional("NOW where it is left out.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of injectContext.")
class InjectContextPayload(Payload):
    @strawberry.field(description="The items with their receipts; one for each item and worker.")
    async def items(self, info: Info) -> list[ContextItem] | None:
        ids = self.outcome.refs.get("items")
        if ids is None:
            return None
        rows = await info.context.loaders.context_items.load_many(ids)
        return [ContextItem.of(row) for row in rows if row is not None]


@strawberry.type
class ContextMutation:
    @strawberry.mutation(
        description="Give files or text to a worker, a task's worker or every worker of a run. A command finds them "
        "as files in the directory TRACKSIDE_INBOX."
    )
    async def inject_context(
        self,
        info: Info,
        input: Annotated[InjectContextInput, strawberry.argument(description="What, and to whom.")],
    ) -> InjectContextPayload | None:
        target = {
            "run_id": given(input.target.run_id),
            "task_id": given(input.target.task_id),
            "worker_id": given(input.target.worker_id),
        }

        async def prepare() -> Write:
            project = await info.context.read(_project_of, **target)
            items = await asyncio.to_thread(_items, input.items, project.root)
            return commands.context.inject, {**target, "items": items}

        return InjectContextPayload(outcome=await act(info, STEERING, input, prepare))


def _project_of(tx: Tx, *, run_id: str | None, task_id: str | None, worker_id: str | None) -> ProjectRow:
    if worker_id is not None:
        run_id = store.workers.get(tx, worker_id).run_id
    elif task_id is not None:
        run_id = store.tasks.get(tx, task_id).run_id
    assert run_id is not None
    return store.projects.get(tx, store.runs.get(tx, run_id).project_id)


def _items(inputs: list[ContextInput], project_root: str) -> list[Item]:
    if not inputs:
        raise limits.invalid("There is nothing to give.", ["input", "items"])
    limits.count(inputs, limits.CONTEXT_ITEMS, "input", "items")
    items = []
    for position, one in enumerate(inputs):
        where = ["input", "items", str(position)]
        path, outline, text = given(one.file), given(one.skeleton), given(one.text)
        if path is not None:
            items.append(files.read_context_file(project_root, path, [*where, "file"]))
        elif outline is not None:
            items.append(files.read_skeleton(project_root, outline, [*where, "skeleton"]))
        else:
            text = limits.text(text, *where, "text")
            items.append(Item(ContextKind.TEXT, text, count_tokens(text)))
    return items
