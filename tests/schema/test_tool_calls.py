"""What clients see of the tools that agents call."""

import asyncio
from typing import Any, Final

import pytest

from app.domain.access import Role
from tests.conftest import BOTH
from tests.factories import an_actor
from tests.live.waiting import until
from tests.schema.world import World

AT: Final = "2026-01-01T12:00:0"
CALL: Final = "id name inputSummary status startedAt durationMs error"
ACTIVITY: Final = """subscription($filter: EventFilter, $after: Cursor) { activity(filter: $filter, after: $after) {
  __typename
  ... on ToolStarted { tool inputSummary worker { id } call { status } }
  ... on ToolCompleted { tool durationMs success worker { id } call { status } }
} }"""


async def tell(world: World, *bodies: dict[str, Any]) -> None:
    runner = await world.runner_of(world.worker)
    taken = (await world.fleet.worker(world.worker)).reports
    reports = [{"n": taken + n, "at": f"{AT}{n}Z", **body} for n, body in enumerate(bodies, 1)]
    await runner.do("reportWorker", workerId=world.worker, fence=1, reports=reports)


async def two_calls(world: World) -> None:
    await tell(
        world,
        {"toolStarted": {"call": "x", "name": "Read", "inputSummary": "a.py"}},
        {"toolStarted": {"call": "y", "name": "Write"}},
        {"toolEnded": {"call": "x"}},
    )


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_calls_are_listed_and_found_by_their_ids(world: World) -> None:
    query = f"""query($id: ID!) {{ worker(id: $id) {{
      lastToolCall {{ name status }} toolCalls {{ edges {{ node {{ {CALL} }} }} }}
    }} }}"""
    worker = (await world.api.query(query, id=world.worker))["worker"]
    assert worker == {"lastToolCall": None, "toolCalls": {"edges": []}}
    await two_calls(world)
    worker = (await world.api.query(query, id=world.worker))["worker"]
    assert worker["lastToolCall"] == {"name": "Write", "status": "STARTED"}
    read, write = [edge["node"] for edge in worker["toolCalls"]["edges"]]
    assert {**read, "id": None} == {
        "id": None,
        "name": "Read",
        "inputSummary": "a.py",
        "status": "COMPLETED",
        "startedAt": f"{AT}1Z",
        "durationMs": 2000,
        "error": None,
    }
    assert (write["status"], write["inputSummary"], write["durationMs"]) == ("STARTED", None, None)
    node = f"query($id: ID!) {{ node(id: $id) {{ ... on ToolCall {{ {CALL} }} }} }}"
    assert (await world.api.query(node, id=read["id"]))["node"] == read
    elsewhere = world.api.by(an_actor(Role.ADMIN, project_id="proj_other"))
    assert (await elsewhere.query(node, id=read["id"]))["node"] is None


async def test_activity_is_the_calls_as_they_start_and_end_and_nothing_else(world: World) -> None:
    stream = world.api.follow(ACTIVITY, after="0")
    await two_calls(world)
    seen = [(await anext(stream))["activity"] for _ in range(3)]
    worker = {"id": world.worker}
    assert seen[0] == {
        "__typename": "ToolStarted",
        "tool": "Read",
        "inputSummary": "a.py",
        "worker": worker,
        "call": {"status": "COMPLETED"},
    }
    assert [(one["__typename"], one["tool"]) for one in seen[1:]] == [
        ("ToolStarted", "Write"),
        ("ToolCompleted", "Read"),
    ]
    assert (seen[2]["durationMs"], seen[2]["success"]) == (2000, True)
    await tell(world, {"exited": {"reason": "EXITED", "exitCode": 0}})
    last = (await anext(stream))["activity"]
    assert (last["tool"], last["success"], last["call"]) == ("Write", False, {"status": "FAILED"})
    await stream.aclose()  # type: ignore[attr-defined]


async def test_activity_is_filtered_as_events_are(world: World) -> None:
    ended = world.api.follow(ACTIVITY, after="0", filter={"types": ["ToolCompleted", "RunConfigured"]})
    elsewhere = world.api.by(an_actor(Role.VIEWER, project_id="proj_other")).follow(ACTIVITY, after="0")
    hidden = asyncio.ensure_future(anext(elsewhere))
    other = asyncio.ensure_future(anext(world.api.follow(ACTIVITY, after="0", filter={"runIds": ["run_x"]})))
    await until(lambda: world.api.services.tail.followers >= 2, "followers")
    await two_calls(world)
    assert (await anext(ended))["activity"]["__typename"] == "ToolCompleted"
    assert not hidden.done()
    assert not other.done()
    hidden.cancel()
    other.cancel()
    await asyncio.wait({hidden, other})
    await ended.aclose()  # type: ignore[attr-defined]
