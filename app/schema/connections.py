"""Relay connections over pages of rows: opaque keyset cursors, the total only when it is asked for."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Generic, Self, TypeVar

import strawberry

from app import store
from app.schema.context import Context
from app.schema.inputs import given
from app.store.db import Tx
from app.store.paging import Key, Page, Window

if TYPE_CHECKING:
    from sqlmodel.sql.expression import SelectOfScalar

Node = TypeVar("Node")

First = Annotated[
    int | None,
    strawberry.argument(
        description="How many, from the start of the window; 0 to 100. 100 where neither is given."
    ),
]
After = Annotated[
    str | None, strawberry.argument(description="Only what comes after this cursor of the same list.")
]
Last = Annotated[int | None, strawberry.argument(description="How many, from the end of the window.")]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before this cursor of the same list.")
]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first entry.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last entry.")

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        return cls(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.cursors[0] if page.cursors else None,
            end_cursor=page.cursors[-1] if page.cursors else None,
        )


@strawberry.type(description="An entry of a list and its cursor.")
class Edge(Generic[Node]):
    node: Node = strawberry.field(description="The entry itself.")
    cursor: str = strawberry.field(description="Where it stands: for `after` and `before`.")


@strawberry.type(description="A page of a list, without a count of the whole.")
class UncountedConnection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(description="The entries, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(description="The entries, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many entries the whole list has.")
    async def total_count(self) -> int:
        return await self.count()


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The arguments of a list as given; those left out are UNSET."""
    return Window(first=given(first), after=given(after), last=given(last), before=given(before))


async def connect(
    context: Context,
    select: Callable[[Tx], "SelectOfScalar[Any]"],
    order: Sequence[Key],
    wanted: Window,
    of: Callable[[Any], Node],
    *,
    most: int = 100,
) -> Connection[Node]:
    """A page of rows as a Connection; `select` is asked inside the transaction, so that it knows the caller's scope."""
    return await connect_pages(
        context, lambda tx: store.paging.page(tx, select(tx), order, wanted, most=most), select, of
    )


async def connect_pages(
    context: Context,
    page_of: Callable[[Tx], Page[Any]],
    select: Callable[[Tx], "SelectOfScalar[Any]"],
    of: Callable[[Any], Node],
) -> Connection[Node]:
    """The same for lists that make their pages themselves; `select` is what is counted."""
    page = await context.loaders.reads.load(page_of)
    return Connection(
        edges=edges(page, of),
        page_info=PageInfo.of(page),
        count=lambda: context.loaders.reads.load(lambda tx: store.paging.count(tx, select(tx))),
    )


async def connect_uncounted(
    context: Context,
    select: Callable[[Tx], "SelectOfScalar[Any]"],
    order: Sequence[Key],
    wanted: Window,
    of: Callable[[Any], Node],
) -> UncountedConnection[Node]:
    page = await context.loaders.reads.load(lambda tx: store.paging.page(tx, select(tx), order, wanted))
    return UncountedConnection(edges=edges(page, of), page_info=PageInfo.of(page))


def edges(page: Page[Any], of: Callable[[Any], Node]) -> list[Edge[Node]]:
    return [Edge(node=of(row), cursor=cursor) for row, cursor in zip(page.rows, page.cursors, strict=True)]
