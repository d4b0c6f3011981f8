"""Ready tasks get workers: as many as there is room for, the most urgent first, none before its time."""

from typing import Any

import pytest

from app import commands, store
from app.commands.scheduling import Launch
from app.domain.access import Role
from app.domain.errors import AppError, ErrorCode
from app.domain.runs import Urgency
from app.engine import scheduling
from app.store.db import Database
from tests.conftest import Clock
from tests.engine.conftest import RecordingDispatch
from tests.factories import a_plan, a_task
from tests.fleet import Fleet

PLENTY = 1_000


class Scheduler:
    """Looks once, and tells the tasks that were started by it."""

    def __init__(self, fleet: Fleet, dispatch: RecordingDispatch, key: bytes) -> None:
        self.fleet = fleet
        self.dispatch = dispatch
        self.key = key

    async def look(self, slots: int = PLENTY) -> list[str]:
        before = len(self.dispatch.launched)
        started = await scheduling.run_once(self.fleet.db, self.dispatch, self.key, slots=slots)  # type: ignore[arg-type]
        launched = self.dispatch.workers[before:]
        assert started == len(launched)
        return [(await self.fleet.worker(worker_id)).name for worker_id in launched]


@pytest.fixture
def scheduler(fleet: Fleet, dispatch: RecordingDispatch, key: bytes) -> Scheduler:
    return Scheduler(fleet, dispatch, key)


async def test_ready_tasks_are_started_and_others_are_not(fleet: Fleet, scheduler: Scheduler) -> None:
    await fleet.a_run(["one", "two < one", "three"], ["four"])
    assert await scheduler.look() == ["one #1", "three #1"]
    assert await scheduler.look() == []


async def test_a_runner_is_given_the_token_of_its_worker(
    db: Database, fleet: Fleet, scheduler: Scheduler, dispatch: RecordingDispatch
) -> None:
    run = await fleet.a_run("task")
    await scheduler.look()
    ((worker_id, fence, token),) = dispatch.launched
    actor = await db.read(store.tokens.actor_of, token)
    assert actor is not None
    assert (actor.role, actor.worker_id, actor.run_id, actor.fence) == (Role.RUNNER, worker_id, run, 1)
    assert fence == 1


async def test_a_host_has_so_many_slots(fleet: Fleet, scheduler: Scheduler) -> None:
    run = await fleet.a_run("one", "two", "three", "four", max_workers=10)
    assert await scheduler.look(0) == []
    assert await scheduler.look(1) == ["one #1"]
    assert await scheduler.look(1) == []
    assert await scheduler.look(3) == ["two #1", "three #1"]
    await fleet.finish(run, "one")
    assert await scheduler.look(3) == ["four #1"]


async def test_a_run_has_so_many_workers(fleet: Fleet, scheduler: Scheduler) -> None:
    first = await fleet.a_run("a1", "a2", "a3", max_workers=1)
    await fleet.a_run("b1", "b2", "b3", max_workers=2)
    assert await scheduler.look() == ["a1 #1", "b1 #1", "b2 #1"]
    await fleet.do(commands.runs.configure, run_id=first, max_workers=3)
    assert await scheduler.look() == ["a2 #1", "a3 #1"]


async def test_the_most_urgent_tasks_of_all_runs_come_first(
    fleet: Fleet, scheduler: Scheduler, clock: Clock
) -> None:
    await fleet.a_run(plan=a_plan(a_task("late"), a_task("soon", priority=5)))
    clock.advance(seconds=1)
    await fleet.a_run(plan=a_plan(a_task("now", priority=9), a_task("last", priority=-1)))
    assert await scheduler.look(1) == ["now #1"]
    assert await scheduler.look(3) == ["soon #1", "late #1"]
    assert await scheduler.look(4) == ["last #1"]


async def test_a_task_rests_after_a_failure(fleet: Fleet, scheduler: Scheduler, clock: Clock) -> None:
    run = await fleet.a_run(plan=a_plan(a_task("task", max_attempts=4)))
    rests = []
    for attempt in (1, 2, 3):
        assert await scheduler.look() == [f"task #{attempt}"]
        await fleet.fail(run, "task")
        rest = 0
        while not await scheduler.look(0) and (await fleet.task(run, "task")).not_before > clock.now:  # type: ignore[operator]
            assert await scheduler.look() == []
            clock.advance(seconds=1)
            rest += 1
        rests.append(rest)
    assert rests == [1, 2, 4]
    assert await scheduler.look() == ["task #4"]


async def test_what_is_paused_starts_nothing(fleet: Fleet, scheduler: Scheduler) -> None:
    run = await fleet.a_run("one", "two")
    await fleet.do(commands.pipeline.pause)
    assert await scheduler.look() == []
    await fleet.do(commands.pipeline.resume)
    await fleet.do(commands.runs.pause, run_id=run, mode=Urgency.DRAIN)
    assert await scheduler.look() == []
    await fleet.do(commands.runs.resume, run_id=run)
    await fleet.do(commands.tasks.block, task_id=(await fleet.task(run, "one")).id)
    assert await scheduler.look() == ["two #1"]


async def test_what_is_done_by_hand_starts_nothing(fleet: Fleet, scheduler: Scheduler) -> None:
    await fleet.a_run("task", runtime=None)
    assert await scheduler.look() == []


async def test_a_runner_is_asked_for_when_its_worker_is_kept(
    fleet: Fleet, scheduler: Scheduler, dispatch: RecordingDispatch
) -> None:
    """Otherwise a crash in between would leave a process that nobody knows."""
    await fleet.a_run("task")
    kept: list[Any] = []

    def look(worker_id: str) -> None:
        with fleet.db.engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT status FROM worker WHERE id = '{worker_id}'")
            kept.append(found.scalar())

    dispatch.on_launch = look
    await scheduler.look()
    assert kept == ["SPAWNING"]


@pytest.mark.parametrize("error", [AppError(ErrorCode.UNAVAILABLE, "Not now."), OSError(28, "disk full")])
async def test_a_runner_that_cannot_be_started_holds_up_no_other(
    fleet: Fleet, key: bytes, dispatch: RecordingDispatch, error: AppError | OSError
) -> None:
    run = await fleet.a_run("one", "two", "three")
    dispatch.on_launch = lambda worker_id: dispatch.failing.setdefault(worker_id, error) and None
    first = [launch.worker_id for launch in await fleet.db.write(commands.scheduling.claim, slots=1)]
    await scheduling.start(dispatch, key, Launch(first[0], 1))  # type: ignore[arg-type]
    dispatch.on_launch = lambda worker_id: None
    assert await scheduling.run_once(fleet.db, dispatch, key, slots=PLENTY) == 2  # type: ignore[arg-type]
    assert len(dispatch.launched) == 2
    assert {worker.status for worker in await fleet.live(run)} == {"SPAWNING"}
    assert len(await fleet.live(run)) == 3
