"""A schema with real services behind it; SQLite, or both kinds of database where a test asks for them."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from app import store
from app.domain import limits
from app.domain.access import Role
from app.domain.agents import ConfiguredAgent
from app.live.hub import Hub
from app.live.log import Tail
from app.live.telemetry import Probes, Telemetry
from app.schema import context_files
from app.schema.context import Services
from app.store.db import Database, Tx
from tests.conftest import Clock
from tests.factories import a_skill, an_actor
from tests.fleet import Fleet
from tests.schema.api import Api
from tests.schema.world import World

MakeTheirs = Callable[[], Coroutine[Any, Any, World]]
URL = "http://127.0.0.1:1"
OPERATOR = replace(an_actor(Role.OPERATOR), role=Role.ADMIN)


@pytest.fixture(scope="session")
def made_world(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> tuple[Path, World]:
    """A database with a world in it, made once: copying it is quicker than making one for every test."""
    path = tmp_path_factory.mktemp("world") / "trackside.db"
    shutil.copyfile(sqlite_template, path)

    async def make() -> World:
        database = Database(f"sqlite:///{path}", clock=Clock())
        async with serving(database) as services:
            world = await World.make(Api(services, OPERATOR), path.parent, Clock())
        database.close()
        return world

    return path, asyncio.run(make())


@pytest.fixture
def sqlite_db(request: pytest.FixtureRequest, sqlite_db: Database) -> Database:
    if "world" in request.fixturenames:
        path, _ = request.getfixturevalue("made_world")
        fill(sqlite_db, path)
    return sqlite_db


def fill(database: Database, path: Path) -> None:
    """Copy every row of the database at `path`."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ATTACH ? AS made", (str(path),))
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        for table in SQLModel.metadata.sorted_tables:
            connection.exec_driver_sql(f'INSERT INTO main."{table.name}" SELECT * FROM made."{table.name}"')
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("DETACH made")


@pytest.fixture
def db(request: pytest.FixtureRequest) -> Database:
    """SQLite; `parametrize("db", BOTH, indirect=True)` runs a test on PostgreSQL as well."""
    found = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_db")
    assert isinstance(found, Database)
    return found


AGENTS = {
    "absent": ConfiguredAgent(("no-such-program",)),
    "helper": ConfiguredAgent(("true", "acp"), model="m-1", mode="calm", env={"SHADE": "blue"}),
}


@asynccontextmanager
async def serving(db: Database, configuration: str = "") -> AsyncIterator[Services]:
    key = await db.write(store.tokens.signing_key)
    async with Hub() as hub, Tail(db, hub) as tail, Telemetry(tail, Probes()) as telemetry:
        db.on_commit = hub.wake
        yield Services(
            configuration=configuration,
            db=db,
            tail=tail,
            telemetry=telemetry,
            url=lambda: URL,
            server_file="/srv/server.json",
            signing_key=lambda: key,
            heartbeat_seconds=30.0,
            agents=AGENTS,
        )
        db.on_commit = lambda: None


@pytest.fixture
async def services(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    """With a skill of the user's own, and a folder that is none. No engine is there to be waited for."""
    monkeypatch.setattr(context_files, "FIRST_LOOK_SECONDS", 0.0)
    a_skill(tmp_path / "configuration", "house")
    a_skill(tmp_path / "configuration", "broken", text=None)
    async with serving(db, str(tmp_path / "configuration")) as services:
        yield services


@pytest.fixture
def api(services: Services) -> Api:
    """As somebody who may do everything, and goes by the name of operator."""
    return Api(services, OPERATOR)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's directory, with the skills that examples name: one, and one with the longest name there may be."""
    found = tmp_path / "project"
    for name in ("writing", "x" * limits.NAME):
        a_skill(found, name)
    return found.resolve()


@pytest.fixture
async def world(api: Api, root: Path, clock: Clock, made_world: tuple[Path, World]) -> World:
    """One of everything, in a project of its own."""
    if not api.services.db.is_sqlite:
        return await World.make(api, root, clock)
    _, world = made_world
    await api.services.db.write(set_root, world.project, str(root))
    return replace(world, api=api, fleet=Fleet(api.services.db, clock), root=root)


@pytest.fixture
def make_theirs(world: World, clock: Clock, tmp_path: Path) -> MakeTheirs:
    """Makes a second project with one of everything; `world` is ours."""

    async def make() -> World:
        root = tmp_path / "theirs"
        root.mkdir()
        (root / "hidden-canary.md").write_text("# Hidden canary\n\n- [ ] Be seen\n")
        theirs = await World.make(world.api, root.resolve(), clock)
        await theirs.a_run("ready")
        return theirs

    return make


@pytest.fixture
async def theirs(make_theirs: MakeTheirs) -> World:
    return await make_theirs()


@pytest.fixture
def us(world: World) -> Api:
    """As much as a token of one project can be."""
    return world.api.by(an_actor(Role.ADMIN, project_id=world.project))


def set_root(tx: Tx, project_id: str, root: str) -> None:
    store.projects.get(tx, project_id).root = root
