"""Announces runs that should be getting on and are not: once for each silence."""

from app import commands
from app.domain.runs import Patience
from app.store.db import Database


async def run_once(db: Database, patience: Patience) -> int:
    """Returns how many were announced."""
    return await db.write(commands.runs.announce_stale, patience)
