"""What objects show, and how they are found."""

import hashlib
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_required_argument,
)

from app import commands
from app.domain.runs import Urgency
from app.domain.workers import ExitReason
from tests.factories import COMMAND, a_plan, a_task
from tests.schema.api import graphql_schema
from tests.schema.examples import PLAN
from tests.schema.world import World

NOON = "2026-01-01T12:00:00Z"


def everything(type_: Any, depth: int, *, alias: str = "") -> str:
    """Every field, with every list in it, down to this depth; types of events differ in what a field of one name is."""
    if isinstance(type_, GraphQLScalarType):
        return ""
    parts = ["__typename"]
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            parts.append(f"{alias.format(name)}{name}")
        elif depth > 1 and isinstance(inner, GraphQLObjectType | GraphQLInterfaceType):
            parts.append(f"{alias.format(name)}{name} {everything(inner, depth - 1)}")
    if isinstance(type_, GraphQLInterfaceType) and depth > 1:
        own = graphql_schema().get_possible_types(type_)
        parts += [
            f"... on {one.name} {everything(one, depth - 1, alias=f'{one.name}_{{}}: ')}"
            for one in own
            if type_.name == "Event"
        ]
    return f"{{ {' '.join(parts)} }}"


@pytest.mark.parametrize("name", ["Project", "Run", "Task", "Worker", "AttentionItem", "Command", "Phase"])
async def test_every_field_of_an_object_can_be_read(world: World, name: str) -> None:
    id = {"AttentionItem": world.item}.get(name) or getattr(world, name.lower())
    fields = everything(graphql_schema().type_map[name], 4)
    found = await world.api.query(
        f"query($id: ID!) {{ node(id: $id) {{ id ... on {name} {fields} }} }}", id=id
    )
    assert (found["node"]["__typename"], found["node"]["id"]) == (name, id)


async def test_every_field_of_every_list_can_be_read(world: World) -> None:
    query = graphql_schema().query_type
    assert query is not None
    for name, field in query.fields.items():
        if name != "cursor" and not any(is_required_argument(one) for one in field.args.values()):
            found = await world.api.query(f"{{ {name} {everything(get_named_type(field.type), 5)} }}")
            assert found[name], name


async def test_a_run(world: World) -> None:
    fields = (
        "name status statusReason version maxWorkers createdAt startedAt completedAt lastActivityAt openAttention "
        "progress { total completed failed running pending percent } project { id } phase { key } "
        "phases { key title status unfinishedTasks } plan { format } allowedActions"
    )
    run = (await world.api.query(f"query($id: ID!) {{ run(id: $id) {{ {fields} }} }}", id=world.run))["run"]
    assert run == {
        "name": "A plan",
        "status": "WAITING_FOR_INPUT",
        "statusReason": "1 task waits for an answer: see the attention list.",
        "version": 2,
        "maxWorkers": 4,
        "createdAt": NOON,
        "startedAt": NOON,
        "completedAt": None,
        "lastActivityAt": NOON,
        "openAttention": 1,
        "progress": {"total": 3, "completed": 0, "failed": 0, "running": 1, "pending": 2, "percent": 0.0},
        "project": {"id": world.project},
        "phase": {"key": "phase-1"},
        "phases": [
            {"key": "phase-1", "title": "Phase 1", "status": "ACTIVE", "unfinishedTasks": 2},
            {"key": "phase-2", "title": "Phase 2", "status": "PENDING", "unfinishedTasks": 1},
        ],
        "plan": None,
        "allowedActions": ["PAUSE", "STOP", "ADVANCE"],
    }


async def test_a_run_of_a_document_keeps_it(world: World) -> None:
    (world.root / "plan.yaml").write_text(PLAN)
    answer = await world.api.do(
        "createRun",
        "run { name plan { path format hash text } status phase { key } }",
        projectId=world.project,
        plan={"path": "plan.yaml"},
    )
    assert answer["run"] == {
        "name": "As text",
        "plan": {
            "path": "plan.yaml",
            "format": "TRACKSIDE",
            "hash": hashlib.sha256(PLAN.encode()).hexdigest(),
            "text": PLAN,
        },
        "status": "CREATED",
        "phase": None,
    }


ACTIONS = "query($id: ID!) { run(id: $id) { status allowedActions } }"


async def test_what_a_run_does_not_allow_is_refused(world: World) -> None:
    created = await world.a_run(start=False)
    failed = await world.a_run("task")
    await world.fleet.fail(failed, "task")
    paused = await world.a_run()
    await world.fleet.do(commands.runs.pause, run_id=paused, mode=Urgency.DRAIN)
    blocked = await world.a_run(runtime=None)
    verbs = {
        "START": "startRun",
        "PAUSE": "pauseRun",
        "RESUME": "resumeRun",
        "STOP": "stopRun",
        "RETRY": "retryRun",
        "ARCHIVE": "archiveRun",
        "ADVANCE": "advancePhase",
    }
    for run in (created, failed, paused, blocked, world.run):
        allowed = (await world.api.query(ACTIONS, id=run))["run"]["allowedActions"]
        for action, mutation in verbs.items():
            if action not in allowed:
                assert (await world.api.refused(mutation, runId=run))["code"] == "INVALID_TRANSITION"
        assert set(allowed) <= set(verbs)


