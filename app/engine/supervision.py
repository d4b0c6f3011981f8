"""Gives up agents that look after runs and were not heard for too long; forgets old heartbeats."""

from datetime import datetime, timedelta
from typing import Final

from app import commands, store
from app.store.db import Database

KEPT: Final = timedelta(hours=24)


async def run_once(db: Database, *, led_since: datetime, patience: timedelta) -> int:
    """Returns how many were given up."""
    if not await db.read(store.supervisors.silent, db.clock() - patience):
        return 0
    return await db.write(commands.supervisors.miss, patience=patience, led_since=led_since)


async def prune(db: Database) -> int:
    """Returns how many heartbeats were forgotten."""
    before, pruned = db.clock() - KEPT, 0
    while await db.read(store.supervisors.has_heartbeats, before):
        pruned += await db.write(store.supervisors.forget_heartbeats, before)
    return pruned
