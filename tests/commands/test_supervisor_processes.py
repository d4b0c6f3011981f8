"""Agents that look after runs, as processes: started with their run, fenced, started again, ended with it."""

from datetime import timedelta
from typing import Any

import pytest

from app import commands, store
from app.commands import supervisor_processes
from app.domain.access import Actor, Role
from app.domain.errors import AppError
from app.domain.events import EventKind
from app.domain.runs import Urgency
from app.domain.supervisors import SupervisorState
from app.domain.workers import ExitReason
from app.engine import supervision
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import AttentionRow, WorkerRow
from tests.conftest import Clock
from tests.factories import an_actor
from tests.fleet import Fleet
from tests.invariants import check

S = SupervisorState
AGENT = {"kind": "command", "argv": ["an-agent"]}
PATIENCE = timedelta(seconds=120)


async def a_run(fleet: Fleet, *entries: str, **arguments: Any) -> str:
    """A run that is given an agent."""
    return await fleet.a_run(*(entries or ("a", "b < a")), supervisor=AGENT, **arguments)


async def supervisor(fleet: Fleet, run: str) -> SupervisorRow:
    return await fleet.db.read(store.supervisors.of_run, run)


async def processes(fleet: Fleet, run: str) -> list[WorkerRow]:
    """The ones that live."""
    return [worker for worker in await fleet.live(run) if worker.role == Role.ORCHESTRATOR]


async def process(fleet: Fleet, run: str) -> str:
    """The worker that is the supervisor, up; started first where it is not."""
    await fleet.claim()
    (worker,) = await processes(fleet, run)
    return await fleet.up(worker.id) if worker.status == "SPAWNING" else worker.id


async def actor_of(fleet: Fleet, worker_id: str) -> Actor | None:
    """Who its token makes it."""
    key = await fleet.db.write(store.tokens.signing_key)
    token = store.tokens.derive(key, Role.ORCHESTRATOR, worker_id, 1)
    return await fleet.db.read(store.tokens.actor_of, token)


async def beat(fleet: Fleet, run: str, actor: Actor | None, state: S = S.WORKING) -> None:
    assert actor is not None
    await fleet.db.write(commands.supervisors.beat, actor=actor, run_id=run, state=state)


async def refused(fleet: Fleet, run: str, actor: Actor | None) -> str:
    with pytest.raises(AppError) as error:
        await beat(fleet, run, actor)
    return str(error.value.code)


async def die(fleet: Fleet, clock: Clock, run: str) -> float | None:
    """Let the process fail. Seconds until the next one is started, or None where none is."""
    await fleet.exit(await process(fleet, run), 1)
    at = (await supervisor(fleet, run)).starts_at
    return None if at is None else (at - clock()).total_seconds()


# ---------------------------------------------------------------- started


async def test_it_is_started_with_its_run_beside_the_tasks(fleet: Fleet) -> None:
    run = await a_run(fleet, "a", start=False)
    await fleet.claim()
    assert await fleet.live(run) == []
    assert (await supervisor(fleet, run)).state == S.INITIALIZING
    await fleet.do(commands.runs.start, run_id=run)
    await fleet.claim()
    (worker,) = await processes(fleet, run)
    assert (worker.task_id, worker.runtime, worker.name) == (None, AGENT, "supervisor")
    assert "Look after the run" in worker.prompt
    row = await supervisor(fleet, run)
    assert (row.worker_id, row.starts_at, row.restarts) == (worker.id, None, 0)
    await fleet.claim()
    assert len(await processes(fleet, run)) == 1


async def test_it_takes_neither_the_place_of_a_task_nor_a_slot(fleet: Fleet) -> None:
    run = await a_run(fleet, "a", "b", max_workers=1)
    await process(fleet, run)
    assert (await fleet.run(run)).live_workers == 1
    assert len(await fleet.live(run)) == 2
    other = await a_run(fleet, "a", "b", max_workers=2)
    await fleet.claim(slots=3)
    assert (await fleet.run(other)).live_workers == 2


async def test_none_is_started_while_the_run_or_everything_is_paused(fleet: Fleet) -> None:
    await fleet.do(commands.pipeline.pause)
    run = await a_run(fleet)
    await fleet.claim()
    assert await fleet.live(run) == []
    await fleet.do(commands.runs.pause, run_id=run, mode=Urgency.DRAIN)
    await fleet.do(commands.pipeline.resume)
    await fleet.claim()
    assert await fleet.live(run) == []
    await fleet.do(commands.runs.resume, run_id=run)
    await process(fleet, run)


