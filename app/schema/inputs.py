"""Words, shapes and checks that the inputs of many fields share."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.domain import limits

REASON = "Why, for the audit trail."
IDEMPOTENCY_KEY = (
    "The same key with the same input gives the first answer again instead of doing it twice. "
    "Scoped to the caller and the mutation."
)
EXPECTED_VERSION = "Refuse with VersionConflict where the run is no longer at this version."

Filter = TypeVar("Filter")


def optional(description: str) -> Any:
    """An input field that may be left out."""
    return strawberry.field(default=strawberry.UNSET, description=description)


def given(value: Any) -> Any:
    """An optional input: None where it was left out."""
    return None if value is strawberry.UNSET else value


def given_filter(filter: Filter | None) -> Filter | None:
    """A filter, looked through: no list without end, no text that a database would choke on."""
    filter = given(filter)
    if filter is not None:
        for name, value in plain(filter).items():
            if isinstance(value, list):
                limits.count(value, limits.PAGE, "filter", name)
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and len(text) > limits.TITLE:
                    raise limits.too_large("This text", limits.TITLE, "characters", ["filter", name])
            refuse_unstorable(value, "filter", name)
    return filter


def names_of(values: Iterable[Enum] | None) -> list[str] | None:
    """Members of an enum by their names, each once; None where none were given."""
    values = given(values)
    return None if values is None else list(dict.fromkeys(value.value for value in values))


def refuse_unstorable(value: Any, *path: str) -> None:
    """Databases differ in what they make of these characters, so that none gets to see them."""
    if isinstance(value, str):
        if storable(value) != value:
            raise limits.invalid("A NUL character or half a surrogate pair is not taken.", path)
    elif isinstance(value, dict):
        for key, one in value.items():
            refuse_unstorable(key, *path)
            refuse_unstorable(one, *path, key)
    elif isinstance(value, list):
        for position, one in enumerate(value):
            refuse_unstorable(one, *path, str(position))


def without_unstorable(value: Any) -> Any:
    """JSON as it can be kept."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): without_unstorable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_unstorable(one) for one in value]
    return value


def storable(text: str) -> str:
    """The text without what databases choke on."""
    return text.replace("\0", "").encode(errors="replace").decode()


def plain(value: Any) -> Any:
    """An input as the JSON that the client sent, without what it left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {to_camel_case(name): plain(one) for name, one in fields if one is not strawberry.UNSET}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    return value
