"""What clients see of tokens and money."""

from typing import Any, Final

import pytest

from app.domain import limits
from app.domain.access import Role
from tests.conftest import BOTH
from tests.factories import an_actor
from tests.schema.api import Failed
from tests.schema.test_statements import cost
from tests.schema.world import World

USAGE: Final = "{ inputTokens outputTokens cacheReadTokens cacheWriteTokens costUsd }"
OF_WORLD: Final = {
    "inputTokens": 1200,
    "outputTokens": 80,
    "cacheReadTokens": 0,
    "cacheWriteTokens": 0,
    "costUsd": "0.0125",
}
BUCKETS: Final = f"""query($filter: UsageFilter, $by: UsageGroup, $interval: UsageInterval, $first: Int) {{
  usage(filter: $filter, groupBy: $by, interval: $interval, first: $first) {{
    key label start node {{ __typename id }} usage {USAGE}
  }}
}}"""


async def tell(world: World, worker: str, *reports: dict[str, Any]) -> None:
    runner = await world.runner_of(worker)
    row = await world.fleet.worker(worker)
    at = world.fleet.clock().isoformat()
    numbered = [{"n": row.reports + n, "at": at, "usage": one} for n, one in enumerate(reports, 1)]
    await runner.do("reportWorker", workerId=worker, fence=row.fence, reports=numbered)


async def buckets(world: World, **variables: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.api.query(BUCKETS, **variables))["usage"]
    return found


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_what_runners_report_is_seen_everywhere(world: World) -> None:
    worker = await world.a_worker()
    query = f"""query($id: ID!) {{ worker(id: $id) {{
      model usage {USAGE} task {{ usage {USAGE} }} run {{ usage {USAGE} }}
    }} }}"""
    empty = (await world.api.query(query, id=worker))["worker"]
    assert empty == {"model": None, "usage": None, "task": {"usage": None}, "run": {"usage": None}}
    await tell(
        world,
        worker,
        {"model": "m-2", "inputTokens": 10, "outputTokens": 2, "costUsd": "0.10"},
        {"model": "m-3", "cacheReadTokens": 3, "cacheWriteTokens": 4, "costUsd": "1.2000000001"},
    )
    told = {
        "inputTokens": 10,
        "outputTokens": 2,
        "cacheReadTokens": 3,
        "cacheWriteTokens": 4,
        "costUsd": "1.3000000001",
    }
    found = (await world.api.query(query, id=worker))["worker"]
    assert found == {"model": "m-3", "usage": told, "task": {"usage": told}, "run": {"usage": told}}
    dashboard = (await world.api.query(f"{{ dashboard {{ usage {USAGE} }} }}"))["dashboard"]["usage"]
    assert (dashboard["inputTokens"], dashboard["costUsd"]) == (1210, "1.3125000001")
    await world.fleet.exit(worker)
    kinds = '{ events(filter: {types: ["WorkerReported"]}) { edges { node { ... on WorkerReported { usage { costUsd } } } } } }'
    events = (await world.api.query(kinds))["events"]["edges"]
    assert [edge["node"]["usage"] for edge in events] == [{"costUsd": "0.1"}, {"costUsd": "1.2000000001"}]


GROUPS: Final[dict[str, tuple[str | None, str | None]]] = {
    "PROJECT": ("project", "Project"),
    "RUN": ("run", "Run"),
    "PHASE": ("phase", "Phase"),
    "TASK": ("task", "Task"),
    "WORKER": ("worker", "Worker"),
    "MODEL": (None, None),
    "DAY": (None, None),
}


@pytest.mark.parametrize("group", GROUPS)
async def test_a_bucket_says_what_it_is_of(world: World, group: str) -> None:
    name, kind = GROUPS[group]
    (found,) = await buckets(world, by=group)
    day = world.fleet.clock().date().isoformat()
    assert found["usage"] == OF_WORLD
    assert found["start"] == (f"{day}T00:00:00Z" if group == "DAY" else None)
    if name is None:
        assert found["node"] is None
        assert found["key"] == found["label"] == ("m-1" if group == "MODEL" else day)
    else:
        assert found["node"] == {"__typename": kind, "id": getattr(world, name)}
        assert found["key"] == getattr(world, name)
        query = "query($id: ID!) { node(id: $id) { ... on %s { words: %s } } }"
        words = "title" if group in ("PHASE", "TASK") else "name"
        node = (await world.api.query(query % (kind, words), id=found["key"]))["node"]
        assert found["label"] == node["words"]


