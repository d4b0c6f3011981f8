"""A run's tasks in every order, by what has changed, and found by their words; the runs that stand still."""

import asyncio
from typing import Any, Final

import pytest

from app import commands, store
from app.domain.tasks import TaskOrder
from app.store import tasks
from app.store.db import Database
from tests.conftest import BOTH, Clock
from tests.factories import a_plan, a_task
from tests.schema.api import Api
from tests.schema.world import World

PAGE: Final = """query($id: ID!, $filter: TaskFilter, $order: TaskOrder, $first: Int, $after: String, $last: Int, $before: String) {
  run(id: $id) { tasks(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    totalCount edges { cursor node { key } } pageInfo { hasNextPage hasPreviousPage }
  } }
}"""

pytestmark = pytest.mark.parametrize("db", BOTH, indirect=True)


async def keys(api: Api, run: str, **arguments: Any) -> list[str]:
    tasks = (await api.query(PAGE, id=run, **arguments))["run"]["tasks"]
    return [edge["node"]["key"] for edge in tasks["edges"]]


async def a_net(world: World) -> str:
    """Tasks that stand in the plan before what they wait for."""
    return await world.a_run("last < middle side", "middle < first", "side", "first", "lone")


async def test_in_topological_order_nothing_comes_before_what_it_waits_for(world: World) -> None:
    run = await a_net(world)
    assert await keys(world.api, run) == ["last", "middle", "side", "first", "lone"]
    assert await keys(world.api, run, order="TOPOLOGICAL") == ["side", "first", "lone", "middle", "last"]
    await world.api.do(
        "mutateDag",
        runId=run,
        operations=[
            {"addTask": {"key": "new", "title": "New", "dependsOn": ["last"]}},
            {"addDependency": {"task": "first", "dependsOn": "lone"}},
            {"removeDependency": {"task": "last", "dependsOn": "side"}},
        ],
    )
    found = await keys(world.api, run, order="TOPOLOGICAL")
    assert found == ["side", "lone", "first", "middle", "last", "new"]


async def test_what_was_started_last_comes_first_and_what_never_was_comes_last(
    world: World, clock: Clock
) -> None:
    run = await world.a_run("a", "b", "c", "d")
    for key in ("c", "a"):
        clock.advance(seconds=1)
        await world.fleet.finish(run, key)
    assert await keys(world.api, run, order="STARTED_DESC") == ["a", "c", "b", "d"]


async def test_what_blocks_most_comes_first(world: World) -> None:
    run = await a_net(world)
    blocking = await keys(world.api, run, order="BLOCKS_DESC")
    assert blocking == ["first", "middle", "side", "last", "lone"]
    await world.fleet.finish(run, "first")
    assert await keys(world.api, run, order="BLOCKS_DESC") == ["middle", "side", "last", "first", "lone"]
    assert await keys(world.api, run, order="BLOCKS_DESC", filter={"statuses": ["COMPLETED"]}) == ["first"]


@pytest.mark.parametrize("few", [0, tasks.FEW])
async def test_nothing_is_blocked_past_a_task_that_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(tasks, "FEW", few)
    run = await world.a_run("first", "done < first", "behind < done", "last < behind", runtime=None)
    await world.fleet.do(commands.tasks.skip, task_id=(await world.fleet.task(run, "done")).id)
    document = "query($id: ID!) { run(id: $id) { tasks { edges { node { key blocks } } } } }"
    found = (await world.api.query(document, id=run))["run"]["tasks"]["edges"]
    blocks = {edge["node"]["key"]: edge["node"]["blocks"] for edge in found}
    assert blocks == {"first": 0, "done": 0, "behind": 1, "last": 0}
    assert (await keys(world.api, run, order="BLOCKS_DESC"))[0] == "behind"


