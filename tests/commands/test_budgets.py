"""Budgets: what is warned of, what is paused when they are used up, and what goes on when they are raised."""

import pytest

from app import commands
from app.domain.budgets import MOST
from app.domain.edits import EditTask
from app.domain.errors import ErrorCode
from app.domain.reports import Exited
from app.domain.runs import Urgency
from app.domain.workers import ExitReason
from tests.commands.spending import asked, cost, limit, obey, spawned, usd, warnings
from tests.factories import a_plan, a_task
from tests.fleet import Fleet


async def test_most_of_a_budget_is_warned_of_once_until_the_limit_is_another(fleet: Fleet) -> None:
    run = await fleet.a_run(plan=a_plan(a_task("a", budget=usd(5))), budget=usd(10))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost("3.99"))
    assert await warnings(fleet) == []
    await fleet.report(worker, cost("0.01"), cost("0.5"))
    (warned,) = await warnings(fleet)
    assert warned.data == {"scope": "TASK", "limit": usd(5), "spent": usd(4)}
    await fleet.do(commands.dag.mutate, run_id=run, edits=[EditTask("a", budget=limit(20))])
    await fleet.report(worker, cost("3.5"))
    assert [row.data["scope"] for row in await warnings(fleet)] == ["TASK", "RUN"]
    await fleet.do(commands.runs.configure, run_id=run, budget=limit("9.5"))
    assert [row.data["scope"] for row in await warnings(fleet)] == ["TASK", "RUN", "RUN"]


# ---------------------------------------------------------------- used up


async def test_a_run_whose_budget_is_used_up_is_paused_with_its_workers_and_asks(fleet: Fleet) -> None:
    run = await fleet.a_run("a", "b", "c", budget=usd(10), max_workers=2)
    first, second = await fleet.working(run, "a"), await fleet.working(run, "b")
    await fleet.report(first, cost(10))
    row = await fleet.run(run)
    assert (row.status, row.urgency) == ("PAUSING", "NOW")
    assert "budget of $10 is used up" in (row.status_reason or "")
    for worker in (first, second):
        assert (await obey(fleet, worker)).status == "PAUSED"
    assert (await fleet.run(run)).status == "PAUSED"
    (item,) = await asked(fleet)
    assert "of run 'A plan' is used up" in item.title
    assert item.options == ["double", "no limit", "stop"]
    await fleet.report(first, cost("0.5"))
    assert (await fleet.run(run)).cost == usd("10.5"), "what comes after the pause is counted too"
    assert len(await asked(fleet)) == 1
    await fleet.do(commands.attention.answer, item_id=item.id, answer=20)
    row = await fleet.run(run)
    assert (row.status, row.budget) == ("ACTIVE", usd(20))
    assert [(await obey(fleet, worker)).status for worker in (first, second)] == ["RUNNING", "RUNNING"]


@pytest.mark.parametrize("scope", ["TASK", "WORKER"])
async def test_only_the_worker_is_paused_whose_own_or_whose_tasks_budget_is_used_up(
    fleet: Fleet, scope: str
) -> None:
    run = await fleet.a_run(plan=a_plan(a_task("a", budget=usd(5) if scope == "TASK" else None), "b"))
    await fleet.do(commands.pipeline.pause)
    task = await fleet.task(run, "a")
    worker = await spawned(fleet, run, None if scope == "TASK" else 5, task_id=task.id)
    await fleet.do(commands.pipeline.resume)
    other = await fleet.working(run, "b")
    await fleet.report(worker, cost(5))
    assert (await fleet.worker(worker)).status == "WAITING_FOR_INPUT"
    assert (await fleet.statuses(run))["a"] == "WAITING_FOR_INPUT"
    assert ((await fleet.run(run)).status, (await fleet.worker(other)).desire) == ("ACTIVE", "RUN")
    assert (await obey(fleet, worker)).status == "PAUSED"
    (item,) = await asked(fleet)
    assert item.subject is not None
    assert item.subject["scope"] == scope
    refusal = await fleet.refused(commands.workers.resume, worker_id=worker)
    assert refusal.code is ErrorCode.BUDGET_EXCEEDED
    small = await fleet.refused(commands.attention.answer, item_id=item.id, answer="5")
    assert "$5 is spent already" in small.message
    await fleet.do(commands.attention.answer, item_id=item.id, answer="double")
    assert (await obey(fleet, worker)).status == "RUNNING"
    assert (await fleet.statuses(run))["a"] == "RUNNING"
    await fleet.report(worker, cost("4.99"))
    assert (await fleet.worker(worker)).status == "RUNNING"


