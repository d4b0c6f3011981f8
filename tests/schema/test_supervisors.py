"""What a run's supervisor says over the API."""

from typing import Any, Final

from app.store import leases
from app.store.db import Tx
from tests.factories import COMMAND
from tests.schema.world import World

SUPERVISOR: Final = """query($run: ID!, $first: Int) { run(id: $run) { supervisor {
  id state isAgent currentActivity progress pendingTasks(first: $first) { key } restarts lastHeartbeatAt alive
} } }"""

DEATHS: Final = """query($run: ID!) { events(filter: {runIds: [$run], types: ["SupervisorStateChanged"]}) { edges { node {
  ... on SupervisorStateChanged { newState reason } } } } }"""


async def seen(world: World, run: str, **variables: Any) -> dict[str, Any]:
    found = await world.api.query(SUPERVISOR, run=run, **variables)
    supervisor: dict[str, Any] = found["run"]["supervisor"]
    assert supervisor.pop("id").startswith("sup_")
    return supervisor


def nobody_leads(tx: Tx) -> None:
    leases.release(tx, leases.ENGINE, session="host_of_the_fleet")


async def test_the_built_in_one_tells_of_its_run(world: World) -> None:
    run = await world.a_run("a", "b", "c < a b", "d < c")
    await world.fleet.finish(run, "a")
    assert await seen(world, run) == {
        "state": "WORKING",
        "isAgent": False,
        "currentActivity": "Tasks: 1 ready",
        "progress": 25,
        "pendingTasks": [],
        "restarts": 0,
        "lastHeartbeatAt": "2026-01-01T12:00:00Z",
        "alive": True,
    }
    await world.fleet.working(run, "b")
    found = await seen(world, run)
    assert (found["currentActivity"], found["pendingTasks"]) == ("Tasks: 1 running", [{"key": "b"}])
    assert (await seen(world, run, first=0))["pendingTasks"] == []


async def test_it_lives_as_long_as_a_server_leads_and_its_run_goes_on(world: World) -> None:
    run = await world.a_run("a")
    await world.fleet.finish(run, "a")
    assert (await seen(world, run))["alive"] is False
    assert (await seen(world, world.run))["alive"] is True
    await world.fleet.db.write(nobody_leads)
    assert (await seen(world, world.run))["alive"] is False


async def test_the_log_tells_of_its_states(world: World) -> None:
    document = """query($run: ID!) { events(filter: {runIds: [$run], types: ["SupervisorStateChanged"]}) { edges { node {
        actor run { id } ... on SupervisorStateChanged { oldState newState reason } } } } }"""
    run = await world.a_run("a", start=False)
    found = await world.api.query(document, run=run)
    (edge,) = found["events"]["edges"]
    assert edge["node"] == {
        "actor": "olga",
        "run": {"id": run},
        "oldState": None,
        "newState": "INITIALIZING",
        "reason": None,
    }


async def test_one_that_is_started_is_a_worker_with_a_token_for_its_run(world: World) -> None:
    run = await world.a_run("a", supervisor=COMMAND)
    document = """query($run: ID!) { run(id: $run) { supervisor { alive startsAt worker { id role task { id } } } } }"""

    async def look() -> Any:
        return (await world.api.query(document, run=run))["run"]["supervisor"]

    assert await look() == {"alive": False, "startsAt": "2026-01-01T12:00:00Z", "worker": None}
    await world.fleet.claim()
    found = await look()
    id = found["worker"].pop("id")
    assert found == {"alive": True, "startsAt": None, "worker": {"role": "ORCHESTRATOR", "task": None}}
    await world.fleet.exit(await world.fleet.up(id), 1)
    assert await look() == {"alive": False, "startsAt": "2026-01-01T12:00:01Z", "worker": None}
    (event,) = [
        edge["node"]
        for edge in (await world.api.query(DEATHS, run=run))["events"]["edges"]
        if edge["node"]["newState"] == "INTERRUPTED"
    ]
    assert event["reason"] == "The process ended with exit code 1."
