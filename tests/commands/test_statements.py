"""What is done to many costs no more statements than what is done to a few: nobody else writes meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event

from app import commands, store
from app.commands import ledgers
from app.domain.edits import AddTask
from app.domain.runs import Urgency
from tests.factories import a_plan, a_task
from tests.fleet import Fleet

Act = tuple[str, Callable[[], Awaitable[Any]]]
"""A run, and what is done to it."""


async def cost(fleet: Fleet, prepared: Act) -> int:
    """How many statements the database is sent; one that is sent with many rows is one. The run is stopped afterwards."""
    run_id, act = prepared
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    event.listen(fleet.db.engine, "before_cursor_execute", note)
    try:
        await act()
    finally:
        event.remove(fleet.db.engine, "before_cursor_execute", note)
    for item in await fleet.db.read(store.attention.open_of_run, run_id):
        await fleet.do(commands.attention.dismiss, item_id=item.id)
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    for worker in await fleet.live(run_id):
        await fleet.exit(worker.id)
    return len(seen)


async def counting_anew(fleet: Fleet, many: int) -> Act:
    """As many questions as that, each of a task of its own."""
    run_id = await fleet.a_run(*(f"t{number}" for number in range(many)), "last")
    tasks = await fleet.tasks(run_id)
    for number in range(many):
        await fleet.do(
            commands.attention.ask, run_id=run_id, task_id=tasks[f"t{number}"].id, question=f"{number}?"
        )
    return run_id, lambda: fleet.db.write(commands.attention.refresh)


async def finding_no_room(fleet: Fleet, many: int) -> Act:
    """As many tasks, each of which wants more than its run may spend."""
    plan = a_plan(*(a_task(f"t{number}", budget=20) for number in range(ledgers.NAMED + many)))
    return await fleet.a_run(plan=plan, budget=10), fleet.claim


async def putting_in_order(fleet: Fleet, many: int) -> Act:
    """As many tasks wait for the one that is put behind another, one behind the other."""
    held = a_task("b", paths=["src"])
    chain = [a_task(f"t{number}", needs=[f"t{number - 1}" if number else "b"]) for number in range(many)]
    run_id = await fleet.a_run(plan=a_plan(a_task("a", paths=["src"]), held, *chain))
    await fleet.working(run_id, "a")
    (item,) = await fleet.db.read(store.attention.open_conflicts, run_id)

    async def act() -> None:
        await fleet.do(commands.attention.answer, item_id=item.id, answer="SERIALIZE")

    return run_id, act


@pytest.mark.parametrize("prepare", [counting_anew, finding_no_room, putting_in_order])
async def test_many_cost_no_more_than_a_few(
    fleet: Fleet, prepare: Callable[[Fleet, int], Awaitable[Act]]
) -> None:
    few = await cost(fleet, await prepare(fleet, 12))
    assert await cost(fleet, await prepare(fleet, 60)) <= few


async def test_every_task_stays_deeper_than_what_it_waits_for(fleet: Fleet) -> None:
    """Also behind many, by ways of different lengths, and where some are deep enough already."""
    run_id, act = await putting_in_order(fleet, 20)
    edits = [
        AddTask("far", "Far", depends_on=["t19"]),
        AddTask("near", "Near", depends_on=["b"]),
        AddTask("both", "Both", depends_on=["near", "far", "t3"]),
    ]
    await fleet.do(commands.dag.mutate, run_id=run_id, edits=edits)
    await act()
    depths = {key: task.depth for key, task in (await fleet.tasks(run_id)).items()}
    chain = {f"t{number}": number + 2 for number in range(20)}
    assert depths == {"a": 0, "b": 1, "near": 2, "far": 22, "both": 23, **chain}
