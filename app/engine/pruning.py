"""Removes the directories of workers that ended some time ago, and those of old servers of `trackside run`."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final

from app import store
from app.dispatch import leftovers
from app.dispatch.local import LocalDispatch
from app.store.db import Database

KEPT: Final = timedelta(minutes=10)


async def run_once(db: Database, dispatch: LocalDispatch) -> int:
    """Forget what no runner needs any more. Returns how many directories were removed."""
    names = await asyncio.to_thread(dispatch.known)
    ended = await db.read(store.workers.ended_before, db.clock() - KEPT, names)
    return sum([await asyncio.to_thread(dispatch.forget, worker_id) for worker_id in ended])


async def clear_up(db: Database, local: Path | None, kept_for: timedelta) -> int:
    """Remove what servers of `trackside run` have left below `local` and nobody has used for so long; 0 is for ever."""
    if local is None or not kept_for:
        return 0
    return await asyncio.to_thread(leftovers.clear, local, kept_for=kept_for, now=db.clock())
