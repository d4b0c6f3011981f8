"""A schema with real services behind it; SQLite, or both kinds of database where a test asks for them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app import store
from app.domain.access import Role
from app.live.hub import Hub
from app.live.log import Tail
from app.schema.context import Services
from app.store.db import Database
from tests.factories import an_actor
from tests.schema.api import Api
from tests.schema.world import World

URL = "http://127.0.0.1:1"


@pytest.fixture
def db(request: pytest.FixtureRequest) -> Database:
    """SQLite; `@both_databases` runs a test on PostgreSQL as well."""
    found = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_db")
    assert isinstance(found, Database)
    return found


@pytest.fixture
async def services(db: Database) -> AsyncIterator[Services]:
    key = await db.write(store.tokens.signing_key)
    async with Hub() as hub, Tail(db, hub) as tail:
        db.on_commit = hub.wake
        yield Services(
            db=db, tail=tail, url=lambda: URL, signing_key=lambda: key, heartbeat_seconds=30.0
        )
        db.on_commit = lambda: None


@pytest.fixture
def api(services: Services) -> Api:
    """As an operator who may see everything."""
    return Api(services, an_actor(Role.OPERATOR))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's directory."""
    found = tmp_path / "project"
    found.mkdir()
    return found.resolve()


@pytest.fixture
async def world(api: Api, root: Path, clock: Callable[..., object]) -> World:
    """One of everything, in a project of its own."""
    return await World.make(api, root, clock)
