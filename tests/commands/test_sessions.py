"""The session that a supervising agent has of its own is kept with it, and given to the process after it."""

from decimal import Decimal
from typing import Any

import pytest

from app import commands, store
from app.commands import supervisor_processes
from app.domain.access import Actor, Role
from app.domain.reports import InSession, Used
from app.domain.restorations import RestorationStep
from app.domain.saved_states import SavePoint, unseal
from app.domain.supervisors import SupervisorState
from app.domain.usage import Amounts
from app.domain.workers import ExitReason
from app.store.orders import Orders
from app.store.tables import WorkerRow
from tests.conftest import Clock
from tests.factories import an_actor
from tests.fleet import Fleet
from tests.invariants import check

AGENT = {"kind": "agent", "name": "scripted"}


async def a_run(fleet: Fleet) -> str:
    return await fleet.a_run("a", supervisor=AGENT)


async def process(fleet: Fleet, run: str) -> WorkerRow:
    """The one that looks after the run, up; started first where there is none."""
    await fleet.claim()
    (worker,) = [worker for worker in await fleet.live(run) if worker.role == Role.ORCHESTRATOR]
    if worker.status == "SPAWNING":
        await fleet.up(worker.id)
    return await fleet.worker(worker.id)


def agent_of(run: str, worker: WorkerRow) -> Actor:
    return an_actor(Role.ORCHESTRATOR, id=store.tokens.agent_of(Role.ORCHESTRATOR, worker.id), run_id=run)


async def beat(fleet: Fleet, run: str, **said: Any) -> None:
    actor = agent_of(run, await process(fleet, run))
    await fleet.db.write(
        commands.supervisors.beat, actor=actor, run_id=run, state=SupervisorState.WORKING, **said
    )


async def successor(fleet: Fleet, clock: Clock, run: str) -> WorkerRow:
    """The process is killed, and the next one is up."""
    await fleet.exit((await process(fleet, run)).id, reason=ExitReason.RUNNER_LOST)
    clock.advance(seconds=20)
    return await process(fleet, run)


async def orders(fleet: Fleet, worker: WorkerRow) -> Orders:
    _, found = await fleet.db.read(store.orders.read, worker.id, 1)
    return found


async def sessions(fleet: Fleet, run: str) -> list[tuple[SavePoint, str | None, str | None]]:
    """What is saved of the run's agent, newest first: with what, notes and session."""
    row = await fleet.db.read(store.supervisors.of_run, run)
    states = [
        unseal(one, supervisor=row.id) for one in await fleet.db.read(store.saved_states.newest, row.id)
    ]
    return [
        (one.point, one.conversation.memo, one.conversation.session_id) for one in states if one.conversation
    ]


def used(dollars: str) -> Used:
    return Used("large", Amounts.reported({}, Decimal(dollars)))


async def test_it_is_saved_with_the_report_and_given_to_the_next(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    first = await process(fleet, run)
    assert (await orders(fleet, first)).session_id is None
    await fleet.report(first.id, InSession("ses_1"))
    assert await sessions(fleet, run) == [(SavePoint.RESPONSE, None, "ses_1")]
    told = await orders(fleet, await successor(fleet, clock, run))
    assert (told.session_id, told.session_cost) == ("ses_1", 0)
    await fleet.db.read(check)


async def test_notes_and_session_do_not_displace_each_other(fleet: Fleet) -> None:
    run = await a_run(fleet)
    await beat(fleet, run, memo="Red.")
    await fleet.report((await process(fleet, run)).id, InSession("ses_1"))
    await beat(fleet, run, memo="Blue.")
    newest, *_ = await sessions(fleet, run)
    assert newest == (SavePoint.RESPONSE, "Blue.", "ses_1")


@pytest.mark.parametrize("session", ["", " ses", "two\nlines", "x" * 201, "nul\0", "\ud800"])
async def test_what_is_no_name_is_not_kept(fleet: Fleet, session: str) -> None:
    run = await a_run(fleet)
    await fleet.report((await process(fleet, run)).id, InSession(session))
    assert await sessions(fleet, run) == []
    assert (await process(fleet, run)).session_id is None


async def test_of_other_workers_none_is_kept(fleet: Fleet) -> None:
    run = await a_run(fleet)
    worker = await fleet.working(run, "a")
    await fleet.report(worker, InSession("ses_1"))
    assert (await fleet.worker(worker)).session_id is None
    assert await sessions(fleet, run) == []


async def test_one_that_was_given_up_saves_nothing_any_more(fleet: Fleet) -> None:
    run = await a_run(fleet)
    first = await process(fleet, run)
    await fleet.do(commands.supervisors.restart, run_id=run)
    await fleet.report(first.id, InSession("ses_1"))
    assert await sessions(fleet, run) == []


async def test_what_was_counted_of_it_is_that_of_all_processes_that_had_it(
    fleet: Fleet, clock: Clock
) -> None:
    run = await a_run(fleet)
    await fleet.report((await process(fleet, run)).id, InSession("ses_1"), used("0.25"), used("0.5"))
    second = await successor(fleet, clock, run)
    assert (await orders(fleet, second)).session_cost == Amounts.reported({}, Decimal("0.75")).cost
    await beat(fleet, run)
    await fleet.report(second.id, InSession("ses_1"), used("0.125"))
    third = await successor(fleet, clock, run)
    assert (await orders(fleet, third)).session_cost == Amounts.reported({}, Decimal("0.875")).cost
    await beat(fleet, run)
    await fleet.report(third.id, InSession("ses_2"), used("1"))  # it could not resume
    fourth = await orders(fleet, await successor(fleet, clock, run))
    assert (fourth.session_id, fourth.session_cost) == (
        "ses_2",
        Amounts.reported({}, Decimal("1")).cost,
    )


async def lives_unheard(fleet: Fleet, clock: Clock) -> list[str | None]:
    """The sessions that three processes are given, of which the last two never beat."""
    run = await a_run(fleet)
    await fleet.report((await process(fleet, run)).id, InSession("ses_1"))
    await beat(fleet, run)
    return [(await successor(fleet, clock, run)).session_id for _ in range(2)]


async def test_a_session_that_an_agent_dies_over_is_not_resumed_for_ever(fleet: Fleet, clock: Clock) -> None:
    assert await lives_unheard(fleet, clock) == ["ses_1", None]


async def test_one_that_were_resumed_for_ever_would_be_noticed(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    always = staticmethod(lambda _: RestorationStep.RESUMED)
    monkeypatch.setattr(
        supervisor_processes,
        "restorations",
        type("Flawed", (), {**vars(commands.restorations), "step": always}),
    )
    assert await lives_unheard(fleet, clock) != ["ses_1", None]
