"""`schema.graphql` is the manual of the API: it is what the program serves, and describes everything in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
)

from app.domain.events import EventKind
from app.schema import sdl
from app.schema.events import SHAPES
from tests.contract import reference

ROOT = Path(__file__).resolve().parents[2]
BUILT_IN = {"Boolean", "Float", "ID", "Int", "String"}


def described() -> Iterator[tuple[str, str | None]]:
    """Everything that has a place for a description: its name, and what stands there."""
    for name, kind in build_schema(sdl.text()).type_map.items():
        if name.startswith("__") or name in BUILT_IN:
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            for value_name, value in kind.values.items():
                yield f"{name}.{value_name}", value.description
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", field.description
                arguments: dict[str, Any] = getattr(field, "args", {})
                for argument, one in arguments.items():
                    yield f"{name}.{field_name}({argument})", one.description


def test_the_file_is_what_the_program_serves() -> None:
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == sdl.text(), (
        "python -c 'from app.schema import sdl; print(sdl.text(), end=\"\")' > schema.graphql"
    )


def test_everything_is_described() -> None:
    found = dict(described())
    assert len(found) > 500
    assert [name for name, words in found.items() if not (words or "").strip()] == []


def test_descriptions_are_sentences() -> None:
    assert [name for name, words in described() if not (words or "").rstrip().endswith((".", "?"))] == []


def test_every_kind_of_event_has_a_type_and_a_row_in_the_manual() -> None:
    known = build_schema(sdl.text())
    manual = (reference.FOLDER / "events.md").read_text(encoding="utf-8")
    assert set(SHAPES) == set(EventKind)
    for kind in EventKind:
        shape = known.type_map[kind]
        assert isinstance(shape, GraphQLObjectType)
        assert "Event" in {one.name for one in shape.interfaces}
        assert f"| [`{kind}`](#{kind.lower()}) | {shape.description} |" in manual


def test_there_is_no_event_type_that_nothing_tells() -> None:
    known = build_schema(sdl.text())
    event = known.type_map["Event"]
    assert isinstance(event, GraphQLInterfaceType)
    assert {one.name for one in known.get_possible_types(event)} == set(EventKind)


def test_enums_say_each_value_once() -> None:
    for kind in build_schema(sdl.text()).type_map.values():
        if isinstance(kind, GraphQLEnumType) and not kind.name.startswith("__"):
            assert kind.values, kind.name
