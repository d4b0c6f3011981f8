"""Agents that look after runs and die again and again: people are asked what is to be done."""

from app import commands, store
from app.domain.access import Role
from app.domain.supervisors import SupervisorState
from app.store.tables import AttentionRow
from tests.commands.supervising import refused_heartbeat
from tests.commands.supervising_processes import a_run, die, process, processes
from tests.conftest import Clock
from tests.factories import an_actor
from tests.fleet import Fleet

S = SupervisorState


async def given_up(fleet: Fleet, clock: Clock) -> tuple[str, AttentionRow]:
    """A run whose agent has died once too often, and what people are asked."""
    run = await a_run(fleet)
    while (rest := await die(fleet, clock, run)) is not None:
        clock.advance(seconds=rest)
    (item,) = await fleet.db.read(store.attention.open_of_run, run)
    return run, item


async def test_people_are_asked_about_one_that_dies_again_and_again(fleet: Fleet, clock: Clock) -> None:
    run, item = await given_up(fleet, clock)
    assert (item.kind, item.options) == ("FAILURE", ["RESTART", "BUILT_IN", "STOP_RUN"])
    assert item.detail == (
        "It was started again 5 times within 10 minutes. The last time: The process ended with exit code 1."
    )
    assert item.blocked_tasks == 2
    assert (await fleet.run(run)).status == "ACTIVE"
    await fleet.finish(run, "a", "b")
    assert (await fleet.item(item.id)).status == "DISMISSED"


async def test_it_is_started_again_where_that_is_the_answer(fleet: Fleet, clock: Clock) -> None:
    run, item = await given_up(fleet, clock)
    await fleet.do(commands.attention.answer, item_id=item.id, answer="RESTART")
    assert await die(fleet, clock, run) == 1


async def test_the_built_in_one_goes_on_where_that_is_the_answer(fleet: Fleet, clock: Clock) -> None:
    run, item = await given_up(fleet, clock)
    await fleet.do(commands.attention.answer, item_id=item.id, answer="BUILT_IN")
    row = await fleet.supervisor(run)
    assert (row.is_agent, row.state) == (False, S.WORKING)
    stray = an_actor(Role.ORCHESTRATOR, id="tok_stray", run_id=run)
    assert await refused_heartbeat(fleet, run, stray) == "SUPERVISOR_NOT_FOUND"
    clock.advance(hours=1)
    await fleet.claim()
    assert await processes(fleet, run) == []
    await fleet.do(commands.supervisors.restart, run_id=run)
    await process(fleet, run)
    assert (await fleet.supervisor(run)).is_agent


async def test_the_run_is_stopped_where_that_is_the_answer(fleet: Fleet, clock: Clock) -> None:
    run, item = await given_up(fleet, clock)
    await fleet.do(commands.attention.answer, item_id=item.id, answer="STOP_RUN")
    assert (await fleet.run(run)).status == "STOPPING"


async def test_nothing_is_done_about_it_without_an_answer(fleet: Fleet, clock: Clock) -> None:
    run, item = await given_up(fleet, clock)
    await fleet.do(commands.attention.dismiss, item_id=item.id)
    clock.advance(hours=1)
    await fleet.claim()
    assert await processes(fleet, run) == []
    assert (await fleet.supervisor(run)).state == S.INTERRUPTED


async def test_a_restart_by_hand_answers_it_too(fleet: Fleet, clock: Clock) -> None:
    run, item = await given_up(fleet, clock)
    await fleet.do(commands.supervisors.restart, run_id=run)
    assert (await fleet.item(item.id)).status == "DISMISSED"
    await process(fleet, run)
