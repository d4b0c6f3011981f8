"""How many statements an answer costs: as many for fifty things as for one, at every level."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from app import commands
from app.store.db import Database
from tests.conftest import BOTH
from tests.schema.world import World

Counted = Callable[[], int]


@contextmanager
def counting(db: Database) -> Iterator[Counted]:
    """Counts the SELECTs of everybody while it lasts; the tail reads once a second, hence `slack`."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")) and not is_of_the_tail(statement):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield lambda: len(seen)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def is_of_the_tail(statement: str) -> bool:
    return "FROM event" in statement


async def cost(world: World, document: str, **variables: Any) -> int:
    with counting(world.api.services.db) as count:
        await world.api.query(document, **variables)
        return count()


async def more(world: World, runs: int) -> None:
    """Runs with workers, questions and things that were given."""
    for _ in range(runs):
        run = await world.a_run(["one", "two < one", "three < one two"], ["four"])
        await world.fleet.asking(run, "one", "Which?")
        await world.api.do("injectContext", target={"runId": run}, items=[{"text": "Mind the gap."}])


DEEP = """query($first: Int) {
  runs(first: $first) { edges { node {
    name project { name } supervisor { alive lastHeartbeatAt pendingTasks { key } } phase { key } phases { key }
    tasks(first: 10) { totalCount edges { node {
      key phase { key } run { name }
      dependencies { key worker { name } } dependents { key } subtasks { title } dependencyKeys
      worker { name run { name } task { key } context { path } }
    } } }
    workers { edges { node { task { key } } } }
    attention { edges { node { title task { key } tasks { key } worker { name } run { name } } } }
  } } }
}"""


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_fifty_runs_cost_a_page_for_each_and_nothing_else_more(world: World) -> None:
    await more(world, 4)
    one, five = [await cost(world, DEEP, first=first) for first in (1, 5)]
    pages_of_a_run = 5  # tasks and how many there are, workers, attention, what the supervisor waits for
    assert five - one == 4 * pages_of_a_run
    assert one <= 25


FLAT = {
    "tasks": (
        "query($first: Int, $run: ID!) { run(id: $run) { tasks(first: $first) { edges { node { phase { key } "
        "run { name } dependencies { dependencies { key } } dependents { key } subtasks { id } "
        "worker { context { id } } usage { costUsd } } } } } }"
    ),
    "workers": (
        "query($first: Int) { workers(first: $first) { edges { node { run { project { name } } task { key } "
        "model usage { costUsd } context { id } } } } }"
    ),
    "attention": (
        "query($first: Int) { attention(first: $first) { edges { node { run { name } task { key } tasks { key } "
        "worker { name } } } } }"
    ),
    "commands": (
        "query($first: Int) { commands(first: $first) { edges { node { run { name } task { key } "
        "worker { name } } } } }"
    ),
    "events": (
        "query($first: Int) { events(first: $first) { edges { node { run { name } "
        "... on TaskStatusChanged { task { key } } ... on WorkerStatusChanged { worker { name } task { key } } "
        "... on AttentionOpened { item { title } } ... on CommandChanged { command { verb } } "
        "... on ContextInjected { items { path } worker { name } } "
        "... on DagMutated { added { key } changed { key } removed { key } } } } } }"
    ),
}


@pytest.mark.parametrize("name", FLAT)
async def test_a_longer_page_costs_no_more_statements(world: World, name: str) -> None:
    await more(world, 3)
    variables = {"run": world.run} if "$run" in FLAT[name] else {}
    sizes = (30, 100) if name == "events" else (3, 30)  # among few events not every kind is found
    few, many = [await cost(world, FLAT[name], first=first, **variables) for first in sizes]
    assert few == many <= 10


async def test_nodes_of_one_kind_are_found_together(world: World) -> None:
    await more(world, 3)
    found = await world.api.query("{ runs { edges { node { id tasks { edges { node { id } } } } } } }")
    runs = [edge["node"] for edge in found["runs"]["edges"]]
    ids = [run["id"] for run in runs]
    ids += [task["node"]["id"] for run in runs for task in run["tasks"]["edges"]]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await cost(world, document, ids=ids) == 2
    assert await cost(world, document, ids=[ids[0], ids[-1]]) == 2


async def test_what_tasks_hold_back_is_counted_in_one_transaction(world: World) -> None:
    keys = ["first", *(f"t{n} < {'first' if n == 0 else f't{n - 1}'}" for n in range(30))]
    run = await world.a_run(*keys)
    reads = 0
    read = world.api.services.db.read

    async def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(*arguments, **named)

    world.api.services.db.read = counted  # type: ignore[method-assign]
    try:
        found = await world.api.query(
            "query($id: ID!) { run(id: $id) { tasks { edges { node { blocks } } } } }", id=run
        )
    finally:
        del world.api.services.db.read
    blocks = [edge["node"]["blocks"] for edge in found["run"]["tasks"]["edges"]]
    assert blocks == list(range(30, -1, -1))
    assert reads == 3
    assert (
        await cost(world, "query($id: ID!) { run(id: $id) { tasks { edges { node { blocks } } } } }", id=run)
        == 5
    )


async def test_the_total_is_counted_only_where_it_is_asked_for(world: World) -> None:
    assert await cost(world, "{ runs { edges { cursor } } }") == 1
    assert await cost(world, "{ runs { edges { cursor } totalCount } }") == 2


async def test_what_an_event_of_a_subscription_links_to_is_read_anew_each_time(world: World) -> None:
    document = (
        'subscription { events(filter: {types: ["RunConfigured"]}, after: "0") { run { maxWorkers } } }'
    )
    for workers in (2, 3):
        await world.fleet.do(commands.runs.configure, run_id=world.run, max_workers=workers)
    stream = world.api.follow(document)
    assert (await anext(stream))["events"]["run"] == {"maxWorkers": 3}
    await world.fleet.do(commands.runs.configure, run_id=world.run, max_workers=4)
    assert (await anext(stream))["events"]["run"] == {"maxWorkers": 4}
    await stream.aclose()  # type: ignore[attr-defined]
