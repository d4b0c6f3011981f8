"""Budgets: nothing that goes on by itself, and no verb, goes past them."""

from typing import Any

import pytest

from app import commands
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.reports import Paused
from tests.commands.spending import asked, cost, limit, obey, spawned, usd
from tests.conftest import Clock
from tests.factories import COMMAND, a_plan, a_task
from tests.fleet import Fleet


async def test_auto_recovery_does_not_resume_a_session_past_its_spend_cap(fleet: Fleet, clock: Clock) -> None:
    plan = a_plan(a_task("a", budget=usd(5), max_attempts=9), a_task("b", max_attempts=9))
    run = await fleet.a_run(plan=plan)
    await fleet.do(commands.pipeline.pause)
    capped = await spawned(fleet, run, 5, task_id=(await fleet.task(run, "b")).id)
    await fleet.do(commands.pipeline.resume)
    first = await fleet.working(run, "a")
    await fleet.report(first, cost(5))
    await fleet.report(capped, cost(5))
    for worker in (first, capped):
        row = await fleet.worker(worker)
        await fleet.db.write(
            commands.reports.lose, worker_id=worker, fence=row.fence, reason="Its host has died."
        )
    for _ in range(3):
        clock.advance(minutes=2)
        assert await fleet.claim() == []
    assert await fleet.statuses(run) == {"a": "READY", "b": "READY"}
    assert (await fleet.run(run)).status == "WAITING_FOR_INPUT"
    assert len(await asked(fleet)) == 2
    for item in await asked(fleet):
        await fleet.do(commands.attention.answer, item_id=item.id, answer="7")
    assert len(await fleet.claim()) == 2
    again = await fleet.working(run, "b")
    assert (await fleet.worker(again)).budget == usd(2), "what is left of what the first one was given"


@pytest.mark.parametrize("verb", [commands.runs.resume, commands.runs.retry])
async def test_no_verb_takes_a_run_past_its_budget(fleet: Fleet, verb: Any) -> None:
    run = await fleet.a_run(plan=a_plan("a", "b"), budget=usd(5))
    await fleet.fail(run, "b")
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(5))
    await obey(fleet, worker)
    refusal = await fleet.refused(verb, run_id=run)
    assert refusal.code is ErrorCode.BUDGET_EXCEEDED
    assert "$5 of its budget of $5" in refusal.message
    assert (await fleet.worker(worker)).desire == "PAUSE"


async def test_a_failed_run_that_goes_on_by_its_tasks_is_paused_at_once(fleet: Fleet) -> None:
    run = await fleet.a_run("a", "b < a", budget=usd(5))
    worker = await fleet.working(run, "a")
    await fleet.report(worker, cost(4))
    await fleet.exit(worker, 1)
    await fleet.do(commands.runs.configure, run_id=run, budget=limit(4))
    assert (await fleet.run(run)).status == "FAILED"
    await fleet.do(commands.tasks.skip, task_id=(await fleet.task(run, "a")).id)
    assert (await fleet.run(run)).status == "PAUSED"
    assert await fleet.claim() == []


async def test_unblocking_a_task_does_not_resume_a_worker_past_its_budget(fleet: Fleet) -> None:
    run = await fleet.a_run(plan=a_plan(a_task("a", budget=usd(5))))
    worker = await fleet.working(run, "a")
    task = await fleet.task(run, "a")
    await fleet.do(commands.tasks.block, task_id=task.id)
    await fleet.report(worker, cost(5), Paused())
    await fleet.do(commands.tasks.unblock, task_id=task.id)
    assert (await fleet.worker(worker)).desire == "PAUSE"


async def test_what_the_agent_that_looked_after_a_run_spends_after_its_end_is_counted_and_nobody_is_asked(
    fleet: Fleet,
) -> None:
    run = await fleet.a_run("a", budget=usd(5), supervisor=COMMAND)
    worker = await fleet.working(run, "a")
    (agent,) = [one.id for one in await fleet.live(run) if one.id != worker]
    await fleet.up(agent)
    await fleet.report(worker, cost(4))
    await fleet.exit(worker)
    assert (await fleet.run(run)).status == "COMPLETED"
    before = len(await fleet.events())
    await fleet.report(agent, cost(2))
    assert (await fleet.run(run)).cost == usd(6)
    after = {event.kind for event in (await fleet.events())[before:]}
    assert after <= {
        EventKind.WORKER_REPORTED,
        EventKind.WORKER_ORDERED,
        EventKind.WORKER_STATUS_CHANGED,
    }
    assert (await fleet.worker(agent)).status == "STOPPING"