@pytest.mark.parametrize("order", TaskOrder)
async def test_pages_in_any_order_make_the_whole_list(world: World, order: TaskOrder) -> None:
    run = await a_net(world)
    await world.fleet.finish(run, "side")
    whole = await keys(world.api, run, order=order.value)
    assert len(whole) == 5
    forward: list[str] = []
    backward: list[str] = []
    cursor = None
    while True:
        tasks = (await world.api.query(PAGE, id=run, order=order.value, first=2, after=cursor))["run"][
            "tasks"
        ]
        forward += [edge["node"]["key"] for edge in tasks["edges"]]
        assert (tasks["totalCount"], tasks["pageInfo"]["hasPreviousPage"]) == (5, cursor is not None)
        cursor = tasks["edges"][-1]["cursor"]
        if not tasks["pageInfo"]["hasNextPage"]:
            break
    while True:
        before = cursor if backward else None
        tasks = (await world.api.query(PAGE, id=run, order=order.value, last=2, before=before))["run"][
            "tasks"
        ]
        backward = [edge["node"]["key"] for edge in tasks["edges"]] + backward
        cursor = tasks["edges"][0]["cursor"]
        if not tasks["pageInfo"]["hasPreviousPage"]:
            break
    assert forward == backward == whole
    assert await keys(world.api, run, order=order.value, first=0) == []
    others = {TaskOrder.PLAN: "STARTED_DESC"}
    error = await world.api.error(PAGE, id=run, order=others.get(order, "PLAN"), after=cursor)
    assert error["code"] == "INVALID_INPUT"


# ---------------------------------------------------------------- what has changed


async def cursor(api: Api) -> str:
    return str((await api.query("{ cursor }"))["cursor"])


async def changed(api: Api, run: str, since: str) -> list[str]:
    return sorted(await keys(api, run, filter={"changedSince": since}))


async def test_only_what_has_changed_since_a_position(world: World) -> None:
    before = await cursor(world.api)
    run = await world.a_run("a", "b < a", "c", "d")
    whole = ["a", "b", "c", "d"]
    assert await changed(world.api, run, "0") == await changed(world.api, run, before) == whole
    since = await cursor(world.api)
    assert await changed(world.api, run, since) == []
    await world.fleet.finish(run, "a")
    assert await changed(world.api, run, since) == ["a", "b", "c", "d"]  # workers came for all that was ready
    since = await cursor(world.api)
    task = (await world.fleet.task(run, "b")).id
    await world.api.do("addFinding", taskId=task, title="Seen", content="Nothing.")
    assert await changed(world.api, run, since) == ["b"]
    since = await cursor(world.api)
    edits = [
        {"updateTask": {"task": "d", "priority": 3}},
        {"addTask": {"key": "e", "title": "New"}},
        {"addDependency": {"task": "e", "dependsOn": "d"}},
        {"removeTask": {"task": "b"}},
    ]
    await world.api.do("mutateDag", runId=run, operations=edits)
    assert await changed(world.api, run, since) == ["b", "d", "e"]
    assert await changed(world.api, run, await cursor(world.api)) == []
    error = await world.api.error(PAGE, id=run, filter={"changedSince": "yesterday"})
    assert error["code"] == "INVALID_INPUT"


async def test_whatever_moves_a_task_leaves_it_changed(world: World) -> None:
    """Every task whose row is another than before is told of, whatever was done."""
    run = await world.a_run(a_task("a", max_attempts=2), "b < a", "c", a_task("d"))

    async def rows() -> dict[str, Any]:
        unseen = {"waiting_for", "depth"}
        found = await world.fleet.tasks(run)
        return {key: row.model_dump(exclude=unseen) for key, row in found.items()}

    async def steps() -> Any:
        yield await world.fleet.working(run, "a")
        yield await world.fleet.fail(run, "a")
        world.fleet.clock.advance(seconds=2)
        yield await world.fleet.asking(run, "a")
        yield await world.fleet.do(commands.tasks.block, task_id=(await world.fleet.task(run, "b")).id)
        yield await world.fleet.do(commands.tasks.skip, task_id=(await world.fleet.task(run, "b")).id)
        yield await world.fleet.finish(run, "c")
        yield await world.fleet.fail(run, "d")
        yield await world.fleet.do(commands.runs.retry, run_id=run)

    before, since = await rows(), await cursor(world.api)
    seen = 0
    async for _ in steps():
        after = await rows()
        different = {key for key in after if after[key] != before.get(key)}
        assert different <= set(await changed(world.api, run, since))
        seen += bool(different)
        before, since = after, await cursor(world.api)
    assert seen == 8


