"""Agents that look after runs, as processes: started with their run, fenced, ended with it."""

import pytest

from app import commands, store
from app.commands import supervisor_processes
from app.domain.access import Role
from app.domain.errors import AppError
from app.domain.runs import Urgency
from app.domain.supervisors import SupervisorState
from app.domain.workers import ExitReason
from tests.commands.supervising import heartbeat, refused_heartbeat
from tests.commands.supervising_processes import AGENT, a_run, actor_of, die, process, processes
from tests.conftest import Clock
from tests.factories import an_actor
from tests.fleet import Fleet

S = SupervisorState


async def test_it_is_started_with_its_run_beside_the_tasks(fleet: Fleet) -> None:
    run = await a_run(fleet, "a", start=False)
    await fleet.claim()
    assert await fleet.live(run) == []
    assert (await fleet.supervisor(run)).state == S.INITIALIZING
    await fleet.do(commands.runs.start, run_id=run)
    await fleet.claim()
    (worker,) = await processes(fleet, run)
    assert (worker.task_id, worker.runtime, worker.name) == (None, AGENT, "supervisor")
    assert "Look after the run" in worker.prompt
    row = await fleet.supervisor(run)
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
    await heartbeat(fleet, run, actor, S.WAITING_FOR_TASKS)
    assert (await fleet.supervisor(run)).state == S.WAITING_FOR_TASKS
    task_worker = await fleet.working(run, "a")
    assert await actor_of(fleet, task_worker) is None
    await fleet.exit(worker, 1)
    assert await actor_of(fleet, worker) is None


async def test_nobody_else_is_heard_whether_it_lives_or_not(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    stray = an_actor(Role.ORCHESTRATOR, id="tok_stray", run_id=run)
    assert await refused_heartbeat(fleet, run, stray) == "SUPERVISOR_NOT_FOUND"
    await process(fleet, run)
    assert await refused_heartbeat(fleet, run, stray) == "SUPERVISOR_NOT_FOUND"
    await die(fleet, clock, run)
    assert await refused_heartbeat(fleet, run, stray) in ("SUPERVISOR_NOT_FOUND", "SUPERVISOR_DEAD")
    await fleet.do(commands.supervisors.restart, run_id=run)
    assert await refused_heartbeat(fleet, run, stray) == "SUPERVISOR_NOT_FOUND"


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


# ---------------------------------------------------------------- ended


async def test_its_run_completes_without_it_and_it_is_ended_then(fleet: Fleet) -> None:
    run = await a_run(fleet, "a")
    worker = await process(fleet, run)
    await heartbeat(fleet, run, await actor_of(fleet, worker))
    await fleet.finish(run, "a")
    assert (await fleet.run(run)).status == "COMPLETED"
    assert (await fleet.supervisor(run)).state == S.COMPLETED
    await fleet.claim()
    assert (await fleet.worker(worker)).status == "STOPPING"
    await fleet.exit(worker, reason=ExitReason.KILLED)
    row = await fleet.supervisor(run)
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
    assert (await fleet.supervisor(run)).state == S.INTERRUPTED


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
    row = await fleet.supervisor(run)
    assert (row.state, row.starts_at) == (S.COMPLETED, None)
    await fleet.finish(run, "a", "b")
    assert (await fleet.run(run)).status == "COMPLETED"
