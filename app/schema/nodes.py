"""Objects with an id of their own, and how any of them is found by it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import strawberry

from app.domain import limits
from app.domain.access import ADMINS, READERS
from app.schema.context import Info, Loaders
from app.schema.interfaces import Node
from app.schema.shapes import shown

FINDERS: Final[dict[str, Callable[[Loaders, str], Awaitable[Any]]]] = {
    "proj": lambda loaders, id: loaders.projects.load(id),
    "run": lambda loaders, id: loaders.runs.load(id),
    "task": lambda loaders, id: loaders.tasks.load(id),
    "wrk": lambda loaders, id: loaders.workers.load(id),
    "att": lambda loaders, id: loaders.attention.load(id),
    "host": lambda loaders, id: loaders.hosts.load(id),
    "tool": lambda loaders, id: loaders.tool_calls.load(id),
    "cmd": lambda loaders, id: loaders.commands.load(id),
}
"""By the prefix of an id. What belongs to another project is as unknown as what does not exist."""


async def find(info: Info, id: str) -> Node | None:
    if not id.isascii() or not id.isprintable():
        return None  # no object has such an id, and not every database can be asked for it
    prefix = id.partition("_")[0]
    if prefix == "phase":
        return await _phase(info, id)
    if prefix == "tok":
        return await _token(info, id)
    if prefix not in FINDERS:
        return None
    return shown(await FINDERS[prefix](info.context.loaders, id))


async def _phase(info: Info, id: str) -> Node | None:
    row = await info.context.loaders.phases.load(id)
    if row is None or await info.context.loaders.runs.load(row.run_id) is None:
        return None
    return shown(row)


async def _token(info: Info, id: str) -> Node | None:
    """Tokens are unknown to everybody but ADMINs."""
    return shown(await info.context.loaders.tokens.load(id)) if info.context.actor.role in ADMINS else None


@strawberry.type
class NodeQuery:
    @strawberry.field(
        description="Any object by its id, or null where there is none that the caller may see."
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Node | None:
        info.context.actor.require(READERS)
        return await find(info, id)

    @strawberry.field(
        description="Several objects by their ids, in that order; null for each that is not found."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids, at most 100.")],
    ) -> list[Node | None]:
        info.context.actor.require(READERS)
        limits.count(ids, limits.PAGE, "ids")
        return list(await asyncio.gather(*(find(info, id) for id in ids)))
