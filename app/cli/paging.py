"""Lists as wholes: the API gives them page by page."""

from typing import Any

from app.client.http import Client


async def nodes(
    client: Client, document: str, *path: str, most: int | None = None, page: int = 100, **variables: Any
) -> list[dict[str, Any]]:
    """The nodes of the connection at `path`, `most` of them at most. `document` takes `$first` and `$after`."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while most is None or len(found) < most:
        first = page if most is None else min(page, most - len(found))
        connection: Any = await client.query(document, {**variables, "first": first, "after": after})
        for field in path:
            connection = connection[field] if connection is not None else None
        if connection is None:
            break
        found += [edge["node"] for edge in connection["edges"]]
        after = connection["pageInfo"]["endCursor"]
        if not connection["pageInfo"]["hasNextPage"]:
            break
    return found
