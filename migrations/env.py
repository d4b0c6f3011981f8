"""Runs migrations on the database that the caller names, or that TRACKSIDE_DATABASE_URL does."""

import os
from typing import Any

from alembic import context
from sqlalchemy import DateTime, String, create_engine, pool
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from app.store import tables
from app.store.columns import Raw


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Write plain SQLAlchemy types, so that a migration does not change when the program does."""
    if kind == "type" and isinstance(item, tables.Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(item, Raw):
        return "sa.LargeBinary()"
    return False


def compare_type(_context: Any, _column: Any, _metadata_column: Any, found: Any, wanted: Any) -> bool | None:
    if isinstance(wanted, tables.Instant):
        return not isinstance(found, DateTime)
    if isinstance(wanted, AutoString):
        return not isinstance(found, String)
    return None


def run(connection: Any) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_item=render_item,
        compare_type=compare_type,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = os.environ.get("TRACKSIDE_DATABASE_URL", "sqlite:///trackside.db")
    with create_engine(url, poolclass=pool.NullPool).connect() as own:
        run(own)
