"""What a question may ask for, and whether an answer fits it: within bounds, because both come from outside.

A schema is checked inside a transaction, so nothing in it may run for long: a regular expression can run for ever.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from app.domain import limits
from app.domain.errors import AppError, ErrorCode

_SCHEMA_WHERE: Final = ["input", "answerSchema"]
_COSTLY: Final = frozenset({"pattern", "patternProperties", "uniqueItems"})
_HARMLESS: Final = frozenset({"$comment", "$defs"})
_BY_NAME: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
_VALUES: Final = frozenset({"enum", "const", "default", "examples", "required", "dependentRequired"})


def check_schema(schema: Any) -> None:
    """Refuse what is no JSON Schema, refers to anything, or could take long to check."""
    if not isinstance(schema, dict):
        raise limits.invalid("answerSchema is a JSON Schema: an object.", _SCHEMA_WHERE)
    if len(json.dumps(schema)) > limits.JSON_BYTES:
        raise limits.too_large("answerSchema", limits.JSON_BYTES, "characters", _SCHEMA_WHERE)
    if _size(schema) > limits.SCHEMA_VALUES:
        raise limits.too_large("answerSchema", limits.SCHEMA_VALUES, "values", _SCHEMA_WHERE)
    own = _own(schema)
    for keyword in _keywords(own):
        if keyword in _COSTLY or (keyword.startswith("$") and keyword not in _HARMLESS):
            raise limits.invalid(f"answerSchema may not use {keyword}.", _SCHEMA_WHERE)
    try:
        Draft202012Validator.check_schema(own)
    except SchemaError as error:
        raise limits.invalid(
            f"answerSchema is no JSON Schema: {error.message[:300]}", _SCHEMA_WHERE
        ) from error


def check_answer(answer: Any, options: list[str], schema: dict[str, Any] | None, *path: str) -> None:
    if len(json.dumps(answer)) > limits.JSON_BYTES:
        raise limits.too_large("The answer", limits.JSON_BYTES, "characters", path)
    if schema is not None:
        _check_against(schema, answer, path)
    elif options and answer not in options:
        raise _none_of(options, path)


def _none_of(values: list[Any], path: tuple[str, ...]) -> AppError:
    words = (one if isinstance(one, str) else json.dumps(one) for one in values)
    return AppError(
        ErrorCode.INVALID_INPUT,
        "The answer is none of the options.",
        suggestion=f"Answer one of: {', '.join(words)}.",
        path=path,
    )


def _check_against(schema: dict[str, Any], answer: Any, path: tuple[str, ...]) -> None:
    if _size(schema) * _size(answer) > limits.ANSWER_CHECKS:
        raise AppError(
            ErrorCode.LIMIT_EXCEEDED,
            f"An answer of {_size(answer):,} values is too much to check against this schema.",
            suggestion="Answer with less, or ask with a smaller schema.",
            path=path,
        )
    error = next(iter(Draft202012Validator(_own(schema)).iter_errors(answer)), None)
    if error is not None:
        if error.validator == "enum" and not error.absolute_path:
            raise _none_of(error.validator_value, path)
        where = "/".join(str(part) for part in error.absolute_path)
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"The answer does not fit what was asked for: {error.message[:300]}",
            suggestion="Read answerSchema of the item.",
            path=[*path, where] if where else path,
        )


def _own(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the name of its dialect: all of them are read as 2020-12."""
    return {keyword: value for keyword, value in schema.items() if keyword != "$schema"}


def _keywords(schema: Any) -> Iterator[str]:
    """The keywords of a schema and of the schemas in it; names of properties and plain values are none."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        yield keyword
        if keyword in _VALUES:
            continue
        inner = value
        if isinstance(value, dict):
            inner = list(value.values()) if keyword in _BY_NAME else [value]
        for one in inner if isinstance(inner, list) else ():
            yield from _keywords(one)


def _size(value: Any) -> int:
    """How many values there are in a JSON value, itself included."""
    if isinstance(value, dict):
        return 1 + sum(_size(one) for one in value.values())
    if isinstance(value, list):
        return 1 + sum(_size(one) for one in value)
    return 1
