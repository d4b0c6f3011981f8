"""Lists: their filters, their orders, their pages and the bounds of these."""

from typing import Any, Final

import pytest

from app import commands
from tests.conftest import BOTH, Clock
from tests.factories import a_plan, a_task
from tests.schema.api import Api
from tests.schema.world import World

LISTS: Final = {
    "attention": "attention",
    "commands": "commands",
    "events": "events",
    "projects": "projects",
    "runs": "runs",
    "tokens": "tokens",
    "workers": "workers",
    "run.tasks": "run(id: $run) { tasks",
    "run.workers": "run(id: $run) { workers",
    "run.attention": "run(id: $run) { attention",
    "project.runs": "project(id: $project) { runs",
    "worker.logs": "worker(id: $worker) { logs",
}
"""Every connection there is."""

UNCOUNTED: Final = {"commands", "events", "worker.logs"}
FULL_PAGE: Final = {"run.tasks": 5_000}


def query(name: str, arguments: str, fields: str) -> str:
    opening = LISTS[name]
    declared = [f"${one}: ID!" for one in ("run", "project", "worker") if f"${one}" in opening]
    head = f"query({', '.join(declared)})" if declared else "query"
    return f"{head} {{ {opening}{arguments} {{ {fields} }} {'}' * (opening.count('{') + 1)}"


async def ask(world: World, name: str, arguments: str, fields: str = "__typename") -> Any:
    """The list, without what stands around it."""
    found: Any = await world.api.query(query(name, arguments, fields), **ids(world, name))
    for part in LISTS[name].replace("(", " ").split(" { "):
        found = found[part.split()[0]]
    return found


def ids(world: World, name: str) -> dict[str, str]:
    return {one: getattr(world, one) for one in ("run", "project", "worker") if f"${one}" in LISTS[name]}


async def refusal(world: World, name: str, arguments: str) -> str:
    error = await world.api.error(query(name, arguments, "__typename"), **ids(world, name))
    return str(error["code"])


@pytest.fixture
async def long(world: World) -> World:
    """Three and more of everything."""
    for name in ("b", "a"):
        (world.root / name).mkdir()
        await world.api.do("createProject", name=name, root=str(world.root / name))
    runner = await world.runner_of(world.worker)
    at = "2026-01-01T12:00:00Z"
    lines = [{"stream": "STDOUT", "text": f"line {n}", "at": at} for n in range(5)]
    await runner.do(
        "reportWorker", workerId=world.worker, fence=1, reports=[{"n": 2, "at": at, "lines": lines}]
    )
    for question in ("Two?", "Three?"):
        await world.api.do("askQuestion", runId=world.run, question=question)
    for _ in range(2):
        await world.api.do("createToken", name="one more", role="VIEWER")
        await world.api.do("spawnWorker", runId=world.run, runtime={"command": ["true"]})
        await world.a_run()
    return world


NODE: Final = (
    "edges { cursor node { __typename } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
)


async def test_pages_forward_and_backward_make_the_whole_list(long: World) -> None:
    for name in LISTS:
        await check_pages(long, name)


