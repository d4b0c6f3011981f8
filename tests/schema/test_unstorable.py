"""A NUL character in any text of any operation: PostgreSQL takes none, and its refusal must never be ours."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

from tests.conftest import BOTH
from tests.schema.api import Api, Refused, graphql_schema
from tests.schema.world import World

NUL: Final = "a\x00b"
TEXTS: Final = ("ID", "String", "Cursor", "JSON")
DEPTH: Final = 3


def with_nul(kind: Any, depth: int = 0) -> Iterator[Any]:
    """Values of an input type with one NUL each, one for each place where a text can stand."""
    whole, named = get_nullable_type(kind), get_named_type(kind)
    if isinstance(whole, GraphQLList):
        yield from ([value] for value in with_nul(whole.of_type, depth))
    elif isinstance(named, GraphQLInputObjectType):
        required = {
            name: least(field.type) for name, field in named.fields.items() if is_required_input_field(field)
        }
        for name, field in named.fields.items() if depth < DEPTH else ():
            yield from ({**required, name: value} for value in with_nul(field.type, depth + 1))
    elif isinstance(named, GraphQLScalarType) and named.name in TEXTS:
        yield NUL


def least(kind: Any) -> Any:
    """As little as an input type takes."""
    whole = get_nullable_type(kind)
    if isinstance(whole, GraphQLList):
        return []
    if isinstance(whole, GraphQLInputObjectType):
        return {
            name: least(field.type) for name, field in whole.fields.items() if is_required_input_field(field)
        }
    if isinstance(whole, GraphQLEnumType):
        return next(iter(whole.values))
    return {"Int": 1, "Float": 1.0, "Boolean": True, "DateTime": "2026-01-01T00:00:00Z"}.get(whole.name, "x")


def operations(name: str, field: GraphQLField) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The head, the call and the variables of each way to put a NUL into a field's arguments."""
    for argument_name, argument in field.args.items():
        for value in with_nul(argument.type):
            arguments: dict[str, tuple[GraphQLArgument, Any]] = {
                other: (one, least(one.type))
                for other, one in field.args.items()
                if is_required_argument(one)
            }
            arguments[argument_name] = (argument, value)
            head = ", ".join(f"${one}: {kind.type}" for one, (kind, _) in arguments.items())
            call = ", ".join(f"{one}: ${one}" for one in arguments)
            selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
            yield head, f"{name}({call}){selection}", {one: value for one, (_, value) in arguments.items()}


@pytest.mark.parametrize("db", BOTH, indirect=True)
@pytest.mark.parametrize("who", ["operator", "agent", "runner"])
async def test_queries_and_mutations(api: Api, world: World, who: str) -> None:
    schema, asked = graphql_schema(), 0
    if who != "operator":
        api = await (world.runner_of if who == "runner" else world.agent_of)(world.worker)
    for operation, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        assert root is not None
        for name, field in root.fields.items():
            for head, call, variables in operations(name, field):
                await api.answer(f"{operation}({head}) {{ {call} }}", **variables)
                asked += 1
    assert asked > 100


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_fields_of_objects(api: Api, world: World) -> None:
    asked = 0
    for kind, id in (
        ("Project", world.project),
        ("Run", world.run),
        ("Task", world.task),
        ("Worker", world.worker),
    ):
        for name, field in graphql_schema().type_map[kind].fields.items():  # type: ignore[attr-defined]
            for head, call, variables in operations(name, field):
                await api.answer(
                    f"query($of: ID!, {head}) {{ node(id: $of) {{ ... on {kind} {{ {call} }} }} }}",
                    of=id,
                    **variables,
                )
                asked += 1
    assert asked > 10


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_subscriptions(api: Api, world: World) -> None:
    root = graphql_schema().subscription_type
    assert root is not None
    for name, field in root.fields.items():
        for head, call, variables in operations(name, field):
            with pytest.raises(Refused):
                await anext(api.follow(f"subscription({head}) {{ {call} }}", **variables))
