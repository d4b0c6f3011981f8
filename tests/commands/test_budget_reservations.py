"""Budgets: what is reserved for a worker, and who starts while that leaves room."""

import asyncio

from app import commands
from app.domain.errors import AppError, ErrorCode
from tests.commands.spending import asked, cost, spawned, usd
from tests.factories import COMMAND, a_plan, a_task
from tests.fleet import Fleet


async def test_a_spawn_reserves_its_own_budget_and_spending_draws_on_that_first(fleet: Fleet) -> None:
    run = await fleet.a_run("a", budget=usd(10), runtime=None)
    worker = await spawned(fleet, run, 4)
    assert (await fleet.run(run)).reserved == usd(4)
    await fleet.report(worker, cost(1))
    row = await fleet.run(run)
    assert (row.cost, row.reserved) == (usd(1), usd(3))
    await fleet.exit(worker)
    row = await fleet.run(run)
    assert (row.cost, row.reserved, (await fleet.worker(worker)).reserved) == (usd(1), 0, 0)


async def test_a_spawn_that_does_not_fit_is_refused_and_changes_nothing(fleet: Fleet) -> None:
    run = await fleet.a_run("a", budget=usd(10), runtime=None)
    await spawned(fleet, run, 7)
    refusal = await fleet.refused(commands.workers.spawn, run_id=run, runtime=COMMAND, budget=usd("3.01"))
    assert refusal.code is ErrorCode.BUDGET_EXCEEDED
    assert "$3 free of its budget of $10" in refusal.message
    assert "configureRun" in (refusal.suggestion or "")
    assert len(await fleet.live(run)) == 1
    await spawned(fleet, run, 3)
    assert (await fleet.run(run)).reserved == usd(10)
    none = await fleet.refused(commands.workers.spawn, run_id=run, runtime=COMMAND)
    assert none.code is ErrorCode.BUDGET_EXCEEDED, (
        "what is promised to others is not for those who promise nothing"
    )


async def test_a_worker_takes_from_the_budget_of_its_task(fleet: Fleet) -> None:
    run = await fleet.a_run(plan=a_plan(a_task("a", budget=usd(2))))
    await fleet.do(commands.pipeline.pause)
    task = await fleet.task(run, "a")
    refusal = await fleet.refused(
        commands.workers.spawn, run_id=run, task_id=task.id, runtime=COMMAND, budget=usd(3)
    )
    assert refusal.code is ErrorCode.BUDGET_EXCEEDED
    assert "Task a has $2 left" in refusal.message
    await spawned(fleet, run, 2, task_id=task.id)


async def test_a_task_that_fits_only_later_waits_and_nobody_is_asked(fleet: Fleet) -> None:
    plan = a_plan(*(a_task(key, budget=usd(4)) for key in "abc"))
    run = await fleet.a_run(plan=plan, budget=usd(10))
    assert len(await fleet.claim()) == 2
    assert await fleet.claim() == []
    assert await asked(fleet) == []
    first = await fleet.working(run, "a")
    await fleet.report(first, cost(1))
    await fleet.exit(first)
    assert len(await fleet.claim()) == 1, "what the first has not spent is free again"


async def test_a_task_that_never_fits_stays_ready_and_people_are_asked_once(fleet: Fleet) -> None:
    plan = a_plan(a_task("big", budget=usd(20), priority=5), a_task("huge", budget=usd(30)), "small")
    run = await fleet.a_run(plan=plan, budget=usd(10))
    assert len(await fleet.claim()) == 1, "the others do not wait for it"
    assert await fleet.claim() == []
    (item,) = await asked(fleet)
    assert "'A plan' has only $10 left" in item.title
    assert "it needs $30. Answer with the new budget in US dollars, such as 30;" in (item.detail or "")
    assert (await fleet.run(run)).status == "ACTIVE"
    await fleet.exit(await fleet.working(run, "small"))
    row = await fleet.run(run)
    assert (row.status, await fleet.statuses(run)) == (
        "WAITING_FOR_INPUT",
        {"big": "READY", "huge": "READY", "small": "COMPLETED"},
    )
    await fleet.do(commands.attention.answer, item_id=item.id, answer="25")
    assert len(await fleet.claim()) == 1
    (again,) = await asked(fleet)
    assert again.id != item.id, "for the one that does not fit even so"
    await fleet.do(commands.attention.answer, item_id=again.id, answer="no limit")
    assert len(await fleet.claim()) == 1
    assert await asked(fleet) == []


async def test_thousands_that_do_not_fit_are_one_question(fleet: Fleet) -> None:
    plan = a_plan(*(a_task(f"t{number}", budget=usd(20)) for number in range(500)), "small")
    run = await fleet.a_run(plan=plan, budget=usd(10))
    assert len(await fleet.claim()) == 1
    assert (await fleet.task(run, "small")).worker_id is not None
    assert len(await asked(fleet)) == 1


async def test_of_twenty_spawns_at_once_as_many_start_as_the_budget_has_room_for(fleet: Fleet) -> None:
    run = await fleet.a_run("a", budget=usd(10), runtime=None)

    spawning = (
        fleet.do(commands.workers.spawn, run_id=run, runtime=COMMAND, budget=usd(3)) for _ in range(20)
    )
    answers = await asyncio.gather(*spawning, return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, AppError)]
    assert {refusal.code for refusal in refusals} == {ErrorCode.BUDGET_EXCEEDED}
    assert len(answers) - len(refusals) == 3
    assert (await fleet.run(run)).reserved == usd(9)
    assert len(await fleet.live(run)) == 3
