"""Takes up skills that were changed on disk while runs that may name them go on."""

import asyncio

from app import skills, store
from app.store.db import Database


async def run_once(db: Database, user_directory: str) -> int:
    """Compare what is on disk with what is known. Returns in how many projects something had changed."""
    changed = 0
    for project in await db.read(store.skills.projects_at_work):
        loaded = await asyncio.to_thread(skills.load, project.root, user_directory)
        known = await db.read(store.skills.digests, project.id)
        if known != {skill.name: skill.digest for skill in loaded.skills}:
            await db.write(store.skills.sync, project.id, loaded.skills)
            changed += 1
    return changed
