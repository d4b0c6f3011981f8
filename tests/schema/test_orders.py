"""What a runner is told: the orders as they are, and again on every change that concerns its worker."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from app import commands, store
from app.domain.reports import Delivered, Exited, Lines, Paused, Seen
from app.domain.runs import Urgency
from app.domain.workers import ExitReason
from tests.factories import COMMAND
from tests.schema.test_subscriptions import Stream, closed, take
from tests.schema.world import World

ORDERS: Final = """subscription($id: ID!) { workerOrders(workerId: $id, fence: 1) {
  revision acceptedReports desired graceSeconds waiting inbox { id name content } answers { request answer }
  assignment { runtime argv model mode session sessionCostUsd problem cwd prompt timeoutSeconds heartbeatSeconds env { name value } }
} }"""

Act = Callable[[World], Awaitable[Any]]


async def orders(world: World, worker: str) -> Stream:
    return (await world.runner_of(worker)).follow(ORDERS, id=worker)


async def test_the_orders_are_sent_at_once(world: World) -> None:
    stream = await orders(world, world.worker)
    (first,) = await take(stream, 1)
    await closed(stream)
    env = {one["name"]: one["value"] for one in first["assignment"].pop("env")}
    assert set(env) == {
        "TRACKSIDE_URL",
        "TRACKSIDE_SERVER_FILE",
        "TRACKSIDE_TOKEN",
        "TRACKSIDE_PROJECT_ID",
        "TRACKSIDE_RUN_ID",
        "TRACKSIDE_TASK_ID",
        "TRACKSIDE_WORKER_ID",
        "TRACKSIDE_SKILL",
    }
    assert first.pop("revision") == (await world.fleet.worker(world.worker)).revision
    assert first == {
        "acceptedReports": 1,
        "desired": "RUN",
        "graceSeconds": 10,
        "waiting": True,
        "answers": [],
        "inbox": [{"id": world.context, "name": "0001-text.md", "content": "Mind the gap."}],
        "assignment": {
            "runtime": "command",
            "argv": COMMAND["argv"],
            "model": None,
            "mode": None,
            "session": None,
            "sessionCostUsd": "0",
            "problem": None,
            "cwd": str(world.root),
            "prompt": "# build: Do build\n",
            "timeoutSeconds": None,
            "heartbeatSeconds": 30.0,
        },
    }


async def test_an_agent_that_looks_after_a_run_gets_a_token_for_the_run_and_how_often_to_beat(
    world: World,
) -> None:
    run = await world.a_run("a", supervisor=COMMAND)
    await world.fleet.claim()
    (process,) = [one for one in await world.fleet.live(run) if one.role == "ORCHESTRATOR"]
    stream = await orders(world, process.id)
    (first,) = await take(stream, 1)
    await closed(stream)
    env = {one["name"]: one["value"] for one in first["assignment"]["env"]}
    assert (env["TRACKSIDE_RUN_ID"], env["TRACKSIDE_HEARTBEAT_SECONDS"]) == (run, "30")
    actor = await world.fleet.db.read(store.tokens.actor_of, env["TRACKSIDE_TOKEN"])
    assert actor is not None
    assert (actor.role, actor.run_id, actor.worker_id) == ("ORCHESTRATOR", run, None)
    assert "trackside heartbeat" in first["assignment"]["prompt"]


async def test_variables_of_the_caller_reach_the_worker_and_never_cover_our_own(world: World) -> None:
    spawned = await world.api.do(
        "spawnWorker",
        "worker { id }",
        runId=world.run,
        runtime={"command": ["true"]},
        skill="writing",
        env=[{"name": "COLOUR", "value": "red"}],
    )
    stream = await orders(world, spawned["worker"]["id"])
    (first,) = await take(stream, 1)
    await closed(stream)
    env = {one["name"]: one["value"] for one in first["assignment"]["env"]}
    assert (env["COLOUR"], env["TRACKSIDE_SKILL"], env["TRACKSIDE_TASK_ID"]) == ("red", "writing", "")


@pytest.mark.parametrize(
    ("name", "model", "told"),
    [
        ("helper", None, ("acp", ["true", "acp"], "m-1", "calm", None)),
        ("helper", "m-2", ("acp", ["true", "acp"], "m-2", "calm", None)),
        (
            "gone",
            None,
            ("command", [], None, None, "There is no agent 'gone' in the settings of this host's server."),
        ),
    ],
)
async def test_an_agent_is_started_as_the_server_has_it_configured(
    world: World, name: str, model: str | None, told: tuple[Any, ...]
) -> None:
    runtime = {"kind": "agent", "name": name, "model": model, "prompt": "Be brief."}
    run = await world.a_run("task", runtime=runtime)
    await world.fleet.claim()
    worker = str((await world.fleet.task(run, "task")).worker_id)
    stream = await orders(world, worker)
    (first,) = await take(stream, 1)
    await closed(stream)
    assignment = first["assignment"]
    names = ("runtime", "argv", "model", "mode", "problem")
    assert tuple(assignment[one] for one in names) == told
    assert assignment["prompt"].startswith("Be brief.\n\n---\n\n# task:")
    env = {one["name"]: one["value"] for one in assignment["env"]}
    assert env.get("SHADE") == ("blue" if name == "helper" else None)


async def answered(world: World) -> None:
    await world.api.do("answerAttention", itemId=world.item, answer="red")


async def told(world: World, change: Any, **arguments: Any) -> None:
    await world.fleet.do(change, **arguments)


CONCERNS: Final[dict[str, tuple[Act, dict[str, Any]]]] = {
    "killWorker": (
        lambda world: world.api.do("killWorker", workerId=world.worker, graceSeconds=3),
        {"desired": "STOP", "graceSeconds": 3},
    ),
    "pauseWorker": (lambda world: world.api.do("pauseWorker", workerId=world.worker), {"desired": "PAUSE"}),
    "pauseRun": (
        lambda world: told(world, commands.runs.pause, run_id=world.run, mode=Urgency.NOW),
        {"desired": "PAUSE"},
    ),
    "stopRun": (
        lambda world: told(world, commands.runs.stop, run_id=world.run, mode=Urgency.NOW),
        {"desired": "STOP"},
    ),
    "answerAttention": (answered, {"waiting": False}),
    "dismissAttention": (
        lambda world: world.api.do("dismissAttention", itemId=world.item),
        {"waiting": False},
    ),
    "removeTask": (
        lambda world: world.api.do(
            "mutateDag", runId=world.run, operations=[{"removeTask": {"task": "build", "killWorker": True}}]
        ),
        {"desired": "STOP"},
    ),
    **{
        f"injectContext into its {noun}": (
            lambda world, noun=noun: world.api.do(
                "injectContext", target={f"{noun}Id": getattr(world, noun)}, items=[{"text": "More."}]
            ),
            {"desired": "RUN"},
        )
        for noun in ("worker", "task", "run")
    },
}


@pytest.mark.parametrize("name", CONCERNS)
async def test_they_are_sent_again_on_every_change_that_concerns_the_worker(world: World, name: str) -> None:
    act, expected = CONCERNS[name]
    stream = await orders(world, world.worker)
    (before,) = await take(stream, 1)
    await act(world)
    (after,) = await take(stream, 1)
    assert {field: after[field] for field in expected} == expected
    assert after["revision"] == before["revision"] + 1
    if "inject" in name:
        assert [one["content"] for one in after["inbox"]] == ["Mind the gap.", "More."]
    await closed(stream)


async def test_a_change_and_its_undoing_are_both_seen(world: World) -> None:
    worker = await world.a_worker()
    task = (await world.fleet.worker(worker)).task_id
    stream = await orders(world, worker)
    seen = await take(stream, 1)
    for act, field in (
        (lambda: world.api.do("pauseWorker", workerId=worker), "PAUSE"),
        (lambda: world.api.do("resumeWorker", workerId=worker), "RUN"),
        (lambda: world.api.do("blockTask", taskId=task), "PAUSE"),
        (lambda: world.api.do("unblockTask", taskId=task), "RUN"),
    ):
        await act()
        seen += await take(stream, 1)
        assert seen[-1]["desired"] == field
    assert [one["revision"] for one in seen] == list(range(seen[0]["revision"], seen[0]["revision"] + 5))
    await closed(stream)


async def test_asking_stops_the_clock_of_the_runner(world: World) -> None:
    worker = await world.a_worker()
    agent = await world.agent_of(worker)
    stream = await orders(world, worker)
    (before,) = await take(stream, 1)
    asked = await agent.do("askQuestion", "item { id }", runId=agent.actor.run_id, question="How many?")
    (waiting,) = await take(stream, 1)
    await world.api.do("answerAttention", itemId=asked["item"]["id"], answer=3)
    (going_on,) = await take(stream, 1)
    assert [one["waiting"] for one in (before, waiting, going_on)] == [False, True, False]
    await closed(stream)


async def test_nothing_else_makes_them_be_sent_again(world: World) -> None:
    other = await world.a_worker()
    stream = await orders(world, world.worker)
    (before,) = await take(stream, 1)
    await world.api.do("configureRun", runId=world.run, maxWorkers=2)
    await world.api.do("pauseWorker", workerId=other)
    await world.api.do("killWorker", workerId=other)
    await world.api.do("reportProgress", workerId=world.worker, progress=1)
    await world.api.do("pauseRun", runId=world.run, mode="DRAIN")
    await world.api.do(
        "mutateDag", runId=world.run, operations=[{"updateTask": {"task": "test", "title": "T"}}]
    )
    await world.api.do("injectContext", target={"taskId": world.later_task}, items=[{"text": "Later."}])
    reports = [Lines([]), Seen(before["revision"]), Delivered([world.context]), Paused()]
    await world.fleet.report(world.worker, *reports)
    await world.api.do("killWorker", workerId=world.worker)
    (after,) = await take(stream, 1)
    assert (after["desired"], after["revision"]) == ("STOP", before["revision"] + 1)
    await closed(stream)


async def test_what_is_delivered_is_not_sent_again(world: World) -> None:
    await world.fleet.report(world.worker, Delivered([world.context]))
    stream = await orders(world, world.worker)
    (first,) = await take(stream, 1)
    assert (first["inbox"], first["acceptedReports"]) == ([], 2)
    await closed(stream)


async def test_a_worker_that_is_over_still_has_orders_for_a_runner_that_comes_back(world: World) -> None:
    await world.fleet.report(world.worker, Exited(ExitReason.EXITED, exit_code=0))
    stream = await orders(world, world.worker)
    (first,) = await take(stream, 1)
    assert (first["acceptedReports"], first["inbox"], first["waiting"]) == (2, [], False)
    await closed(stream)


COMMANDS: Final = (
    'subscription($it: EventFilter) { events(filter: $it, after: "0") '
    "{ ... on CommandChanged { command { status } } } }"
)


async def test_a_request_comes_further_as_the_runner_takes_part(world: World) -> None:
    worker = await world.a_worker()

    async def status(command: dict[str, Any]) -> str:
        found = await world.api.query(
            "query($id: ID!) { node(id: $id) { ... on Command { status } } }", id=command["id"]
        )
        return str(found["node"]["status"])

    paused = (await world.api.do("pauseWorker", "command { id status }", workerId=worker))["command"]
    assert paused["status"] == "REQUESTED"
    stream = await orders(world, worker)
    (sent,) = await take(stream, 1)
    waiting = asyncio.ensure_future(anext(stream))  # who waits for more has been sent this
    following = world.api.follow(COMMANDS, it={"types": ["CommandChanged"], "workerIds": [worker]})
    changed = await take(following, 2)  # once for the request, once for the delivery
    assert changed[-1]["command"]["status"] == await status(paused) == "DELIVERED"
    await world.fleet.report(worker, Seen(sent["revision"]))
    assert await status(paused) == "ACKNOWLEDGED"
    await world.fleet.report(worker, Paused())
    assert await status(paused) == "EFFECTIVE"
    waiting.cancel()
    await closed(following)
