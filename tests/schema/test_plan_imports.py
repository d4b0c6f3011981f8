"""Reading a run's plan again, as clients do it."""

from typing import Any

import pytest

from tests.schema.world import World

ANSWER = """
run { version plan { path hash } }
operations { kind key title phase dependsOn fields }
remarks { task message }
impact { added { key dependsOn } removed { key } killedWorkers { id } }
"""
PLAN = "tasks:\n- {key: a, title: A}\n- {key: b, title: B, dependsOn: [a], retries: 1}\n"


async def a_run(world: World, text: str = PLAN) -> str:
    (world.root / "plan.yaml").write_text(text)
    made = await world.api.do(
        "createRun", "run { id }", projectId=world.project, plan={"path": "plan.yaml"}, start=True
    )
    return str(made["run"]["id"])


async def imported(world: World, run: str, **input: Any) -> dict[str, Any]:
    return await world.api.do("importPlan", ANSWER, runId=run, **input)


async def test_the_file_of_the_run_is_read_again(world: World) -> None:
    run = await a_run(world)
    (world.root / "plan.yaml").write_text(
        "tasks:\n- {key: b, title: Bee, timeoutSeconds: 5}\n- {key: c, title: C, dependsOn: [b]}\n"
    )
    told = await imported(world, run, dryRun=True)
    assert told["operations"] == [
        {
            "kind": "EDIT_TASK",
            "key": "b",
            "title": "Bee",
            "phase": None,
            "dependsOn": [],
            "fields": ["title", "maxAttempts", "timeoutSeconds"],
        },
        {"kind": "ADD_TASK", "key": "c", "title": "C", "phase": "tasks", "dependsOn": ["b"], "fields": []},
        {"kind": "REMOVE_TASK", "key": "a", "title": None, "phase": None, "dependsOn": [], "fields": []},
    ]
    assert told["impact"] == {
        "added": [{"key": "c", "dependsOn": ["b"]}],
        "removed": [{"key": "a"}],
        "killedWorkers": [],
    }
    done = await imported(world, run)
    assert (done["operations"], done["impact"]) == (told["operations"], told["impact"])
    assert done["run"]["plan"]["path"] == "plan.yaml"
    assert done["run"]["plan"]["hash"] != told["run"]["plan"]["hash"]
    assert (await imported(world, run, dryRun=True))["operations"] == []


async def test_a_text_is_compared_and_the_path_stays(world: World) -> None:
    run = await a_run(world)
    text = {"format": "TRACKSIDE", "content": PLAN + "- {key: c, title: C, status: done}\n"}
    done = await imported(world, run, plan={"text": text})
    assert done["operations"] == []
    assert done["remarks"] == [
        {"task": None, "message": "Task 'c' is new and done already: it is not added."}
    ]
    assert done["run"]["plan"]["path"] == "plan.yaml"


async def test_an_import_is_an_event(world: World) -> None:
    run = await a_run(world)
    (world.root / "plan.yaml").write_text(PLAN + "- {key: c, title: C}\n")
    version = (await imported(world, run))["run"]["version"]
    data = await world.api.query(
        'query($run: ID!) { events(filter: {runIds: [$run], types: ["PlanImported"]}) '
        "{ edges { node { ... on PlanImported { path oldHash newHash version run { id } } } } } }",
        run=run,
    )
    (edge,) = data["events"]["edges"]
    assert (edge["node"]["path"], edge["node"]["version"]) == ("plan.yaml", version)
    assert edge["node"]["oldHash"] != edge["node"]["newHash"]


async def test_a_run_of_no_file_needs_one(world: World) -> None:
    refused = await world.api.refused("importPlan", runId=world.run)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "plan"])


@pytest.mark.parametrize("plan", [{"path": "../plan.yaml"}, {"path": "nowhere.md"}, {"path": ".git/plan.md"}])
async def test_other_files_are_refused(world: World, plan: dict[str, Any]) -> None:
    assert (await world.api.refused("importPlan", runId=world.run, plan=plan))["code"] == "INVALID_INPUT"


async def test_programs_that_are_not_there_are_refused(world: World) -> None:
    run = await a_run(world)
    (world.root / "plan.yaml").write_text(
        "tasks:\n- {key: a, title: A, runtime: {command: no-such-program}}\n"
    )
    assert (await world.api.refused("importPlan", runId=run))["code"] == "INVALID_INPUT"
