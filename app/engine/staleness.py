"""Announces runs that should be getting on and are not: once for each silence."""

from datetime import timedelta

from app import commands
from app.store.db import Database


async def run_once(db: Database, silence: timedelta) -> int:
    """Returns how many were announced."""
    return await db.write(commands.runs.announce_stale, silence)
