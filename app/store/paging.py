"""Pages of rows by key, never by offset: what is inserted or removed between two pages moves nothing."""

import base64
import json
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, TypeDecorator, and_, func, or_
from sqlmodel import SQLModel, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain import limits
from app.domain.errors import AppError, ErrorCode
from app.store.db import Tx

Row = TypeVar("Row", bound=SQLModel)

_REFUSED: Final = (ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for; forward with first and after, backward with last and before."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def size(self, most: int) -> int:
        if self.first is not None and self.last is not None:
            raise limits.invalid("Give first or last, not both.", ["last"])
        wanted = self.first if self.first is not None else self.last
        if wanted is None:
            return min(most, limits.PAGE)
        if wanted < 0:
            raise limits.invalid(
                "first and last count from 0.", ["first" if self.first is not None else "last"]
            )
        if wanted > most:
            raise limits.too_large("A page", most, "entries", ["first" if self.first is not None else "last"])
        return wanted


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an order, or an expression, which says by `value` what it is of a row. Never null.

    The last key of an order must be unique.
    """

    column: Any
    descending: bool = False
    value: Callable[[Any], Any] | None = None

    def of(self, row: Any) -> Any:
        return getattr(row, self.column.key) if self.value is None else self.value(row)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: list[Row]
    cursors: list[str]
    has_next: bool
    has_previous: bool


def page(
    tx: Tx,
    query: SelectOfScalar[Row],
    order: Sequence[Key],
    window: Window,
    *,
    most: int = limits.PAGE,
) -> Page[Row]:
    """Read one window of `query`. Rows come in `order` whichever way the window is read."""
    size = window.size(most)
    backward = window.last is not None
    if window.after is not None:
        query = query.where(_beyond(order, decode(window.after, order, "after"), backward=False))
    if window.before is not None:
        query = query.where(_beyond(order, decode(window.before, order, "before"), backward=True))
    for key in order:
        query = query.order_by(key.column.desc() if key.descending != backward else key.column.asc())
    rows = list(tx.session.exec(query.limit(size + 1)).all())
    more = len(rows) > size
    rows = rows[:size]
    if backward:
        rows.reverse()
    return Page(
        rows,
        [encode(order, [key.of(row) for key in order]) for row in rows],
        has_next=window.before is not None if backward else more,
        has_previous=more if backward else window.after is not None,
    )


def cut(
    entries: Sequence[tuple[Any, ...]], order: Sequence[Key], window: Window, *, most: int = limits.PAGE
) -> "Page[Any]":
    """One window of entries that are in memory: a tuple each, with a value for each key of the order."""
    size = window.size(most)
    place = _place_in(order)
    found = sorted(entries, key=place)
    if window.after is not None:
        found = found[bisect_right(found, place(decode(window.after, order, "after")), key=place) :]
    if window.before is not None:
        found = found[: bisect_left(found, place(decode(window.before, order, "before")), key=place)]
    backward = window.last is not None
    more = len(found) > size
    rows = (found[-size:] if size else []) if backward else found[:size]
    return Page(
        rows,
        [encode(order, row) for row in rows],
        has_next=window.before is not None if backward else more,
        has_previous=more if backward else window.after is not None,
    )


def _place_in(order: Sequence[Key]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Where an entry stands. Descending keys are numbers: turned round they sort the other way."""
    signs = [key.descending for key in order]
    return lambda entry: tuple(
        -value if turned else value for value, turned in zip(entry, signs, strict=True)
    )


def count(tx: Tx, query: SelectOfScalar[Row]) -> int:
    return tx.session.exec(select(func.count()).select_from(query.order_by(None).subquery())).one()


def encode(order: Sequence[Key], values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    text = json.dumps([_mark(order), *plain], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, order: Sequence[Key], name: str) -> list[Any]:
    try:
        mark, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if mark != _mark(order):
            raise ValueError("another list's cursor")
        return [_typed(value, key.column.type) for value, key in zip(values, order, strict=True)]
    except _REFUSED as error:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"{name!r} is not a cursor of this list.",
            suggestion="Use a cursor that this list has given out, with the same order.",
            path=[name],
        ) from error


def _mark(order: Sequence[Key]) -> int:
    """Tells the cursors of one list from those of another."""
    return zlib.crc32(",".join(str(key.column) for key in order).encode())


def _typed(value: Any, column: Any) -> Any:
    """A value that both databases can compare with the column; whoever made it up is told so here."""
    # a decorated type does not say itself what it holds
    kind = (column.impl_instance if isinstance(column, TypeDecorator) else column).python_type
    if kind is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if type(value) is not kind:
        raise ValueError("of another type")
    if isinstance(value, str) and b"\0" in value.encode():
        raise ValueError("not a text of any row")
    if isinstance(value, int) and value.bit_length() > (63 if isinstance(column, BigInteger) else 31):
        raise ValueError("too large")
    return value


def _beyond(order: Sequence[Key], values: Sequence[Any], *, backward: bool) -> ColumnElement[bool]:
    """Rows after (or before) the one with `values`: for each key, equal up to it and beyond in it."""
    ways = []
    for position, key in enumerate(order):
        equal = [earlier.column == value for earlier, value in zip(order[:position], values, strict=False)]
        value = values[position]
        ways.append(and_(*equal, key.column < value if key.descending != backward else key.column > value))
    return or_(*ways)
