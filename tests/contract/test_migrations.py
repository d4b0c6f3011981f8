"""Migrations go up and down on both databases and make exactly the tables that the program uses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import SQLModel

from app.store import migrations
from app.store.db import Database
from tests.conftest import BOTH
from tests.fleet import Fleet


@pytest.fixture(params=BOTH)
def empty(
    request: pytest.FixtureRequest, open_database: Callable[[str], Database], tmp_path: Any
) -> Database:
    """A database without any table."""
    if request.param == "sqlite":
        return open_database(f"sqlite:///{tmp_path}/empty.db")
    return open_database(request.getfixturevalue("a_postgresql_url"))


def move(db: Database, step: Callable[..., None], revision: str) -> None:
    with migrations.migrating(db) as connection:
        step(migrations.config(connection), revision)


def tables(db: Database) -> set[str]:
    with db.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def schema(db: Database) -> dict[str, Any]:
    """What the database says of itself: columns, indexes, constraints."""
    with db.engine.connect() as connection:
        found = inspect(connection)
        return {
            table: {
                "columns": [{**column, "type": str(column["type"])} for column in found.get_columns(table)],
                "indexes": sorted(map(_told, found.get_indexes(table))),
                "unique": sorted(map(str, found.get_unique_constraints(table))),
                "foreign": sorted(map(str, found.get_foreign_keys(table))),
                "primary": found.get_pk_constraint(table),
            }
            for table in sorted(found.get_table_names())
        }


def _told(index: Any) -> str:
    """With the words of a partial index's condition, not the object that holds them."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str({**index, "dialect_options": options})


def differences(db: Database) -> list[Any]:
    """What alembic would write into a new migration, compared as `migrations/env.py` compares."""
    found: list[Any] = []

    def compare(_revision: Any, context: Any) -> list[Any]:
        found.extend(compare_metadata(context, SQLModel.metadata))
        return []

    with db.engine.connect() as connection:
        config = migrations.config(connection)
        script = ScriptDirectory.from_config(config)
        with EnvironmentContext(config, script, fn=compare):
            script.run_env()
    return found


def test_up_down_and_up_again(empty: Database) -> None:
    migrations.upgrade(empty)
    assert migrations.is_current(empty)
    first = schema(empty)
    assert set(first) == {*SQLModel.metadata.tables, "alembic_version"}
    move(empty, command.downgrade, "base")
    assert tables(empty) <= {"alembic_version"}
    assert not migrations.is_current(empty)
    migrations.upgrade(empty)
    assert schema(empty) == first


def test_every_revision_goes_down_one_step_and_up_again(empty: Database) -> None:
    revisions = list(ScriptDirectory.from_config(migrations.config()).walk_revisions())
    for revision in reversed(revisions):
        move(empty, command.upgrade, revision.revision)
        there = schema(empty)
        move(empty, command.downgrade, "-1")
        move(empty, command.upgrade, "+1")
        assert schema(empty) == there
    assert migrations.is_current(empty)


def counted(db: Database) -> dict[str, int]:
    """How many rows each table has, but for what migrations write themselves."""
    with db.engine.connect() as connection:
        return {
            table: connection.exec_driver_sql(f'SELECT count(*) FROM "{table}"').scalar_one()
            for table in tables(db) - {"alembic_version"}
        }


async def lost_on_the_way(db: Database, clock: Any) -> set[str]:
    """Tables from which rows are gone when a database with runs was taken to each earlier revision and back."""
    migrations.upgrade(db)
    fleet = Fleet(db, clock)
    run = await fleet.a_run("a", "b < a", "c < b", start=True)
    await fleet.working(run, "a")
    before, lost = counted(db), set()
    assert all(before[table] for table in ("phase", "task", "dependency", "worker", "supervisor", "event"))
    for revision in ScriptDirectory.from_config(migrations.config()).walk_revisions():
        move(db, command.downgrade, revision.down_revision or "base")
        if revision.down_revision is None:
            break
        kept = tables(db)
        move(db, command.upgrade, "head")
        after = counted(db)
        lost |= {table for table in kept & set(before) if after[table] < before[table]}
        move(db, command.downgrade, str(revision.down_revision))
    return lost


async def test_no_row_is_lost_on_the_way_up_or_down(empty: Database, clock: Any) -> None:
    assert await lost_on_the_way(empty, clock) == set()


async def test_foreign_keys_that_are_enforced_meanwhile_lose_rows(
    tmp_path: Any, open_database: Callable[[str], Database], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def enforced(db: Database) -> Iterator[Any]:
        with db.engine.begin() as connection:
            yield connection

    monkeypatch.setattr(migrations, "migrating", enforced)
    db = open_database(f"sqlite:///{tmp_path}/enforced.db")
    assert {"task", "phase", "dependency"} <= await lost_on_the_way(db, clock)


def test_the_tables_are_what_the_migrations_make(empty: Database) -> None:
    migrations.upgrade(empty)
    assert differences(empty) == []


def test_a_table_that_no_migration_makes_is_noticed(empty: Database) -> None:
    migrations.upgrade(empty)
    statements = [
        "ALTER TABLE run DROP COLUMN urgency",
        "DROP INDEX ix_run_status",
        "ALTER TABLE task ADD COLUMN more VARCHAR",
    ]
    for number, statement in enumerate(statements, 1):
        with empty.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        assert len(differences(empty)) == number


def test_upgrading_twice_does_nothing(empty: Database) -> None:
    migrations.upgrade(empty)
    there = schema(empty)
    migrations.upgrade(empty)
    assert schema(empty) == there


def test_an_upgrade_that_fails_leaves_what_was_there(empty: Database) -> None:
    with empty.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE worker (id VARCHAR)")
        connection.commit()
    with pytest.raises(Exception, match="worker"):
        migrations.upgrade(empty)
    assert tables(empty) == {"worker"}


async def test_what_was_written_is_there_after_a_new_start(
    database_url: str, open_database: Callable[[str], Database], clock: Any
) -> None:
    before = open_database(database_url)
    run_id = await Fleet(before, clock).a_run("a", "b < a")
    before.close()
    after = open_database(database_url)
    migrations.upgrade(after)
    assert migrations.is_current(after)
    assert await Fleet(after, clock).statuses(run_id) == {"a": "READY", "b": "PENDING"}


def test_migrations_lie_where_the_program_looks_for_them() -> None:
    assert (migrations.folder() / "env.py").is_file()
