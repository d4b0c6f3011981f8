"""Tells of what agents have used that was not worth an event of its own when it came."""

from app import commands, store
from app.store.db import Database


async def run_once(db: Database) -> int:
    """Returns of how many workers something was told."""
    if not await db.read(lambda tx: store.usage.untold_since(tx, tx.now - commands.usage_reports.EVERY)):
        return 0
    return await db.write(commands.usage_reports.tell_overdue)
