"""Every published limit at its edge: so much is taken, one more is refused, and nothing has happened."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from app.domain import limits
from app.domain.access import Role
from tests.factories import an_actor
from tests.schema.api import Api
from tests.schema.world import World

Input = dict[str, Any]
Build = Callable[[World, int], tuple[str, Input]]
TRUE: Final = {"command": ["true"]}
CONSTANTS: Final = {name for name, value in vars(limits).items() if name.isupper() and isinstance(value, int)}


def a_task(**more: Any) -> Input:
    return {"key": "one", "title": "Do it", **more}


def a_run(world: World, **more: Any) -> tuple[str, Input]:
    return "createRun", {"projectId": world.project, "plan": {"tasks": [a_task()]}, **more}


def of_tasks(world: World, *tasks: Input) -> tuple[str, Input]:
    return a_run(world, plan={"tasks": list(tasks)})


def an_edit(world: World, **more: Any) -> tuple[str, Input]:
    return "mutateDag", {"runId": world.run, "operations": [{"updateTask": {"task": "test", **more}}]}


def a_question(world: World, **more: Any) -> tuple[str, Input]:
    return "askQuestion", {"runId": world.run, "question": "Which?", **more}


def a_worker(world: World, **more: Any) -> tuple[str, Input]:
    return "spawnWorker", {"runId": world.run, "runtime": TRUE, **more}


def items(world: World, *given: Input) -> tuple[str, Input]:
    return "injectContext", {"target": {"workerId": world.worker}, "items": list(given)}


def a_file(world: World, name: str, content: str) -> str:
    (world.root / name).write_text(content)
    return name


def padded_plan(size: int) -> str:
    head = "tasks:\n  - key: one\n    title: Do it\n#"
    return head + "x" * (size - len(head))


def a_schema(values: int) -> Input:
    """A schema of exactly so many JSON values: itself, `enum`, and what may be answered."""
    return {"enum": list(range(values - 2))}


def owing(size: int) -> dict[str, Any]:
    return {"key": "main", "deliverables": [{"key": f"d{number}"} for number in range(size)]}


EDGES: Final[dict[str, tuple[str, int, Build]]] = {
    "name of a run": ("NAME", limits.NAME, lambda world, size: a_run(world, name="x" * size)),
    "name of a worker": ("NAME", limits.NAME, lambda world, size: a_worker(world, name="x" * size)),
    "name of a project": (
        "NAME",
        limits.NAME,
        lambda world, size: ("createProject", {"name": "x" * size, "root": str(world.root)}),
    ),
    "skill of a worker": ("NAME", limits.NAME, lambda world, size: a_worker(world, skill="x" * size)),
    "skill of a task": ("NAME", limits.NAME, lambda world, size: of_tasks(world, a_task(skill="x" * size))),
    "an option": ("NAME", limits.NAME, lambda world, size: a_question(world, options=["x" * size])),
    "a key": ("KEY", limits.KEY, lambda world, size: of_tasks(world, a_task(key="x" * size))),
    "a phase": ("KEY", limits.KEY, lambda world, size: of_tasks(world, a_task(phase="x" * size))),
    "a title": ("TITLE", limits.TITLE, lambda world, size: an_edit(world, title="x" * size)),
    "a question": ("TITLE", limits.TITLE, lambda world, size: a_question(world, question="x" * size)),
    "what a worker does": (
        "TITLE",
        limits.TITLE,
        lambda world, size: ("reportProgress", {"workerId": world.worker, "activity": "x" * size}),
    ),
    "a subtask": (
        "TITLE",
        limits.TITLE,
        lambda world, size: ("createSubtask", {"taskId": world.task, "title": "x" * size}),
    ),
    "the title of a finding": (
        "TITLE",
        limits.TITLE,
        lambda world, size: ("addFinding", {"taskId": world.task, "title": "x" * size, "content": "x"}),
    ),
    "a finding": (
        "FINDING",
        limits.FINDING,
        lambda world, size: ("addFinding", {"taskId": world.task, "title": "x", "content": "x" * size}),
    ),
    "a description": ("TEXT", limits.TEXT, lambda world, size: an_edit(world, description="x" * size)),
    "details": ("TEXT", limits.TEXT, lambda world, size: a_question(world, detail="x" * size)),
    "a text to give": ("TEXT", limits.TEXT, lambda world, size: items(world, {"text": "x" * size})),
    "a plan as text": (
        "PLAN_TEXT",
        limits.PLAN_TEXT,
        lambda world, size: a_run(
            world, plan={"text": {"format": "TRACKSIDE", "content": padded_plan(size)}}
        ),
    ),
    "operations": (
        "OPERATIONS",
        limits.OPERATIONS,
        lambda world, size: (
            "mutateDag",
            {"runId": world.run, "operations": [{"updateTask": {"task": "test"}}] * size},
        ),
    ),
    "tasks of a list": (
        "OPERATIONS",
        limits.OPERATIONS,
        lambda world, size: of_tasks(world, *(a_task(key=f"t{n}") for n in range(size))),
    ),
    "arguments": (
        "ARGUMENTS",
        limits.ARGUMENTS,
        lambda world, size: a_worker(world, runtime={"command": ["true"] * size}),
    ),
    "an argument": (
        "ARGUMENT",
        limits.ARGUMENT,
        lambda world, size: a_worker(world, runtime={"command": ["true", "x" * size]}),
    ),
    "paths": ("PATHS", limits.PATHS, lambda world, size: an_edit(world, paths=["src"] * size)),
    "options": (
        "OPTIONS",
        limits.OPTIONS,
        lambda world, size: a_question(world, options=[str(n) for n in range(size)]),
    ),
    "deliverables of a phase": (
        "DELIVERABLES",
        limits.DELIVERABLES,
        lambda world, size: a_run(world, phases=[owing(size)]),
    ),
    "tasks of a gate": (
        "GATE_TASKS",
        limits.GATE_TASKS,
        lambda world, size: a_run(
            world, phases=[{"key": "main", "gate": {"taskRequirement": "NAMED", "tasks": ["one"] * size}}]
        ),
    ),
    "variables": (
        "ENVIRONMENT",
        limits.ENVIRONMENT,
        lambda world, size: a_worker(world, env=[{"name": f"V{n}", "value": ""} for n in range(size)]),
    ),
    "a memo": (
        "MEMO",
        limits.MEMO,
        lambda world, size: ("heartbeat", {"runId": world.run, "state": "WORKING", "memo": "x" * size}),
    ),
    "labels of a host": (
        "LABELS",
        limits.LABELS,
        lambda world, size: a_worker(world, hostLabels=["linux"] * size),
    ),
    "items": (
        "CONTEXT_ITEMS",
        limits.CONTEXT_ITEMS,
        lambda world, size: items(world, *([{"text": "x"}] * size)),
    ),
    "a file to give": (
        "CONTEXT_BYTES",
        limits.CONTEXT_BYTES,
        lambda world, size: items(world, {"file": a_file(world, f"file-{size}", "x" * size)}),
    ),
    "an answer": (
        "JSON_BYTES",
        limits.JSON_BYTES,
        lambda world, size: a_question(world, question=f"So long: {size}?", defaultAnswer="x" * (size - 2)),
    ),
    "a schema's size": (
        "JSON_BYTES",
        limits.JSON_BYTES,
        lambda world, size: a_question(world, answerSchema={"title": "x" * (size - len('{"title": ""}'))}),
    ),
    "a schema's values": (
        "SCHEMA_VALUES",
        limits.SCHEMA_VALUES,
        lambda world, size: a_question(world, answerSchema=a_schema(size)),
    ),
    "an answer's values": (
        "ANSWER_CHECKS",
        limits.ANSWER_CHECKS // 1_000,
        lambda world, size: a_question(
            world, answerSchema={"examples": a_schema(999)["enum"]}, defaultAnswer=[0] * (size - 1)
        ),
    ),
    "an idempotency key": (
        "IDEMPOTENCY_KEY",
        limits.IDEMPOTENCY_KEY,
        lambda world, size: ("pausePipeline", {"idempotencyKey": "x" * size}),
    ),
    "workers at once": ("WORKERS", limits.WORKERS, lambda world, size: a_run(world, maxWorkers=size)),
    "attempts": ("ATTEMPTS", limits.ATTEMPTS, lambda world, size: an_edit(world, maxAttempts=size)),
    "seconds of an attempt": (
        "SECONDS",
        limits.SECONDS,
        lambda world, size: an_edit(world, timeoutSeconds=size),
    ),
    "seconds of a question": (
        "SECONDS",
        limits.SECONDS,
        lambda world, size: a_question(world, expiresInSeconds=size),
    ),
    "priority": ("PRIORITY", limits.PRIORITY, lambda world, size: an_edit(world, priority=size)),
    "seconds of grace": (
        "SECONDS",
        3_600,
        lambda world, size: ("killWorker", {"workerId": world.worker, "graceSeconds": size}),
    ),
    "progress": (
        "",
        100,
        lambda world, size: ("reportProgress", {"workerId": world.worker, "progress": size}),
    ),
}
RANGES: Final = {"WORKERS", "ATTEMPTS", "SECONDS", "PRIORITY", ""}
"""Numbers outside a range are invalid; what is too large is over a limit."""

ELSEWHERE: Final = {
    "PAGE",  # test_lists
    "TASK_PAGE",
    "PLAN_FILE",  # below
    "JSON_DEPTH",
    "STATE_LINES",  # tests/store/test_dump.py
    "STATE_BYTES",
    "USAGE_BUCKETS",  # test_usage
    "SUBTASKS",  # tests/commands/test_findings.py
    "FINDINGS",
    "TASKS",  # the readers of plans say it
}


def the_agent(world: World) -> Api:
    """The one that looks after the run: nobody else beats."""
    return world.api.by(an_actor(Role.ORCHESTRATOR, project_id=world.project, run_id=world.run))


def test_every_limit_has_an_edge() -> None:
    assert {name for name, _, _ in EDGES.values() if name} | ELSEWHERE == CONSTANTS


@pytest.mark.parametrize("what", EDGES)
async def test_so_much_is_taken_and_no_more(world: World, what: str) -> None:
    name, limit, build = EDGES[what]
    before = await world.dump("command", "event")
    mutation, over = build(world, limit + 1)
    api = the_agent(world) if mutation == "heartbeat" else world.api
    refused = await api.refused(mutation, **over)
    assert refused["code"] == ("INVALID_INPUT" if name in RANGES else "LIMIT_EXCEEDED")
    assert refused["path"] is not None
    assert await world.dump("command", "event") == before
    mutation, just = build(world, limit)
    await api.do(mutation, **just)


@pytest.mark.parametrize(
    ("build", "least"),
    [
        (lambda world, number: a_run(world, maxWorkers=number), 1),
        (lambda world, number: ("configureRun", {"runId": world.run, "maxWorkers": number}), 1),
        (lambda world, number: an_edit(world, maxAttempts=number), 1),
        (lambda world, number: an_edit(world, timeoutSeconds=number), 1),
        (lambda world, number: an_edit(world, priority=number), -limits.PRIORITY),
        (lambda world, number: a_question(world, expiresInSeconds=number), 1),
        (lambda world, number: ("killWorker", {"workerId": world.worker, "graceSeconds": number}), 0),
        (lambda world, number: ("reportProgress", {"workerId": world.worker, "progress": number}), 0),
    ],
)
async def test_a_number_has_a_lower_end(world: World, build: Build, least: int) -> None:
    for number in (least - 1, -(2**31)):
        mutation, input = build(world, number)
        assert (await world.api.refused(mutation, **input))["code"] == "INVALID_INPUT"
    mutation, input = build(world, least)
    await world.api.do(mutation, **input)


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 1.5, "1", True, [], None])
async def test_what_is_no_32_bit_number_is_no_int(world: World, value: Any) -> None:
    document = 'mutation($it: Int!) { reportProgress(input: {workerId: "%s", progress: $it}) { __typename } }'
    error = await world.api.error(document % world.worker, it=value)
    assert error["code"] == "BAD_USER_INPUT"


async def test_ten_thousand_operations_are_refused_whole(world: World) -> None:
    operations = [{"addTask": {"key": f"t{n}", "title": "T"}} for n in range(10_000)]
    before = await world.dump("command", "event")
    refused = await world.api.refused("mutateDag", runId=world.run, operations=operations)
    assert (refused["code"], refused["path"]) == ("LIMIT_EXCEEDED", ["input", "operations"])
    assert await world.dump("command", "event") == before


async def test_a_plan_file_may_have_16_mebibytes(world: World) -> None:
    path = world.root / "plan.md"
    with path.open("w") as file:
        file.truncate(limits.PLAN_FILE + 1)
    refused = await world.api.refused("createRun", projectId=world.project, plan={"path": "plan.md"})
    assert (refused["code"], refused["path"]) == ("LIMIT_EXCEEDED", ["input", "plan", "path"])


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth - 1):
        value = [value]
    return value


ANSWER: Final = (
    'mutation($it: JSON!) { answerAttention(input: {itemId: "%s", answer: $it}) { userErrors { code } } }'
)


@pytest.mark.parametrize("field", ["defaultAnswer", "answerSchema"])
async def test_json_may_be_64_levels_deep(world: World, field: str) -> None:
    document = "mutation($it: AskQuestionInput!) { askQuestion(input: $it) { userErrors { code } } }"
    for depth in (limits.JSON_DEPTH + 1, 500):
        error = await world.api.error(document, it=a_question(world, **{field: nested(depth)})[1])
        assert error["code"] == "BAD_USER_INPUT"
    deep = {"allOf": [nested_schema(limits.JSON_DEPTH // 2 - 1)]} if field == "answerSchema" else nested(64)
    await world.api.do("askQuestion", **a_question(world, **{field: deep})[1])


def nested_schema(depth: int) -> Any:
    schema: Any = {}
    for _ in range(depth - 1):
        schema = {"not": schema}
    return schema


async def test_an_answer_may_be_64_levels_deep(world: World) -> None:
    item = (await world.api.do("askQuestion", "item { id }", runId=world.run, question="How deep?"))["item"][
        "id"
    ]
    assert (await world.api.error(ANSWER % item, it=nested(65)))["code"] == "BAD_USER_INPUT"
    literal = "[" * 65 + "]" * 65
    error = await world.api.error((ANSWER % item).replace("($it: JSON!)", "").replace("$it", literal))
    assert error["code"] == "GRAPHQL_VALIDATION_FAILED"
    await world.api.do("answerAttention", itemId=item, answer=nested(64))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400])
async def test_a_number_without_end_is_refused(world: World, number: str) -> None:
    document = (ANSWER % world.item).replace("($it: JSON!)", "").replace("$it", number)
    assert (await world.api.error(document))["code"] == "GRAPHQL_VALIDATION_FAILED"
    for value in (float("inf"), float("nan"), 10**400):
        assert (await world.api.error(ANSWER % world.item, it=value))["code"] == "BAD_USER_INPUT"