async def test_a_worker_beside_the_dag_is_held_by_its_own_budget(fleet: Fleet) -> None:
    run = await fleet.a_run("a", runtime=None)
    worker = await spawned(fleet, run, 1)
    await fleet.report(worker, cost(1))
    (item,) = await asked(fleet)
    assert item.blocked_tasks == 0
    await fleet.do(commands.attention.answer, item_id=item.id, answer="stop")
    assert (await fleet.worker(worker)).status == "STOPPING"
    await fleet.report(worker, Exited(ExitReason.KILLED))
    assert await asked(fleet) == []


async def test_who_is_held_by_two_budgets_goes_on_when_both_are_raised(fleet: Fleet) -> None:
    run = await fleet.a_run(plan=a_plan(a_task("a", budget=usd(5)), "b"), budget=usd(5))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(5))
    assert (await obey(fleet, worker)).status == "PAUSED"
    of_run, of_task = sorted(await asked(fleet), key=lambda item: item.title)
    await fleet.do(commands.attention.answer, item_id=of_run.id, answer="no limit")
    assert ((await fleet.run(run)).status, (await fleet.worker(worker)).desire) == ("ACTIVE", "PAUSE")
    await fleet.do(commands.attention.answer, item_id=of_task.id, answer="no limit")
    assert (await obey(fleet, worker)).status == "RUNNING"


async def test_raising_the_budget_by_itself_settles_the_item(fleet: Fleet) -> None:
    run = await fleet.a_run("a", budget=usd(5))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(6))
    (item,) = await asked(fleet)
    await fleet.do(commands.runs.configure, run_id=run, budget=limit("5.5"))
    assert len(await asked(fleet)) == 1, "that is not enough"
    await fleet.do(commands.runs.configure, run_id=run, budget=limit(8))
    item = await fleet.item(item.id)
    assert (item.status, item.answer) == ("ANSWERED", "8")
    assert ((await fleet.run(run)).status, (await fleet.worker(worker)).desire) == ("ACTIVE", "RUN")
    await fleet.do(commands.runs.configure, run_id=run, budget=limit(3))
    assert (await fleet.run(run)).status == "PAUSING", "and lowered below what is spent"
    await fleet.do(commands.runs.configure, run_id=run, budget=limit(None))
    assert (await fleet.run(run)).status == "ACTIVE"


async def test_raising_the_budget_of_a_task_by_itself_settles_the_item(fleet: Fleet) -> None:
    run = await fleet.a_run(plan=a_plan(a_task("a", budget=usd(5))))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(6))
    (item,) = await asked(fleet)
    await fleet.do(commands.dag.mutate, run_id=run, edits=[EditTask("a", budget=limit(7))])
    assert (await fleet.item(item.id)).status == "ANSWERED"
    assert (await fleet.worker(worker)).status == "RUNNING"
    assert await fleet.statuses(run) == {"a": "RUNNING"}


async def test_a_budget_of_nothing_starts_nothing(fleet: Fleet) -> None:
    run = await fleet.a_run("a", budget=0)
    assert await fleet.claim() == []
    (item,) = await asked(fleet)
    assert (await fleet.run(run)).status == "PAUSED"
    assert item.options == ["no limit", "stop"], "twice nothing is nothing"
    await fleet.do(commands.attention.answer, item_id=item.id, answer="1")
    assert len(await fleet.claim()) == 1


async def test_a_run_that_is_done_with_its_last_dollar_is_done(fleet: Fleet) -> None:
    run = await fleet.a_run("a", budget=usd(5))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(5))
    await fleet.exit(worker)
    assert (await fleet.run(run)).status == "COMPLETED"
    assert await asked(fleet) == []


async def test_what_somebody_else_has_paused_stays_paused(fleet: Fleet) -> None:
    run = await fleet.a_run("a", "b", budget=usd(5))
    mine, other = await fleet.working(run, "a"), await fleet.working(run, "b")
    await fleet.do(commands.workers.pause, worker_id=mine)
    await obey(fleet, mine)
    await fleet.report(other, cost(5))
    await fleet.do(commands.runs.configure, run_id=run, budget=limit(9))
    assert ((await fleet.worker(mine)).desire, (await fleet.worker(other)).desire) == ("PAUSE", "RUN")
    await fleet.do(commands.runs.pause, run_id=run, mode=Urgency.NOW)
    await fleet.report(other, cost(5))
    await fleet.do(commands.runs.configure, run_id=run, budget=limit(20))
    assert (await fleet.run(run)).status == "PAUSING", "a person has paused it, not the budget"
    assert (await fleet.worker(other)).desire == "PAUSE"


