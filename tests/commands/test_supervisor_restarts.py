"""Agents that look after runs, as processes that die: started again, one at a time, and never past the fence."""

from typing import Any

import pytest

from app import commands
from app.domain.events import EventKind
from app.domain.runs import Urgency
from app.domain.supervisors import SupervisorState
from app.domain.workers import ExitReason
from app.engine import supervision
from tests.commands.supervising import heartbeat, refused_heartbeat
from tests.commands.supervising_processes import PATIENCE, a_run, actor_of, die, process, processes
from tests.conftest import Clock
from tests.fleet import Fleet
from tests.invariants import check

S = SupervisorState


async def test_one_that_dies_is_started_again_after_ever_longer_rests(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    rests = []
    for _ in range(5):
        rests.append(rest := await die(fleet, clock, run))
        assert (await fleet.supervisor(run)).state == S.INTERRUPTED
        assert rest is not None
        clock.advance(seconds=rest - 0.1)
        await fleet.claim()
        assert await processes(fleet, run) == []
        clock.advance(seconds=0.1)
        await fleet.claim()
    assert rests == [1, 2, 4, 8, 16]
    assert (await fleet.supervisor(run)).restarts == 5
    assert (await fleet.supervisor(run)).state == S.INITIALIZING
    assert await die(fleet, clock, run) is None
    clock.advance(hours=1)
    await fleet.claim()
    assert await processes(fleet, run) == []


async def test_restarts_of_long_ago_count_for_nothing(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    for _ in range(8):
        rest = await die(fleet, clock, run)
        assert rest is not None
        assert rest <= 8
        clock.advance(minutes=3)


async def test_a_restart_by_hand_ends_it_first_and_forgets_what_counted(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    for _ in range(6):
        await die(fleet, clock, run)
        clock.advance(minutes=1)
    assert (await fleet.supervisor(run)).starts_at is None
    await fleet.do(commands.supervisors.restart, run_id=run)
    first = await process(fleet, run)
    assert await die(fleet, clock, run) == 1
    clock.advance(seconds=1)
    second = await process(fleet, run)
    await fleet.do(commands.supervisors.restart, run_id=run)
    before = await actor_of(fleet, second)
    assert await refused_heartbeat(fleet, run, before) == "SUPERVISOR_NOT_FOUND"
    await fleet.claim()
    (living,) = await processes(fleet, run)
    assert (living.id, living.status) == (second, "STOPPING")
    await fleet.exit(second, reason=ExitReason.KILLED)
    third = await process(fleet, run)
    assert len({first, second, third}) == 3


async def test_one_that_is_silent_is_ended_for_certain_before_the_next(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    worker = await process(fleet, run)
    actor = await actor_of(fleet, worker)
    await heartbeat(fleet, run, actor)
    clock.advance(seconds=120)
    assert await supervision.run_once(fleet.db, led_since=clock() - PATIENCE, patience=PATIENCE) == 1
    assert (await fleet.supervisor(run)).state == S.INTERRUPTED
    assert actor is not None
    pause = {"run_id": run, "mode": Urgency.DRAIN}
    assert (await fleet.refused(commands.runs.pause, by=actor, **pause)).code == "SUPERVISOR_DEAD"
    await fleet.claim()
    clock.advance(minutes=1)
    await fleet.claim()
    (living,) = await processes(fleet, run)
    assert (living.id, living.status) == (worker, "STOPPING")
    assert await refused_heartbeat(fleet, run, actor) == "SUPERVISOR_DEAD"
    await fleet.exit(worker, reason=ExitReason.KILLED)
    clock.advance(seconds=1)
    assert await process(fleet, run) != worker


async def test_two_at_once_without_the_fence_are_noticed(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flawed variant: it does not wait for the old one. The comparison after every test of commands sees it."""
    run = await a_run(fleet)
    await process(fleet, run)
    restart = commands.supervision.restart

    def heedless(tx: Any, run: Any, supervisor: Any, reason: Any) -> None:
        restart(tx, run, supervisor, reason)
        supervisor.worker_id = None

    monkeypatch.setattr(commands.supervision, "restart", heedless)
    await fleet.do(commands.supervisors.restart, run_id=run)
    await fleet.claim()
    with pytest.raises(AssertionError, match="agents at once look after"):
        await fleet.db.read(check)
    monkeypatch.undo()
    for worker in await processes(fleet, run):
        if worker.id != (await fleet.supervisor(run)).worker_id:
            await fleet.exit(await fleet.up(worker.id) if worker.status == "SPAWNING" else worker.id)


async def test_one_that_says_it_has_failed_is_started_again(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    worker = await process(fleet, run)
    await heartbeat(fleet, run, await actor_of(fleet, worker), S.FAILED)
    await fleet.claim()
    assert (await fleet.worker(worker)).status == "STOPPING"
    await fleet.exit(worker, reason=ExitReason.KILLED)
    clock.advance(seconds=1)
    assert await process(fleet, run) != worker


async def test_a_successor_is_told_what_the_one_before_has_left_behind(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    first = await process(fleet, run)
    assert "again" not in (await fleet.worker(first)).prompt.splitlines()[0]
    actor = await actor_of(fleet, first)
    await heartbeat(fleet, run, actor, memo="Decided for red.", session_id="ses_1")
    await die(fleet, clock, run)
    clock.advance(seconds=1)
    worker = await fleet.worker(await process(fleet, run))
    assert "trackside heartbeat" in worker.prompt
    assert "Decided for red." in worker.prompt
    assert worker.session_id == "ses_1"
    assert (await fleet.supervisor(run)).restoration[-1]["step"] == "CONTEXT_HANDED_OVER"
    await heartbeat(fleet, run, await actor_of(fleet, worker.id))
    assert (await fleet.supervisor(run)).restoration[-1]["step"] == "RESUMED"


@pytest.mark.parametrize("hold", ["pause", "ask", "before it is up"])
async def test_one_that_cannot_speak_is_not_silent(fleet: Fleet, clock: Clock, hold: str) -> None:
    run = await a_run(fleet)
    await fleet.claim()
    ((worker),) = await processes(fleet, run)
    if hold != "before it is up":
        await fleet.up(worker.id)
    if hold == "pause":
        await fleet.do(commands.runs.pause, run_id=run, mode=Urgency.NOW)
        await fleet.report(worker.id, commands.reports.Seen(2), commands.reports.Paused())
    if hold == "ask":
        item = await fleet.do(commands.attention.ask, run_id=run, worker_id=worker.id, question="Which?")
    clock.advance(hours=1)

    async def look() -> int:
        return await supervision.run_once(fleet.db, led_since=clock() - PATIENCE, patience=PATIENCE)

    assert await look() == 0
    if hold == "pause":
        await fleet.do(commands.runs.resume, run_id=run)
        await fleet.report(worker.id, commands.reports.Seen(3), commands.reports.Resumed())
    elif hold == "ask":
        await fleet.do(commands.attention.answer, item_id=item.refs["item"], answer="that")
    else:
        await fleet.up(worker.id)
    assert await look() == 0
    clock.advance(seconds=120)
    assert await look() == 1


async def test_the_states_are_told_in_order(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet, "a")
    await heartbeat(fleet, run, await actor_of(fleet, await process(fleet, run)))
    await die(fleet, clock, run)
    clock.advance(seconds=1)
    await heartbeat(fleet, run, await actor_of(fleet, await process(fleet, run)))
    told = await fleet.events(EventKind.SUPERVISOR_STATE_CHANGED)
    assert [event.data["new"] for event in told] == [
        S.INITIALIZING,
        S.WORKING,
        S.INTERRUPTED,
        S.INITIALIZING,
        S.WORKING,
    ]
    assert told[2].data["reason"] == "The process ended with exit code 1."
