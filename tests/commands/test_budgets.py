"""Budgets: what is reserved, what is paused when they are used up, and what goes on when they are raised."""

import asyncio
from decimal import Decimal
from inspect import signature
from typing import Any

import pytest

from app import commands, store
from app.commands import ledgers
from app.domain.attention import AttentionKind
from app.domain.budgets import Ledger, Limit, Need
from app.domain.edits import EditTask
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.reports import Exited, Paused, Resumed, Used
from app.domain.runs import Urgency
from app.domain.usage import Amounts, units
from app.domain.workers import Desire, ExitReason
from app.store.db import Database, Tx
from app.store.tables import AttentionRow, EventRow, RunRow, WorkerRow
from tests.conftest import Clock
from tests.factories import COMMAND, a_plan, a_task
from tests.fleet import Fleet


def usd(dollars: str | float) -> int:
    return units(Decimal(str(dollars)))


def cost(dollars: str | float) -> Used:
    return Used("m-1", Amounts(cost=usd(dollars)))


def limit(dollars: str | float | None) -> Limit:
    return Limit(None if dollars is None else usd(dollars))


async def asked(fleet: Fleet) -> list[AttentionRow]:
    """Open items about budgets, the oldest first."""
    opened = [row.data["item"] for row in await fleet.events(EventKind.ATTENTION_OPENED)]
    items = [await fleet.item(id) for id in opened]
    return [item for item in items if item.status == "OPEN" and item.kind == AttentionKind.BUDGET]


async def warnings(fleet: Fleet) -> list[EventRow]:
    return await fleet.events(EventKind.BUDGET_WARNED)


async def spawned(fleet: Fleet, run: str, dollars: float | None = None, **arguments: Any) -> str:
    """A worker by hand, running."""
    receipt = await fleet.do(
        commands.workers.spawn,
        run_id=run,
        runtime=COMMAND,
        budget=None if dollars is None else usd(dollars),
        **arguments,
    )
    await fleet.claim()
    return await fleet.up(str(receipt.refs["worker"]))


async def obey(fleet: Fleet, worker_id: str) -> WorkerRow:
    """The runner pauses its agent, or lets it go on, as it is told."""
    worker = await fleet.worker(worker_id)
    await fleet.report(worker_id, Paused() if worker.desire == Desire.PAUSE else Resumed())
    return await fleet.worker(worker_id)


# ---------------------------------------------------------------- reserving


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


# ---------------------------------------------------------------- warning


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


# ---------------------------------------------------------------- never past it


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


# ---------------------------------------------------------------- flawed variants


def reserves_nothing(_run: RunRow, worker: WorkerRow, wanted: Need) -> None:
    worker.budget = wanted.budget


def forgets_that_it_warned(tx: Tx, run: RunRow, row: Any, ledger: Ledger, **named: Any) -> None:
    row.budget_warned = False
    WARN(tx, run, row, ledger, **named)


WARN = ledgers.warn
FLAWS: dict[str, tuple[Any, str, Any, Any]] = {
    "reserves nothing": (
        ledgers,
        "reserve",
        reserves_nothing,
        test_of_twenty_spawns_at_once_as_many_start_as_the_budget_has_room_for,
    ),
    "resumes past the budget": (
        store.budgets,
        "stopped_by",
        lambda _tx, _run, _worker: None,
        test_unblocking_a_task_does_not_resume_a_worker_past_its_budget,
    ),
    "gives every attempt the whole budget anew": (
        ledgers,
        "_handed_on",
        lambda _tx, _task, _of_task: None,
        test_auto_recovery_does_not_resume_a_session_past_its_spend_cap,
    ),
    "warns twice": (
        ledgers,
        "warn",
        forgets_that_it_warned,
        test_most_of_a_budget_is_warned_of_once_until_the_limit_is_another,
    ),
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_flaw_is_caught(
    sqlite_db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    module, name, flawed, test = FLAWS[flaw]
    monkeypatch.setattr(module, name, flawed)
    arguments = {"fleet": Fleet(sqlite_db, clock), "clock": clock}
    with pytest.raises((AssertionError, ValueError)):  # the latter where there is more than one
        await test(**{one: arguments[one] for one in signature(test).parameters})
