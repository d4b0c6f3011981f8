"""What is wrong with a plan file by its JSON Schema, in words and with lines."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from app.domain.errors import AppError
from app.plans.refusals import refusal
from app.plans.yaml_tree import Entries, Node, nodes_along

_MOST: Final = 20
_KINDS: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping of keys to values",
    "string": "text",
}


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    message: str


def refuse_problems(name: str, problems: Sequence[Problem], suggestion: str, **details: Any) -> None:
    """All at once, so that a document is mended in one go."""
    if problems:
        raise _refusal_of(name, sorted(problems, key=lambda problem: problem.line), suggestion, details)


def _refusal_of(
    name: str, problems: Sequence[Problem], suggestion: str, details: Mapping[str, Any]
) -> AppError:
    first = problems[0]
    listed = [f"line {problem.line}: {problem.message}" for problem in problems[1:_MOST]]
    if len(problems) > _MOST:
        listed.append(f"and {len(problems) - _MOST} more.")
    return refusal(
        name,
        " ".join([first.message, *(item[0].upper() + item[1:] for item in listed)]),
        line=first.line,
        suggestion=suggestion,
        details={
            "problems": [{"line": each.line, "message": each.message} for each in problems[:_MOST]],
            **details,
        },
    )


def schema_problems(validator: Draft202012Validator, root: Node, value: Any) -> list[Problem]:
    found: list[Problem] = []
    for error in validator.iter_errors(value):
        found.extend(_problems_of(root, error))
        if len(found) > 5 * _MOST:
            break
    return found


def _problems_of(root: Node, error: ValidationError) -> Iterator[Problem]:
    path = list(error.absolute_path)
    line, node = list(nodes_along(root, path))[-1]
    where = _place(path)
    schema: Any = error.schema
    if error.validator == "additionalProperties" and isinstance(node, Entries):
        for key in (key for key in node.nodes if key not in schema["properties"]):
            yield Problem(node.key_lines[key], _unknown(key, list(schema["properties"]), where))
        return
    say = _WORDS.get(str(error.validator))
    yield Problem(line, say(where, schema, error.instance) if say else f"{where}: {error.message[:200]}")


def _wrong_kind(where: str, schema: Any, value: Any) -> str:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return f"{where} must be {' or '.join(_KINDS[kind] for kind in kinds)}, not {_shown(value)}."


def _one_of(where: str, schema: Any, value: Any) -> str:
    """Each choice of ours is one key that has to be there."""
    keys = [key for choice in schema["oneOf"] for key in choice["required"]]
    has_more = isinstance(value, dict) and len(value.keys() & set(keys)) > 1
    return (
        f"{where} may have {' or '.join(keys)}, not both."
        if has_more
        else f"{where} has neither {' nor '.join(keys)}."
    )


def _missing(where: str, schema: Any, value: Any) -> str:
    return f"{where} needs {' and '.join(key for key in schema['required'] if key not in value)}."


def _not_listed(where: str, schema: Any, value: Any) -> str:
    return f"{where} must be one of {', '.join(schema['enum'])}, not {_shown(value)}."


def _out_of_range(where: str, schema: Any, value: Any) -> str:
    return f"{where} must be between {schema['minimum']:,} and {schema['maximum']:,}, not {_shown(value)}."


def _empty(where: str, schema: Any, value: Any) -> str:
    return f"{where} may not be empty."


def _too_many(where: str, schema: Any, value: Any) -> str:
    return f"{where} has more than {schema['maxItems']:,} entries."


def _too_long(where: str, schema: Any, value: Any) -> str:
    return f"{where} has more than {schema['maxLength']:,} characters."


def _not_visible(where: str, schema: Any, value: Any) -> str:
    if "maximum" in schema:  # a number that may be written as text, so that nothing of it is lost
        return f"{where} has to be between {schema['minimum']:,} and {schema['maximum']:,}, such as 2.50."
    return f"{where} may not be blank or hold control characters."


_WORDS: Final[Mapping[str, Callable[[str, Any, Any], str]]] = {
    "enum": _not_listed,
    "maxItems": _too_many,
    "maxLength": _too_long,
    "maximum": _out_of_range,
    "minItems": _empty,
    "minLength": _empty,
    "minimum": _out_of_range,
    "oneOf": _one_of,
    "pattern": _not_visible,
    "required": _missing,
    "type": _wrong_kind,
}


def _unknown(key: str, known: Sequence[str], where: str) -> str:
    close = get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"{where} may have {', '.join(known)}."
    return f"the key {key!r} is not known; {hint}"


def _place(path: Sequence[str | int]) -> str:
    """`phases[0].tasks[2].retries`"""
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return place.removeprefix(".") or "the plan"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case str():
            return repr(value if len(value) <= 60 else value[:60] + "…")
        case _:
            return repr(value)