async def test_buckets_are_narrowed_and_limited(world: World) -> None:
    other = await world.a_worker()
    await tell(world, other, {"model": "m-2", "inputTokens": 1, "costUsd": "5"})
    assert [one["label"] for one in await buckets(world, by="MODEL")] == ["m-2", "m-1"]
    assert [one["label"] for one in await buckets(world, by="MODEL", first=1)] == ["m-2"]
    assert await buckets(world, by="MODEL", first=0) == []
    (narrow,) = await buckets(world, by="MODEL", filter={"runId": world.run})
    assert narrow["label"] == "m-1"
    assert await buckets(world, filter={"until": "2000-01-01T00:00:00Z"}) == []
    (hour,) = await buckets(world, filter={"since": world.fleet.clock().isoformat()}, interval="HOUR")
    assert hour["start"].endswith(":00:00Z")
    assert (await world.api.query("{ usage { key } }"))["usage"] == [{"key": world.project}]
    assert len(await buckets(world, by="MODEL", first=limits.USAGE_BUCKETS)) == 2
    with pytest.raises(Failed, match="INVALID_INPUT"):
        await buckets(world, first=limits.USAGE_BUCKETS + 1)
    elsewhere = world.api.by(an_actor(Role.ADMIN, project_id="proj_other"))
    assert (await elsewhere.query("{ usage { key } }"))["usage"] == []


async def test_runs_are_ordered_by_what_they_cost_page_by_page(world: World) -> None:
    costs = ["0.0124", "0.0126", "7", "0.5"]
    workers = [await world.a_worker() for _ in costs]
    for worker, cost_usd in zip(workers, costs, strict=True):
        await tell(world, worker, {"model": "m", "costUsd": cost_usd})
    await world.a_run("idle")
    query = """query($after: String) { runs(orderBy: COST_DESC, first: 2, after: $after) {
      edges { node { usage { costUsd } } } pageInfo { hasNextPage endCursor }
    } }"""
    found: list[str | None] = []
    after = None
    while True:
        page = (await world.api.query(query, after=after))["runs"]
        usages = [edge["node"]["usage"] for edge in page["edges"]]
        found += [usage and usage["costUsd"] for usage in usages]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == ["7", "0.5", "0.0126", "0.0125", "0.0124", None]


async def test_many_buckets_and_many_rows_cost_no_more_statements(world: World) -> None:
    for _ in range(6):
        await tell(world, await world.a_worker(), {"model": "m", "inputTokens": 1})
    tasks = (
        "query($first: Int) { usage(groupBy: TASK, first: $first) { label node { id } usage { costUsd } } }"
    )
    assert await cost(world, tasks, first=1) == await cost(world, tasks, first=7) <= 4
    workers = (
        "query($first: Int) { workers(first: $first) { edges { node { "
        "model usage { costUsd } task { usage { costUsd } } run { usage { costUsd } } } } } }"
    )
    assert await cost(world, workers, first=7) <= 6, "workers, tasks, runs, and the sums of each"


@pytest.mark.parametrize(
    "bad",
    [0.5, 1, "NaN", "Infinity", "1e5", "", "1.", ".5", "--1", "1" * 19, "0." + "1" * 19, " 1", "\u0661"],
)
async def test_a_decimal_is_digits_as_text(world: World, bad: object) -> None:
    with pytest.raises(Failed):
        await tell(world, world.worker, {"model": "m", "costUsd": bad})
    assert [one["usage"] for one in await buckets(world)] == [OF_WORLD]


@pytest.mark.parametrize("bad", [2**53, -(2**53), 1.5, "1", True])
async def test_a_whole_number_is_one_that_javascript_holds(world: World, bad: object) -> None:
    with pytest.raises(Failed):
        await tell(world, world.worker, {"model": "m", "inputTokens": bad})
    await tell(world, world.worker, {"model": "m", "inputTokens": 2**53 - 1})
