"""Runs are made of tasks, of texts, and as their plans say."""

import hashlib

import pytest

from tests.schema.examples import EXAMPLES, PLAN
from tests.schema.world import World


async def test_a_run_is_made_of_the_tasks_that_are_given(world: World) -> None:
    fields = (
        "run { name status maxWorkers plan { text } phases { key title status } tasks { edges { node { "
        "key title description status priority maxAttempts timeoutSeconds runtime skill paths phase { key } "
        "dependencyKeys } } } }"
    )
    run = (await world.api.do("createRun", fields, **await EXAMPLES["createRun"][0](world)))["run"]
    one, two = [edge["node"] for edge in run.pop("tasks")["edges"]]
    assert run == {
        "name": "Mine",
        "status": "ACTIVE",
        "maxWorkers": 2,
        "plan": None,
        "phases": [{"key": "first", "title": "The first", "status": "ACTIVE"}],
    }
    assert one == {
        "key": "one",
        "title": "Do it",
        "description": "All of it.",
        "status": "READY",
        "priority": 5,
        "maxAttempts": 3,
        "timeoutSeconds": 60,
        "runtime": "command",
        "skill": "writing",
        "paths": ["src/**"],
        "phase": {"key": "first"},
        "dependencyKeys": [],
    }
    assert two == {
        "key": "two",
        "title": "Then this",
        "description": None,
        "timeoutSeconds": None,
        "skill": None,
        "status": "PENDING",
        "priority": 0,
        "maxAttempts": 1,
        "runtime": "helper",
        "paths": [],
        "phase": {"key": "first"},
        "dependencyKeys": ["one"],
    }


async def test_tasks_make_the_phases_that_they_name_in_that_order(world: World) -> None:
    tasks = [
        {"key": "a", "title": "A", "phase": "later"},
        {"key": "b", "title": "B"},
        {"key": "c", "title": "C", "phase": "later", "dependsOn": ["a"]},
        {"key": "d", "title": "D", "dependsOn": ["c"]},
    ]
    answer = await world.api.do(
        "createRun",
        "run { name status phases { key title } }",
        projectId=world.project,
        plan={"tasks": tasks},
    )
    assert answer["run"] == {
        "name": "Untitled",
        "status": "CREATED",
        "phases": [{"key": "later", "title": "later"}, {"key": "main", "title": "Tasks"}],
    }


@pytest.mark.parametrize(
    ("format", "content"), [("TRACKSIDE", PLAN), ("MARKDOWN", "# Title\n\n- [ ] Do it\n")]
)
async def test_a_run_is_made_of_a_text(world: World, format: str, content: str) -> None:
    answer = await world.api.do(
        "createRun",
        "run { plan { path format hash text } tasks { totalCount } }",
        projectId=world.project,
        plan={"text": {"format": format, "content": content}},
    )
    hash = hashlib.sha256(content.encode()).hexdigest()
    assert answer["run"] == {
        "plan": {"path": None, "format": format, "hash": hash, "text": content},
        "tasks": {"totalCount": 1},
    }


async def test_a_plan_says_what_looks_after_its_run(world: World) -> None:
    plan = "supervisor: {command: [cat]}\nruntime: {command: [ls]}\ntasks:\n  - {key: a, title: T}\n"
    made = {"projectId": world.project, "plan": {"text": {"format": "TRACKSIDE", "content": plan}}}
    for given, expected in (({}, "cat"), ({"supervisor": {"command": ["wc"]}}, "wc")):
        fields = "run { id supervisor { isAgent } }"
        run = (await world.api.do("createRun", fields, **made, **given, start=True))["run"]
        assert run["supervisor"]["isAgent"]
        await world.fleet.claim()
        query = "query($id: ID!) { run(id: $id) { supervisor { worker { role command } } } }"
        found = (await world.api.query(query, id=run["id"]))["run"]["supervisor"]
        assert found["worker"] == {"role": "ORCHESTRATOR", "command": [expected]}


async def test_a_plan_says_what_its_tasks_run_and_how_many_at_once(world: World) -> None:
    plan = (
        "maxWorkers: 3\nruntime: {command: [cat]}\ntasks:\n"
        "  - {key: own, title: T, runtime: {command: [ls]}}\n  - {key: default, title: T}\n"
    )
    made = {"projectId": world.project, "plan": {"text": {"format": "TRACKSIDE", "content": plan}}}
    fields = "run { id maxWorkers }"
    for given, expected, workers in (
        ({}, {"own": ["ls"], "default": ["cat"]}, 3),
        ({"runtime": {"command": ["wc"]}, "maxWorkers": 9}, {"own": ["ls"], "default": ["wc"]}, 9),
    ):
        run = (await world.api.do("createRun", fields, **made, **given))["run"]
        assert run["maxWorkers"] == workers
        tasks = await world.fleet.tasks(run["id"])
        assert {key: task.runtime and task.runtime["argv"] for key, task in tasks.items()} == expected


async def test_overlapping_paths_are_treated_as_the_input_the_plan_or_the_server_says(world: World) -> None:
    async def policy(plan: str, **given: str) -> str:
        made = {"projectId": world.project, "plan": {"text": {"format": "TRACKSIDE", "content": plan}}}
        run = (await world.api.do("createRun", "run { conflictPolicy }", **made, **given))["run"]
        return str(run["conflictPolicy"])

    tasks = "tasks:\n  - {key: a, title: T}\n"
    assert await policy(tasks) == "ASK"
    assert await policy(f"conflictPolicy: SERIALIZE\n{tasks}") == "SERIALIZE"
    assert await policy(f"conflictPolicy: SERIALIZE\n{tasks}", conflictPolicy="ALLOW") == "ALLOW"
