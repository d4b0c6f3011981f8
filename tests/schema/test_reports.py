"""What a runner says, as the API takes it."""

from typing import Any

from tests.schema.world import World


async def test_a_beat_is_noted(world: World) -> None:
    runner = await world.runner_of(world.worker)
    now = world.fleet.clock.advance(seconds=7)
    await runner.do("beatWorker", workerId=world.worker, fence=1)
    assert (await world.fleet.worker(world.worker)).last_heartbeat_at == now


async def test_a_report_holds_one_fact(world: World) -> None:
    runner = await world.runner_of(world.worker)
    at = "2026-01-01T12:00:00Z"
    for report in ({}, {"paused": False}, {"paused": True, "seen": 1}, {"lines": [], "delivered": []}):
        refused = await runner.refused(
            "reportWorker", workerId=world.worker, fence=1, reports=[{"n": 2, "at": at, **report}]
        )
        assert refused["code"] == "INVALID_INPUT"
    assert (await world.fleet.worker(world.worker)).reports == 1


async def test_reports_are_taken_in_order_and_once(world: World) -> None:
    runner = await world.runner_of(world.worker)
    at = "2026-01-01T12:00:00Z"

    def line(n: int) -> dict[str, Any]:
        return {"n": n, "at": at, "lines": [{"stream": "AGENT", "text": f"line {n}", "at": at}]}

    for numbers, accepted in (([3, 2], 3), ([2, 3], 3), ([5], 3), ([3, 4, 6], 4), ([], 4)):
        answer = await runner.do(
            "reportWorker",
            "acceptedReports",
            workerId=world.worker,
            fence=1,
            reports=[line(n) for n in numbers],
        )
        assert answer["acceptedReports"] == accepted
    document = "query($id: ID!) { worker(id: $id) { logs { edges { node { text } } } } }"
    logs = (await world.api.query(document, id=world.worker))["worker"]["logs"]
    assert [edge["node"]["text"] for edge in logs["edges"]] == ["line 2", "line 3", "line 4"]
