"""Tokens for one run or one worker reach nothing else, however the other thing is named."""

from typing import Any

import pytest

from app import commands, store
from tests.schema.api import Api, Refused
from tests.schema.examples import EXAMPLES, Input
from tests.schema.test_roles import MAY
from tests.schema.world import World

ORDERS = "subscription($id: ID!, $fence: Int!) { workerOrders(workerId: $id, fence: $fence) { revision } }"


async def run_of(world: World, input: Input) -> str:
    """The run that an input is about."""
    named = {**input, **input.get("target", {})}
    if "subtaskId" in named:
        found = await world.api.services.db.read(store.subtasks.by_ids, [named["subtaskId"]])
        named["taskId"] = found[named["subtaskId"]].task_id
    for name, module in (
        ("taskId", store.tasks),
        ("workerId", store.workers),
        ("itemId", store.attention),
    ):
        if name in named:
            row: Any = await world.api.services.db.read(module.get, named[name])
            return str(row.run_id)
    return str(named["runId"])


ORCHESTRATED = [
    (mutation, example)
    for mutation, examples in EXAMPLES.items()
    for example in examples
    if "ORCHESTRATOR" in MAY[mutation]
]


@pytest.mark.parametrize(
    ("mutation", "example"), ORCHESTRATED, ids=[f"{one}-{example.__name__}" for one, example in ORCHESTRATED]
)
async def test_an_orchestrator_steers_its_own_run_alone(world: World, mutation: str, example: Any) -> None:
    input = await example(world)
    other = await world.orchestrator_of(await world.a_run())
    before = await world.dump("command", "event")
    assert (await other.refused(mutation, **input))["code"] == "NOT_FOUND"
    assert await world.dump("command", "event") == before
    own = await world.orchestrator_of(await run_of(world, input))
    await own.do(mutation, **input)


@pytest.fixture
async def agent(world: World) -> Api:
    return await world.agent_of(world.worker)


@pytest.fixture
async def runner(world: World) -> Api:
    return await world.runner_of(world.worker)


async def test_an_agent_reports_for_itself_alone(world: World, agent: Api) -> None:
    other = await world.a_worker()
    await agent.do("reportProgress", workerId=world.worker, progress=1)
    refused = await agent.refused("reportProgress", workerId=other, progress=1)
    assert refused["code"] in ("FORBIDDEN", "NOT_FOUND")
    assert (await world.fleet.worker(other)).progress is None


async def test_an_agent_completes_its_own_task_alone(world: World, agent: Api) -> None:
    for task in (world.later_task, await world.a_task()):
        before = await world.dump("command", "event")
        refused = await agent.refused("completeTask", taskId=task)
        assert refused["code"] in ("FORBIDDEN", "NOT_FOUND", "INVALID_TRANSITION")
        assert await world.dump("command", "event") == before
    done = await agent.do("completeTask", "task { status }", taskId=world.task)
    assert done["task"]["status"] == "COMPLETED"


async def test_a_colleague_in_the_same_run_is_out_of_reach(world: World) -> None:
    run = await world.a_run("one", "two")
    one, two = [await world.fleet.working(run, key) for key in ("one", "two")]
    agent = await world.agent_of(one)
    task = (await world.fleet.task(run, "two")).id
    made = await world.api.do("createSubtask", "subtask { id }", taskId=task, title="A box")
    box = made["subtask"]["id"]
    before = await world.dump("command", "event")
    for mutation, input in (
        ("completeTask", {"taskId": task}),
        ("createSubtask", {"taskId": task, "title": "Mine too"}),
        ("updateSubtask", {"subtaskId": box, "completed": True}),
        ("addFinding", {"taskId": task, "title": "Seen", "content": "Nothing."}),
        ("reportProgress", {"workerId": two, "activity": "Nothing."}),
        ("askQuestion", {"runId": run, "workerId": two, "question": "May I?"}),
    ):
        assert (await agent.refused(mutation, **input))["code"] == "FORBIDDEN", mutation
    assert await world.dump("command", "event") == before


