"""Agents that look after runs: heard, given up, restarted; the token of one that was given up does nothing more."""

from datetime import timedelta
from typing import Any

import pytest

from app import commands, store
from app.commands.audit import Change
from app.domain.errors import AppError
from app.domain.events import EventKind
from app.domain.runs import Urgency
from app.domain.supervisors import SupervisorState
from app.engine import supervision
from app.store.db import Tx
from tests.commands.supervising import agent_of, beat, heartbeat, refused_heartbeat
from tests.conftest import Clock
from tests.fleet import Fleet

S = SupervisorState
PATIENCE = timedelta(seconds=120)


async def refused(fleet: Fleet, run: str, state: S = S.WORKING, *, name: str = "one", **said: Any) -> str:
    return await refused_heartbeat(fleet, run, agent_of(run, name), state, **said)


async def look(fleet: Fleet, clock: Clock, *, led_for: timedelta = timedelta(hours=1)) -> int:
    return await supervision.run_once(fleet.db, led_since=clock() - led_for, patience=PATIENCE)


async def given_up(fleet: Fleet, clock: Clock) -> str:
    run = await fleet.a_run("a", "b < a")
    await beat(fleet, run)
    clock.advance(seconds=120)
    assert await look(fleet, clock) == 1
    return run


async def test_what_an_agent_says_is_kept_and_what_it_leaves_out_stays(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    task = (await fleet.task(run, "a")).id
    version = (await fleet.run(run)).version
    await beat(fleet, run, S.IDLE, activity="Reading", progress=40, pending_tasks=[task])
    at = clock.advance(seconds=30)
    await beat(fleet, run, S.WAITING_FOR_TASKS, phase="phase-1")
    row = await fleet.supervisor(run)
    assert (row.state, row.activity, row.progress) == (S.WAITING_FOR_TASKS, "Reading", 40)
    assert (row.pending_tasks, row.last_heartbeat_at, row.agent) == ([task], at, "tok_one")
    after = await fleet.run(run)
    assert (after.version, after.last_activity_at) == (version, at)
    newest, older = await fleet.db.read(store.supervisors.heartbeats, run, 10)
    assert newest.data == {
        "state": "WAITING_FOR_TASKS",
        "phase": "phase-1",
        "activity": "Reading",
        "progress": 40,
    }
    assert (older.data["state"], older.data["phase"]) == ("IDLE", None)
    assert await fleet.db.read(store.supervisors.heartbeats, run, 1) == [newest]


async def test_a_heartbeat_leaves_no_command(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    before = len(await fleet.all_commands())
    await beat(fleet, run)
    await beat(fleet, run)
    assert len(await fleet.all_commands()) == before


async def test_an_agent_stands_as_it_says_until_its_run_ends(fleet: Fleet) -> None:
    run = await fleet.a_run("a", "b < a")
    await beat(fleet, run, S.BLOCKED)
    await fleet.do(commands.runs.pause, run_id=run, mode=Urgency.DRAIN)
    await fleet.do(commands.runs.resume, run_id=run)
    assert (await fleet.supervisor(run)).state == S.BLOCKED
    await fleet.finish(run, "a", "b")
    assert (await fleet.supervisor(run)).state == S.COMPLETED
    assert await refused(fleet, run) == "SUPERVISOR_NOT_FOUND"


async def test_the_agent_of_a_failed_run_begins_again_with_it(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    await beat(fleet, run)
    await fleet.fail(run, "a")
    assert (await fleet.supervisor(run)).state == S.FAILED
    clock.advance(hours=1)
    await fleet.do(commands.runs.retry, run_id=run, by=agent_of(run))
    assert (await fleet.supervisor(run)).state == S.INITIALIZING
    assert await look(fleet, clock) == 0
    await beat(fleet, run)


async def test_one_agent_looks_after_a_run_and_another_after_a_restart(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    await beat(fleet, run)
    assert await refused(fleet, run, name="two") == "SUPERVISOR_NOT_FOUND"
    await fleet.do(commands.supervisors.restart, run_id=run, because="Another one.")
    await beat(fleet, run, name="two")
    assert await refused(fleet, run, name="one") == "SUPERVISOR_NOT_FOUND"
    assert (await fleet.supervisor(run)).restarts == 1


async def test_an_agent_of_another_run_is_told_nothing(fleet: Fleet) -> None:
    run, other = await fleet.a_run("a"), await fleet.a_run("a")
    with pytest.raises(AppError, match="There is no run"):
        await heartbeat(fleet, run, agent_of(other))
    stranger = (await fleet.task(other, "a")).id
    assert await refused(fleet, run, pending_tasks=[stranger]) == "NOT_FOUND"
    assert await refused(fleet, run, phase="no-such-phase") == "NOT_FOUND"
    assert not (await fleet.supervisor(run)).is_agent


async def test_who_is_not_heard_is_given_up_once(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    built_in = await fleet.a_run("a")
    await beat(fleet, run)
    clock.advance(seconds=119)
    assert await look(fleet, clock) == 0
    clock.advance(seconds=1)
    assert await look(fleet, clock) == 1
    assert await look(fleet, clock) == 0
    assert (await fleet.supervisor(run)).state == S.INTERRUPTED
    assert (await fleet.supervisor(built_in)).state == S.WORKING
    told = (await fleet.events(EventKind.SUPERVISOR_STATE_CHANGED))[-1]
    assert told.data["reason"] == "It was not heard for 120 s."


async def test_silence_counts_from_when_somebody_was_there_to_hear(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    await beat(fleet, run)
    clock.advance(hours=1)
    assert await look(fleet, clock, led_for=timedelta(seconds=119)) == 0
    assert await look(fleet, clock, led_for=timedelta(seconds=120)) == 1


async def test_a_beat_while_it_is_decided_counts(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of the silent is old by the time their rows are locked."""
    run = await fleet.a_run("a")
    await beat(fleet, run)
    clock.advance(seconds=120)
    silent = await fleet.db.read(store.supervisors.silent, clock() - PATIENCE)
    await beat(fleet, run)
    monkeypatch.setattr(store.supervisors, "silent", lambda tx, since: silent)
    assert await look(fleet, clock) == 0
    assert (await fleet.supervisor(run)).state == S.WORKING


async def test_the_token_of_one_that_was_given_up_does_nothing_until_a_restart(
    fleet: Fleet, clock: Clock
) -> None:
    run = await given_up(fleet, clock)
    assert await refused(fleet, run) == "SUPERVISOR_DEAD"
    pause = {"run_id": run, "mode": Urgency.DRAIN}
    refusal = await fleet.refused(commands.runs.pause, by=agent_of(run), **pause)
    assert refusal.code == "SUPERVISOR_DEAD"
    assert refusal.suggestion is not None
    assert (await fleet.run(run)).status == "ACTIVE"
    await fleet.do(commands.runs.pause, by=agent_of(run, "another"), **pause)
    await fleet.do(commands.runs.resume, run_id=run)
    await fleet.do(commands.supervisors.restart, run_id=run)
    await beat(fleet, run)
    await fleet.do(commands.runs.pause, by=agent_of(run), **pause)


async def test_a_rehearsal_is_refused_too(fleet: Fleet, clock: Clock) -> None:
    run = await given_up(fleet, clock)

    def nothing(_: Tx) -> Change:
        raise AssertionError("it was carried out")

    with pytest.raises(AppError) as error:
        await fleet.db.rehearse(commands.audit.rehearse, agent_of(run), nothing)
    assert error.value.code == "SUPERVISOR_DEAD"


async def test_a_restarted_agent_is_given_time(fleet: Fleet, clock: Clock) -> None:
    run = await given_up(fleet, clock)
    clock.advance(hours=1)
    await fleet.do(commands.supervisors.restart, run_id=run)
    clock.advance(seconds=119)
    assert await look(fleet, clock) == 0
    clock.advance(seconds=1)
    assert await look(fleet, clock) == 1


async def test_the_built_in_one_is_restarted_and_stands_as_its_run_does(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    version = (await fleet.run(run)).version
    await fleet.do(commands.supervisors.restart, run_id=run, expected_version=version)
    row = await fleet.supervisor(run)
    assert (row.state, row.restarts, row.is_agent) == (S.WORKING, 1, False)
    assert (await fleet.run(run)).version == version


async def test_heartbeats_are_forgotten_after_a_day_and_nothing_else_is(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    for _ in range(3):
        await beat(fleet, run)
    others = len(await fleet.events()) - 3
    clock.advance(hours=25)
    await beat(fleet, run)
    assert await supervision.prune(fleet.db) == 3
    assert await supervision.prune(fleet.db) == 0
    assert len(await fleet.events(EventKind.HEARTBEAT_RECEIVED)) == 1
    assert len(await fleet.events()) == others + 1


async def test_the_end_of_the_log_stays_where_it_is(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    await beat(fleet, run)
    head = await fleet.db.read(store.events.head)
    clock.advance(hours=25)
    assert await supervision.prune(fleet.db) == 0
    assert await fleet.db.read(store.events.head) == head
