"""After every test of a command, the whole database has to make sense."""

from collections.abc import AsyncIterator

import pytest

from tests import invariants


@pytest.fixture(autouse=True)
async def consistent(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    db = request.getfixturevalue("db") if "db" in request.fixturenames else None
    yield
    if db is not None:
        await db.read(invariants.check)
