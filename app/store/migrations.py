"""Brings a database to the tables this version knows. Migrations are part of the wheel."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.store.db import Database

PACKAGE: Final = Path(__file__).resolve().parent.parent
LOCK: Final = 7_236_817_404
"""Number of the advisory lock under which PostgreSQL is migrated: of two servers that start at once, one waits."""


def folder() -> Path:
    """Where the migrations are: inside an installed package, or beside it in a checkout."""
    installed = PACKAGE / "_data" / "migrations"
    return installed if installed.is_dir() else PACKAGE.parent / "migrations"


def config(connection: Connection | None = None) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(folder()).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings


def upgrade(db: Database) -> None:
    """Migrate to the newest revision, in one transaction. Nothing is done where the database is already there."""
    with migrating(db) as connection:
        command.upgrade(config(connection), "head")


@contextmanager
def migrating(db: Database) -> Iterator[Connection]:
    """A transaction in which nobody else migrates.

    SQLite changes a table by copying it and dropping the old one. With foreign keys enforced, to drop a table deletes whatever
    refers to its rows: all tasks with the run table, silently. So they are not, and are checked before the end.
    """
    with db.engine.connect() as connection:
        if not db.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            yield connection
            connection.commit()
            return
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # does nothing within a transaction
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if dangling is not None:
                raise RuntimeError(
                    f"after this migration a row of {dangling[0]} refers to none of {dangling[2]}"
                )
            connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def is_current(db: Database) -> bool:
    with db.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found == ScriptDirectory.from_config(config()).get_current_head()