async def check_pages(long: World, name: str) -> None:
    whole = await ask(long, name, "", NODE)
    cursors = [edge["cursor"] for edge in whole["edges"]]
    assert len(set(cursors)) == len(cursors) >= 3
    info = {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": cursors[0],
        "endCursor": cursors[-1],
    }
    assert whole["pageInfo"] == info
    forward: list[str] = []
    while True:
        after = f', after: "{forward[-1]}"' if forward else ""
        page = await ask(long, name, f"(first: 2{after})", NODE)
        assert page["pageInfo"]["hasPreviousPage"] is bool(forward)
        forward += [edge["cursor"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert forward == cursors
    backward: list[str] = []
    while True:
        before = f', before: "{backward[0]}"' if backward else ""
        page = await ask(long, name, f"(last: 2{before})", NODE)
        assert page["pageInfo"]["hasNextPage"] is bool(backward)
        backward = [edge["cursor"] for edge in page["edges"]] + backward
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert backward == cursors
    between = await ask(long, name, f'(first: 5, after: "{cursors[0]}", before: "{cursors[2]}")', NODE)
    assert [edge["cursor"] for edge in between["edges"]] == [cursors[1]]


async def test_a_page_has_bounds(long: World) -> None:
    for name in LISTS:
        await check_bounds(long, name)


async def check_bounds(long: World, name: str) -> None:
    most = FULL_PAGE.get(name, 100)
    for argument in ("first", "last"):
        assert await refusal(long, name, f"({argument}: -1)") == "INVALID_INPUT"
        assert await refusal(long, name, f"({argument}: {most + 1})") == "LIMIT_EXCEEDED"
        assert await refusal(long, name, f"({argument}: {2**31 - 1})") == "LIMIT_EXCEEDED"
        assert await refusal(long, name, f"({argument}: {2**31})") == "GRAPHQL_VALIDATION_FAILED"
        assert await ask(long, name, f"({argument}: {most})")
        nothing = await ask(long, name, f"({argument}: 0)", NODE)
        assert nothing["edges"] == []
        assert (nothing["pageInfo"]["startCursor"], nothing["pageInfo"]["endCursor"]) == (None, None)
    assert await refusal(long, name, "(first: 1, last: 1)") == "INVALID_INPUT"


async def test_null_is_left_out(long: World) -> None:
    given = "(first: null, after: null, last: null, before: null)"
    for name in LISTS:
        assert await ask(long, name, given, NODE) == await ask(long, name, "", NODE), name


async def test_the_total_does_not_depend_on_the_page(long: World) -> None:
    for name in LISTS.keys() - UNCOUNTED:
        whole = await ask(long, name, "", "totalCount edges { cursor }")
        assert whole["totalCount"] == len(whole["edges"])
        assert await ask(long, name, "(first: 1)", "totalCount") == {"totalCount": whole["totalCount"]}
        assert await ask(long, name, "(last: 0)", "totalCount") == {"totalCount": whole["totalCount"]}


# ---------------------------------------------------------------- filters


async def names(api: Api, field: str, type_: str, node: str, filter: dict[str, Any] | None) -> list[str]:
    document = f"query($it: {type_}Filter) {{ {field}(filter: $it) {{ edges {{ node {{ {node} }} }} }} }}"
    found = await api.query(document, it=filter)
    return [edge["node"][node] for edge in found[field]["edges"]]


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_runs_by_what_they_are(world: World, clock: Clock) -> None:
    await world.a_run(name="Percent 100% sure", start=False)
    clock.advance(seconds=1)
    other = await world.fleet.a_run(name="under_score", start=True)

    async def found(**filter: Any) -> list[str]:
        return await names(world.api, "runs", "Run", "name", filter)

    everything = ["under_score", "Percent 100% sure", "A plan"]
    assert await names(world.api, "runs", "Run", "name", None) == everything
    assert await found() == await found(search="", projectId=None, statuses=None) == everything
    assert await found(statuses=["CREATED"]) == ["Percent 100% sure"]
    assert await found(statuses=["CREATED", "ACTIVE", "ACTIVE"]) == everything[:2]
    assert await found(statuses=[]) == []
    assert await found(search="plan") == ["A plan"]
    assert await found(search="%") == ["Percent 100% sure"]
    assert await found(search="_") == ["under_score"]
    assert await found(search="\\") == []
    assert await found(search="r_s") == ["under_score"]
    assert await found(search=other) == ["under_score"]
    assert await found(projectId=world.project) == everything[1:]
    assert await found(createdAfter="2026-01-01T12:00:00Z") == ["under_score"]
    assert await found(createdAfter="2026-01-01T13:00:00+01:00", statuses=["CREATED"]) == []


async def test_runs_of_a_project_are_never_those_of_another(world: World) -> None:
    await world.fleet.a_run()
    document = "query($id: ID!, $it: RunFilter) { project(id: $id) { runs(filter: $it) { totalCount } } }"
    for filter, count in (({}, 1), ({"projectId": world.project}, 1), ({"projectId": "proj_none"}, 0)):
        found = await world.api.query(document, id=world.project, it=filter)
        assert found["project"]["runs"]["totalCount"] == count


async def test_runs_in_their_orders(world: World, clock: Clock) -> None:
    clock.advance(seconds=1)
    second = await world.a_run(name="Zebra")
    clock.advance(seconds=1)
    await world.a_run(name="Ape", start=False)
    clock.advance(seconds=1)
    await world.fleet.do(commands.runs.configure, run_id=second, max_workers=2)
    for order, expected in (
        ("CREATED_DESC", ["Ape", "Zebra", "A plan"]),
        ("LAST_ACTIVITY_DESC", ["Zebra", "Ape", "A plan"]),
        ("NAME_ASC", ["A plan", "Ape", "Zebra"]),
    ):
        found = await world.api.query(
            f"{{ runs(orderBy: {order}) {{ edges {{ node {{ name }} cursor }} }} }}"
        )
        assert [edge["node"]["name"] for edge in found["runs"]["edges"]] == expected
        foreign = found["runs"]["edges"][0]["cursor"]
        other = "NAME_ASC" if order != "NAME_ASC" else "CREATED_DESC"
        error = await world.api.error(f'{{ runs(orderBy: {other}, after: "{foreign}") {{ totalCount }} }}')
        assert error["code"] == "INVALID_INPUT"


async def test_tasks_by_what_they_are(world: World) -> None:
    plan = a_plan([a_task("T1", title="Write 50% of it"), a_task("T2", needs=["T1"])], [a_task("T_3")])
    run = await world.a_run(plan=plan)
    document = (
        "query($id: ID!, $it: TaskFilter) { run(id: $id) { tasks(filter: $it, orderBy: PLAN) "
        "{ totalCount edges { node { key } } } } }"
    )

    async def found(**filter: Any) -> list[str]:
        tasks = (await world.api.query(document, id=run, it=filter))["run"]["tasks"]
        keys = [edge["node"]["key"] for edge in tasks["edges"]]
        assert len(keys) == tasks["totalCount"]
        return keys

    assert await found() == ["T1", "T2", "T_3"]
    assert await found(statuses=["READY"]) == ["T1"]
    assert await found(statuses=["PENDING"], phase="phase-1") == ["T2"]
    assert await found(phase="phase-2") == ["T_3"]
    assert await found(phase="none") == []
    assert await found(search="50%") == ["T1"]
    assert await found(search="T2") == ["T2"]
    assert await found(search="do t") == ["T2", "T_3"]


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_workers_by_what_they_are(world: World) -> None:
    by_hand = await world.api.do(
        "spawnWorker",
        "worker { id task { id } }",
        runId=world.run,
        name="100%",
        runtime={"command": ["true"]},
    )
    id = by_hand["worker"]["id"]

    async def found(**filter: Any) -> list[str]:
        return await names(world.api, "workers", "Worker", "name", filter)

    assert by_hand["worker"]["task"] is None
    assert await found() == ["100%", "build #1"]
    assert await found(statuses=["SPAWNING"]) == ["100%"]
    assert await found(runtime="command") == ["100%", "build #1"]
    assert await found(runtime="claude") == []
    assert await found(search="%") == ["100%"]
    assert await found(search=id) == ["100%"]
    assert await found(taskId=world.task) == ["build #1"]
    assert await found(runId=world.run, projectId=world.project) == ["100%", "build #1"]
    assert await found(runId=world.run, projectId="proj_none") == []


async def test_attention_by_what_it_is(world: World) -> None:
    asked = await world.api.do("askQuestion", "item { id }", runId=world.run, question="Later?")
    await world.api.do("dismissAttention", itemId=asked["item"]["id"])

    async def found(**filter: Any) -> list[str]:
        return await names(world.api, "attention", "Attention", "title", filter)

    assert await found() == await found(statuses=None) == ["Which colour?"]
    assert await found(statuses=["DISMISSED"]) == ["Later?"]
    assert await found(statuses=["OPEN", "DISMISSED"]) == ["Which colour?", "Later?"]
    assert await found(statuses=[]) == []
    assert await found(kinds=["QUESTION"], runId=world.run, projectId=world.project) == ["Which colour?"]
    assert await found(kinds=[]) == await found(runId="run_none") == []
    document = (
        "query($id: ID!, $it: AttentionFilter) { run(id: $id) { attention(filter: $it) { totalCount } } }"
    )
    for filter, count in (({"runId": world.run}, 1), ({"runId": "run_none"}, 0), ({"projectId": "none"}, 0)):
        run = (await world.api.query(document, id=world.run, it=filter))["run"]
        assert run["attention"]["totalCount"] == count


async def test_commands_by_what_they_are(world: World, clock: Clock) -> None:
    clock.advance(seconds=1)
    await world.api.do("configureRun", runId=world.run, maxWorkers=2)
    await world.api.refused("startRun", runId=world.run)
    await world.api.do("killWorker", workerId=world.worker)

    async def found(**filter: Any) -> list[str]:
        return await names(world.api, "commands", "Command", "verb", filter)

    later = ["killWorker", "startRun", "configureRun"]
    assert (await found())[:3] == later
    assert await found(since="2026-01-01T12:00:01Z") == later
    assert not set(await found(until="2026-01-01T12:00:01Z")) & set(later)
    assert await found(statuses=["REJECTED"]) == ["startRun"]
    assert await found(verbs=["configureRun", "startRun"], runId=world.run) == later[1:]
    assert await found(taskId=world.task, verbs=["killWorker"]) == ["killWorker"]
    assert await found(workerId=world.worker, verbs=["killWorker"]) == ["killWorker"]
    assert (await found(actor=world.api.actor.name))[:3] == later
    assert await found(actor="nobody") == await found(projectId="proj_none") == []
    assert (await found(projectId=world.project))[:3] == later


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_events_by_what_they_are(world: World) -> None:
    other = await world.a_run("task")
    await world.fleet.working(other, "task")

    async def found(**filter: Any) -> list[str]:
        return await names(world.api, "events", "Event", "__typename", filter)

    everything = await found()
    assert len(everything) > 10
    assert await found(types=["PhaseChanged"]) == ["PhaseChanged"] * 2
    assert await found(types=["PhaseChanged"], runIds=[other]) == ["PhaseChanged"]
    assert await found(types=["Nonsense", "' or 1=1"]) == await found(types=[]) == []
    assert set(await found(taskIds=[world.task], types=["TaskStatusChanged"])) == {"TaskStatusChanged"}
    assert "AttentionOpened" in await found(workerIds=[world.worker])
    assert set(await found(runStatuses=["CREATED"])) == {"RunStatusChanged", "SupervisorStateChanged"}
    assert await found(projectId="proj_none") == []
    assert await found(projectId=world.project, runIds=["run_none"]) == []
    await world.api.do("pausePipeline")
    assert "PipelineChanged" in await found()
    assert set(everything) == set(await found(projectId=world.project))


async def test_the_cursor_of_the_log_is_that_of_its_newest_event(world: World) -> None:
    found = await world.api.query("{ cursor events(last: 1) { edges { cursor node { cursor id } } } }")
    (edge,) = found["events"]["edges"]
    assert found["cursor"] == edge["cursor"] == edge["node"]["cursor"]
    after = await world.api.query(
        "query($after: Cursor) { events(after: $after) { edges { cursor } } }", after="0"
    )
    assert after["events"]["edges"][-1]["cursor"] == found["cursor"]
