"""Tokens and money: of one thing, and of everything by what one likes."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Self

import strawberry

from app import store
from app.domain import limits
from app.domain.usage import Amounts, dollars
from app.schema import nodes
from app.schema.context import Info
from app.schema.enums import UsageGroup, UsageInterval
from app.schema.inputs import given, given_filter, optional
from app.schema.interfaces import Node
from app.schema.scalars import Int53
from app.store.tables import WorkerRow
from app.store.usage import Bucket, UsageFilter as Wanted

BUCKETS: Final = 100
NAMED: Final = frozenset({UsageGroup.MODEL, UsageGroup.DAY})
"""What has no id."""


@strawberry.type(description="Tokens and money, as the agents' own programs told them.")
class Usage:
    input_tokens: Int53 = strawberry.field(description="Tokens that went in and were read from no cache.")
    output_tokens: Int53 = strawberry.field(description="Tokens that came out.")
    cache_read_tokens: Int53 = strawberry.field(description="Tokens that went in and were read from a cache.")
    cache_write_tokens: Int53 = strawberry.field(description="Tokens that were put into a cache.")
    cost_usd: Decimal = strawberry.field(
        description="US dollars, exactly; nothing where no agent said what it costs."
    )

    @classmethod
    def of(cls, amounts: Amounts) -> Self:
        return cls(
            input_tokens=Int53(amounts.input_tokens),
            output_tokens=Int53(amounts.output_tokens),
            cache_read_tokens=Int53(amounts.cache_read_tokens),
            cache_write_tokens=Int53(amounts.cache_write_tokens),
            cost_usd=dollars(amounts.cost),
        )


async def usage_of(info: Info, owner_id: str) -> Usage | None:
    amounts = await info.context.loaders.usage.load(owner_id)
    return None if amounts is None else Usage.of(amounts)


@strawberry.type
class WorkerUsage:
    row: strawberry.Private[WorkerRow]

    @strawberry.field(
        description="The model that its agent has used last, as it names it; null while it has not said."
    )
    def model(self) -> str | None:
        return self.row.model

    @strawberry.field(description="What it has used so far; null while it has told of nothing.")
    async def usage(self, info: Info) -> Usage | None:
        return await usage_of(info, self.row.id)


@strawberry.type(
    description="What was used by one of those that was grouped by, and in one hour or day where that was asked for."
)
class UsageBucket:
    group: strawberry.Private[UsageGroup]
    key: str = strawberry.field(
        description="The id, the model or the day. Empty for what is of none, such as a worker beside the DAG of no task."
    )
    start: datetime | None = strawberry.field(
        description="When the hour or the day begins, UTC; null where neither was asked for."
    )
    usage: Usage = strawberry.field(description="What was used.")

    @classmethod
    def of(cls, group: UsageGroup, bucket: Bucket) -> Self:
        return cls(group=group, key=bucket.key, start=bucket.start, usage=Usage.of(bucket.amounts))

    @strawberry.field(description="What it is, for people: a name, a title, the model or the day.")
    async def label(self, info: Info) -> str | None:
        if self.group in NAMED:
            return self.key
        node: Any = await self._node(info)
        return None if node is None else getattr(node, "title", None) or node.name

    @strawberry.field(description="What it is; null for a model, a day, and what is of none.")
    async def node(self, info: Info) -> Node | None:
        return await self._node(info)

    async def _node(self, info: Info) -> Node | None:
        return None if self.group in NAMED or not self.key else await nodes.find(info, self.key)


@strawberry.input(description="What is counted. Every field narrows further.")
class UsageFilter:
    project_id: strawberry.ID | None = optional("In this project.")
    run_id: strawberry.ID | None = optional("In this run.")
    task_id: strawberry.ID | None = optional("For this task.")
    worker_id: strawberry.ID | None = optional("By this worker.")
    since: datetime | None = optional("From the hour on that this instant lies in.")
    until: datetime | None = optional("In hours that began before this instant.")


@strawberry.type
class UsageQuery:
    @strawberry.field(
        description="What agents have used: newest first where there is a time, and the dearest first. What was used in "
        "a run that was deleted is gone with it."
    )
    async def usage(
        self,
        info: Info,
        filter: Annotated[
            UsageFilter | None,
            strawberry.argument(
                description="What is counted; all that the caller may see where it is left out."
            ),
        ] = strawberry.UNSET,
        group_by: Annotated[
            UsageGroup | None,
            strawberry.argument(description="What each bucket is of; a project where it is left out."),
        ] = strawberry.UNSET,
        interval: Annotated[
            UsageInterval | None,
            strawberry.argument(
                description="A bucket for each hour or day; for all time where it is left out."
            ),
        ] = strawberry.UNSET,
        first: Annotated[
            int | None,
            strawberry.argument(description="How many buckets; 100 where it is left out, 1,000 at most."),
        ] = strawberry.UNSET,
    ) -> list[UsageBucket] | None:
        filter = given_filter(filter) or UsageFilter()
        only = Wanted(
            project_id=given(filter.project_id),
            run_id=given(filter.run_id),
            task_id=given(filter.task_id),
            worker_id=given(filter.worker_id),
            since=given(filter.since),
            until=given(filter.until),
        )
        group = given(group_by) or UsageGroup.PROJECT
        wanted = given(first)
        most = limits.number(
            BUCKETS if wanted is None else wanted, "first", least=0, most=limits.USAGE_BUCKETS
        )
        found = await info.context.read(store.usage.buckets, only, group, given(interval), most)
        return [UsageBucket.of(group, bucket) for bucket in found]
