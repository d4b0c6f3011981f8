"""Scalars of the schema, and how log positions are written."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from app.domain import limits
from app.domain.errors import AppError
from app.schema.enums import ErrorCode

Cursor = NewType("Cursor", str)
Json = NewType("Json", object)
Instant = NewType("Instant", datetime)
Int53 = NewType("Int53", int)

WHOLE: Final = 2**53 - 1
"""JavaScript counts no further."""
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def parse_instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("A DateTime is a string.")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("A DateTime has an offset, such as Z.")
    return moment.astimezone(UTC)


def show_instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("A Cursor is a string.")
    return value


def parse_json(value: Any) -> Any:
    """Without recursion, because what is too deep to recurse into is what is looked for."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > limits.JSON_DEPTH:
            raise ValueError(f"JSON is taken {limits.JSON_DEPTH} levels deep.")
        if (isinstance(item, float) and not isfinite(item)) or (
            isinstance(item, int) and item.bit_length() > 1023
        ):
            raise ValueError("A number in JSON is finite.")
        if isinstance(item, dict):
            waiting.extend((one, depth + 1) for one in item.values())
        elif isinstance(item, list):
            waiting.extend((one, depth + 1) for one in item)
    return value


def whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > WHOLE:
        raise ValueError(f"An Int53 is a whole number from -{WHOLE} to {WHOLE}.")
    return value


def parse_decimal(value: Any) -> Decimal:
    """Only as text: a number of JSON has been through binary fractions by the time it is here."""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError('A Decimal is a string of digits with a point, such as "0.0125".')
    return Decimal(value)


SCALARS: dict[object, ScalarDefinition] = {
    Cursor: strawberry.scalar(
        name="Cursor",
        description='A position in the event log: an opaque string; "0" is before the first event.',
        serialize=str,
        parse_value=parse_text,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=parse_json,
    ),
    Int53: strawberry.scalar(
        name="Int53",
        description="A whole number that JavaScript holds exactly, up to 2^53 - 1.",
        serialize=whole,
        parse_value=whole,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal, as a string.",
        serialize=lambda value: format(value, "f"),
        parse_value=parse_decimal,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant, RFC 3339 with offset, UTC on output.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=show_instant,
        parse_value=parse_instant,
    ),
}


def position(cursor: str | None, name: str = "after") -> int | None:
    """The number behind a cursor of the event log."""
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "This is not a cursor of the event log.",
            suggestion='Use the cursor of an event, the query `cursor`, or "0" for the whole log.',
            path=[name],
        )
    return int(cursor)
