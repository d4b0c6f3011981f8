"""Heartbeats over the API: who may send them, who is told, what is refused."""

from typing import Any, Final

import pytest

from app.domain.access import Role
from tests.factories import an_actor
from tests.schema.world import World

EVENTS: Final = """query($run: ID!, $asked: Boolean, $types: [String!]) {
  events(filter: {runIds: [$run], includeHeartbeats: $asked, types: $types}, last: 3) { edges { node { __typename
    ... on HeartbeatReceived { state phase activity progress } } } } }"""
BEAT: Final = {"state": "WAITING_FOR_TASKS", "currentActivity": "Reading", "progress": 40, "phase": "phase-1"}


async def told(world: World, run: str, **variables: Any) -> list[dict[str, Any]]:
    found = await world.api.query(EVENTS, run=run, **variables)
    return [edge["node"] for edge in found["events"]["edges"]]


async def test_the_token_of_a_runs_orchestrator_beats_for_it_alone(world: World) -> None:
    run, other = await world.a_run("a"), await world.a_run("a")
    orchestrator = await world.orchestrator_of(run)
    assert await orchestrator.do("heartbeat", "at everySeconds", runId=run, **BEAT) == {
        "at": "2026-01-01T12:00:00Z",
        "everySeconds": 30.0,
        "userErrors": [],
    }
    assert (await orchestrator.refused("heartbeat", runId=other, **BEAT))["code"] == "NOT_FOUND"
    for stranger in (await world.agent_of(world.worker), world.api):
        assert (await stranger.refused("heartbeat", runId=world.run, **BEAT))["code"] == "FORBIDDEN"
    assert (await world.fleet.run(world.run)).status == "WAITING_FOR_INPUT"


async def test_the_supervisor_is_what_it_says(world: World) -> None:
    run = await world.a_run("a")
    task = (await world.fleet.task(run, "a")).id
    agent = await world.orchestrator_of(run)
    await agent.do("heartbeat", runId=run, pendingTaskIds=[task, task], **BEAT)
    await agent.do("heartbeat", runId=run, state="WORKING", progress=50)
    document = """query($run: ID!) { run(id: $run) { supervisor { isAgent state currentActivity progress alive
        lastHeartbeatAt pendingTasks { key } heartbeats(first: 2) { at state activity progress } } } }"""
    found = (await world.api.query(document, run=run))["run"]["supervisor"]
    at = "2026-01-01T12:00:00Z"
    assert found == {
        "isAgent": True,
        "state": "WORKING",
        "currentActivity": "Reading",
        "progress": 50,
        "alive": True,
        "lastHeartbeatAt": at,
        "pendingTasks": [{"key": "a"}],
        "heartbeats": [
            {"at": at, "state": "WORKING", "activity": "Reading", "progress": 50},
            {"at": at, "state": "WAITING_FOR_TASKS", "activity": "Reading", "progress": 40},
        ],
    }
    await agent.do("heartbeat", runId=run, state="FAILED")
    assert (await world.api.query(document, run=run))["run"]["supervisor"]["alive"] is False
    assert (await agent.refused("heartbeat", runId=run, **BEAT))["code"] == "SUPERVISOR_DEAD"


async def test_heartbeats_are_told_to_those_who_ask(world: World) -> None:
    run = await world.a_run("a")
    await (await world.orchestrator_of(run)).do("heartbeat", runId=run, **BEAT)
    heard = {
        "__typename": "HeartbeatReceived",
        "state": "WAITING_FOR_TASKS",
        "phase": "phase-1",
        "activity": "Reading",
        "progress": 40,
    }
    assert heard in await told(world, run, asked=True)
    for unasked in ({}, {"asked": False}, {"types": ["HeartbeatReceived"]}):
        assert heard not in await told(world, run, **unasked)
    dashboard = await world.api.query("{ dashboard { recentEvents(first: 3) { __typename } } }")
    assert heard["__typename"] not in [one["__typename"] for one in dashboard["dashboard"]["recentEvents"]]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"progress": 101}, "INVALID_INPUT"),
        ({"progress": -1}, "INVALID_INPUT"),
        ({"currentActivity": "x" * 501}, "LIMIT_EXCEEDED"),
        ({"phase": "elsewhere"}, "NOT_FOUND"),
        ({"pendingTaskIds": ["task_none"]}, "NOT_FOUND"),
        ({"pendingTaskIds": [f"task_{n}" for n in range(101)]}, "LIMIT_EXCEEDED"),
        ({"idempotencyKey": "x" * 201}, "LIMIT_EXCEEDED"),
        ({"memo": "x" * 16_385}, "LIMIT_EXCEEDED"),
        ({"memo": "\x1b[2J"}, "INVALID_INPUT"),
        ({"sessionId": "x" * 201}, "LIMIT_EXCEEDED"),
        ({"sessionId": "two\nlines"}, "INVALID_INPUT"),
    ],
)
async def test_nonsense_changes_nothing(world: World, wrong: dict[str, Any], code: str) -> None:
    before = await world.dump()
    agent = await world.orchestrator_of(world.run)
    assert (await agent.refused("heartbeat", runId=world.run, **{**BEAT, **wrong}))["code"] == code
    assert await world.dump() == before


async def test_supervisors_of_runs_that_stand_still_are_restarted_together(world: World) -> None:
    admin = world.api.by(an_actor(Role.ADMIN))
    batch = {"operation": "RESTART_STALE", "dryRun": False}
    fields = "affectedIds runs { supervisor { restarts } }"
    assert (await admin.do("batchRuns", fields, **batch))["affectedIds"] == []
    world.fleet.clock.advance(minutes=31)
    done = await admin.do("batchRuns", fields, **batch)
    assert (done["affectedIds"], done["runs"]) == ([world.run], [{"supervisor": {"restarts": 1}}])
    assert (await admin.do("batchRuns", fields, **batch))["affectedIds"] == []
