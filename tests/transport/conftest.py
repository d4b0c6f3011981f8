from collections.abc import AsyncIterator

import pytest

from app.store.db import Database
from tests.transport.serving import Served, serving


@pytest.fixture
async def served(sqlite_db: Database) -> AsyncIterator[Served]:
    async with serving(sqlite_db) as served:
        yield served
