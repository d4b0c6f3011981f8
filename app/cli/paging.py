"""Lists as wholes: the API gives them page by page."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.client.http import Client

Node = dict[str, Any]


async def pages(
    client: "Client",
    document: str,
    *path: str,
    most: int | None = None,
    page: int = 100,
    start: str | None = None,
    **variables: Any,
) -> AsyncGenerator[tuple[list[Node], bool], None]:
    """The nodes of the connection at `path`, `most` of them at most, and whether there are more after each page.

    `document` takes `$first` and `$after`; `start` is a cursor.
    """
    left, after = most, start
    while left is None or left > 0:
        first = page if left is None else min(page, left)
        connection: Any = await client.query(document, {**variables, "first": first, "after": after})
        for field in path:
            connection = connection[field] if connection is not None else None
        if connection is None:
            return
        found = [edge["node"] for edge in connection["edges"]]
        after, more = connection["pageInfo"]["endCursor"], connection["pageInfo"]["hasNextPage"]
        left = None if left is None else left - len(found)
        yield found, more
        if not more:
            return


async def nodes(
    client: "Client", document: str, *path: str, most: int | None = None, page: int = 100, **variables: Any
) -> list[Node]:
    """The nodes of the connection at `path`, `most` of them at most."""
    found: list[Node] = []
    async for some, _ in pages(client, document, *path, most=most, page=page, **variables):
        found += some
    return found
