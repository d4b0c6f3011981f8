"""A hub that hears the test's database."""

from collections.abc import AsyncIterator

import pytest

from app.live.hub import Hub
from app.store.db import Database


@pytest.fixture
async def hub(db: Database) -> AsyncIterator[Hub]:
    async with Hub() as hub:
        db.on_commit = hub.wake
        yield hub
        db.on_commit = lambda: None
