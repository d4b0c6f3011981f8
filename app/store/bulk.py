"""Writing very many rows of one table: past the mapper and the statement compiler, which take longer than the database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any, Final

from psycopg import Error as PsycopgError, sql
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app.store.db import Tx

CHUNK: Final = 1_000
"""Rows that one call of the driver gets."""
MANY: Final = 10_000
"""So many rows change what PostgreSQL should know of a table: its own look at it comes a minute later, and until then it reads a
hundred thousand tasks for a page of a hundred."""


def insert(
    tx: Tx, kind: type[SQLModel], rows: Iterable[Mapping[str, Any]], defaults: Mapping[str, Any]
) -> None:
    """Every row names the same columns; those that it leaves out get `defaults`, or nothing."""
    left = iter(rows)
    first = next(left, None)
    if first is None:
        return
    tx.session.flush()  # what the rows belong to comes first
    connection = tx.session.connection()
    names = list(first)
    given = [name for name in defaults if name not in first]
    columns = kind.__table__.columns  # type: ignore[attr-defined]
    written = [columns[name].type.dialect_impl(connection.dialect) for name in (*names, *given)]
    processors = [type_.bind_processor(connection.dialect) for type_ in written]
    convert = list(zip(names, processors, strict=False))
    constant = tuple(
        defaults[name] if process is None else process(defaults[name])
        for name, process in zip(given, processors[len(names) :], strict=True)
    )
    values = (
        (*(row[name] if process is None else process(row[name]) for name, process in convert), *constant)
        for row in chain((first,), left)
    )
    table = str(kind.__tablename__)
    if connection.dialect.name == "sqlite":
        statement = _insert(table, (*names, *given))
        for part in _chunks(values):
            connection.exec_driver_sql(statement, part)
    else:
        driver = connection.connection.driver_connection
        assert driver is not None
        copy_in = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, (*names, *given)))
        )
        try:
            with driver.cursor() as cursor:
                with cursor.copy(copy_in) as copy:
                    for row in values:
                        copy.write_row(row)
                if cursor.rowcount >= MANY:
                    cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
        except PsycopgError as error:  # as any other statement would raise it: some are tried again
            statement = copy_in.as_string()
            raise DBAPIError.instance(
                statement, None, error, PsycopgError, dialect=connection.dialect
            ) from error


@cache
def _insert(table: str, names: Sequence[str]) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    return f'INSERT INTO "{table}" ({columns}) VALUES ({", ".join("?" * len(names))})'


def _chunks(values: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while part := list(islice(values, CHUNK)):
        yield part
