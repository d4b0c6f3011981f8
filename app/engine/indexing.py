"""Keeps the index of projects' files in step with the files: what an agent could be given, and what it would cost."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from app import context, store
from app.context.files import Content, Seen, Source
from app.domain.context import ContextFileState
from app.live.requests import Requests
from app.store.context_tables import ContextFileRow
from app.store.db import Database, Tx
from app.store.tables import ProjectRow

EVERY: Final = timedelta(seconds=30)
REST: Final = timedelta(seconds=5)
BATCH: Final = 50
"""How many files are read between two transactions."""
KEPT: Final = timedelta(days=7)
"""How long a skeleton that no file has any more is kept: branches come back."""


async def run_once(db: Database, looked_at: Callable[[str], None] = lambda _: None) -> int:
    """Look at the projects that are due and read what has changed. Returns how many files were read.

    `looked_at` is called with the id of each project that was looked at.
    """
    read = 0
    for project in await db.read(store.context_files.due, rest=REST, every=EVERY):
        read += await look(db, project)
        looked_at(project.id)
    return read


async def note(db: Database, requests: Requests) -> None:
    """Pass on which projects readers have asked this server for: the server that leads looks at their files."""
    wanted = requests.take()
    try:
        if wanted:
            await db.write(store.context_files.want, wanted)
    except BaseException:
        requests.add(*wanted)
        raise


async def look(db: Database, project: ProjectRow) -> int:
    """Compare the index of a project with its files, then read what is stale. Returns how many files were read."""
    at = db.clock()
    seen = await asyncio.to_thread(context.files.find, project.root)
    if not await db.write(_note, project.id, seen):
        return 0
    read = 0
    while True:
        stale = await db.read(store.context_files.stale, project.id, BATCH)
        if not stale:
            break
        sources = {
            row.id: await asyncio.to_thread(context.files.read, project.root, row.path) for row in stale
        }
        digests = {one.digest for one in sources.values()}
        known = await db.read(store.context_files.skeleton_tokens, digests)
        contents = {
            file_id: await asyncio.to_thread(context.files.measure, one, known)
            if isinstance(one, Source)
            else one
            for file_id, one in sources.items()
        }
        await db.write(_take, contents, known)
        read += len(stale)
    await db.write(store.context_files.looked, project.id, at)
    return read


async def prune(db: Database) -> int:
    return await db.write(store.context_files.forget_skeletons, db.clock() - KEPT)


def _note(tx: Tx, project_id: str, seen: Mapping[str, Seen]) -> bool:
    """What is new or changed is stale until it is read; what is gone leaves the index. False where none is kept any more."""
    if not store.context_files.is_kept(tx, project_id):
        return False
    known = store.context_files.of_project(tx, project_id)
    store.context_files.remove(tx, [row.id for path, row in known.items() if path not in seen])
    for path, now in seen.items():
        row = known.get(path)
        if row is None:
            store.context_files.add(tx, project_id, path, size=now.size, modified_ns=now.modified_ns)
        elif (row.size, row.modified_ns) != (now.size, now.modified_ns):
            row.size, row.modified_ns, row.state = now.size, now.modified_ns, ContextFileState.STALE
    return True


def _take(tx: Tx, contents: Mapping[str, Content], known: Mapping[str, int]) -> None:
    made = {}
    rows = store.context_files.get_many(tx, list(contents))
    for file_id, content in contents.items():
        tokens = known.get(content.digest)
        if content.skeleton is not None:
            tokens = context.count_tokens(content.skeleton)
            made[content.digest] = (content.skeleton, tokens)
        if file_id in rows:
            _write(rows[file_id], content, tokens)
    store.context_files.keep_skeletons(tx, made)


def _write(row: ContextFileRow, content: Content, skeleton_tokens: int | None) -> None:
    row.state = ContextFileState.FRESH if content.error is None else ContextFileState.FAILED
    row.digest, row.language, row.error = content.digest, content.language, content.error
    row.tokens, row.skeleton_tokens = content.tokens, skeleton_tokens if content.error is None else None