async def test_its_token_is_good_for_its_run_while_it_lives(fleet: Fleet) -> None:
    run = await a_run(fleet)
    worker = await process(fleet, run)
    actor = await actor_of(fleet, worker)
    assert actor is not None
    assert (actor.role, actor.run_id, actor.worker_id) == (Role.ORCHESTRATOR, run, None)
    await beat(fleet, run, actor, S.WAITING_FOR_TASKS)
    assert (await supervisor(fleet, run)).state == S.WAITING_FOR_TASKS
    task_worker = await fleet.working(run, "a")
    assert await actor_of(fleet, task_worker) is None
    await fleet.exit(worker, 1)
    assert await actor_of(fleet, worker) is None


async def test_nobody_else_is_heard_whether_it_lives_or_not(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    stray = an_actor(Role.ORCHESTRATOR, id="tok_stray", run_id=run)
    assert await refused(fleet, run, stray) == "SUPERVISOR_NOT_FOUND"
    await process(fleet, run)
    assert await refused(fleet, run, stray) == "SUPERVISOR_NOT_FOUND"
    await die(fleet, clock, run)
    assert await refused(fleet, run, stray) in ("SUPERVISOR_NOT_FOUND", "SUPERVISOR_DEAD")
    await fleet.do(commands.supervisors.restart, run_id=run)
    assert await refused(fleet, run, stray) == "SUPERVISOR_NOT_FOUND"


# ---------------------------------------------------------------- ended


async def test_its_run_completes_without_it_and_it_is_ended_then(fleet: Fleet) -> None:
    run = await a_run(fleet, "a")
    worker = await process(fleet, run)
    await beat(fleet, run, await actor_of(fleet, worker))
    await fleet.finish(run, "a")
    assert (await fleet.run(run)).status == "COMPLETED"
    assert (await supervisor(fleet, run)).state == S.COMPLETED
    await fleet.claim()
    assert (await fleet.worker(worker)).status == "STOPPING"
    await fleet.exit(worker, reason=ExitReason.KILLED)
    row = await supervisor(fleet, run)
    assert (row.state, row.worker_id, row.starts_at) == (S.COMPLETED, None, None)


@pytest.mark.parametrize("mode", Urgency)
async def test_it_is_ended_with_a_run_that_is_stopped(fleet: Fleet, mode: Urgency) -> None:
    run = await a_run(fleet, "a")
    worker = await process(fleet, run)
    await fleet.do(commands.runs.stop, run_id=run, mode=mode)
    if mode is Urgency.NOW:
        assert (await fleet.worker(worker)).status == "STOPPING"
    for other in await fleet.live(run):
        if other.id != worker:
            await fleet.exit(other.id, reason=ExitReason.KILLED)
    assert (await fleet.run(run)).status == "CANCELLED"
    await fleet.claim()
    assert (await fleet.worker(worker)).status == "STOPPING"
    await fleet.exit(worker, reason=ExitReason.KILLED)
    assert (await supervisor(fleet, run)).state == S.INTERRUPTED


async def test_a_run_that_goes_on_after_a_failure_gets_a_new_one_once_the_old_is_over(fleet: Fleet) -> None:
    run = await a_run(fleet, "a")
    worker = await process(fleet, run)
    await fleet.fail(run, "a")
    assert (await fleet.run(run)).status == "FAILED"
    await fleet.do(commands.runs.retry, run_id=run)
    await fleet.claim()
    (living,) = await processes(fleet, run)
    assert (living.id, living.status) == (worker, "STOPPING")
    await fleet.exit(worker, reason=ExitReason.KILLED)
    assert await process(fleet, run) != worker


async def test_its_run_is_not_deleted_before_it_is_over(fleet: Fleet) -> None:
    run = await a_run(fleet, "a")
    worker = await process(fleet, run)
    await fleet.finish(run, "a")
    await fleet.do(commands.runs.archive, run_id=run)
    with pytest.raises(AppError, match="has not ended yet"):
        await fleet.db.write(commands.batches.delete, run)
    await fleet.claim()
    await fleet.exit(worker, reason=ExitReason.KILLED)
    await fleet.db.write(commands.batches.delete, run)


async def test_one_that_has_nothing_left_to_do_is_let_go(fleet: Fleet) -> None:
    run = await a_run(fleet)
    await fleet.exit(await process(fleet, run), 0)
    row = await supervisor(fleet, run)
    assert (row.state, row.starts_at) == (S.COMPLETED, None)
    await fleet.finish(run, "a", "b")
    assert (await fleet.run(run)).status == "COMPLETED"


# ---------------------------------------------------------------- given up


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
    row = await supervisor(fleet, run)
    assert (row.is_agent, row.state) == (False, S.WORKING)
    stray = an_actor(Role.ORCHESTRATOR, id="tok_stray", run_id=run)
    assert await refused(fleet, run, stray) == "SUPERVISOR_NOT_FOUND"
    clock.advance(hours=1)
    await fleet.claim()
    assert await processes(fleet, run) == []
    await fleet.do(commands.supervisors.restart, run_id=run)
    await process(fleet, run)
    assert (await supervisor(fleet, run)).is_agent


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
    assert (await supervisor(fleet, run)).state == S.INTERRUPTED


async def test_a_restart_by_hand_answers_it_too(fleet: Fleet, clock: Clock) -> None:
    run, item = await given_up(fleet, clock)
    await fleet.do(commands.supervisors.restart, run_id=run)
    assert (await fleet.item(item.id)).status == "DISMISSED"
    await process(fleet, run)


# ---------------------------------------------------------------- started again


async def test_one_that_dies_is_started_again_after_ever_longer_rests(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    rests = []
    for _ in range(5):
        rests.append(rest := await die(fleet, clock, run))
        assert (await supervisor(fleet, run)).state == S.INTERRUPTED
        assert rest is not None
        clock.advance(seconds=rest - 0.1)
        await fleet.claim()
        assert await processes(fleet, run) == []
        clock.advance(seconds=0.1)
        await fleet.claim()
    assert rests == [1, 2, 4, 8, 16]
    assert (await supervisor(fleet, run)).restarts == 5
    assert (await supervisor(fleet, run)).state == S.INITIALIZING
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
    assert (await supervisor(fleet, run)).starts_at is None
    await fleet.do(commands.supervisors.restart, run_id=run)
    first = await process(fleet, run)
    assert await die(fleet, clock, run) == 1
    clock.advance(seconds=1)
    second = await process(fleet, run)
    await fleet.do(commands.supervisors.restart, run_id=run)
    before = await actor_of(fleet, second)
    assert await refused(fleet, run, before) == "SUPERVISOR_NOT_FOUND"
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
    await beat(fleet, run, actor)
    clock.advance(seconds=120)
    assert await supervision.run_once(fleet.db, led_since=clock() - PATIENCE, patience=PATIENCE) == 1
    assert (await supervisor(fleet, run)).state == S.INTERRUPTED
    assert actor is not None
    pause = {"run_id": run, "mode": Urgency.DRAIN}
    assert (await fleet.refused(commands.runs.pause, by=actor, **pause)).code == "SUPERVISOR_DEAD"
    await fleet.claim()
    clock.advance(minutes=1)
    await fleet.claim()
    (living,) = await processes(fleet, run)
    assert (living.id, living.status) == (worker, "STOPPING")
    assert await refused(fleet, run, actor) == "SUPERVISOR_DEAD"
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
        if worker.id != (await supervisor(fleet, run)).worker_id:
            await fleet.exit(await fleet.up(worker.id) if worker.status == "SPAWNING" else worker.id)


async def test_one_that_says_it_has_failed_is_started_again(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    worker = await process(fleet, run)
    await beat(fleet, run, await actor_of(fleet, worker), S.FAILED)
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
    assert actor is not None
    await fleet.db.write(
        commands.supervisors.beat,
        actor=actor,
        run_id=run,
        state=S.WORKING,
        memo="Decided for red.",
        session_id="ses_1",
    )
    await die(fleet, clock, run)
    clock.advance(seconds=1)
    worker = await fleet.worker(await process(fleet, run))
    assert "trackside heartbeat" in worker.prompt
    assert "Decided for red." in worker.prompt
    assert worker.environment == {"TRACKSIDE_SESSION_ID": "ses_1"}
    assert (await supervisor(fleet, run)).restoration[-1]["step"] == "CONTEXT_HANDED_OVER"
    await beat(fleet, run, await actor_of(fleet, worker.id))
    assert (await supervisor(fleet, run)).restoration[-1]["step"] == "RESUMED"


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
    await beat(fleet, run, await actor_of(fleet, await process(fleet, run)))
    await die(fleet, clock, run)
    clock.advance(seconds=1)
    await beat(fleet, run, await actor_of(fleet, await process(fleet, run)))
    told = await fleet.events(EventKind.SUPERVISOR_STATE_CHANGED)
    assert [event.data["new"] for event in told] == [
        S.INITIALIZING,
        S.WORKING,
        S.INTERRUPTED,
        S.INITIALIZING,
        S.WORKING,
    ]
    assert told[2].data["reason"] == "The process ended with exit code 1."


async def test_a_lost_race_for_the_lock_starts_nothing_twice(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of what is due is old by the time that rows are locked."""
    run = await a_run(fleet)
    due = await fleet.db.read(store.supervisors.with_start_due)
    assert due == [run]
    await process(fleet, run)
    monkeypatch.setattr(store.supervisors, "with_start_due", lambda tx: due)
    await fleet.claim()
    assert len(await processes(fleet, run)) == 1
    monkeypatch.setattr(supervisor_processes, "is_due", lambda *_: True)
    await fleet.claim()
    assert len(await processes(fleet, run)) == 2, (
        "the flawed variant: what is looked at again is what saves us"
    )
    monkeypatch.undo()
    for worker in (await processes(fleet, run))[:1]:
        await fleet.exit(worker.id)
