"""Connections to SQLite and PostgreSQL, set up as this program needs them."""

import os
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, create_engine, event as sa_event, make_url


def sqlite(url: str) -> Engine:
    _make_private(make_url(url).database)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 10})

    @sa_event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = (
            None  # this module begins transactions itself: BEGIN IMMEDIATE for writers
        )
        # its own knows ASCII only: search would differ from PostgreSQL
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=10000",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _make_private(path: str | None) -> None:
    """SQLite would let everybody read a new file, and there is the key in it that workers' tokens are derived from.

    What lies beside it while it is used, SQLite makes as the file itself is.
    """
    if not path or path == ":memory:":
        return
    with suppress(OSError):  # it is there already, or cannot be made: to connect says that better
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def snapshots(engine: Engine) -> Engine:
    """The same pool for reading: one view of the database from the first statement to the last, as on SQLite."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def postgresql(url: str, connections: int) -> Engine:
    if url.startswith(("postgres://", "postgresql://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    return create_engine(
        url,
        pool_size=connections,
        max_overflow=4,
        pool_pre_ping=True,
        # a server that is stopped in the middle of a transaction holds up all others for no longer than this
        connect_args={"options": "-c idle_in_transaction_session_timeout=10000 -c lock_timeout=30000"},
    )
