"""Lets questions reach their deadline, and keeps their order by what they hold back."""

from app import commands, store
from app.store.db import Database


async def run_once(db: Database) -> int:
    """Settle what is overdue and count anew what open items hold back. Returns how many were settled."""
    if await db.read(commands.attention.miscounted):  # who only looks holds nobody up
        await db.write(commands.attention.refresh)
    if not await db.read(store.attention.overdue):
        return 0
    return await db.write(commands.attention.expire)
