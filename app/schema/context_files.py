"""The index of a project's files as context."""

import asyncio
from contextlib import suppress
from typing import Annotated, Final, Self

import strawberry

from app import store
from app.schema.connections import After, Before, Connection, First, Last, connect, window
from app.schema.context import Info, Services
from app.schema.enums import ContextFileState
from app.store.context_tables import ContextFileRow
from app.store.paging import Key

FIRST_LOOK_SECONDS: Final = 10.0
BY_PATH: Final = [Key(ContextFileRow.path)]


@strawberry.type(description="A file of a project as it could be given to a worker.")
class ContextFile:
    digest: strawberry.Private[str]
    id: strawberry.ID = strawberry.field(description="Opaque.")
    path: str = strawberry.field(description="From the project's root.")
    language: str | None = strawberry.field(description="Its language, where it is one that has skeletons.")
    state: ContextFileState = strawberry.field(description="How what is said here stands to the file itself.")
    tokens: int | None = strawberry.field(
        description="The size of the whole file in tokens, estimated at four bytes each. Null before it was read."
    )
    skeleton_tokens: int | None = strawberry.field(
        description="The size of its skeleton. Null where it has none."
    )
    error: str | None = strawberry.field(description="Why it is FAILED.")

    @classmethod
    def of(cls, row: ContextFileRow) -> Self:
        return cls(
            digest=row.digest,
            id=strawberry.ID(row.id),
            path=row.path,
            language=row.language,
            state=ContextFileState(row.state),
            tokens=row.tokens,
            skeleton_tokens=row.skeleton_tokens,
            error=row.error,
        )

    @strawberry.field(
        description="The file without the bodies of its functions, as it was when it was last read. Null where it has none."
    )
    async def skeleton(self, info: Info) -> str | None:
        if self.skeleton_tokens is None:
            return None
        return await info.context.loaders.skeletons.load(self.digest)


async def _ask_for(services: Services, project_id: str) -> None:
    """Have the files looked at anew, and wait for the first look: before that there is nothing to tell."""
    db, tail = services.db, services.tail
    services.index_requests.add(project_id)
    with suppress(TimeoutError):
        async with asyncio.timeout(FIRST_LOOK_SECONDS):
            seen = tail.nudges(project_id)
            while not await db.read(store.context_files.was_looked_at, project_id):
                seen = await tail.nudged(project_id, seen=seen)


@strawberry.type
class ContextFileQuery:
    @strawberry.field(
        description="The index of a project's files as context, by path: what has a skeleton, what is stale or failed. "
        "It is made when it is first asked for, which may take some seconds, and kept in step while runs of the project go on; files that git "
        "ignores and dot files are left out. Empty where the project has `indexFiles` turned off; null where there is no such project."
    )
    async def context_state(
        self,
        info: Info,
        project_id: Annotated[strawberry.ID, strawberry.argument(description="The project's id.")],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[ContextFile] | None:
        project = await info.context.read(store.projects.find, project_id)
        if project is None:
            return None
        if await info.context.read(store.context_files.is_kept, project.id):
            await _ask_for(info.context.services, project.id)
        return await connect(
            info.context,
            lambda tx: store.context_files.select_all(tx, project.id),
            BY_PATH,
            window(first, after, last, before),
            ContextFile.of,
        )