async def test_the_cursor_of_an_answer_is_older_than_all_else_in_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a change between the two would be in neither this answer nor the next."""
    order: list[str] = []
    read = Database._read

    def noting(db: Database, function: Any, *args: Any, **kwargs: Any) -> Any:
        answer = read(db, function, *args, **kwargs)
        if function.__name__ == "scoped":  # a caller's, and not the tail's
            order.append("cursor" if isinstance(answer, int) else "other")
        return answer

    monkeypatch.setattr(Database, "_read", noting)
    for document in (
        "{ runs { edges { node { id } } } cursor }",
        "{ cursor runs { edges { node { id } } } }",
    ):
        await asyncio.wait_for(world.api.query(document), 10)
        assert order == ["cursor", "other"]
        order.clear()


# ---------------------------------------------------------------- words, and silence


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Écrire le RÉSUMÉ", "résumé"),
        ("Über-Tests", "üBER"),
        ("Проверить всё", "ПРОВЕРИТЬ"),
        ("日本語のテスト", "語の"),
        ("100% of a_b\\c", "% of A_B\\C"),
        ("Plain words", "PLAIN w"),
    ],
)
async def test_words_are_found_whatever_their_case_and_script(world: World, title: str, wanted: str) -> None:
    run = await world.a_run(plan=a_plan(a_task("one", title=title), a_task("two", title="Else")), name=title)
    assert await keys(world.api, run, filter={"search": wanted}) == ["one"]
    assert await keys(world.api, run, filter={"search": wanted + "%"}) == []
    found = await world.api.query(
        "query($it: RunFilter) { runs(filter: $it) { totalCount } }", it={"search": wanted}
    )
    assert found["runs"]["totalCount"] == 1


async def test_runs_by_how_they_get_on(world: World, clock: Clock) -> None:
    quiet = await world.a_run("task", name="quiet")
    await world.a_run(name="new", start=False)
    paused = await world.a_run("task", ["then"], name="paused")
    await world.fleet.do(commands.runs.pause, run_id=paused, mode="DRAIN")
    clock.advance(seconds=90)
    await world.a_run(["one"], ["two"], name="busy")

    async def found(**filter: Any) -> set[str]:
        runs = await world.api.query(
            "query($it: RunFilter) { runs(filter: $it) { edges { node { name } } } }", it=filter
        )
        return {edge["node"]["name"] for edge in runs["runs"]["edges"]}

    assert await found(stale=True) == set()
    assert await found(stale=True, staleAfterSeconds=60) == {"A plan", "quiet"}
    assert await found(stale=False, staleAfterSeconds=60) == {"new", "paused", "busy"}
    assert await found(stale=True, staleAfterSeconds=90) == set()
    clock.advance(minutes=31)
    assert await found(stale=True) == {"A plan", "quiet", "busy"}
    assert await found(waitingForInput=True) == {"A plan"}
    assert await found(waitingForInput=False, stale=True) == {"quiet", "busy"}
    assert await found(phase="phase-2") == set()
    await world.fleet.do(commands.tasks.complete, task_id=(await world.fleet.task(quiet, "task")).id)
    assert await found(phase="phase-1", statuses=["ACTIVE"]) == {"busy"}
    assert await world.api.services.db.read(store.events.first_of_run, "run_none") is None
    for seconds in (0, 3_000_000):
        error = await world.api.error(
            "query($it: RunFilter) { runs(filter: $it) { totalCount } }", it={"staleAfterSeconds": seconds}
        )
        assert error["code"] == "INVALID_INPUT"
