"""Following what waits for a person."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated

import strawberry

from app import store
from app.domain.events import EventKind
from app.schema.attention import AttentionFilter, AttentionItem, wanted_items
from app.schema.context import Context, Info
from app.schema.dashboard import ProjectId, visible_project
from app.schema.inputs import given, given_filter
from app.store.attention import AttentionFilter as Wanted
from app.store.events import Filter
from app.store.ids import parts

_KINDS = frozenset({EventKind.ATTENTION_OPENED.value, EventKind.ATTENTION_CLOSED.value})


@strawberry.type
class AttentionSubscription:
    @strawberry.subscription(
        description="Each item that waits for a person now, the one that holds back most work first, then each as it opens or is "
        "settled. Where the filter names statuses, only while it is in one of them."
    )
    async def attention(
        self,
        info: Info,
        project_id: ProjectId = strawberry.UNSET,
        filter: Annotated[
            AttentionFilter | None,
            strawberry.argument(description="Which items."),
        ] = strawberry.UNSET,
    ) -> AsyncIterator[AttentionItem]:
        context = info.context
        project = await visible_project(context, given(project_id))
        now = wanted_items(filter)
        if project is not None and now.project_id not in (None, project):
            now = replace(now, kinds=[])
        now = replace(now, project_id=project or now.project_id)
        asked = given_filter(filter)
        later = (
            now if asked is not None and given(asked.statuses) is not None else replace(now, statuses=None)
        )
        head, items = await context.read(store.attention.listed, now)
        for part in parts(items):
            async for item in _shown(context, part, now):
                yield item
        only = Filter(
            project_id=now.project_id,
            run_ids=None if now.run_id is None else frozenset({str(now.run_id)}),
            kinds=_KINDS,
        )
        async for event in context.services.tail.follow(after=head, only=only):
            async for item in _shown(context, [event.data["item"]], later):
                yield item


async def _shown(context: Context, items: Sequence[str], only: Wanted) -> AsyncIterator[AttentionItem]:
    """As they are now: what no longer is what was asked for is left out, and told of by a later event."""
    context.forget()
    found = await context.read(store.attention.by_ids, items, only)
    for id in items:
        if id in found:
            yield AttentionItem.of(found[id])