@pytest.mark.parametrize("held", ["its run was paused", "its task was blocked"])
async def test_who_was_paused_by_people_first_goes_on_when_they_say_so_and_the_budget_has_room(
    fleet: Fleet, held: str
) -> None:
    """People let it go on while its budget is used up: then that alone holds it, and lets it go when it is raised."""
    run = await fleet.a_run("a", runtime=None)
    task = await fleet.task(run, "a")
    worker = await spawned(fleet, run, 2, task_id=task.id)
    if held == "its run was paused":
        await fleet.do(commands.runs.pause, run_id=run, mode=Urgency.NOW)
    else:
        await fleet.do(commands.tasks.block, task_id=task.id)
    await obey(fleet, worker)
    await fleet.report(worker, cost(3))
    if held == "its run was paused":
        await fleet.do(commands.runs.resume, run_id=run)
    else:
        await fleet.do(commands.tasks.unblock, task_id=task.id)
    assert (await fleet.worker(worker)).desire == "PAUSE"
    (item,) = await asked(fleet)
    await fleet.do(commands.attention.answer, item_id=item.id, answer="10")
    assert (await obey(fleet, worker)).status == "RUNNING"
    assert (await fleet.task(run, "a")).status == "RUNNING"


async def test_budgets_that_no_run_could_pay_together_spoil_no_sum(fleet: Fleet) -> None:
    most = usd(MOST)
    run = await fleet.a_run(plan=a_plan(*(a_task(f"t{n}", budget=most) for n in range(12))), max_workers=12)
    assert len(await fleet.claim()) == 12
    assert (await fleet.run(run)).reserved == most
    await fleet.do(commands.runs.configure, run_id=run, budget=limit(MOST))
    for number in range(12):
        await fleet.finish(run, f"t{number}")
    row = await fleet.run(run)
    assert (row.status, row.reserved) == ("COMPLETED", 0)


async def test_an_item_that_is_dismissed_leaves_things_as_they_are(fleet: Fleet) -> None:
    run = await fleet.a_run("a", budget=usd(5))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(5))
    await obey(fleet, worker)
    (item,) = await asked(fleet)
    await fleet.do(commands.attention.dismiss, item_id=item.id)
    assert ((await fleet.run(run)).status, await asked(fleet)) == ("PAUSED", [])
    await fleet.do(commands.runs.configure, run_id=run, budget=limit(9))
    assert (await fleet.run(run)).status == "ACTIVE"


async def test_stop_ends_the_run(fleet: Fleet) -> None:
    run = await fleet.a_run("a", "b < a", budget=usd(5))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(5))
    (item,) = await asked(fleet)
    await fleet.do(commands.attention.answer, item_id=item.id, answer="stop")
    await fleet.report(worker, Exited(ExitReason.KILLED))
    assert (await fleet.run(run)).status == "CANCELLED"


async def test_stop_gives_a_task_up_for_good(fleet: Fleet) -> None:
    run = await fleet.a_run(plan=a_plan(a_task("a", budget=usd(5), max_attempts=3)))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(5))
    (item,) = await asked(fleet)
    await fleet.do(commands.attention.answer, item_id=item.id, answer="stop")
    await fleet.report(worker, Exited(ExitReason.KILLED))
    assert (await fleet.statuses(run), (await fleet.run(run)).status) == ({"a": "FAILED"}, "FAILED")
    refusal = await fleet.refused(commands.tasks.retry, task_id=(await fleet.task(run, "a")).id)
    assert refusal.code is ErrorCode.BUDGET_EXCEEDED


async def test_a_run_that_is_stopping_ends_who_spends_too_much(fleet: Fleet) -> None:
    run = await fleet.a_run("a", budget=usd(5))
    worker = await fleet.working(run, "a")
    await fleet.do(commands.runs.stop, run_id=run, mode=Urgency.DRAIN)
    await fleet.report(worker, cost(5))
    assert (await fleet.worker(worker)).desire == "STOP"
