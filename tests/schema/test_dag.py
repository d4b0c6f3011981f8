"""Changing a DAG under way: all of it or nothing, and a dry run that tells the same and does nothing."""

from itertools import pairwise
from typing import Any, Final

import pytest

from tests.conftest import BOTH
from tests.schema.examples.dag import mutate_dag
from tests.schema.world import World

IMPACT: Final = (
    "run { version } command { id } impact { ready { key } pending { key } removed { key } killedWorkers { id } "
    "added { key title phase dependsOn task { key status } } }"
)
TASKS: Final = (
    "query($id: ID!) { run(id: $id) { version tasks { edges { node { key status dependencyKeys phase { key } "
    "title priority } } } } }"
)

Operation = dict[str, Any]


def add(key: str, *needs: str, **more: Any) -> Operation:
    return {"addTask": {"key": key, "title": f"Do {key}", "dependsOn": list(needs), **more}}


def wait(task: str, needed: str) -> Operation:
    return {"addDependency": {"task": task, "dependsOn": needed}}


def go(task: str, needed: str) -> Operation:
    return {"removeDependency": {"task": task, "dependsOn": needed}}


def remove(task: str, **more: Any) -> Operation:
    return {"removeTask": {"task": task, **more}}


def edit(task: str, **more: Any) -> Operation:
    return {"updateTask": {"task": task, **more}}


async def tasks(world: World, run: str) -> dict[str, Any]:
    found = await world.api.query(TASKS, id=run)
    return {edge["node"]["key"]: edge["node"] for edge in found["run"]["tasks"]["edges"]}


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_a_dry_run_tells_what_would_happen_and_leaves_no_trace(world: World) -> None:
    input = await mutate_dag(world)
    before = await world.dump()
    rehearsed = await world.api.do("mutateDag", IMPACT, **{**input, "dryRun": True})
    assert await world.dump() == before
    done = await world.api.do("mutateDag", IMPACT, **input)
    assert rehearsed["command"] is None
    assert rehearsed["run"]["version"] == done["run"]["version"] - 1
    assert [task.pop("task") for task in rehearsed["impact"]["added"]] == [None, None]
    assert [task.pop("task") for task in done["impact"]["added"]] == [
        {"key": "extra", "status": "READY"},
        {"key": "asked", "status": "READY"},
    ]
    assert rehearsed["impact"] == done["impact"]
    assert done["impact"] == {
        "ready": [{"key": "test"}],
        "pending": [],
        "removed": [{"key": "build"}],
        "killedWorkers": [{"id": world.worker}],
        "added": [
            {"key": "extra", "title": "More", "phase": "phase-1", "dependsOn": []},
            {"key": "asked", "title": "By an agent", "phase": "phase-1", "dependsOn": []},
        ],
    }
    assert (await world.fleet.worker(world.worker)).status == "STOPPING"


async def test_a_refused_dry_run_leaves_no_trace_either(world: World) -> None:
    before = await world.dump()
    for operations, code in (([wait("test", "none")], "NOT_FOUND"), ([], "INVALID_INPUT")):
        answer = await world.api.attempt(
            "mutateDag",
            {"runId": world.run, "operations": operations, "dryRun": True, "idempotencyKey": "k"},
            IMPACT,
        )
        assert [error["code"] for error in answer["userErrors"]] == [code]
        assert (answer["command"], answer["impact"], answer["run"]) == (None, None, None)
    assert await world.dump() == before


async def test_a_dry_run_is_for_those_who_may_do_it(world: World) -> None:
    agent = await world.agent_of(world.worker)
    refused = await agent.refused("mutateDag", runId=world.run, operations=[edit("test")], dryRun=True)
    assert refused["code"] == "FORBIDDEN"


async def test_operations_are_done_in_their_order(world: World) -> None:
    run = await world.a_run("one", "two < one")
    answer = await world.api.do(
        "mutateDag",
        IMPACT,
        runId=run,
        operations=[
            add("three", "two"),
            edit("three", title="Changed", priority=7),
            add("four", "three", "one"),
            remove("three"),
            go("two", "one"),
            wait("one", "two"),
        ],
    )
    found = await tasks(world, run)
    assert {key: task["dependencyKeys"] for key, task in found.items()} == {
        "one": ["two"],
        "two": [],
        "four": ["one"],
    }
    assert {key: task["status"] for key, task in found.items()} == {
        "one": "PENDING",
        "two": "READY",
        "four": "PENDING",
    }
    impact = answer["impact"]
    assert (impact["ready"], impact["pending"], impact["removed"]) == ([{"key": "two"}], [{"key": "one"}], [])
    assert [task["key"] for task in impact["added"]] == ["four"]


