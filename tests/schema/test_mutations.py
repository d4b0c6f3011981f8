"""What holds for every mutation there is, asked of each by an example."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
)

from app.domain.access import Role
from tests.factories import an_actor
from tests.schema.api import input_of, mutation_type
from tests.schema.examples import EXAMPLES, OTHER, SENT, UNRECORDED, Example, Input, sender
from tests.schema.world import World

EVERY = [(mutation, example) for mutation, examples in EXAMPLES.items() for example in examples]
UNSAID = {"revokeToken": {"secret"}, "heartbeat": {"restoration"}}
"""What a payload shares with another mutation and has nothing to say for in this one."""
TOLD = ("verb", "actor", "reason", "idempotencyKey", "input", "errorCode", "error")
"""What the audit trail has to tell of a request."""


def named(every: list[Any]) -> Any:
    return pytest.mark.parametrize(
        ("mutation", "example"), every, ids=[f"{mutation}-{example.__name__}" for mutation, example in every]
    )


def having(field: str) -> Any:
    """The first example of every mutation whose input has this field."""
    return named(
        [
            (one, EXAMPLES[one][0])
            for one in EXAMPLES
            if one not in UNRECORDED and field in input_of(one).fields
        ]
    )


def selection(type_: Any, depth: int) -> str:
    """Every field without arguments, down to this depth."""
    if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    parts = []
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            parts.append(name)
        elif depth > 1:
            parts.append(f"{name} {selection(inner, depth - 1)}")
    return f"{{ {' '.join(parts or ['__typename'])} }}"


def used(type_: Any, value: Any) -> set[str]:
    """The fields of input types that a value gives, as `Type.field`."""
    if isinstance(type_, GraphQLNonNull):
        return used(type_.of_type, value)
    if isinstance(type_, GraphQLList):
        return set().union(*(used(type_.of_type, one) for one in value or []))
    if not isinstance(type_, GraphQLInputObjectType) or value is None:
        return set()
    own = {f"{type_.name}.{name}" for name in value}
    return own.union(*(used(type_.fields[name].type, one) for name, one in value.items()))


def reachable(type_: Any, seen: set[str]) -> set[str]:
    type_ = get_named_type(type_)
    if not isinstance(type_, GraphQLInputObjectType) or type_.name in seen:
        return set()
    seen.add(type_.name)
    own = {f"{type_.name}.{name}" for name in type_.fields}
    return own.union(*(reachable(field.type, seen) for field in type_.fields.values()))


def test_every_mutation_has_an_example() -> None:
    assert set(EXAMPLES) == set(mutation_type().fields)


@pytest.mark.parametrize("mutation", EXAMPLES)
async def test_the_examples_use_every_input_field(world: World, mutation: str) -> None:
    given: set[str] = set()
    for example in EXAMPLES[mutation]:
        given |= used(input_of(mutation), await example(world))
    assert reachable(input_of(mutation), set()) - given == set()


@named(EVERY)
async def test_it_is_carried_out_and_answers_with_all_it_has(
    world: World, mutation: str, example: Example
) -> None:
    api, input = await sender(world, mutation), await example(world)
    payload = get_named_type(mutation_type().fields[mutation].type)
    fields = selection(payload, 3).replace("userErrors { code message path suggestion }", "")[1:-1]
    answer = await api.do(mutation, fields, **input)
    assert {name for name, value in answer.items() if value is None} == UNSAID.get(mutation, set())
    if mutation not in UNRECORDED:
        expected = {**input, "env": [{"name": "COLOUR", "value": "…"}]} if "env" in input else input
        told = {field: answer["command"][field] for field in TOLD}
        assert told == {
            "verb": mutation,
            "actor": world.api.actor.name,
            "reason": input.get("reason"),
            "idempotencyKey": input.get("idempotencyKey"),
            "input": expected,
            "errorCode": None,
            "error": None,
        }
        assert answer["command"]["status"] in ("EFFECTIVE", "REQUESTED")


def objects(mutation: str) -> str:
    """The ids of everything that a payload holds."""
    payload = get_named_type(mutation_type().fields[mutation].type)
    return " ".join(
        f"{name} {{ id }}"
        for name, field in payload.fields.items()
        if isinstance(inner := get_named_type(field.type), GraphQLObjectType) and "id" in inner.fields
    )


@having("idempotencyKey")
async def test_a_key_is_good_for_one_input_of_one_caller(
    world: World, mutation: str, example: Example
) -> None:
    input = await example(world)
    refused = await world.api.refused(mutation, **{**input, "idempotencyKey": "x" * 201})
    assert refused["code"] == "LIMIT_EXCEEDED"
    viewer = world.api.by(an_actor(Role.VIEWER))
    assert (await viewer.refused(mutation, **input))["code"] == "FORBIDDEN"
    first = await world.api.do(mutation, objects(mutation), **input)
    before = await world.dump()
    assert await world.api.do(mutation, objects(mutation), **input) == first
    assert await world.dump() == before
    other = OTHER.get(mutation, {"reason": "for another reason"})
    refused = await world.api.refused(mutation, **{**input, **other})
    assert (refused["code"], refused["path"]) == ("IDEMPOTENCY_MISMATCH", ["input", "idempotencyKey"])
    after = await world.dump()
    assert {**after, "command": [], "event": []} == {**before, "command": [], "event": []}


@having("expectedVersion")
async def test_another_version_is_refused(world: World, mutation: str, example: Example) -> None:
    input = await example(world)
    before = await world.dump("command", "event")
    for wrong in (input["expectedVersion"] - 1, input["expectedVersion"] + 1, 0, -1, 2**31 - 1):
        refused = await world.api.refused(mutation, **{**input, "expectedVersion": wrong})
        assert refused["__typename"] == "VersionConflict"
        assert (refused["expected"], refused["actual"]) == (wrong, input["expectedVersion"])
        assert refused["path"] == ["input", "expectedVersion"]
    assert await world.dump("command", "event") == before
    await world.api.do(mutation, **{**input, "expectedVersion": None})  # whatever it is


@having("reason")
async def test_a_reason_may_have_500_characters(world: World, mutation: str, example: Example) -> None:
    input = await example(world)
    refused = await world.api.refused(mutation, **{**input, "reason": "x" * 501})
    assert (refused["code"], refused["path"]) == ("LIMIT_EXCEEDED", ["input", "reason"])
    await world.api.do(mutation, **{**input, "reason": "x" * 500})


NOT_FOR_CLIENTS = {"status", "version", "owner", "actor", "createdAt", "revision", "attempts", "failures"}


@pytest.mark.parametrize("mutation", SENT)
def test_nobody_can_give_what_the_control_plane_decides(mutation: str) -> None:
    names = {one.partition(".")[2] for one in reachable(input_of(mutation), set())}
    assert not names & (NOT_FOR_CLIENTS | {"fence"})


async def test_unknown_fields_of_an_input_are_refused(world: World) -> None:
    document = "mutation($input: RunVerbInput!) { startRun(input: $input) { __typename } }"
    error = await world.api.error(document, input={"runId": world.run, "status": "COMPLETED"})
    assert error["code"] == "BAD_USER_INPUT"


async def test_of_two_mutations_in_one_document_each_answers_with_what_it_left(world: World) -> None:
    document = (
        "mutation($run: ID!) { first: pauseRun(input: {runId: $run, mode: NOW}) { run { status version } } "
        "second: stopRun(input: {runId: $run, mode: NOW}) { run { status version } } }"
    )
    found = await world.api.query(document, run=world.run)
    assert (found["first"]["run"]["status"], found["second"]["run"]["status"]) == ("PAUSING", "STOPPING")
    assert found["second"]["run"]["version"] == found["first"]["run"]["version"] + 1


async def test_what_was_answered_is_answered_again_although_its_file_is_gone(world: World) -> None:
    (world.root / "plan.yaml").write_text("tasks:\n  - key: one\n    title: Do it\n")
    input: Input = {"projectId": world.project, "plan": {"path": "plan.yaml"}, "idempotencyKey": "once"}
    first = await world.api.do("createRun", "run { id }", **input)
    (world.root / "plan.yaml").unlink()
    assert await world.api.do("createRun", "run { id }", **input) == first
