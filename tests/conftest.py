"""Databases that are fresh for every test, and a clock that tests move."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, event, make_url
from sqlmodel import SQLModel

from app.store import migrations
from app.store.db import Database
from tests.fleet import Fleet
from tests.plans.report import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

POSTGRES_URL = os.environ.get("TRACKSIDE_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REQUIRE_ALL = os.environ.get("TRACKSIDE_TEST_REQUIRE_ALL") == "1"
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """`clock.advance(seconds=5)`."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BOTH)
def db(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Database]:
    """A migrated, empty database: the test runs once on each kind."""
    found = request.getfixturevalue(f"{request.param}_db")
    assert isinstance(found, Database)
    return found


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """For tests that open and close the database themselves."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def fleet(db: Database, clock: Clock) -> Fleet:
    return Fleet(db, clock)


@pytest.fixture
def open_database(clock: Clock) -> Iterator[Callable[[str], Database]]:
    opened: list[Database] = []

    def open_one(url: str) -> Database:
        opened.append(_quick(Database(url, clock=clock)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


# ---------------------------------------------------------------- SQLite


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrating takes longer than copying a migrated file."""
    path = tmp_path_factory.mktemp("template") / "trackside.db"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    path = tmp_path / "trackside.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def own_sqlite_db(sqlite_url: str, open_database: Callable[[str], Database]) -> Database:
    """For tests that do to a database what the next test should not have to live with."""
    return open_database(sqlite_url)


@pytest.fixture(scope="session")
def sqlite_database(sqlite_template: Path) -> Iterator[Database]:
    """One for all tests: an engine that has compiled its statements is quicker than a new one."""
    path = sqlite_template.with_name("shared.db")
    shutil.copyfile(sqlite_template, path)
    database = _quick(Database(f"sqlite:///{path}"))
    yield database
    database.close()


@pytest.fixture
def sqlite_db(sqlite_database: Database, clock: Clock) -> Database:
    return _fresh(sqlite_database, clock)


def _quick(database: Database) -> Database:
    """Tests lose nothing to a power cut."""
    if database.is_sqlite:

        @event.listens_for(database.engine, "connect")
        def configure(connection: Connection, _record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")

    return database


# ---------------------------------------------------------------- PostgreSQL


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[psycopg.Connection[Any]]:
    try:
        server = psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        reason = f"there is no PostgreSQL server (TRACKSIDE_TEST_POSTGRES_URL): {error}"
        if REQUIRE_ALL:
            pytest.fail(reason)
        pytest.skip(reason)
    with server:
        yield server


@contextmanager
def new_database(server: psycopg.Connection[Any], url: str = POSTGRES_URL) -> Iterator[str]:
    """The address of a new database without tables, gone afterwards."""
    name = f"trackside_test_{uuid.uuid4().hex[:12]}"
    quoted = sql.Identifier(name)
    server.execute(sql.SQL("CREATE DATABASE {}").format(quoted))
    server.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(quoted))
    yield make_url(url).set(database=name).render_as_string(hide_password=False)
    server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))


@pytest.fixture
def a_postgresql_url(postgresql_server: psycopg.Connection[Any]) -> Iterator[str]:
    with new_database(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_database(postgresql_server: psycopg.Connection[Any]) -> Iterator[Database]:
    with new_database(postgresql_server) as url:
        database = Database(url)
        migrations.upgrade(database)
        yield database
        database.close()


@pytest.fixture
def postgresql_db(postgresql_database: Database, clock: Clock) -> Database:
    return _fresh(postgresql_database, clock)


@pytest.fixture
def postgresql_url(postgresql_db: Database) -> str:
    return postgresql_db.url


# ---------------------------------------------------------------- between two tests


def _fresh(database: Database, clock: Clock) -> Database:
    """Deleting from tables with few rows is quicker than truncating them."""
    with database.engine.connect() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        for table in reversed(SQLModel.metadata.sorted_tables):
            connection.exec_driver_sql(f'DELETE FROM "{table.name}"')
        connection.commit()
    database.clock = clock
    database.on_commit = lambda: None
    return database
