"""Texts that mean mischief, put into every field there is: refused in words, or taken as what they are."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from tests.conftest import BOTH
from tests.schema.api import Api, input_of
from tests.schema.examples import EXAMPLES, Input, sender
from tests.schema.test_lists import LISTS, ids, query
from tests.schema.world import World

Path = tuple[str | int, ...]

TEXTS: Final = [
    "",
    "a\0b",
    "\ud800",
    "x\n2026 ADMIN logged in\x1b[2J",
    "' or 1=1 --%_\\../../etc/passwd<script>$(id)</script>",
    "x" * 70_000,
]
NUMBERS: Final = [-1, 2**31 - 1]
REFUSALS: Final = {
    "NOT_FOUND",
    "INVALID_INPUT",
    "INVALID_TRANSITION",
    "LIMIT_EXCEEDED",
    "PLAN_INVALID",
    "VERSION_CONFLICT",
    "STALE_FENCE",
    "IDEMPOTENCY_MISMATCH",
    "ALREADY_ANSWERED",
    "INVALID_DELIVERABLE",
    "UNAVAILABLE",
}


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Everything in an input that is neither list nor object, with where it stands; of a list the first alone."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, (*path, name))
    elif isinstance(value, list):
        for position, one in enumerate(value[:1]):
            yield from leaves(one, (*path, position))
    else:
        yield path, value


def replaced(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, list):
        return [replaced(one, path[1:], new) if n == path[0] else one for n, one in enumerate(value)]
    return {**value, path[0]: replaced(value[path[0]], path[1:], new)}


def bad(mutation: str, path: Path) -> list[Any]:
    """What to put in the place of a leaf; enums and instants are refused by the schema itself."""
    type_: Any = input_of(mutation)
    for part in path:
        inner = get_named_type(type_)
        if isinstance(part, str) and isinstance(inner, GraphQLInputObjectType):
            type_ = inner.fields[part].type
    name = get_named_type(type_).name
    if name == "JSON":
        return [*TEXTS, *NUMBERS, True, [], {}, {"\0": 1}, {"a": ["\ud800"]}]
    return {"String": TEXTS, "ID": TEXTS, "Int": NUMBERS, "Boolean": [True, False]}.get(name, [])


MANY: Final = [(mutation, example) for mutation, examples in EXAMPLES.items() for example in examples]


@pytest.mark.parametrize(
    ("mutation", "example"), MANY, ids=[f"{mutation}-{example.__name__}" for mutation, example in MANY]
)
async def test_every_field_of_every_mutation_holds_out(world: World, mutation: str, example: Any) -> None:
    api = await sender(world, mutation)
    input = {name: value for name, value in (await example(world)).items() if name != "idempotencyKey"}
    if "idempotencyKey" in input_of(mutation).fields:
        input = {**input, "idempotencyKey": None}
    refused, before = 0, await world.dump("command", "event")
    for path, _ in leaves(input):
        for mischief in bad(mutation, path):
            world.fleet.clock.advance(minutes=1)  # some may not be sent as often as this test does
            codes = await codes_of(api, mutation, replaced(input, path, mischief))
            after = await world.dump("command", "event")
            assert codes <= REFUSALS, (path, mischief)
            assert not codes or after == before, (path, mischief)
            refused, before = refused + len(codes), after
    assert refused


async def codes_of(api: Api, mutation: str, input: Input) -> set[str]:
    return {error["code"] for error in (await api.attempt(mutation, input))["userErrors"]}


QUERIES: Final = {
    "node(id: $it) { id }": "ID!",
    "nodes(ids: [$it]) { id }": "ID!",
    "project(id: $it) { id }": "ID!",
    "run(id: $it) { id }": "ID!",
    "task(id: $it) { id }": "ID!",
    "worker(id: $it) { id }": "ID!",
    "runs(filter: {search: $it}) { totalCount }": "String",
    "runs(filter: {projectId: $it}) { totalCount }": "ID",
    "workers(filter: {search: $it}) { totalCount }": "String",
    "workers(filter: {runtime: $it}) { totalCount }": "String",
    "workers(filter: {projectId: $it, runId: $it, taskId: $it}) { totalCount }": "ID",
    "attention(filter: {projectId: $it, runId: $it}) { totalCount }": "ID",
    "commands(filter: {actor: $it}) { edges { cursor } }": "String",
    "commands(filter: {verbs: [$it]}) { edges { cursor } }": "String!",
    "commands(filter: {projectId: $it, runId: $it, taskId: $it, workerId: $it}) { edges { cursor } }": "ID",
    "events(filter: {types: [$it]}) { edges { cursor } }": "String!",
    "events(filter: {projectId: $it}) { edges { cursor } }": "ID",
    "events(filter: {runIds: [$it], taskIds: [$it], workerIds: [$it]}) { edges { cursor } }": "ID!",
    "events(after: $it) { edges { cursor } }": "Cursor",
    "events(before: $it) { edges { cursor } }": "Cursor",
    "runs { edges { node { tasks(filter: {search: $it}) { totalCount } } } }": "String",
    "runs { edges { node { tasks(filter: {phase: $it}) { totalCount } } } }": "String",
    "projects { edges { node { runs(filter: {search: $it}) { totalCount } } } }": "String",
}
CURSORS: Final = [*TEXTS, "0", "-1", "bm9wZQ", "e30=", "W10", "WzFd", "WzEsMiwzXQ", "====", "é", "1" * 30]


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_every_text_of_every_query_holds_out(world: World) -> None:
    before = await world.dump()
    for fields, type_ in QUERIES.items():
        for mischief in TEXTS:
            result = await world.api.answer(f"query($it: {type_}) {{ {fields} }}", it=mischief)
            codes = {(error.extensions or {})["code"] for error in result.errors or []}
            assert codes <= {"INVALID_INPUT", "LIMIT_EXCEEDED"}, (fields, mischief)
            if (
                mischief in ("a\0b", "\ud800")
                and "node" not in fields.partition("(")[0]
                and "phase" not in fields
            ):
                assert codes == {"INVALID_INPUT"}, (fields, mischief)
    assert await world.dump() == before


@pytest.mark.parametrize("name", LISTS)
async def test_no_cursor_is_made_up(world: World, name: str) -> None:
    for argument in ("after", "before"):
        for mischief in CURSORS:
            document = query(name, f"({argument}: $it)", "__typename")
            type_ = "Cursor" if name == "events" else "String"
            head, found = document.split("{", 1)
            declared = head.replace("query(", "").replace("query", "").strip(" )")
            declared = f"{declared}, $it: {type_}" if declared else f"$it: {type_}"
            error = await world.api.answer(f"query({declared}) {{{found}", **ids(world, name), it=mischief)
            codes = [(one.extensions or {})["code"] for one in error.errors or []]
            allowed = name == "events" and mischief.isdigit() and mischief.isascii() and len(mischief) < 19
            assert codes == ([] if allowed else ["INVALID_INPUT"]), mischief


async def test_the_cursor_of_one_list_is_none_of_another(world: World) -> None:
    found = await world.api.query(
        "{ projects { pageInfo { endCursor } } workers { pageInfo { endCursor } } }"
    )
    for name, other in (("projects", "workers"), ("workers", "projects")):
        cursor = found[name]["pageInfo"]["endCursor"]
        error = await world.api.error(f'{{ {other}(after: "{cursor}") {{ totalCount }} }}')
        assert error["code"] == "INVALID_INPUT"


LONG_LISTS: Final = {
    "runs(filter: {statuses: $it}) { totalCount }": ("[RunStatus!]", "ACTIVE"),
    "workers(filter: {statuses: $it}) { totalCount }": ("[WorkerStatus!]", "RUNNING"),
    "attention(filter: {kinds: $it}) { totalCount }": ("[AttentionKind!]", "QUESTION"),
    "attention(filter: {statuses: $it}) { totalCount }": ("[AttentionStatus!]", "OPEN"),
    "commands(filter: {statuses: $it}) { edges { cursor } }": ("[CommandStatus!]", "REJECTED"),
    "commands(filter: {verbs: $it}) { edges { cursor } }": ("[String!]", "startRun"),
    "events(filter: {types: $it}) { edges { cursor } }": ("[String!]", "RunConfigured"),
    "events(filter: {runIds: $it}) { edges { cursor } }": ("[ID!]", "run_1"),
    "events(filter: {taskIds: $it}) { edges { cursor } }": ("[ID!]", "task_1"),
    "events(filter: {workerIds: $it}) { edges { cursor } }": ("[ID!]", "wrk_1"),
    "events(filter: {runStatuses: $it}) { edges { cursor } }": ("[RunStatus!]", "ACTIVE"),
    "nodes(ids: $it) { id }": ("[ID!]!", "run_1"),
    "runs { edges { node { tasks(filter: {statuses: $it}) { totalCount } } } }": ("[TaskStatus!]", "READY"),
}


@pytest.mark.parametrize("fields", LONG_LISTS)
async def test_a_list_without_end_is_refused(world: World, fields: str) -> None:
    type_, value = LONG_LISTS[fields]
    document = f"query($it: {type_}) {{ {fields} }}"
    await world.api.query(document, it=[value] * 100)
    assert (await world.api.error(document, it=[value] * 5_000))["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "instant",
    [
        "",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+23:59",
        0,
        True,
    ],
)
async def test_an_instant_has_a_date_a_time_and_an_offset(world: World, instant: Any) -> None:
    document = "query($it: DateTime) { runs(filter: {createdAfter: $it}) { totalCount } }"
    assert (await world.api.error(document, it=instant))["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("text", ["\u202egnp.exe", "a\u2066b", "x\u2069"])
async def test_no_name_is_read_in_another_direction_than_it_is_written(world: World, text: str) -> None:
    for mutation, input in (
        ("createProject", {"name": text, "root": str(world.root)}),
        (
            "createRun",
            {"projectId": world.project, "name": text, "plan": {"tasks": [{"key": "a", "title": "A"}]}},
        ),
        ("createRun", {"projectId": world.project, "plan": {"tasks": [{"key": text, "title": "A"}]}}),
        ("createRun", {"projectId": world.project, "plan": {"tasks": [{"key": "a", "title": text}]}}),
        ("askQuestion", {"runId": world.run, "question": text}),
        ("askQuestion", {"runId": world.run, "question": "Which?", "options": [text]}),
    ):
        assert (await world.api.refused(mutation, **input))["code"] == "INVALID_INPUT", mutation


@pytest.mark.parametrize("text", ["👩‍🚀 launch", "می‌خواهم", "naïve café", "日本語", "a\u00adb"])
async def test_what_people_write_is_taken(world: World, text: str) -> None:
    (root := world.root / "written").mkdir()
    made = await world.api.do("createProject", "project { name }", name=f"  {text} ", root=str(root))
    assert made["project"]["name"] == text
    found = await world.api.query(
        "query($it: String) { runs(filter: {search: $it}) { totalCount } }", it=text
    )
    assert found["runs"]["totalCount"] == 0


async def test_what_a_program_prints_is_kept_as_far_as_it_can_be(world: World) -> None:
    runner = await world.runner_of(world.worker)
    at = "2026-01-01T12:00:00Z"
    lines = [
        {"stream": "STDOUT", "text": text, "at": at} for text in ("a\0b", "\x1b[31mred\x1b[0m", "\ud800!")
    ]
    report = {"n": 2, "at": at, "lines": lines}
    await runner.do("reportWorker", workerId=world.worker, fence=1, reports=[report])
    document = "query($id: ID!) { worker(id: $id) { logs { edges { node { text } } } } }"
    logs = (await world.api.query(document, id=world.worker))["worker"]["logs"]["edges"]
    assert [edge["node"]["text"] for edge in logs] == ["ab", "\x1b[31mred\x1b[0m", "?!"]
