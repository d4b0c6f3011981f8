"""What belongs to another project is as unknown as what does not exist, by whatever field it is asked for."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, get_named_type, get_nullable_type

from app import commands
from app.domain.access import Role
from tests.conftest import Clock
from tests.factories import an_actor
from tests.schema.api import Api, Refused, graphql_schema, input_of
from tests.schema.examples import EXAMPLES, OF_RUNNERS
from tests.schema.world import Dump, World

Coordinate = tuple[str, str, str, tuple[str, ...]]
"""Type, field, argument, and where in the argument an ID stands."""

KINDS: Final = {
    "id": "",  # told by the field
    "ids": "run",
    "projectId": "project",
    "runId": "run",
    "runIds": "run",
    "taskId": "task",
    "taskIds": "task",
    "workerId": "worker",
    "workerIds": "worker",
    "itemId": "item",
    "subtaskId": "subtask",
    "tokenId": "token",
    "delivered": "context",
}
"""What an argument or input field of this name is the id of."""


def places(type_: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    named = get_named_type(type_)
    if named.name == "ID":
        if path[-1:] != ("hostId",):  # machines belong to no project
            yield path
    elif isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            yield from places(field.type, (*path, name))


def coordinates(*types: str) -> list[Coordinate]:
    """Every place in the arguments of these types' fields where an ID is taken."""
    found = []
    for type_name in types:
        for field_name, field in graphql_schema().type_map[type_name].fields.items():
            for name, argument in field.args.items():
                found += [(type_name, field_name, name, path) for path in places(argument.type)]
    return found


def kind_of(coordinate: Coordinate) -> str:
    _, field, argument, path = coordinate
    name = path[-1] if path else argument
    return KINDS[name] or {"node": "task"}.get(field, field)


def given(coordinate: Coordinate, id: str) -> Any:
    """A value of the argument that holds nothing but this id."""
    type_name, field, argument, path = coordinate
    type_ = graphql_schema().type_map[type_name].fields[field].args[argument].type  # type: ignore[attr-defined]
    return _nested(type_, path, id)


def _nested(type_: Any, path: tuple[str, ...], id: str) -> Any:
    type_ = get_nullable_type(type_)
    if isinstance(type_, GraphQLList):
        return [_nested(type_.of_type, path, id)]
    if not path:
        return id
    return {path[0]: _nested(type_.fields[path[0]].type, path[1:], id)}


READ: Final = [
    one for one in coordinates("Query", "Project", "Run", "Task", "Worker") if one[1] != "state"
]  # which is for admins alone: below
FOLLOWED: Final = [one for one in coordinates("Subscription") if one[1] != "workerOrders"]
SELECTED: Final = {
    "nodes": "{ id }",
    "events": "{ edges { node { id run { id } } } }",
    "commands": "{ edges { node { id run { id } } } }",
}


def document(coordinate: Coordinate, parent: str) -> str:
    type_name, field, argument, _ = coordinate
    found = graphql_schema().type_map[type_name].fields[field]  # type: ignore[attr-defined]
    fields = get_named_type(found.type).fields
    default = "{ edges { node { id } } totalCount }" if "totalCount" in fields else "{ id }"
    if not {"id", "totalCount"} & set(fields):
        default = "{ __typename }"
    call = f"{field}({argument}: $it) {SELECTED.get(field, default)}"
    if type_name != "Query":
        call = f'{type_name.lower()}(id: "{parent}") {{ {call} }}'
    return f"query($it: {found.args[argument].type}) {{ {call} }}"


def unknown(id: str) -> str:
    return f"{id[:-4]}zzzz"


@pytest.fixture
async def theirs(world: World, clock: Clock, tmp_path: Path) -> World:
    """A second project with one of everything; `world` is ours."""
    root = tmp_path / "theirs"
    root.mkdir()
    return await World.make(world.api, root.resolve(), clock)


@pytest.fixture
def us(world: World) -> Api:
    return world.api.by(an_actor(Role.ADMIN, project_id=world.project))


def name_of(coordinate: Coordinate) -> str:
    return ".".join([*coordinate[:3], *coordinate[3]])


async def asked(api: Api, coordinate: Coordinate, parent: World, id: str) -> str:
    parent_id = {"Project": parent.project, "Run": parent.run}.get(coordinate[0], "")
    result = await api.answer(document(coordinate, parent_id), it=given(coordinate, id))
    errors = [(error.message, error.extensions) for error in result.errors or []]
    return json.dumps([result.data, errors], default=str).replace(id, "IT")


@pytest.mark.parametrize("coordinate", READ, ids=name_of)
async def test_a_query_does_not_tell_hidden_from_missing(
    world: World, theirs: World, us: Api, coordinate: Coordinate
) -> None:
    ours, hidden = getattr(world, kind_of(coordinate)), getattr(theirs, kind_of(coordinate))
    missing = await asked(us, coordinate, world, unknown(hidden))
    assert await asked(us, coordinate, world, hidden) == missing
    assert await asked(us, coordinate, world, ours) != missing, "this shows nothing of ours either"
    everywhere = await asked(world.api, coordinate, theirs, hidden)
    assert everywhere != missing, "nobody sees anything here"


