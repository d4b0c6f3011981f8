"""Removes the directories of workers that ended some time ago."""

import asyncio
from datetime import timedelta
from typing import Final

from app import store
from app.dispatch.local import LocalDispatch
from app.store.db import Database

KEPT: Final = timedelta(minutes=10)


async def run_once(db: Database, dispatch: LocalDispatch) -> int:
    """Forget what no runner needs any more. Returns how many directories were removed."""
    names = await asyncio.to_thread(dispatch.known)
    ended = await db.read(store.workers.ended_before, db.clock() - KEPT, names)
    return sum([await asyncio.to_thread(dispatch.forget, worker_id) for worker_id in ended])