async def test_a_task(world: World) -> None:
    plan = a_plan(
        a_task("first", done=True),
        a_task(
            "second",
            needs=["first"],
            description="All of it.",
            priority=3,
            max_attempts=2,
            timeout_seconds=9,
            skill="writing",
            paths=["src/**"],
        ),
        a_task("third", needs=["second"]),
    )
    run = await world.a_run(plan=plan)
    await world.fleet.fail(run, "second")
    fields = (
        "key title description status statusReason priority attempts maxAttempts lastError retryAt startedAt "
        "completedAt paths skill runtime timeoutSeconds phase { key } run { id } dependencies { key status } "
        "dependencyKeys dependents { key } subtasks { title } worker { id } blocks"
    )
    id = (await world.fleet.task(run, "second")).id
    task = (await world.api.query(f"query($id: ID!) {{ task(id: $id) {{ {fields} }} }}", id=id))["task"]
    reason = "Attempt 1 ended: The process ended with exit code 1. Again in 1 s."
    assert task == {
        "key": "second",
        "title": "Do second",
        "description": "All of it.",
        "status": "READY",
        "statusReason": reason,
        "priority": 3,
        "attempts": 1,
        "maxAttempts": 2,
        "lastError": "The process ended with exit code 1.",
        "retryAt": "2026-01-01T12:00:01Z",
        "startedAt": NOON,
        "completedAt": None,
        "paths": ["src/**"],
        "skill": "writing",
        "runtime": "command",
        "timeoutSeconds": 9,
        "phase": {"key": "phase-1"},
        "run": {"id": run},
        "dependencies": [{"key": "first", "status": "COMPLETED"}],
        "dependencyKeys": ["first"],
        "dependents": [{"key": "third"}],
        "subtasks": [],
        "worker": None,
        "blocks": 1,
    }


async def test_a_worker(world: World) -> None:
    worker = await world.a_worker()
    await world.fleet.do(commands.workers.report_progress, worker_id=worker, activity="Reading", progress=40)
    await world.fleet.exit(worker, reason=ExitReason.TIMED_OUT)
    fields = (
        "name status statusReason runtime command capabilities pid exitCode startedAt endedAt lastHeartbeatAt "
        "attempt currentActivity progress task { key } context { id }"
    )
    found = await world.api.query(f"query($id: ID!) {{ worker(id: $id) {{ {fields} }} }}", id=worker)
    assert found["worker"] == {
        "name": "task #1",
        "status": "FAILED",
        "statusReason": "The time-out was reached.",
        "runtime": "command",
        "command": COMMAND["argv"],
        "capabilities": ["PAUSE", "INJECT_NEXT_TURN", "ASK"],
        "pid": 4242,
        "exitCode": None,
        "startedAt": NOON,
        "endedAt": NOON,
        "lastHeartbeatAt": NOON,
        "attempt": 1,
        "currentActivity": "Reading",
        "progress": 40,
        "task": {"key": "task"},
        "context": [],
    }


async def test_an_attention_item(world: World) -> None:
    fields = (
        "kind status title detail options { value label } answerSchema defaultAnswer answer answeredAt answeredBy "
        "blockedTasks createdAt expiresAt run { id } task { id } tasks { id } worker { id }"
    )
    found = await world.api.query(
        f"query($id: ID!) {{ node(id: $id) {{ ... on AttentionItem {{ {fields} }} }} }}", id=world.item
    )
    assert found["node"] == {
        "kind": "QUESTION",
        "status": "OPEN",
        "title": "Which colour?",
        "detail": None,
        "options": [{"value": "red", "label": "red"}, {"value": "blue", "label": "blue"}],
        "answerSchema": None,
        "defaultAnswer": None,
        "answer": None,
        "answeredAt": None,
        "answeredBy": None,
        "blockedTasks": 2,
        "createdAt": NOON,
        "expiresAt": None,
        "run": {"id": world.run},
        "task": {"id": world.task},
        "tasks": [{"id": world.task}],
        "worker": {"id": world.worker},
    }


async def test_what_a_worker_was_given(world: World) -> None:
    document = "query($id: ID!) { worker(id: $id) { context { id kind path tokens deliveredAt } } }"
    (item,) = (await world.api.query(document, id=world.worker))["worker"]["context"]
    assert item == {"id": world.context, "kind": "TEXT", "path": None, "tokens": 4, "deliveredAt": None}


async def test_the_pipeline(world: World) -> None:
    await world.a_run("one", "two")
    found = await world.api.query("{ pipeline { id paused reason readyTasks runningWorkers } }")
    expected = {"id": "pipeline", "paused": False, "reason": None, "readyTasks": 2, "runningWorkers": 1}
    assert found["pipeline"] == expected


async def test_nodes_come_in_the_order_of_their_ids(world: World) -> None:
    ids = [world.command, world.run, "run_none", world.phase, "", "x" * 10_000, world.project, world.worker]
    ids += [world.item, world.task, "né_1", "run", world.context, world.run]
    found = await world.api.query("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids)
    assert [node and node["id"] for node in found["nodes"]] == [
        world.command,
        world.run,
        None,
        world.phase,
        None,
        None,
        world.project,
        world.worker,
        world.item,
        world.task,
        None,
        None,
        None,
        world.run,
    ]


@pytest.mark.parametrize("name", ["project", "run", "task", "worker", "node"])
async def test_what_does_not_exist_is_null(world: World, name: str) -> None:
    for id in ("none_1", "", '" or 1=1', "-0", "9" * 30, " ", "¹²", f"{world.run} ", world.run.upper()):
        found = await world.api.query(f"query($id: ID!) {{ {name}(id: $id) {{ id }} }}", id=id)
        assert found == {name: None}
