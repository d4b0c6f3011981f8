"""Kinds of columns that tables share."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    LargeBinary,
    TypeDecorator,
    cast,
)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets time zones, so they are put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Raw(TypeDecorator[bytes]):
    """Bytes, whatever is there: SQLite would give back a text where somebody has put one."""

    impl = LargeBinary
    cache_ok = True

    def column_expression(self, column: ColumnElement[bytes]) -> ColumnElement[bytes]:
        return cast(column, LargeBinary)


def json_column(*, nullable: bool = False) -> Any:
    return Column(JSON(none_as_null=True), nullable=nullable)


def link(table: str, *, index: bool = True, nullable: bool = False) -> Any:
    return Column(ForeignKey(f"{table}.id", ondelete="CASCADE"), index=index, nullable=nullable)