@pytest.mark.parametrize("coordinate", [one for one in FOLLOWED if one[1] != "events"], ids=name_of)
async def test_a_subscription_does_not_tell_hidden_from_missing(
    theirs: World, us: Api, coordinate: Coordinate
) -> None:
    _, field, argument, _ = coordinate
    document = f"subscription($it: ID!) {{ {field}({argument}: $it) {{ __typename }} }}"
    hidden = getattr(theirs, kind_of(coordinate))
    for id in (hidden, unknown(hidden)):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await anext(us.follow(document, it=id))


EVENTS: Final = 'subscription($it: EventFilter) { events(filter: $it, after: "0") { id run { id } } }'


@pytest.mark.parametrize("coordinate", [one for one in FOLLOWED if one[1] == "events"], ids=name_of)
async def test_nothing_is_followed_that_is_hidden(
    world: World, theirs: World, us: Api, coordinate: Coordinate
) -> None:
    filter = given(coordinate, getattr(theirs, kind_of(coordinate)))
    assert await anext(world.api.follow(EVENTS, it=filter))
    hidden = asyncio.ensure_future(anext(us.follow(EVENTS, it=filter)))
    everything = us.follow(EVENTS)
    await world.fleet.do(commands.runs.configure, run_id=theirs.run, max_workers=3)
    await world.fleet.do(commands.runs.configure, run_id=world.run, max_workers=3)
    head = (await world.api.query("{ cursor }"))["cursor"]
    seen = [(await anext(everything))["events"]]
    while seen[-1]["id"] != f"evt_{int(head):016d}":
        seen.append((await anext(everything))["events"])
    assert {event["run"]["id"] for event in seen if event["run"]} == {world.run}
    assert not hidden.done()
    hidden.cancel()


CHANGED: Final = [(mutation, path) for mutation in EXAMPLES for path in places(input_of(mutation))]


@pytest.mark.parametrize(
    ("mutation", "path"), CHANGED, ids=[f"{one}.{'.'.join(path)}" for one, path in CHANGED]
)
async def test_a_mutation_does_not_tell_hidden_from_missing_and_changes_nothing_hidden(
    world: World, theirs: World, us: Api, mutation: str, path: tuple[str, ...]
) -> None:
    api = await world.runner_of(world.worker) if mutation in OF_RUNNERS else us
    inputs = [await example(world) for example in EXAMPLES[mutation]]
    input = next(one for one in inputs if holds(one, path))
    hidden = getattr(theirs, KINDS[path[-1]])
    before = rows_about(await world.dump("command"), theirs)
    answers = []
    for id in (hidden, unknown(hidden)):
        payload = await api.attempt(mutation, replaced(input, path, id))
        answers.append(json.dumps(payload).replace(id, "IT"))
        assert payload["userErrors"] or path[-1] == "delivered"
    assert answers[0] == answers[1]
    assert rows_about(await world.dump("command"), theirs) == before
    of_theirs = world.api.by(an_actor(Role.ADMIN, project_id=theirs.project))
    found = await of_theirs.query("{ commands { edges { node { actor verb status } } } }")
    assert all(edge["node"]["status"] != "REJECTED" for edge in found["commands"]["edges"])


def holds(value: Any, path: tuple[str, ...]) -> bool:
    """Whether an input gives something at this place."""
    if isinstance(value, list):
        return any(holds(one, path) for one in value)
    return not path or (path[0] in value and holds(value[path[0]], path[1:]))


def replaced(value: Any, path: tuple[str, ...], id: str) -> Any:
    if isinstance(value, list):
        return [replaced(one, path, id) for one in value] if path else [id]
    if not path:
        return id
    if path[0] not in value:
        return value
    return {**value, path[0]: replaced(value[path[0]], path[1:], id)}


def rows_about(dump: Dump, world: World) -> list[str]:
    ids = (
        world.project,
        world.run,
        world.task,
        world.worker,
        world.item,
        world.context,
        world.later_task,
        world.subtask,
        world.token,
    )
    return [row for rows in dump.values() for row in rows if any(id in row for id in ids)]


async def test_the_state_of_a_hidden_project_is_that_of_none(world: World, theirs: World) -> None:
    ours = world.api.by(an_actor(Role.ADMIN, project_id=world.project))
    document = "query($it: ID) { state(projectId: $it) }"
    errors = []
    for id in (theirs.project, unknown(theirs.project)):
        errors.append(json.dumps(await ours.error(document, it=id)).replace(id, "IT"))
    assert errors[0] == errors[1]
    for it in (None, world.project):
        state = (await ours.query(document, it=it))["state"]
        assert world.run in json.dumps(state)
        assert theirs.project not in json.dumps(state)
    everything = (await world.api.by(an_actor(Role.ADMIN)).query(document))["state"]
    assert theirs.project in json.dumps(everything)