async def test_an_agent_asks_for_itself(world: World) -> None:
    worker = await world.a_worker()
    agent = await world.agent_of(worker)
    run = agent.actor.run_id
    fields = "item { worker { id } task { key } } command { worker { id } actor }"
    asked = await agent.do("askQuestion", fields, runId=run, question="Which?")
    assert asked["item"] == {"worker": {"id": worker}, "task": {"key": "task"}}
    assert asked["command"] == {"worker": {"id": worker}, "actor": f"worker:{worker}"}
    refused = await agent.refused("askQuestion", runId=world.run, question="Which?")
    assert refused["code"] == "INVALID_INPUT"


async def test_a_runner_reports_for_its_worker_alone(world: World, runner: Api) -> None:
    other = await world.a_worker()
    report = (await EXAMPLES["reportWorker"][0](world))["reports"][:1]
    before = await world.dump()
    for wrong in ({"workerId": other, "fence": 1}, {"workerId": world.worker, "fence": 2}):
        assert (await runner.refused("reportWorker", **wrong, reports=report))["code"] == "STALE_FENCE"
        assert (await runner.refused("beatWorker", **wrong))["code"] == "STALE_FENCE"
        with pytest.raises(Refused, match="STALE_FENCE"):
            await anext(runner.follow(ORDERS, id=wrong["workerId"], fence=wrong["fence"]))
    assert await world.dump() == before


async def test_a_runner_reports_nothing_about_what_others_were_given(world: World) -> None:
    other = await world.a_worker()
    runner = await world.runner_of(other)
    report = {"n": 2, "at": "2026-01-01T12:00:00Z", "delivered": [world.context]}
    await runner.do("reportWorker", workerId=other, fence=1, reports=[report])
    (item,) = await world.fleet.context(world.worker)
    assert item.delivered_at is None


async def test_nothing_new_is_taken_of_a_worker_that_is_over(world: World, runner: Api) -> None:
    input = await EXAMPLES["reportWorker"][0](world)
    await runner.do("reportWorker", **input)
    again = await runner.do("reportWorker", "acceptedReports", **input)
    assert again["acceptedReports"] == input["reports"][-1]["n"]
    more = {**input["reports"][1], "n": again["acceptedReports"] + 1}
    refused = await runner.refused("reportWorker", **{**input, "reports": [more]})
    assert refused["code"] == "STALE_FENCE"
    assert (await runner.refused("beatWorker", workerId=world.worker, fence=1))["code"] == "STALE_FENCE"


async def test_an_agent_that_is_over_says_nothing_more(world: World, agent: Api) -> None:
    await world.fleet.exit(world.worker)
    assert (await agent.refused("reportProgress", workerId=world.worker))["code"] == "STALE_FENCE"
    assert (await agent.refused("askQuestion", runId=world.run, question="Why?"))["code"] == "STALE_FENCE"


async def test_what_a_runner_may_not_read_it_does_not_get_in_an_answer_either(
    world: World, runner: Api
) -> None:
    document = (
        "mutation($run: ID!) { startRun(input: {runId: $run}) { command { run { tasks { totalCount } } } "
        "userErrors { code } } }"
    )
    result = await runner.answer(document, run=world.run)
    assert result.data is not None
    assert result.data["startRun"]["userErrors"] == [{"code": "FORBIDDEN"}]
    assert result.data["startRun"]["command"]["run"]["tasks"] is None


async def test_the_token_in_the_orders_is_the_workers(world: World, runner: Api) -> None:
    document = "subscription($id: ID!) { workerOrders(workerId: $id, fence: 1) { assignment { env { name value } } } }"
    first = await anext(runner.follow(document, id=world.worker))
    env = {one["name"]: one["value"] for one in first["workerOrders"]["assignment"]["env"]}
    actor = await world.api.services.db.read(store.tokens.actor_of, env["TRACKSIDE_TOKEN"])
    assert actor is not None
    assert (actor.role, actor.worker_id, actor.run_id) == ("WORKER", world.worker, world.run)
    assert env["TRACKSIDE_TASK_ID"] == world.task
    assert env["TRACKSIDE_PROJECT_ID"] == world.project
    assert env["TRACKSIDE_RUN_ID"] == world.run
    assert env["TRACKSIDE_WORKER_ID"] == world.worker
    assert env["TRACKSIDE_URL"] == world.api.services.url()
    await world.fleet.do(commands.workers.kill, worker_id=world.worker)
    await world.fleet.exit(world.worker)
    assert await world.api.services.db.read(store.tokens.actor_of, env["TRACKSIDE_TOKEN"]) is None
