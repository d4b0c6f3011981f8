"""What a dashboard shows, and when it shows it again."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from app import commands
from app.domain.access import Role
from app.schema.context import Services
from tests.conftest import BOTH, Clock
from tests.factories import OPERATOR, an_actor
from tests.fleet import Fleet
from tests.schema.api import Api
from tests.schema.world import World

SHOWN: Final = """query($project: ID, $patience: Int, $first: Int) {
  dashboard(projectId: $project, staleAfterSeconds: $patience) {
    statusCounts { status count } phaseCounts { phase count }
    stale(first: $first) { run { name } staleSeconds } attention(first: $first) { title }
    recentEvents(first: $first) { cursor __typename } resources { supervisors runningTasks pendingTasks }
  }
}"""


async def shown(world: World, **variables: Any) -> Any:
    return (await world.api.query(SHOWN, **variables))["dashboard"]


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_it_shows_what_there_is(world: World, clock: Clock) -> None:
    await world.fleet.a_run("elsewhere", start=False)
    await world.a_run("a", "b < a", name="quiet")
    await world.a_run("new", start=False)
    clock.advance(seconds=90)
    await world.fleet.lead()
    ours = await shown(world, project=world.project, patience=60)
    assert ours["statusCounts"] == [
        {"status": "ACTIVE", "count": 1},
        {"status": "CREATED", "count": 1},
        {"status": "WAITING_FOR_INPUT", "count": 1},
    ]
    assert ours["phaseCounts"] == [{"phase": "phase-1", "count": 2}]
    assert ours["stale"] == [
        {"run": {"name": "A plan"}, "staleSeconds": 90},
        {"run": {"name": "quiet"}, "staleSeconds": 90},
    ]
    assert ours["attention"] == [{"title": "Which colour?"}]
    assert ours["resources"] == {"supervisors": 2, "runningTasks": 1, "pendingTasks": 4}
    assert len(ours["recentEvents"]) == 10
    cursors = [int(event["cursor"]) for event in ours["recentEvents"]]
    assert cursors == sorted(cursors, reverse=True)
    everything = await shown(world, patience=60)
    assert everything["statusCounts"][1] == {"status": "CREATED", "count": 2}
    assert (await shown(world))["stale"] == []
    one = await shown(world, patience=60, first=1)
    assert [len(one[part]) for part in ("stale", "attention", "recentEvents")] == [1, 1, 1]
    error = await world.api.error("{ dashboard { stale(first: 101) { staleSeconds } } }")
    assert error["code"] == "INVALID_INPUT"


async def test_a_supervisor_that_gave_up_is_not_at_work(world: World) -> None:
    run = await world.a_run("a")
    assert (await shown(world, project=world.project))["resources"]["supervisors"] == 2
    await (await world.orchestrator_of(run)).do("heartbeat", runId=run, state="FAILED")
    assert (await shown(world, project=world.project))["resources"]["supervisors"] == 1
    await world.api.do("restartSupervisor", runId=run)
    assert (await shown(world, project=world.project))["resources"]["supervisors"] == 2


async def test_a_token_of_a_project_sees_that_project(world: World, clock: Clock) -> None:
    await world.fleet.a_run("elsewhere", name="elsewhere")
    clock.advance(seconds=90)
    us = world.api.by(an_actor(Role.VIEWER, project_id=world.project))
    scoped = (await us.query(SHOWN, patience=60))["dashboard"]
    assert scoped == await shown(world, project=world.project, patience=60)
    assert [one["run"]["name"] for one in scoped["stale"]] == ["A plan"]
    assert len((await shown(world, patience=60))["stale"]) == 2


async def test_how_long_a_run_may_be_silent_is_the_operators_to_say(services: Services, clock: Clock) -> None:
    patient = Api(replace(services, stale_after=timedelta(seconds=60)), OPERATOR)
    hasty = "{ dashboard { stale { run { name } } } runs(filter: {stale: true}) { totalCount } }"
    fleet = Fleet(services.db, clock)
    await fleet.a_run("one", name="quiet")
    assert (await patient.query(hasty))["runs"] == {"totalCount": 0}
    clock.advance(seconds=61)
    found = await patient.query(hasty)
    assert (found["dashboard"]["stale"], found["runs"]) == ([{"run": {"name": "quiet"}}], {"totalCount": 1})
    assert (await Api(services, OPERATOR).query(hasty))["runs"] == {"totalCount": 0}
    stream = patient.follow("subscription { dashboard { stale { staleSeconds } } }")
    assert await anext(stream) == {"dashboard": {"stale": [{"staleSeconds": 61}]}}
    await stream.aclose()  # type: ignore[attr-defined]


async def test_it_comes_again_when_something_happens_and_not_more_than_twice_a_second(world: World) -> None:
    document = "subscription($it: ID) { dashboard(projectId: $it) { statusCounts { status count } } }"
    stream = world.api.follow(document, it=world.project)
    async with asyncio.timeout(20):
        first = await anext(stream)
        began = time.monotonic()
        later = asyncio.ensure_future(anext(stream))
        for _ in range(5):
            await world.a_run(start=False)
        second = await later
        took = time.monotonic() - began
    counts = {one["status"]: one["count"] for one in second["dashboard"]["statusCounts"]}
    assert took >= 0.5
    assert counts["CREATED"] == 5, "what came within the pause was not shown together"
    assert first != second
    await stream.aclose()  # type: ignore[attr-defined]


async def test_what_happens_elsewhere_does_not_bring_it_again(world: World) -> None:
    document = "subscription($it: ID) { dashboard(projectId: $it) { recentEvents(first: 1) { cursor } } }"
    stream = world.api.follow(document, it=world.project)
    async with asyncio.timeout(20):
        await anext(stream)
        again = asyncio.ensure_future(anext(stream))
        await world.fleet.a_run("elsewhere")
        receipt = await world.fleet.do(commands.runs.configure, run_id=world.run, max_workers=3)
        shown_again = await again
    assert receipt.command_id
    head = (await world.api.query("{ cursor }"))["cursor"]
    assert shown_again["dashboard"]["recentEvents"] == [{"cursor": head}]
    await stream.aclose()  # type: ignore[attr-defined]