async def test_the_change_is_one_event_with_the_new_version(world: World) -> None:
    answer = await world.api.do(
        "mutateDag", IMPACT, runId=world.run, operations=[add("new"), wait("test", "new")]
    )
    document = (
        '{ events(filter: {types: ["DagMutated"]}) { edges { node { actor ... on DagMutated { version '
        "added { key } changed { key } removed { key } } } } } }"
    )
    (edge,) = (await world.api.query(document))["events"]["edges"]
    assert edge["node"] == {
        "actor": "operator",
        "version": answer["run"]["version"],
        "added": [{"key": "new"}],
        "changed": [{"key": "test"}],
        "removed": [],
    }


REFUSED: Final[dict[str, tuple[list[Operation], str, list[str]]]] = {
    "a circle of one": ([wait("test", "test")], "DAG_CYCLE", ["input", "operations"]),
    "a circle of two": ([add("a"), add("b", "a"), wait("a", "b")], "DAG_CYCLE", ["input", "operations"]),
    "an unknown task": ([remove("none")], "NOT_FOUND", ["input", "operations", "1", "removeTask", "task"]),
    "an unknown dependency": (
        [add("new", "none")],
        "NOT_FOUND",
        ["input", "operations", "1", "addTask", "dependsOn"],
    ),
    "a dependency that is none": (
        [go("ship", "test")],
        "NOT_FOUND",
        ["input", "operations", "1", "removeDependency", "dependsOn"],
    ),
    "an unknown phase": (
        [add("new", phase="none")],
        "NOT_FOUND",
        ["input", "operations", "1", "addTask", "phase"],
    ),
    "a key that is taken": ([add("build")], "INVALID_INPUT", ["input", "operations", "1", "addTask", "key"]),
    "a task with a worker": (
        [remove("build")],
        "INVALID_TRANSITION",
        ["input", "operations", "1", "removeTask", "killWorker"],
    ),
    "a task that has started": (
        [wait("build", "test")],
        "INVALID_TRANSITION",
        ["input", "operations", "1", "addDependency", "task"],
    ),
    "a later phase": ([wait("test", "ship")], "INVALID_INPUT", ["input", "operations", "1", "addDependency"]),
    "an empty key": ([add(" ")], "INVALID_INPUT", ["input", "operations", "1", "addTask", "key"]),
    "no attempts": (
        [edit("test", maxAttempts=0)],
        "INVALID_INPUT",
        ["input", "operations", "1", "updateTask", "maxAttempts"],
    ),
    "a path outside": (
        [edit("test", paths=["src/../../x"])],
        "INVALID_INPUT",
        ["input", "operations", "1", "updateTask", "paths"],
    ),
    "a program that does not exist": (
        [edit("test", runtime={"command": ["no-such-program"]})],
        "INVALID_INPUT",
        ["input", "operations", "1", "updateTask", "runtime", "command"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_done_is_refused_with_everything_before_it(world: World, name: str) -> None:
    operations, code, path = REFUSED[name]
    before = await world.dump("command", "event")
    refused = await world.api.refused(
        "mutateDag", runId=world.run, operations=[edit("test", priority=9), *operations]
    )
    assert refused["code"] == code
    assert refused["path"] == path
    assert await world.dump("command", "event") == before


async def test_a_circle_is_told_by_its_keys(world: World) -> None:
    operations = [add("a"), add("b", "a"), add("c", "b"), wait("a", "c")]
    refused = await world.api.refused("mutateDag", runId=world.run, operations=operations)
    assert refused["__typename"] == "DagCycleError"
    cycle = refused["cycle"]
    assert cycle[0] == cycle[-1]
    needs = {"a": "c", "b": "a", "c": "b"}
    assert all(needs[key] == needed for key, needed in pairwise(cycle))
    assert set(cycle) == {"a", "b", "c"}


async def test_a_circle_in_a_new_run_is_told_too(world: World) -> None:
    tasks = [add("a", "b")["addTask"], add("b", "a")["addTask"]]
    refused = await world.api.refused("createRun", projectId=world.project, plan={"tasks": tasks})
    assert (refused["__typename"], sorted(set(refused["cycle"]))) == ("DagCycleError", ["a", "b"])


@pytest.mark.parametrize("twin", ["Café", "  Café "])
async def test_keys_are_compared_in_one_normal_form(world: World, twin: str) -> None:
    run = await world.a_run("one")
    await world.api.do("mutateDag", runId=run, operations=[add("Café")])
    await world.api.do(
        "mutateDag", runId=run, operations=[add("after", twin), wait("one", twin), edit(twin, priority=2)]
    )
    found = await tasks(world, run)
    assert found["after"]["dependencyKeys"] == found["one"]["dependencyKeys"] == ["Café"]
    assert found["Café"]["priority"] == 2
    refused = await world.api.refused("mutateDag", runId=run, operations=[add(twin)])
    assert refused["code"] == "INVALID_INPUT"
    await world.api.do("mutateDag", runId=run, operations=[go("one", twin), remove(twin)])
    assert (await tasks(world, run))["Café"]["status"] == "CANCELLED"
